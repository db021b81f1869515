"""IDX files, packed or not: what was written is read, and what is harmed is told."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxgen import data
from jaxgen.data import idx, mnist
from jaxgen.errors import UserError
from tests.data.told import equal, quick, sentence

NAMES = list(mnist.SHA256)


@quick
@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.booleans(), st.randoms())
def test_idx_reads_what_it_wrote(tmp_path_factory, shape, packed, random):
    path = tmp_path_factory.mktemp("idx") / ("x.gz" if packed else "x")
    array = np.array([random.randrange(256) for _ in range(np.prod(shape))], np.uint8)
    idx.write(path, array.reshape(shape))
    found = idx.read(path)
    assert found.shape == tuple(shape)
    assert np.array_equal(found.ravel(), array)


def test_idx_files_are_the_same_every_time(tmp_path):
    array = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    idx.write(tmp_path / "plain", array)
    assert (tmp_path / "plain").read_bytes() == bytes.fromhex(
        "00000803 00000001 00000002 00000003"
    ) + bytes(range(6))
    idx.write(tmp_path / "x.gz", array)
    packed = (tmp_path / "x.gz").read_bytes()
    assert packed[4:8] == bytes(4)  # no time in it
    assert packed[3] == 0  # no name either
    with pytest.raises(TypeError, match="int64"):
        idx.write(tmp_path / "x", np.arange(3))


def test_a_folder_of_idx_files(folder):
    train, test = data.raw(f"idx:{folder}")
    assert np.array_equal(train.images[..., 0], idx.read(folder / f"{NAMES[0]}.gz"))
    assert test.labels.tolist() == [*range(10)] * 3
    found = data.load(f"idx:{folder}")
    assert found.source == f"idx:{folder}"
    assert [len(part.labels) for part in found[1:4]] == [110, 10, 30]
    for path in list(folder.iterdir()):
        path.rename(folder / path.name.replace("-idx", ".idx"))
    assert equal((train, test), data.raw(f"idx:{folder}"))


def test_embedded_files_are_a_folder_of_idx_files():
    assert equal(data.raw(f"idx:{mnist.FOLDER}"), data.raw("mnist"))


@quick
@given(st.data())
def test_a_harmed_packed_file_is_never_read_as_another(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("idx") / "x.gz"
    array = np.arange(400, dtype=np.uint16).astype(np.uint8).reshape(4, 10, 10)
    idx.write(path, array)
    whole = path.read_bytes()
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    rest = data.draw(st.sampled_from([b"", bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]]))
    path.write_bytes(whole[:at] + rest)
    try:
        found = idx.read(path)
    except UserError as error:
        assert str(path) in str(error)
    else:  # a bit of gzip's own header, such as the time
        assert np.array_equal(found, array)


@quick
@given(st.binary(max_size=40))
def test_anything_else_is_told(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("idx") / "x"
    path.write_bytes(content + b"?")  # so it is no empty axis of a right file
    assert str(path) in sentence(idx.read, path)


HEADER = bytes.fromhex("00000803 0000000a 0000001c 0000001c")  # 10 images


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "nothing"),
        (HEADER[:10], "within its header"),
        (HEADER + bytes(7839), "7840 bytes"),
        (HEADER + bytes(7841), "more than the 7840 bytes"),
        (b"\0\0\x0d" + HEADER[3:] + bytes(7840), "0x0d"),
        (b"PK\3\4", "50 4b"),
        (struct.pack(">HBB4I", 0, 8, 4, *[2**32 - 1] * 4) + bytes(100), "promises"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_false_header_is_told(content, says, packed, tmp_path):
    path = tmp_path / "train-images"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert says in sentence(idx.read, path)


def test_a_bomb_is_not_inflated(tmp_path):
    path = tmp_path / "train-images"
    path.write_bytes(gzip.compress(HEADER + bytes(200_000_000), 1))
    lie = tmp_path / "lie"
    lie.write_bytes(gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 10**6, 28, 28)))
    tracemalloc.start()
    try:
        assert "more than the 7840 bytes" in sentence(idx.read, path)
        assert "784000000 bytes" in sentence(idx.read, lie)
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "array", "says"),
    [
        (NAMES[1], np.full(120, 10, np.uint8), "label 10"),
        (NAMES[1], np.zeros(119, np.uint8), "120 images and 119 labels"),
        (NAMES[1], np.zeros((120, 1), np.uint8), "3 and 2 axes"),
        (NAMES[2], np.zeros((30, 784), np.uint8), "2 and 1 axes"),
        (NAMES[2], np.zeros((30, 0, 28), np.uint8), "0 x 28 pixels"),
        (NAMES[2], np.zeros((30, 1, 513), np.uint8), "1 x 513 pixels"),
    ],
)
def test_what_is_not_of_digits_is_told(name, array, says, folder):
    (folder / f"{name}.gz").unlink(missing_ok=True)
    idx.write(folder / name, array)
    assert says in sentence(data.load, f"idx:{folder}")


def test_too_few_digits_are_refused(folder):
    for names, count, says in (
        (NAMES[:2], 11, "11 training images"),
        (NAMES[2:], 0, "no images"),
    ):
        idx.write(folder / f"{names[0]}.gz", np.zeros((count, 28, 28), np.uint8))
        idx.write(folder / names[1], np.zeros(count, np.uint8))
        assert says in sentence(data.load, f"idx:{folder}")


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(name, folder):
    for path in folder.glob(f"{name}*"):
        path.unlink()
    assert name in sentence(data.load, f"idx:{folder}")
    assert f"{folder}/no" in sentence(data.load, f"idx:{folder}/no")
