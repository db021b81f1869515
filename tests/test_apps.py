"""The applications: what is known stays, what is asked for comes, and mistakes are one sentence."""

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import stats

from jaxgen import data, families
from jaxgen.apps import (
    complete,
    correct,
    damage,
    diffuse,
    fill,
    filters,
    masks,
    measuring,
    reader,
    restyle,
    search,
)
from jaxgen.arrays import IMAGE
from jaxgen.cli import main
from jaxgen.errors import UserError
from jaxgen.evaluation import morphology
from jaxgen.families.capabilities import Completes, HasBound, Transfers, able
from jaxgen.training.folder import RunFolder
from tests import runs
from tests.conftest import SMALL, small

DIGITS = data.load("synthetic:200")
SIX = sorted(SMALL)


def some(count: int) -> np.ndarray:
    return DIGITS.test.images[:count].astype(np.float32) / 255


@pytest.fixture(scope="module", params=SIX)
def model(request):
    family = families.build(small(request.param))
    return family, jax.jit(family.init)(jax.random.key(0))


@pytest.fixture(scope="module")
def reading():
    return jax.jit(reader.Network(10).init)(jax.random.key(1), (jnp.zeros((1, *IMAGE)),) * 2)


@pytest.fixture
def short(monkeypatch):
    """Searches that take few steps."""
    few = [(search, "CANDIDATES", 4), (search, "STARTS", 2), (fill, "GRIDS", 3)]
    for module, name, value in [*few, (search, "STEPS", 3), (diffuse, "STEPS", 3)]:
        monkeypatch.setattr(module, name, value)


def test_what_is_visible_stays_bit_for_bit(model, reading, short):
    visible = masks.visible("random:0.7", 3, 0)
    done = complete.complete(*model, reading, some(3), visible, 2, 0)
    assert done.images.shape == (3, 2, *IMAGE)
    assert ((visible[:, None] == 0) | (done.images == some(3)[:, None])).all()
    assert ((done.images >= 0) & (done.images <= 1)).all()
    assert (done.images[:, 0] != done.images[:, 1]).any()  # two ways
    # The hidden pixels have no influence.
    other = np.where(visible == 1, some(3), 1 - some(3))
    again = complete.complete(*model, reading, other, visible, 2, 0)
    assert np.array_equal(again.images, done.images)


def test_correcting_makes_images_of_damaged_ones(model, reading, short):
    kind = damage.named("noise:0.4" if isinstance(model[0], HasBound) else "broken")
    damaged = correct.harm(kind, some(3), 0)
    done = correct.correct(*model, reading, damaged, kind, 0)
    assert done.images.shape == damaged.shape
    assert ((done.images >= 0) & (done.images <= 1)).all()
    assert not np.array_equal(done.images, damaged)


def test_diffusion_takes_noise_away_that_was_cut_off():
    """With a perfect guess of x_0 the result is x_0, whatever was cut off."""
    family, truth = families.build(small("ddpm")), jnp.asarray(some(2))
    object.__setattr__(family, "denoiser", lambda *_: lambda xt, time: 2 * truth - 1)
    damaged = jnp.asarray(correct.harm(damage.noise(0.4), some(2), 0))
    found = diffuse.denoise(family, None, damaged, 0.4, jnp.zeros(2, int))
    assert np.allclose(found, truth, atol=1e-6)


def test_restyling_gives_the_digit_another_latent(model):
    family, variables = model
    if not isinstance(family, Transfers):
        with pytest.raises(UserError, match="take ae, cvae, ddpm, gan, vae"):
            able(family, Transfers)
        return
    arrays = some(2), np.array([1, 2], np.int32), np.array([3, 2], np.int32)
    drawn = restyle.restyle(family, variables, *arrays, 0)
    assert drawn.shape == (2, *IMAGE) and np.isfinite(drawn).all()


def test_the_codes_that_are_known_stay():
    family = families.build(small("vqvae"))
    variables = jax.jit(family.init)(jax.random.key(0))
    codes = jax.random.randint(jax.random.key(1), (2, 7, 7), 0, 16)
    known = jax.random.bernoulli(jax.random.key(2), 0.5, (2, 7, 7))
    never = jnp.where(known[..., None] & (jax.nn.one_hot(codes, 16) == 0), fill.NEVER, 0.0)
    keys = jax.random.split(jax.random.key(3), 2)
    drawn = jax.jit(lambda v, n, x: fill.fill(family, v, n, jnp.array([1, 2]), x))(
        variables, never, fill.noise(family, keys)
    )
    assert np.array_equal(drawn[known], codes[known])
    assert (drawn[~known] != codes[~known]).any()


def test_grids_with_little_weight_are_replaced_by_the_others():
    weights = jnp.log(jnp.array([[0.97, 0.01, 0.01, 0.01], [0.25, 0.25, 0.25, 0.25]]))
    grids = jnp.arange(8).reshape(2, 4, 1)
    carry = jnp.arange(8.0)[:, None], [(jnp.arange(8.0)[:, None],) * 2], grids, weights
    framed, caches, grids, weights = fill._resample(carry, jnp.array([0.3, 0.8]))
    assert (grids[0] == 0).sum() >= 3 and grids[1].ravel().tolist() == [4, 5, 6, 7]
    assert np.array_equal(framed.ravel(), grids.ravel())
    assert np.array_equal(caches[0][1].ravel(), grids.ravel())
    assert np.allclose(weights[0], 0) and np.allclose(weights[1], np.log(0.25))


