"""The batches of a step."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxgen.data import batches
from tests.data.told import quick


@quick
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 30),
    st.integers(0, 10),
    st.integers(0, 10),
    st.integers(1, 40),
    st.integers(1, 25),
)
def test_batches_are_cut_from_one_stream(seed, start, some, more, batch, count):
    middle, stop = start + some, start + some + more
    found = batches.indices(seed, start, stop, batch, count)
    assert found.dtype == np.int32
    assert found.shape == (stop - start, batch)
    parts = [
        batches.indices(seed, *ends, batch, count) for ends in ((start, middle), (middle, stop))
    ]
    assert np.array_equal(found, np.concatenate(parts))
    epochs = range(stop * batch // count + 1)
    stream = np.concatenate(
        [np.random.default_rng([seed, epoch]).permutation(count) for epoch in epochs]
    )
    assert np.array_equal(found.ravel(), stream[start * batch : stop * batch])


def test_an_epoch_sees_each_image_once():
    found = batches.indices(3, 0, 7, 10, 35).reshape(2, 35)
    assert np.array_equal(np.sort(found), [np.arange(35)] * 2)
    assert not np.array_equal(found[0], found[1])
    assert not np.array_equal(found.ravel(), batches.indices(4, 0, 7, 10, 35).ravel())


def test_late_steps_cost_no_more():
    began = time.process_time()
    for _ in range(5):
        batches.indices(0, 10**9, 10**9 + 50, 128, 55000)
    assert time.process_time() - began < 0.25  # 2 ms a block when nothing else runs


@pytest.mark.parametrize(
    "wrong", [(0, 3, 2, 1, 1), (0, -1, 2, 1, 1), (0, 0, 1, 0, 1), (0, 0, 1, 1, 0)]
)
def test_no_batches_are_refused(wrong):
    with pytest.raises(ValueError, match="no batches"):
        batches.indices(*wrong)
