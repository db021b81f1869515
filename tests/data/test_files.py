"""Files are written whole or not at all."""

import os
import resource

import pytest

from jaxgen.data import files
from tests.data.told import sentence


def test_a_file_is_replaced_in_one_move(tmp_path):
    path = tmp_path / "new" / "folder" / "x"
    files.write(path, b"old")
    assert path.stat().st_mode & 0o777 == 0o666 & ~current_umask()
    (tmp_path / "link").symlink_to(path)
    files.write(tmp_path / "link", b"new")
    assert path.read_bytes() == b"new"
    assert (tmp_path / "link").is_symlink()
    assert list(path.parent.iterdir()) == [path]


def test_no_room_leaves_the_old_file(tmp_path):
    path = tmp_path / "x"
    files.write(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        said = sentence(files.write, path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(path) in said
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_takes_no_file_is_told_beforehand(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for place in ("file/x", "file/y/x", "folder", "pipe"):
        assert str(tmp_path / place) in sentence(files.check, tmp_path / place)
        assert str(tmp_path / place) in sentence(files.write, tmp_path / place, b"")
    files.check(tmp_path / "new" / "x")
    assert not (tmp_path / "new").exists()


def test_a_name_that_cannot_be_is_told(tmp_path):
    path = tmp_path / ("x" * 300)
    assert "too long" in sentence(files.check, path)
    assert "too long" in sentence(files.write, path, b"")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission_is_told(tmp_path):
    (tmp_path / "read").mkdir(mode=0o500)
    (tmp_path / "shut").mkdir(mode=0o000)
    for place in ("read/x", "read/new/x", "shut/x", "shut/new/x"):
        assert "ermission" in sentence(files.check, tmp_path / place)
        assert "ermission" in sentence(files.write, tmp_path / place, b"")


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
