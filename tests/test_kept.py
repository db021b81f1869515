"""Arrays that are kept in the user's cache folder."""

import threading
from concurrent import futures

import numpy as np
import pytest

from jaxgen import kept
from jaxgen.data import Split
from jaxgen.evaluation import codes


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path}")
    return tmp_path / "jaxgen"


@pytest.fixture
def calls():
    return []


@pytest.fixture
def make(calls):
    def make():
        calls.append(1)
        return {"a": np.full(3, len(calls), np.float32)}

    return make


def test_what_is_kept_is_computed_once_for_the_same_inputs(folder, calls, make):
    inputs = 1, np.arange(4)
    assert all(kept.arrays("x", inputs, make)["a"][0] == 1 for _ in range(3))
    assert kept.arrays("x", (2, np.arange(4)), make)["a"][0] == 2
    assert kept.arrays("x", (1, np.arange(4) + 1), make)["a"][0] == 3
    assert kept.arrays("y", inputs, make)["a"][0] == 4
    assert len(list(folder.glob("*.safetensors"))) == 4


@pytest.mark.parametrize(
    "change", [lambda data: data[:20], lambda data: b"", lambda data: b"x" * 99]
)
def test_a_damaged_file_is_computed_anew(folder, calls, make, change):
    kept.arrays("x", (1,), make)
    (path,) = folder.glob("*.safetensors")
    path.write_bytes(change(path.read_bytes()))
    assert kept.arrays("x", (1,), make)["a"][0] == 2
    assert kept.arrays("x", (1,), make)["a"][0] == 2


def test_arrays_that_do_not_fit_are_computed_anew(folder, calls, make):
    kept.arrays("x", (1,), make)
    assert kept.arrays("x", (1,), make, lambda arrays: "b" in arrays)["a"][0] == 2


def test_a_folder_that_cannot_be_written_changes_nothing(tmp_path, monkeypatch, make):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path / 'file'}")
    assert [kept.arrays("x", (1,), make)["a"][0] for _ in range(2)] == [1, 2]


def test_of_two_calls_at_once_one_computes(folder, calls, make, capsys):
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        begun.set()
        go_on.wait()
        return make()

    with futures.ThreadPoolExecutor() as pool:
        first = pool.submit(kept.arrays, "x", (1,), slow)
        begun.wait()
        second = pool.submit(kept.arrays, "x", (1,), make)
        futures.wait([second], timeout=0.5)
        assert not second.done()
        go_on.set()
        assert first.result()["a"][0] == second.result()["a"][0] == len(calls) == 1
    assert "waiting" in capsys.readouterr().err


def test_arrays_are_kept_in_any_memory_order(folder):
    whole = np.arange(12.0).reshape(3, 4)
    views = {"turned": whole.T, "fortran": np.asfortranarray(whole), "parts": whole[:, ::2]}
    for _ in range(2):
        found = kept.arrays("x", (1,), lambda: views)
        assert all(np.array_equal(found[name], view) for name, view in views.items())


def test_principal_components_are_those_of_the_covariance(folder):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (50, 28, 28, 1), dtype=np.uint8)
    train = Split(images, np.zeros(50, np.int32))
    few, more = codes.components(train, 3), codes.components(train, 20)
    pixels = images.reshape(50, -1) / 255
    covariance = np.cov(pixels.T)
    for axis, value in zip(few.axes, np.linalg.eigvalsh(covariance)[::-1], strict=False):
        np.testing.assert_allclose(covariance @ axis, value * axis, atol=1e-4)
    np.testing.assert_allclose(few.axes @ few.axes.T, np.eye(3), atol=1e-5)
    np.testing.assert_array_equal(more.axes[:3], few.axes)
    np.testing.assert_allclose(few.codes(few.images(np.eye(3))), np.eye(3), atol=1e-5)