def test_masks_hide_what_their_names_say(tmp_path):
    assert masks.visible("left", 2, 0).sum((1, 2, 3)).tolist() == [392, 392]
    assert masks.visible("top", 1, 0)[0, :14].sum() == 0
    assert masks.visible("centre", 1, 0).sum() == 784 - 196
    scattered = masks.visible("random:0.7", 50, 0)
    assert abs(scattered.mean() - 0.3) < 0.01
    assert np.array_equal(scattered[:3], masks.visible("random:0.7", 3, 0))
    assert not np.array_equal(scattered, masks.visible("random:0.7", 50, 1))
    quadrants = masks.visible("quadrants", 50, 0)
    assert (quadrants.sum((1, 2, 3)) == 392).all()
    recipe = small("cvae")
    family = families.build(replace(recipe, net=replace(recipe.net, part="quadrants")))
    assert able(family, Completes).completes(quadrants)
    assert not able(family, Completes).completes(masks.visible("centre", 1, 0))
    picture = Image.new("L", (28, 28))
    picture.putpixel((3, 5), 255)
    picture.save(tmp_path / "mask.png")
    assert np.argwhere(masks.visible(f"{tmp_path}/mask.png", 1, 0) == 0).tolist() == [[0, 5, 3, 0]]


@pytest.mark.parametrize("name", damage.NAMES)
def test_a_clean_image_explains_its_damage_better_than_another(name):
    kind = damage.named(name)
    clean = some(20)
    damaged = correct.harm(kind, clean, 0)
    assert np.array_equal(damaged[:5], correct.harm(kind, clean[:5], 0))
    by_chance = name in ("broken", "noise:0.4", "blot")
    assert by_chance != np.array_equal(damaged, correct.harm(kind, clean, 1))
    assert measuring.psnr(damaged, clean).max() < 30
    own, others = kind.nats(damaged, clean), kind.nats(damaged, np.roll(clean, 1, 0))
    assert np.isfinite(own).all() and (own < others).mean() > 0.9


def test_the_nats_of_cut_noise_are_those_of_its_distribution():
    kind, grey = damage.noise(0.4), 0.1
    one = np.full((1, *IMAGE), grey, np.float32)
    black = kind.nats(np.zeros_like(one), one)[0] / 784
    assert np.isclose(black, -stats.norm.logcdf(-grey / 0.4), rtol=1e-4)
    between = kind.nats(np.full_like(one, 0.5), one)[0] / 784
    expected = -stats.norm.logpdf(0.5, grey, 0.4) - 0.5 * np.log(2 * np.pi)
    assert np.isclose(between, expected, rtol=1e-4)


def stroke(width: float, lean: float) -> np.ndarray:
    """A straight stroke of that width, leaning by so many radians to the right."""
    picture = Image.new("L", (28 * 16, 28 * 16))
    reach = 9 * 16 * np.tan(lean)
    ends = [(14 * 16 - reach, 23 * 16), (14 * 16 + reach, 5 * 16)]
    ImageDraw.Draw(picture).line(ends, fill=255, width=round(16 * width))
    return np.asarray(picture.reduce(16), np.float32)[None, ..., None] / 255


@pytest.mark.parametrize("width", [2.0, 3.0, 5.0])
@pytest.mark.parametrize("lean", [-0.3, 0.0, 0.4])
def test_strokes_of_known_width_and_slant(width, lean):
    drawn = stroke(width, lean)
    # At the ends of a wide stroke the skeleton runs into its corners.
    assert abs(morphology.thickness(drawn)[0] / width - 1) < 0.15
    assert abs(morphology.slant(drawn)[0] - lean) < 0.05
    assert np.isnan(morphology.thickness(np.zeros_like(drawn)))
    assert np.isnan(morphology.slant(np.zeros_like(drawn)))


def test_filters_are_tuned_on_what_they_are_given():
    clean = some(20)
    damaged = correct.harm(damage.named("noise:0.4"), clean, 0)
    before = measuring.psnr(damaged, clean).mean()
    for name in filters.FILTERS:
        mended = filters.denoiser(name, clean[:10], damaged[:10])(damaged[10:])
        assert measuring.psnr(mended, clean[10:]).mean() > before + 2
    gap = np.zeros((1, *IMAGE), np.float32)
    gap[0, 5:22, 13:16] = 1
    broken = np.where(np.arange(28)[None, :, None, None] == 12, 0, gap)
    closed = filters.closing(2.0)(broken)
    assert closed[0, 12, 14] == 1 and (closed >= broken).all() and (closed <= gap).all()


