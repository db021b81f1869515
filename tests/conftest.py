"""What the tests share: two virtual devices, small recipes, two tiers."""

import dataclasses
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile

os.environ["JAXGEN_BIN"] = "1"  # commands are called as a clone has them
os.environ["JAX_NUM_CPU_DEVICES"] = "2"  # as on a machine with two cores, whatever this one has
# Most programs of the tests run once or twice, in small, and would take longer to optimise than to
# run; those of whole trainings are compiled as they are for users: see ``optimised``.
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
# XLA's fusion emitters make such a compilation a third slower. The thorough tests use them.
if "--all" not in sys.argv and "PYTEST_XDIST_WORKER" not in os.environ:
    given = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{given} --xla_cpu_use_fusion_emitters=false".strip()


import jax
import pytest

from jaxgen import config, devices
from tests import browser

devices.start()
# As in a shell's foreground: where tests are started with nohup, or by a script in the background,
# these are ignored, and programs that they start would inherit that.
if multiprocessing.parent_process() is None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Tests that compile the same program need not wait for it twice, however quickly that goes.
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)


# The smallest network of each family that still has all of its parts. Others are as they are.
SMALL = {
    "ae": {"net": {"layers": (16,), "latents": 4, "components": 1}},
    "cvae": {"net": {"layers": (4, 8, 16), "latents": 4, "prior_width": 8}},
    "ddpm": {
        "net": {"width": 8, "inner_width": 16, "inner_blocks": 1, "times": 50, "gaussian": 4},
        "sampling": {"steps": 3},
    },
    "gan": {"net": {"layers": (8, 8, 16), "blocks": 1, "critic_blocks": 1, "latents": 8}},
    "vae": {"net": {"layers": (4, 8, 16), "latents": 4, "components": 1}},
    "vqvae": {
        "net": {
            "width": 4,
            "inner_width": 8,
            "codes": 16,
            "features": 4,
            "prior_width": 8,
            "prior_depth": 1,
            "prior_heads": 2,
        },
    },
}


def small(name: str, **changes) -> config.Config:
    """A recipe with a tiny network, on few synthetic digits."""
    recipe = config.recipe(name)
    parts = {
        part: dataclasses.replace(getattr(recipe, part), **values)
        for part, values in SMALL.get(recipe.family, {}).items()
    }
    settings = {
        "data": "synthetic:200",
        "batch": 8,
        "steps": 8,
        "log_every": 2,
        "sample_every": 4,
        "save_every": 4,
    }
    return dataclasses.replace(recipe, **parts, **(settings | changes))


def flags(name: str) -> list[str]:
    """The same as flags on the command line."""
    return [
        f"--{part}.{field.replace('_', '-')}={text(value)}"
        for part, values in SMALL.get(config.recipe(name).family, {}).items()
        for field, value in values.items()
    ]


def text(value) -> str:
    """A setting's value as it is written on the command line."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


@pytest.fixture(scope="module")
def optimised():
    """Programs are compiled as they are for users."""
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="the thorough tests too: hours")


def pytest_configure(config):
    config.addinivalue_line("markers", "thorough: only with --all")
    if not hasattr(config, "workerinput"):  # the workers of xdist inherit what is set here
        os.environ["JAXGEN_TEST_RUNS"] = tempfile.mkdtemp(prefix="jaxgen-runs-")


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ["JAXGEN_TEST_RUNS"], ignore_errors=True)


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--all"):
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]


THOROUGH = pytest.mark.thorough


def swept(values, quick) -> list:
    """Parameters of a test: all ``values``, of which those that are not ``quick`` are thorough."""
    return [
        value
        if value in quick
        else pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=THOROUGH)
        for value in values
    ]


@pytest.fixture(scope="session")
def often(request):
    """``often(few, many)``: how often something is tried, by default and with ``--all``."""
    return lambda few, many: many if request.config.getoption("--all") else few


@pytest.fixture
def hasty(monkeypatch):
    """Searches take few steps, and bin/evaluate measures few digits."""
    # Here, for a process with another environment imports this file before it sets JAX up.
    from jaxgen.apps import diffuse, fill, search
    from jaxgen.evaluation import suite
    from jaxgen.families import ddpm, gan

    amounts = {
        gan: {"CANDIDATES": 8, "STARTS": 2, "SEARCH_STEPS": 5},
        ddpm: {"INVERSION_STEPS": 4, "TRANSFER_STEPS": 4},
        search: {"CANDIDATES": 4, "STARTS": 2, "STEPS": 3},
        fill: {"GRIDS": 3},
        diffuse: {"STEPS": 3},
        suite: {"QUICK": suite.QUICK._replace(likely=8, samples=2, coded=8)},
    }
    for module, values in amounts.items():
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def chromium():
    """A browser, or a skipped test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    try:
        file, environment = browser.find()
    except browser.MissingError as error:
        pytest.skip(str(error))
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(
            executable_path=file, args=browser.ARGS, env={**os.environ, **environment}
        )
        yield found
        found.close()
