"""The bench: profiles of train steps, and two versions side by side."""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import jaxgen
from jaxgen.benchmark import against, profiling
from jaxgen.benchmark.against import Comparison, Version
from jaxgen.cli import main
from jaxgen.errors import UserError
from tests.conftest import small

# Profiles.


class Net(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(3, name="outer")(nn.silu(nn.Dense(5, name="inner")(x))).sum()


def test_instructions_have_kinds_stages_and_layers():
    x, key = jnp.ones((4, 7)), jax.random.key(0)
    params = Net().init(key, x)

    def step(params, x):
        grads = jax.grad(lambda params: Net().apply(params, x))(params)
        return jax.tree.map(lambda p, g: p - g, params, grads)

    program = jax.jit(step).lower(params, x).compile().as_text()
    found = profiling.instructions(program).values()
    products = [one for one in found if one.kind == profiling.MATRIX]
    # Forward: only inner, whose output the gradient of outer's kernel needs. Gradient: of both
    # kernels, and of the output of inner.
    layers = sorted((one.stage, one.layer.rpartition("/")[2]) for one in products)
    assert layers[0] == ("forward pass", "inner")
    assert {("gradient", "inner"), ("gradient", "outer")} <= set(layers)
    assert any(
        one.kind == profiling.ELEMENTWISE and one.stage.startswith("update") for one in found
    )


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        (
            "jit(f)/while/body/cond/branch_1_fun/jvp(Critic)/Conv_1/conv_general_dilated",
            "Critic/Conv_1",
        ),
        ("jit(f)/transpose(jvp(transpose(jvp(jvp(Critic)))))/Conv_1/transpose", "Critic/Conv_1"),
        ("jit(f)/jvp(Network.nll)/Network.decode/decoder/Conv_0/add", "Network/decoder/Conv_0"),
        ("jit(f)/transpose(jvp(Prior))/layers_0/vmap()/reduce_sum", "Prior/layers_0"),
        ("jit(f)/while/body/vmap()/closed_call/dot_general", ""),
        ("jit(f)/jvp()/reduce_sum", ""),
    ],
)
def test_names_of_operations_name_layers(name, layer):
    assert profiling.layer(name) == layer


def test_durations_of_accelerators_are_those_of_their_instructions():
    """Other lines show the same instructions again."""

    def line(name, *durations):
        events = [SimpleNamespace(name="%dot.1", duration_ns=d) for d in durations]
        return SimpleNamespace(name=name, events=events)

    device = SimpleNamespace(
        name="/device:GPU:0", lines=[line("Stream #1", 9), line("XLA Ops", 2, 3)]
    )
    host = SimpleNamespace(name="/host:CPU", lines=[line("thread", 4)])
    times = profiling.durations(SimpleNamespace(planes=[device, host]))
    assert times == {"dot.1": [2e-9, 3e-9, 4e-9]}


def test_a_step_is_profiled():
    found = profiling.profile(small("ae", data="synthetic:200"))
    kinds = {part.instruction.kind for part in found.parts}
    assert {profiling.MATRIX, profiling.ELEMENTWISE} <= kinds
    assert 0 < sum(part.seconds for part in found.parts) < 1.5 * found.measured
    table = found.table(layers=2)
    assert "Network/encoder/Dense" in table or "Network/decoder/Dense" in table
    assert table.count("Network") <= 2


# Two versions.


def test_ratios_and_verdicts():
    twice = Comparison("a step, ms", (2.0, 4.0, 8.0), (1.0, 2.0, 4.0))
    assert twice.ratio.value == pytest.approx(2)
    assert twice.ratio.half == pytest.approx(0)
    assert twice.is_worse is False
    slower = Comparison("a step, ms", (1.0, 1.01, 0.99), (2.0, 2.0, 2.0))
    assert slower.is_worse is True
    busy = Comparison("a step, ms", (1.0, 3.0, 1.0), (2.0, 2.0, 2.0))
    assert busy.is_worse is None
    # Three ratios with the logarithms -d, 0 and d have the standard error d / sqrt(3).
    d = 0.1
    around = Comparison("a step, ms", tuple(np.exp([-d, 0, d])), (1.0, 1.0, 1.0))
    t = 4.302652729911275  # the 97.5 % point of Student's t with two degrees of freedom
    assert np.log(around.ratio.high) == pytest.approx(t * d / np.sqrt(3))


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository in the place of jaxgen's, with commands that do nothing but write their log."""
    root = tmp_path / "clone"
    script(root / "bin/train", TRAIN.format(ms=20))
    script(root / "bin/sample", "true")
    script(root / "bin/evaluate", "true")
    (root / "jaxgen").mkdir()
    (root / "jaxgen/__init__.py").touch()
    git(root, "init", "--quiet")
    commit(root, "first")
    monkeypatch.setattr(jaxgen, "__file__", f"{root / 'jaxgen' / '__init__.py'}")
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path / 'cache'}")
    return root


