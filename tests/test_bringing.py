"""Data as people have it: dark ink, few digits or one alone, digits that the judge cannot read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgen import config, data
from jaxgen.apps import measuring
from jaxgen.apps.figures import interpolation
from jaxgen.cli import inputs, main
from jaxgen.data import Split, idx, source_images
from jaxgen.errors import UserError
from jaxgen.evaluation import judge, reference
from jaxgen.experiments import grid as grids
from jaxgen.experiments import study as studies
from tests import runs
from tests.conftest import small, swept
from tests.test_moving import train, write_digits

TEST = data.load("mnist").test
SOME, LABELS = TEST.images[:40], TEST.labels[:40]

NONE = runs.untrained("ae")


def only(*digits):
    return lambda labels: np.isin(labels, digits)


def read(name: str) -> inputs.Inputs:
    return inputs.select([name], None, NONE, 0)


def right(found: inputs.Inputs) -> int:
    return measuring.hits(found.images, LABELS, judge.load())


def test_dark_ink_is_inverted_wherever_it_comes_in(here, capsys):
    light = write_digits(here / "light")
    dark = write_digits(here / "dark", change=lambda x: 255 - x)
    said = []
    ours = data.load(f"idx:{light}", said.append)
    assert len(said) == 1 and said[0].endswith("75 to test with")
    theirs = data.load(f"idx:{dark}", said.append)
    assert said[1:] == [f"375 images of idx:{dark} have dark ink: inverted", said[0]]
    for part in ("train", "valid", "test"):
        assert np.array_equal(getattr(ours, part).images, getattr(theirs, part).images)
    # Runs of earlier versions keep the ink that they had.
    assert np.median(data.load(f"strided:idx:{dark}").train.images) == 255
    train("ae", f"--data=idx:{dark}")
    assert "375 images of idx:" in capsys.readouterr().out
    # A run can read its own data, by both doors.
    file = f"{dark}/t10k-images-idx3-ubyte"
    found = inputs.select([file], None, NONE, 0)
    same = np.rint(255 * found.images).astype(np.uint8) == theirs.test.images
    assert same.all((1, 2, 3)).mean() > 0.5  # the others had not MNIST's form


def test_ink_is_inverted_image_by_image():
    mixed = SOME.copy()
    mixed[::2] = 255 - mixed[::2]
    assert source_images.has_dark_ink(mixed).tolist() == [True, False] * 20
    found, count = source_images.with_light_ink(Split(mixed, LABELS))
    assert count == 20 and np.array_equal(found.images, SOME)
    assert source_images.with_light_ink(Split(SOME, LABELS))[0].images is SOME


@pytest.mark.parametrize("kind", ["as they are", "off centre", "small", "dark and light", "large"])
def test_arrays_are_read_as_pictures_are(kind, here):
    pixels = SOME[..., 0]
    if kind == "off centre":
        pixels = np.pad(pixels, ((0, 0), (0, 30), (40, 0)))
    elif kind == "small":
        pixels = np.stack([np.asarray(Image.fromarray(x).resize((14, 14))) for x in pixels])
        pixels = np.pad(pixels, ((0, 0), (12, 2), (2, 12)))
    elif kind == "dark and light":
        pixels = np.where(np.arange(40)[:, None, None] % 2, pixels, 255 - pixels)
    elif kind == "large":
        pixels = pixels.repeat(4, 1).repeat(4, 2)
    np.savez("x.npz", images=pixels)
    Path("x").mkdir()
    for place, image in enumerate(pixels):
        Image.fromarray(image).save(f"x/{place:02}.png")
    arrays, pictures = read("x.npz"), read("x")
    assert right(arrays) >= 38
    assert np.abs(arrays.images - pictures.images).max() < 0.01
    (line,) = arrays.lines
    assert ("20 inverted" in line) == (kind == "dark and light")
    assert ("brought to" in line) == (kind not in ("as they are", "dark and light"))
    if kind == "as they are":
        assert np.array_equal(np.rint(255 * arrays.images), SOME)


def test_an_array_that_shows_nothing_stays_black(here):
    np.savez("x.npz", images=np.stack([SOME[0, ..., 0], np.zeros((28, 28), np.uint8)]))
    found = read("x.npz")
    assert found.images[1].max() == 0
    assert found.lines == ["2 images of x.npz: 1 without ink"]


@pytest.fixture(params=swept(["ae", "cvae", "ddpm", "gan", "vae", "vqvae"], ["ae", "cvae"]))
def of_threes(request, here, capsys):
    """A run that has seen threes and sevens alone."""
    train(request.param, f"--data=idx:{write_digits(here / 'digits', only(3, 7))}")
    assert f"next: bin/sample --model {request.param} --digit 3" in capsys.readouterr().out
    return request.param


def test_a_digit_that_was_never_seen_is_refused(of_threes, capsys):
    for verb in (
        ["sample", "--digit=8"],
        ["sample", "--digits=378"],
        ["interpolate", "--from=3", "--to=8"],
        ["apply", "augment", "--mix=3:1,8:1", "--out=set", "--count=10"],
        ["apply", "sheet", "--sums=5"],
    ):
        with pytest.raises(UserError, match=r"and the model has learned only 3 and 7"):
            main.run([*verb, "--model", of_threes])
    assert main.run(["sample", "--model", of_threes, "--count=5", "--out=x.npz"]) == 0
    with np.load("x.npz") as found:
        assert found["labels"].tolist() == [3, 7, 3, 7, 3]


def test_a_figure_asks_for_no_digit_that_nobody_gave(here):
    """Where the first test digit is none that was learned."""
    folder = write_digits(here / "digits")
    images, labels = (folder / f"train-{name}-ubyte" for name in ("images-idx3", "labels-idx1"))
    kept = idx.read(labels) != idx.read(folder / "t10k-labels-idx1-ubyte")[0]
    kept &= idx.read(labels) != 3
    for path in (images, labels):
        idx.write(path, idx.read(path)[kept])
    train("vae", f"--data=idx:{folder}")
    assert main.run(["apply", "figure", "--model=vae"]) == 0
    with pytest.raises(UserError, match="--digit 3 asks for 3, and the model has learned"):
        main.run(["apply", "figure", "--model=vae", "--digit=3"])


def test_how_many_real_digits_there_are_is_known_without_choosing_them():
    for source in ("mnist", "mnist:10", "synthetic:600"):
        digits = data.load(source)
        for against in ("test", "valid"):
            chosen = reference.floor(digits, against), reference.real_digits(digits, against)
            assert reference.most_of(digits, against) == min(len(x.labels) for x in chosen)


@pytest.mark.parametrize("model", swept(["ddpm", "vqvae"], ["ddpm"]))
def test_without_guidance_no_digit_is_asked_for(model, here):
    train(model, "--data=synthetic:200")
    with pytest.raises(UserError, match="draws any digit with these settings"):
        main.run(["sample", "--model", model, "--digit=3", "--guidance=0"])
    asked = ["sample", "--model", model, "--guidance=0", "--count=3"]
    assert main.run([*asked, "--out=x.npz"]) == 0
    with np.load("x.npz") as found:
        assert found["labels"].tolist() == [-1, -1, -1]


def test_ways_are_between_digits_that_there_are():
    for there, pairs in (
        ([3], [(3, 3)]),
        ([1, 2], [(1, 2)]),
        (range(10), [(3, 8), (4, 9), (7, 1)]),
        ([3, 8], [(3, 8)]),
    ):
        assert interpolation._pairs(np.array(there)) == pairs


def test_other_digits_are_those_that_are_known():
    labels = np.resize([0, 3, 7], 60)
    found = measuring.other_digits(labels, 0, (0, 3, 7))
    assert set(found.tolist()) == {0, 3, 7} and (found != labels).all()
    with pytest.raises(UserError, match="no other digit"):
        measuring.other_digits(labels, 0, (3,))


def test_twenty_digits_are_no_count_that_was_given(here):
    folder = write_digits(here / "digits")
    for name in ("images-idx3", "labels-idx1"):
        path = folder / f"t10k-{name}-ubyte"
        idx.write(path, idx.read(path)[:20])
    train("vae", f"--data=idx:{folder}")
    assert main.run(["reconstruct", "--model=vae"]) == 0
    assert main.run(["apply", "restyle", "--model=vae", "--style=test"]) == 0
    with pytest.raises(UserError, match=r"has 20 real digits .* needs 65 at least"):
        main.run(["evaluate", "--model=vae"])


def evaluated(folder: Path, capsys) -> str:
    train("vae", f"--data=idx:{folder}", "--fresh")
    capsys.readouterr()
    assert main.run(["evaluate", "--model=vae", "--count=70"]) == 0
    return capsys.readouterr().out


def mnist_digits(folder: Path, keep, change=lambda images: images) -> Path:
    """IDX files of 900 and 200 digits of MNIST."""
    folder.mkdir()
    for name, split, count in zip(("train", "t10k"), data.raw("mnist"), (900, 200), strict=True):
        kept = np.flatnonzero(keep(split.labels))[:count]
        idx.write(folder / f"{name}-images-idx3-ubyte", change(split.images[kept][..., 0]))
        idx.write(folder / f"{name}-labels-idx1-ubyte", split.labels[kept].astype(np.uint8))
    return folder


def test_a_measure_without_meaning_is_named_or_left_out(here, hasty, often, capsys):
    told = evaluated(mnist_digits(here / "one", only(3)), capsys)
    for without in (
        "class entropy",
        "linear probe",
        "classification accuracy score",
    ):
        assert without not in told
    if often(False, True):
        told = evaluated(mnist_digits(here / "two", only(3, 7)), capsys)
        assert "class entropy, nats of 0.693" in told and "linear probe" in told
    moved = mnist_digits(here / "moved", only(2, 4, 5, 6, 7), lambda x: np.roll(x, 14, (1, 2)))
    with pytest.raises(UserError, match=r"real images of idx:.*: bin/digits judge idx:"):
        evaluated(moved, capsys)


def test_a_study_says_which_digits_the_judge_cannot_read(here):
    moved = mnist_digits(here / "moved", only(2, 4, 5, 6, 7), lambda x: np.roll(x, 14, (1, 2)))
    base = config.recipe("ae")
    axes = (grids.axis(f"data=mnist:10,idx:{moved}", base),)
    plan = grids.make(
        base, axes, "grid", 1, lambda flags: small("ae", data=flags[0].partition("=")[2])
    )
    with pytest.raises(UserError, match=f"of idx:{moved}, since"):
        studies.require_judges(plan)
