"""Parameters shared out over the devices, and what the devices send each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import devices, families
from jaxgen.training import costs
from jaxgen.training.trainer import Trainer
from tests.conftest import small
from tests.faults import training
from tests.runs import final, metrics, run


def test_what_devices_send_each_other():
    """The gradient of a matrix, of which each device has that of its own rows, goes round once."""

    def loss(weights, rows):
        return jnp.sum(jnp.tanh(rows @ weights))

    weights = jax.ShapeDtypeStruct((96, 64), jnp.float32, sharding=devices.whole())
    rows = jax.ShapeDtypeStruct((8, 96), jnp.float32, sharding=devices.split())
    program = jax.jit(jax.grad(loss), out_shardings=devices.whole()).lower(weights, rows).compile()
    n = devices.count()
    assert n > 1
    assert costs.bytes_sent(program.as_text(), n) == 2 * (n - 1) / n * 4 * 96 * 64
    text = """
      %a = (f32[2,3]{1,0}, bf16[]) all-gather(%x, %y), dimensions={0}
      %b = f32[7]{0} reduce-scatter(%z)
      %c = u8[10]{0} all-gather-start(%a)
      %d = f32[9]{0} add(%x, %y)
    """
    assert costs.bytes_sent(text, 4) == pytest.approx(0.75 * (24 + 2) + 3 * 28 + 0.75 * 10)


def test_large_arrays_are_shared_out_over_the_devices():
    assert tuple(devices.split_large((64, 96)).spec) == (None, "data")
    assert all(devices.split_large(shape).is_fully_replicated for shape in ((65, 97), (64, 2), ()))


def test_sharing_parameters_out_changes_no_number(tmp_path):
    """But for the order of sums; and what was saved so is read by all others."""
    config = small("vae", steps=6, save_every=6, batch=8)
    shared, whole = tmp_path / "shared", tmp_path / "whole"
    for path, shard in ((shared, True), (whole, False)):
        assert run(config, path, shard_params=shard) == 0
    for ours, theirs in zip(metrics(shared), metrics(whole), strict=True):
        np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=1e-4)
    one, other = final(config, shared), final(config, whole)
    assert one is not None and other is not None
    like = jax.tree.leaves(Trainer(config).abstract(shard_params=True))
    assert not all(leaf.sharding.is_fully_replicated for leaf in like)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), one.averaged, other.averaged
    )


@pytest.mark.thorough
def test_any_number_of_devices_that_divides_the_batch_will_do(often, tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "3")
    for name in often(["vae"], sorted(families.names())):
        config, path = small(name, steps=2, save_every=2, batch=9), tmp_path / name
        process = training.start(config, path)
        _, wrong = process.communicate()
        assert process.returncode == 0, wrong
        flag, where = f"--run={path}", f"--out={path}.npz"
        drawn = training.begin("sample", flag, "--count=5", where)
        _, wrong = drawn.communicate()
        assert drawn.returncode == 0, wrong