# Steps of 20 ms after a first one of 3 s.
TRAIN = """
while [ $# -gt 0 ]; do [ "$1" != --run ] || run=$2; shift; done
[ "$run" ] || exit 0
mkdir -p runs/$run
for step in $(seq 30); do
    echo "{{\\"seconds\\": $((3000 + $step * {ms}))e-3}}" >> runs/$run/metrics.jsonl
done
"""


def git(root, *args):
    author = {
        f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", "-C", root, *args],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | author,
    )
    return done.stdout.strip()


def commit(root, message):
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)


def test_a_revision_is_measured_beside_this_version(clone):
    script(clone / "bin/train", TRAIN.format(ms=10))  # this version: twice as fast
    commit(clone, "second")
    said = []
    other = against.checkout("HEAD~1", said.append)
    assert other.root != clone
    found = {one.what: one for one in against.compare(other, ["ae"], 2, said.append)}
    step = found["ae: a train step, ms"]
    assert step.other == pytest.approx((20, 20))
    assert step.own == pytest.approx((10, 10))
    assert step.ratio.value == pytest.approx(2)
    assert {"ae: bin/sample of 1000 digits, s", "ae: memory of a training, GiB"} <= set(found)
    assert found["ae: memory of a training, GiB"].own[0] > 0
    assert [line.split()[0] for line in said[1:]] == ["commands:"] * 2 + ["ae:"] * 2


def test_a_revision_that_does_not_exist_is_told(clone):
    with pytest.raises(UserError, match="--against none cannot be: there is no such revision"):
        against.checkout("none", print)
    with pytest.raises(UserError, match="no such revision"):
        against.checkout("--help", print)


def test_a_folder_without_history_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(jaxgen, "__file__", f"{tmp_path / 'jaxgen' / '__init__.py'}")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", f"{tmp_path.parent}")
    with pytest.raises(UserError, match="needs a clone of jaxgen with its history"):
        against.checkout("HEAD", print)


def test_a_revision_that_cannot_be_built_is_told(clone):
    script(clone / "bin/train", "echo why it fails >&2; exit 3")
    commit(clone, "broken")
    with pytest.raises(UserError, match=r"HEAD cannot be built: .* status 3: why it fails"):
        against.checkout("HEAD", print)


@pytest.mark.parametrize(
    ("own", "flags", "status"),
    [
        ((1.0, 1.0, 1.0), ["--check"], 0),
        ((2.0, 2.0, 2.0), ["--check"], 1),
        ((2.0, 2.0, 2.0), [], 0),
        ((0.3, 1.2, 2.9), [], 0),
    ],
)
def test_the_check_fails_where_this_version_is_slower(own, flags, status, monkeypatch, capsys):
    answer(monkeypatch, own)
    assert main.run(["bench", "--against", "HEAD", *flags]) == status
    assert ("worse: a step, ms" in capsys.readouterr().out) == (own[0] == 2)


def test_a_busy_machine_has_no_verdict(monkeypatch):
    answer(monkeypatch, (0.3, 1.2, 2.9))
    with pytest.raises(
        UserError, match=r"too busy for a verdict on a step, ms \(the ratio .* from"
    ):
        main.run(["bench", "--against", "HEAD", "--check"])


def answer(monkeypatch, own):
    monkeypatch.setattr(against, "checkout", lambda *_: Version("HEAD", Path()))
    found = Comparison("a step, ms", (1.0, 1.0, 1.0), own)
    monkeypatch.setattr(against, "compare", lambda *_: [found])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--profile", "none"], "no model is called 'none'"),
        (["--profile", "ae", "--layers", "0"], "--layers 0 cannot be"),
        (["--against", "HEAD", "--pairs", "1"], "--pairs 1 cannot be"),
        (["--against", "HEAD", "--models", "none"], "no model is called 'none'"),
        (["--quality", "none"], "no model is called 'none'"),
        (["--quality", "gan", "--seconds", "0"], "--seconds 0.* cannot be"),
        (["--peers", "none"], "no peer is called 'none'"),
        (["--peers", "--seconds", "-1"], "--seconds -1.* cannot be"),
    ],
)
def test_mistakes_are_told(args, says):
    with pytest.raises(UserError, match=says):
        main.run(["bench", *args])
