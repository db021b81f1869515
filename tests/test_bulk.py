"""Digits by the million, in small: shards that processes share out, and that are made again."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from array_record.python import array_record_module  # pyright: ignore[reportAttributeAccessIssue]

from jaxgen.apps import bulk
from jaxgen.cli import main, sample
from jaxgen.errors import UserError
from tests import runs
from tests.faults import training

COUNT = 300  # of which 128 are a shard here


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a small run of a family that hears labels, and a short shard."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("bulk")
        runs.at_home(patch, folder)
        patch.setattr(bulk, "SHARD", 128)
        patch.setattr(sample, "FEW", 200)
        runs.tiny("cvae")
        make("whole/")
        yield folder


def make(out, *flags, model="cvae", count=COUNT):
    args = ["sample", "--model", model, "--count", f"{count}", "--out", out, *flags]
    assert main.run(args) == 0


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_shards_are_a_data_set_of_the_digits_drawn_otherwise(place):
    source = tfds.builder_from_directory(place / "whole").as_data_source(split="train")
    make("all.npz")
    with np.load(place / "all.npz") as drawn:
        assert len(source) == len(drawn["labels"]) == COUNT
        for example, image, label in zip(source, drawn["images"], drawn["labels"], strict=True):
            assert example["label"] == label
            np.testing.assert_array_equal(example["image"][..., 0], image)
    assert len(list((place / "whole").glob("*train*"))) == 3


def test_the_parts_of_a_record_have_one_order(place):
    """That of their names, in any process: so that the same digits are the same bytes."""
    for path in (place / "whole").glob("*train*"):
        reader = array_record_module.ArrayRecordReader(f"{path}")
        for record in reader.read(0, reader.num_records()):
            assert 0 < record.index(b"image") < record.index(b"label")
        reader.close()


def test_processes_share_them_out_without_a_word(place, capsys):
    make("two/", "--processes=2", "--process=1")
    assert "2 shards are left to the other processes, in two" in capsys.readouterr().out
    assert len(list((place / "two").glob("*train*"))) == 1
    make("two/", "--processes=2", "--process=0")
    assert f"{COUNT} digits after 2 steps of training: two" in capsys.readouterr().out
    assert content(place / "two") == content(place / "whole")


def test_only_what_is_missing_is_made_again(place, capsys):
    before = {path: path.stat().st_mtime_ns for path in (place / "whole").glob("*train*")}
    content_before, lost = content(place / "whole"), min(before)
    lost.unlink()
    (place / "whole" / f".{lost.name}-0123456789abcdef.tmp").touch()  # by a process that was killed
    make("whole/", "--processes=5", "--process=0")
    assert content(place / "whole") == content_before
    assert {p for p, at in before.items() if p.stat().st_mtime_ns != at} == {lost}


def test_another_order_is_refused(place):
    for flags, says in (
        (["--seed=1"], "holds a data set of --seed 0, not 1: give that command again"),
        (["--digit=3"], r"--digit \[0, 1"),
    ):
        with pytest.raises(UserError, match=says):
            make("whole/", *flags)
    (place / "mine").mkdir()
    (place / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match=r"already holds letter\.txt"):
        make("mine/")


@pytest.mark.thorough
def test_launched_processes_make_them_side_by_side(place):
    count = 10_241
    args = ["sample", "--model=cvae", f"--count={count}", "--out=launched/"]
    process = training.begin("launch", "--processes=2", "--", *args)
    printed, wrong = process.communicate(timeout=300)
    assert process.returncode == 0, wrong
    assert "launched" in printed
    source = tfds.builder_from_directory(place / "launched").as_data_source(split="train")
    assert len(source) == count


def test_digits_of_no_label_have_that_of_tfds(place):
    make("any/", "--digit=any", count=201)
    source = tfds.builder_from_directory(place / "any").as_data_source(split="train")
    assert {example["label"] for example in source} == {-1}


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--count", "10", "--out", "few/", "--processes", "2"], "--processes 2 is for shards"),
        (["--process", "1"], "process cannot be 1|process.*from 0 to 0"),
        (
            ["--count", "1000001", "--out", "x.npz"],
            "more than a file takes, 1000000: --out FOLDER/",
        ),
        (["--count", f"{2**32 + 1}", "--out", "x/"], "4294967296 or less of one seed"),
        (["--count", "900", "--out", "x/", "--trajectory", "x.gif"], "--trajectory is for few"),
    ],
)
def test_what_cannot_be_is_one_sentence(place, flags, says):
    with pytest.raises(UserError, match=says):
        main.run(["sample", "--model", "cvae", *flags])
    assert not (place / "x").exists()
