"""A person's shell: what it says of devices is heeded, and of numbers not."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from jaxgen import config, environment
from jaxgen.cli import main
from jaxgen.errors import UserError
from tests import runs
from tests.conftest import small, swept
from tests.faults import training

# Another value than jaxgen's for the options of HELD that are no yes or no.
OTHER = {
    "jax_array_garbage_collection_guard": "fatal",
    "jax_default_matmul_precision": "bfloat16",
    "jax_default_prng_impl": "rbg",
    "jax_error_checking_behavior_divide": "raise",
    "jax_error_checking_behavior_nan": "raise",
    "jax_error_checking_behavior_oob": "raise",
    "jax_explicit_x64_dtypes": "error",
    "jax_legacy_prng_key": "error",
    "jax_numpy_dtype_promotion": "strict",
    "jax_numpy_rank_promotion": "raise",
    "jax_random_seed_offset": "5",
    "jax_transfer_guard": "disallow",
    "jax_transfer_guard_device_to_device": "disallow",
    "jax_transfer_guard_device_to_host": "disallow",
    "jax_transfer_guard_host_to_device": "disallow",
}
# Of what is heeded: values that options which are no yes or no may have.
HEEDED = {
    "jax_compilation_cache_max_size": "100000",
    "jax_cpu_collectives_implementation": "mpi",
    "jax_log_compiles": "1",
    "jax_logging_level": "DEBUG",
    "jax_memory_fitting_level": "O1",
    "jax_optimization_level": "O1",
    "jax_persistent_cache_min_compile_time_secs": "0",
    "jax_traceback_filtering": "off",
}

# Trains models in small and draws from them; says what the digits were.
DRAW = """
import hashlib, sys
import numpy as np
from jaxgen.cli import main
from tests.conftest import flags
for name in sys.argv[1:]:
    short = ["--data=synthetic:600", "--steps=2", "--batch=8", "--sample-every=2", "--save-every=2"]
    main.run(["train", "--model", name, "--quiet", *short, *flags(name)])
    main.run(["sample", "--model", name, "--count", "12", "--out", f"{name}.npz"])
    print("digits", name, hashlib.sha256(np.load(f"{name}.npz")["images"].tobytes()).hexdigest())
