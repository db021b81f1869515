"""Hands: what a person's digits have in common, and writing in it."""

import jax
import numpy as np
import pytest

import jaxgen
from jaxgen import families
from jaxgen.apps import hands, restyle
from jaxgen.apps.hands import Hand
from jaxgen.cli import main
from jaxgen.errors import UserError
from jaxgen.evaluation import morphology
from jaxgen.families.capabilities import Transfers
from jaxgen.images import save, to_float
from jaxgen.training.trained import Trained
from tests import hands as writers
from tests import runs
from tests.conftest import SMALL, small
from tests.test_apps import DIGITS

IMAGES, LABELS = to_float(DIGITS.test.images), DIGITS.test.labels


@pytest.fixture(scope="module", params=sorted(set(SMALL) - {"vqvae"}))
def model(request):
    family = families.build(small(request.param))
    variables = jax.jit(family.init)(jax.random.key(0))
    return Trained(family, variables, step=0)


class Shift:
    """A family whose latents are pixels, and whose digits differ by their brightness alone."""

    def encode(self, variables, images, labels):
        return images

    def transfer(self, variables, latents, sources, targets):
        return latents + 0.01 * (targets - sources).astype(np.float32)[:, None, None, None]

    def decode(self, variables, latents, labels, keys):
        return latents

    def for_transfer(self):
        return self, self

    def __hash__(self):
        return 1

    def __eq__(self, other):
        return isinstance(other, Shift)


def test_a_typical_digit_is_the_mean_of_its_images_and_a_little_of_the_others():
    labels = np.array([3, 3, 7], np.int32)
    greys = np.array([0.2, 0.4, 0.5], np.float32)
    images = np.broadcast_to(greys[:, None, None, None], (3, 28, 28, 1))
    hand = Hand(Trained(Shift(), {}, 0), images, labels)
    written = hand.write([3, 7, 0], variety=0)[:, 0, 0, 0]
    moved = {3: [0.2, 0.4, 0.46], 7: [0.24, 0.44, 0.5], 0: [0.17, 0.37, 0.43]}
    three = (0.2 + 0.4 + hands._OTHERS * moved[3][2]) / (2 + hands._OTHERS)
    seven = (0.5 + hands._OTHERS * np.mean(moved[7][:2])) / (1 + hands._OTHERS)
    np.testing.assert_allclose(written, [three, seven, np.mean(moved[0])], rtol=1e-5)
    varied = hand.write(np.full(300, 3), variety=1)[:, 0, 0, 0]
    wanted = three + np.array(moved[3]) - np.mean(moved[3])
    np.testing.assert_allclose(np.unique(varied.round(4)), np.sort(wanted), atol=1e-4)
    counts = np.unique(varied.round(4), return_counts=True)[1]
    assert counts.min() > 70  # each deviation as often as the others


def test_the_hand_of_one_image_is_what_restyle_takes_it_for(model):
    targets = np.array([2, 0, 4], np.int32)
    ours = Hand(model, IMAGES[:1], LABELS[:1]).write(targets, variety=1)
    three = IMAGES[:1].repeat(3, 0), LABELS[:1].repeat(3)
    theirs = restyle.restyle(model.family, model.variables, *three, targets, 0)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_an_image_depends_on_its_number_and_digit_alone(model):
    hand = Hand(model, IMAGES[:6], LABELS[:6])
    all_ = hand.write(np.arange(10), variety=1, seed=5)
    part = hand.write([9, 4], variety=1, seed=5, indices=np.array([9, 4]))
    np.testing.assert_allclose(part, all_[[9, 4]], atol=1e-5)
    assert np.abs(hand.write(np.arange(10), variety=1, seed=6) - all_).max() > 0


def test_of_very_many_images_some_are_used(monkeypatch):
    monkeypatch.setattr(hands, "MOST", 5)
    hand = Hand(Trained(Shift(), {}, 0), IMAGES, LABELS)
    assert len(hand.images) == len(hand.digits) == 5