def test_the_nearest_training_digit_fills_in():
    learned = DIGITS.train.images
    visible = masks.visible("left", 5, 0)
    whole = learned[:5].astype(np.float32) / 255
    assert np.allclose(complete.nearest(whole, visible, learned), whole, atol=1e-6)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a tiny run, a cache of its own and a few pictures."""
    folder = tmp_path_factory.mktemp("apps")
    with pytest.MonkeyPatch.context() as patch:
        runs.at_home(patch, folder)
        runs.tiny("ae")
        Path("runs/vqvae").mkdir()
        RunFolder(Path("runs/vqvae")).prepare(small("vqvae"), fresh=False)
        Image.new("L", (28, 28)).save("none.png")
        Image.new("L", (28, 28), 255).save("all.png")
        Image.new("L", (30, 30), 255).save("large.png")
        (folder / "cut.png").write_bytes((folder / "all.png").read_bytes()[:50])
        (folder / "empty").mkdir()
        (folder / "mine").mkdir()
        for place in range(2):
            Image.fromarray(DIGITS.test.images[place, ..., 0]).save(f"mine/{place}.png")
        yield folder


@pytest.fixture
def there(trained, monkeypatch):
    runs.at_home(monkeypatch, trained)


def test_the_four_commands_work_and_say_what_they_did(there, short, capsys, monkeypatch):
    monkeypatch.setattr("jaxgen.cli.apply.correct.LEARN", 20)

    def apply(command: str):
        name, *rest = command.split()
        assert main.run(["apply", name, "--model", "ae", *rest]) == 0
        return capsys.readouterr()

    printed = apply("complete --hide left --count 12 --out x.npz")
    assert "a minute, once" in printed.err and "by the nearest training digit: " in printed.out
    with np.load("x.npz") as found:
        assert found["images"].shape == (12, 28, 28)
    printed = apply("complete --images mine/ test:3 --ways 3 --out x.png")
    assert "a minute" not in printed.err and "mine/1.png is taken for" in printed.out
    with Image.open("x.png") as picture:
        assert picture.size[0] > picture.size[1] > 100
    lines = apply("correct --count 11").out.splitlines()
    for way in ("corrected", "not corrected", "total variation", "non-local means", "closing"):
        assert any(line.startswith(f"{way} ") for line in lines)
    line = "the width of strokes goes with the style's: r = "
    assert line in apply("restyle --style test --count 12").out
    for command, labels in (
        ("restyle --style test:1 --digits 2024", [2, 0, 2, 4]),
        ("convert --images mine/ --to 1", [1, 1]),
    ):
        apply(f"{command} --out {labels[0]}.npz")
        with np.load(f"{labels[0]}.npz") as found:
            assert found["labels"].tolist() == labels
    apply("convert --images mine/ --style test:2")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("complet", "there is no application 'complet'"),
        ("complete", "which model"),
        ("complete --model ae --hide middle", "--hide 'middle' is not a mask"),
        ("complete --model ae --hide random:1", "hides all"),
        ("complete --model ae --hide random:0", "hides nothing"),
        ("complete --model ae --hide none.png", "none.png hides nothing"),
        ("complete --model ae --hide all.png", "all.png hides all"),
        ("complete --model ae --hide large.png", "30 x 30 pixels"),
        ("complete --model ae --hide cut.png", "cut.png cannot be read"),
        ("complete --model ae --hide mine", "mine is a folder"),
        ("complete --model ae --images cut.png", "cut.png cannot be read"),
        ("complete --model ae --images empty", "holds no image file"),
        ("complete --model ae --images none.png", "shows nothing"),
        ("complete --model ae --images test:1 --count 2", "which is 1"),
        ("complete --model ae --ways 0", "--ways 0"),
        ("complete --model ae --count 100 --ways 100", "whole.npz"),
        ("correct --model ae --damage torn", "there is no damage 'torn'"),
        ("correct --model ae --damage noise:3", "noise:3 is not possible"),
        ("restyle --model ae", "whose hand"),
        ("restyle --model ae --style test:1 --digits 2x", "--digits 2x"),
        ("restyle --model vqvae --style test:1", "take ae, cvae, ddpm, gan, vae"),
        ("convert --model ae", "into what"),
        ("convert --model ae --style test", "cannot read test"),
        ("convert --model ae --to 10", "--to 10"),
        ("convert --model ae --to 1 --style test:1", "give one of them"),
        ("convert --model vqvae --to 1", "take ae, cvae, ddpm, gan, vae"),
    ],
)
def test_mistakes_are_one_sentence(there, command, says):
    with pytest.raises(UserError) as caught:
        main.run(["apply", *command.split()])
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_style_that_is_no_digit_is_doubted(there, capsys):
    picture = Image.new("L", (200, 200), 255)
    for line in ((50, 20, 50, 180), (60, 100, 150, 20), (60, 100, 150, 180)):
        ImageDraw.Draw(picture).line(line, fill=0, width=16)
    picture.save("k.png")
    command = ["apply", "restyle", "--model", "ae"]
    assert main.run([*command, "--style", "k.png"]) == 0
    assert "k.png may be no digit: the judge is only" in capsys.readouterr().err
    assert main.run([*command, "--style", "test:1"]) == 0
    assert capsys.readouterr().err == ""