"""


def other(option: str) -> str:
    """A value of a variable that asks for something else than HELD has."""
    value = environment.HELD[option]
    return ("0" if value else "1") if isinstance(value, bool) else OTHER[option]


def digits(folder: Path, names, **variables: str) -> tuple[list[str], str]:
    """What models draw in a shell with these variables, and what was said on standard error."""
    folder.mkdir()
    # A cache of programs would hide what a variable changes about them.
    clean = training.environment(XDG_CACHE_HOME=f"{folder}/cache", PYTHONPATH=str(training.ROOT))
    # These are for the tests' own process.
    for name in ("JAX_NUM_CPU_DEVICES", "JAX_DISABLE_MOST_OPTIMIZATIONS"):
        clean.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-P", "-c", DRAW, *names],
        env=clean | variables,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{variables}: {done.stderr}"
    assert "Traceback" not in done.stderr, variables
    return [line for line in done.stdout.splitlines() if line.startswith("digits")], done.stderr


def test_digits_are_the_same_in_every_shell(often, tmp_path):
    names = often(["ae"], config.names())
    clean, said = digits(tmp_path / "clean", names)
    assert len(clean) == len(names) and said == ""
    held = {option.upper(): other(option) for option in environment.HELD}
    held["XLA_FLAGS"] = "--xla_cpu_enable_fast_math=true"
    found, said = digits(tmp_path / "held", names, **held)
    assert found == clean
    assert len(said.splitlines()) == len(held)
    assert "JAX_ENABLE_X64=1 is set aside" in said


@pytest.mark.thorough
@pytest.mark.timeout(7200)
def test_each_option_of_jax_leaves_the_digits_as_they_are(tmp_path):
    """As far as a value of another kind than yes and no is known here."""
    names = ["ae", "gan"]
    clean, _ = digits(tmp_path / "clean", names)
    tried, wrong = [], {}
    for option, value in sorted(jax.config.values.items()):
        if option in environment.HELD:
            continue
        asked = ("0" if value else "1") if isinstance(value, bool) else HEEDED.get(option)
        if asked is not None:
            tried.append(option)
            try:
                found, _ = digits(tmp_path / option, names, **{option.upper(): asked})
            except AssertionError as error:
                wrong[option] = f"{error}"
            else:
                wrong |= {} if found == clean else {option: "other digits"}
    assert len(tried) > 40 and not wrong


@pytest.mark.parametrize("option", environment.HELD)
def test_a_variable_that_asks_for_something_else_is_set_aside(option, monkeypatch):
    monkeypatch.setenv(option.upper(), other(option))
    said = []
    environment.settle(said.append)
    assert said == [
        f"{option.upper()}={other(option)} is set aside: jaxgen computes alike in every shell"
    ]
    assert option.upper() not in os.environ


def test_a_figure_is_a_file_in_a_notebook_too(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "module://not_installed_here.backend_inline")
    environment.settle(lambda said: pytest.fail(said))
    done = subprocess.run([sys.executable, "-c", "import matplotlib"], capture_output=True)
    assert done.returncode == 0


def test_flags_of_inexact_arithmetic_are_set_aside_and_no_others(monkeypatch):
    kept = "--xla_dump_to=there --xla_cpu_max_isa=AVX2"
    exact, inexact = "--xla_cpu_enable_fast_math=false", "--xla_cpu_enable_fast_math"
    for more, said in (("", []), (exact, []), (inexact, [f"{inexact} of XLA_FLAGS is set aside"])):
        monkeypatch.setenv("XLA_FLAGS", f"{more} {kept}")
        heard = []
        environment.settle(heard.append)
        assert [line.partition(":")[0] for line in heard] == said
        assert os.environ["XLA_FLAGS"].split() == kept.split()


@pytest.mark.parametrize(("value", "says"), [(True, "TRUE"), (False, "off"), (None, ""), (0, "0")])
def test_a_variable_that_asks_for_what_is_so_is_no_news(value, says, monkeypatch):
    monkeypatch.setitem(environment.HELD, "jax_enable_x64", value)
    monkeypatch.setenv("JAX_ENABLE_X64", says)
    environment.settle(lambda said: pytest.fail(said))
    assert "JAX_ENABLE_X64" not in os.environ


def test_every_option_that_is_held_exists(monkeypatch):
    import flax

    for option in environment.HELD:
        assert option in jax.config.values or hasattr(flax.config, option), option


def in_a_shell(*args: str, **variables: str) -> subprocess.CompletedProcess:
    clean = training.environment()
    for name in ("JAX_NUM_CPU_DEVICES", "XLA_FLAGS"):
        clean.pop(name, None)
    return subprocess.run(
        [*training.JAXGEN, *args], env=clean | variables, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("variables", "says"),
    swept(
        [
            ({"JAX_PLATFORMS": "cuda"}, "JAX_PLATFORMS=cuda asks for"),
            ({"JAX_PLATFORMS": "gpu"}, "JAX_PLATFORMS=gpu asks for"),
            ({"JAX_PLATFORM_NAME": "gpu"}, "JAX_PLATFORM_NAME=gpu asks for"),
            ({"JAX_PLATFORM_NAME": "rocm"}, "JAX_PLATFORM_NAME=rocm asks for"),
            ({"JAX_PLATFORMS": "nonsense"}, "JAX_PLATFORMS=nonsense asks for"),
            ({"JAX_NUM_CPU_DEVICES": "0"}, "JAX_NUM_CPU_DEVICES=0 asks for"),
            ({"JAX_NUM_CPU_DEVICES": "two"}, "unset JAX_NUM_CPU_DEVICES"),
            ({"JAX_LOG_COMPILES": "perhaps"}, "unset JAX_LOG_COMPILES"),
        ],
        [({"JAX_PLATFORMS": "gpu"}, "JAX_PLATFORMS=gpu asks for")],
    ),
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else "",
)
def test_what_jax_cannot_do_is_one_sentence(variables, says, tmp_path):
    if any(device.platform != "cpu" for device in jax.devices()):
        pytest.skip("there are other devices here")
    done = in_a_shell("train", "--model=ae", f"--run={tmp_path}/run", **variables)
    assert done.returncode == 2
    assert done.stderr.startswith("jaxgen: ") and len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_the_number_of_devices_and_the_cache_are_heeded(tmp_path):
    recipe = training.command(training.recipe("ae", 2), tmp_path / "run")
    done = in_a_shell(
        *recipe,
        "--batch=6",
        XLA_FLAGS="--xla_force_host_platform_device_count=3",
        JAX_COMPILATION_CACHE_DIR=f"{tmp_path}/programs",
        JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
    )
    assert done.returncode == 0, done.stderr
    assert "3 cpu devices" in done.stdout
    assert any((tmp_path / "programs").iterdir())


def test_a_process_with_devices_of_its_own_has_these(monkeypatch):
    flag = "--xla_force_host_platform_device_count=3"
    monkeypatch.setenv("XLA_FLAGS", f"--xla_cpu_enable_fast_math=false {flag}")
    assert environment.asks_for_cpu_devices()
    variables = environment.with_cpu_devices(2)
    assert variables["JAX_NUM_CPU_DEVICES"] == "2"
    assert variables["XLA_FLAGS"] == "--xla_cpu_enable_fast_math=false"


def test_proxies_are_there_again(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    with environment.without_proxies():
        assert not [name for name in os.environ if "proxy" in name.lower()]
    assert os.environ["http_proxy"] == os.environ["HTTPS_PROXY"] == "http://proxy:3128"


@pytest.mark.thorough
def test_processes_find_each_other_past_a_proxy(tmp_path):
    recipe = training.command(training.recipe("ae", 2), tmp_path / "run")
    done = in_a_shell("launch", "--processes=2", "--", *recipe, http_proxy="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr


def test_a_run_of_64_bits_is_told(tmp_path):
    recipe = small("ae", steps=4)
    jax.config.update("jax_enable_x64", True)
    try:
        runs.run(recipe, tmp_path / "run")
    finally:
        jax.config.update("jax_enable_x64", False)
    with pytest.raises(UserError, match=r"are float64.*, from a training with JAX_ENABLE_X64"):
        main.run(["sample", "--run", f"{tmp_path}/run", "--digit", "3"])


CORES = """
import sys
from jaxgen import devices
from jaxgen.cli import main
devices._cores = lambda: int(sys.argv[1])
sys.exit(main.run(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("cores", "args", "told"),
    [
        ("6", "train --steps 2", "4 cpu devices"),  # of which 6 do not divide the recipe's 256
        ("12", "train --steps 2 --batch 100", "10 cpu devices"),
        ("6", "bench --quick --batch 100", "on 5 cpu devices"),
    ],
)
def test_a_batch_is_split_whatever_the_number_of_cores(cores, args, told, tmp_path):
    args = [*args.split(), "--model=ae", "--data=synthetic:400", "--net.layers=8"]
    environ = training.environment()
    for name in ("JAX_NUM_CPU_DEVICES", "XLA_FLAGS"):
        environ.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", CORES, cores, *args],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert told in done.stdout
