"""A person's own digits to learn from: files:PATH."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgen import data
from jaxgen.data import Split, synthetic, writers
from tests.data.told import sentence

TRAIN, TEST = synthetic.raw(60)


def in_order(split):
    """Digits in an order that depends on themselves alone."""
    flat = split.images.reshape(len(split.labels), -1)
    return flat[np.lexsort([*flat.T[::40], split.labels])], np.sort(split.labels)


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(in_order(a), in_order(b), strict=True))


@pytest.mark.parametrize("kind", ["npz", "csv", "parquet", "png"])
def test_what_augment_writes_is_read_back(kind, here):
    train, test = (Split(part.images[:40], part.labels[:40]) for part in data.raw("mnist"))
    writer = writers.FORMATS[kind](Path("digits"), tuple("0123456789"))
    writer.begin(test)
    writer.put(0, train)
    assert data.with_absolute_path("digits") == f"files:{here}/digits"
    said = []
    found = data.raw("files:digits", said.append)
    assert equal(found[0], train) and equal(found[1], test)
    assert said == []


def scans(folder, count=70):
    """Dark ink on paper, 60 by 80, in folders by digit."""
    for place in range(count):
        path = Path(folder, f"{TRAIN.labels[place % 60]}", f"scan {place}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        large = Image.fromarray(255 - TRAIN.images[place % 60, ..., 0]).resize((60, 60))
        page = Image.new("L", (60, 80), 255)
        page.paste(large, (0, 10))
        page.save(path)


def test_scans_are_brought_to_form_and_some_are_for_the_test(here):
    scans("scans")
    (Path("scans") / ".DS_Store").touch()
    said = []
    digits = data.load(data.with_absolute_path("scans"), said.append)
    assert [len(part.labels) for part in digits[1:4]] == [55, 5, 10]
    assert said[0].startswith(f"images of files:{here}/scans: 70 inverted")
    assert "70 60 x 80 brought to 28 x 28" in said[0]
    assert said[1] == "55 images to learn from, 5 held out to choose settings by, 10 to test with"
    again = data.load(data.with_absolute_path("scans"))
    assert all(equal(a, b) for a, b in zip(digits[1:4], again[1:4], strict=True))


def test_what_cannot_be_learned_from_is_one_sentence(here):
    scans("scans", 5)
    Image.new("L", (9, 9), 255).save("scans/nobody.png")
    np.savez("x.npz", images=TRAIN.images)
    for source, says in (
        ("files:scans", "1 images without a label, scans/nobody.png"),
        ("files:x.npz", "60 images without a label"),
        ("files:nowhere", "does not exist"),
        ("scans2", "not a source of digits"),
        ("scans", "did you mean files:scans"),
    ):
        assert says in sentence(data.load, source)