def test_what_a_hand_cannot_do_is_one_sentence(model):
    hand = Hand(model, IMAGES[:2], LABELS[:2])
    for variety in (-0.1, 2.1, np.nan):
        with pytest.raises(UserError, match=f"--variety {variety} cannot be"):
            hand.write("3", variety)
    with pytest.raises(UserError, match="of digits 0 to 9"):
        hand.write("3x")
    family = families.build(small("vqvae"))
    assert not isinstance(family, Transfers)
    with pytest.raises(UserError, match="cannot tell the hand from the digit"):
        Hand(Trained(family, None, 0), IMAGES[:2], LABELS[:2])


def test_many_images_say_more_about_a_hand_than_one():
    model, random = jaxgen.load("cvae"), np.random.default_rng(0)
    digits, wanted = model.digits.test, np.arange(10)
    slants, one, many = [], [], []
    for writer in writers.writers(12, seed=3):
        rows = random.choice(len(digits.labels), 20, replace=False)
        images, labels = writers.write(digits.images[rows], writer), digits.labels[rows]
        slants.append(morphology.slant(images).mean())
        for found, count in ((one, 1), (many, 20)):
            drawn = model.hand(images[:count], labels[:count]).write(wanted, variety=0)
            found.append(morphology.slant(drawn).mean())
    far_one, far_many = (np.abs(np.subtract(x, slants)).mean() for x in (one, many))
    assert far_many < 0.5 * far_one
    assert np.corrcoef(many, slants)[0, 1] > 0.95


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a run of ``cvae``, and digits of a person in a folder and in a file."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("hands")
        runs.at_home(patch, folder)
        runs.tiny("cvae")
        save("mine/", IMAGES[:20], LABELS[:20])
        save("mine.npz", IMAGES[:20], LABELS[:20])
        yield folder


COMMANDS = (
    "apply restyle --count 12 --variety 0.5",
    "apply restyle --digits 2024",
    "apply convert --images test:1",
    "apply sheet --sums 3 --largest 10",
    "apply augment --count 30 --out made-NAME/",
    "interpolate --digits 012",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_take_a_hand_of_many_images(place, command, capfd):
    for name in ("mine/", "mine.npz"):
        words = command.replace("NAME", name.strip("/")).split()
        assert main.run([*words, "--model", "cvae", "--style", name]) == 0
        assert f"the hand of {name}: 20 images\n" in capfd.readouterr().out


def test_a_data_set_goes_on_in_the_same_hand_alone(place):
    args = ["apply", "augment", "--model=cvae", "--count=30", "--out=begun/"]
    assert main.run([*args, "--style=mine/"]) == 0
    assert "in the hand of mine/ (SHA-256" in (place / "begun" / "README.md").read_text()
    assert main.run([*args, "--style=mine/"]) == 0
    save("other/", IMAGES[20:30], LABELS[20:30])
    for style in (["--style=other/"], [], ["--style=mine/", "--variety=1"]):
        with pytest.raises(UserError, match="begun holds a data set of"):
            main.run([*args, *style])


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("apply restyle --style empty/", "holds no image file"),
        ("apply restyle --style mine/ --variety 3", "it must be from 0 to 2"),
        ("apply restyle --style mine/ --count 0", "1 or more"),
        ("apply restyle --style mine/ --digits 2x", "--digits 2x"),
        ("interpolate --between test:1 test:2 --style mine/", "leave out --style"),
        ("interpolate --digits 01 --style mine/ --count 2", "leave out --count"),
    ],
)
def test_mistakes_are_one_sentence(place, command, sentence):
    (place / "empty").mkdir(exist_ok=True)
    with pytest.raises(UserError, match=sentence):
        main.run([*command.split(), "--model", "cvae"])


def test_a_hand_writes_digits_that_are_named(place):
    model = jaxgen.load("ae")
    image = np.ones((1, 28, 28, 1), np.float32) / 2
    for write in (model.hand(image, 3).write, lambda digits: model.restyle(image, digits, 3)):
        with pytest.raises(UserError, match="asks for any, and the model has learned only 0, 1"):
            write("any")
