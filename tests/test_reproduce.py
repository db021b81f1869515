"""Published numbers and ours: rows, verdicts, and a row from beginning to end."""

import dataclasses
import functools
import importlib
import json
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import config, data, devices, families
from jaxgen.cli import main
from jaxgen.data import Split, mnist
from jaxgen.errors import UserError
from jaxgen.evaluation.statistics import Estimate, exact
from jaxgen.experiments import paper_measures, papers, train
from jaxgen.experiments.paper_measures import MEASURES, QUADRANTS, hidden_nats, quadrants
from jaxgen.experiments.papers import ROWS
from jaxgen.experiments.reproduction import judged, ranked
from jaxgen.families import base
from jaxgen.training.trained import Trained
from tests.conftest import small


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_names_what_is_trained_and_measured(row):
    assert row.name in MEASURES
    assert row.better in (-1, 1) and row.published
    for recipe in row.recipes:
        made = config.recipe(recipe)
        assert made.model == recipe
        if row.full:
            assert row.full > made.steps


@pytest.mark.parametrize("name", config.papers())
def test_the_set_up_of_a_paper_builds_and_says_its_command(name):
    recipe = config.recipe(name)
    shapes = jax.eval_shape(families.build(recipe).init, jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes.params)) > 100_000
    assert config.from_dict(json.loads(json.dumps(config.to_dict(recipe)))) == recipe
    card = importlib.import_module(f"jaxgen.configs.papers.{name}").__doc__
    rows = [row.name for row in ROWS if name in row.recipes]
    assert any(re.search(rf"bin/reproduce {row}\b", card) for row in rows)


def test_papers_have_the_sizes_that_they_state():
    shapes = jax.eval_shape(
        families.build(config.recipe("burda2015")).init, jax.random.key(0)
    ).params
    count = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    up = 784 * 200 + 200 + 200 * 200 + 200 + 200 * 100 + 100
    down = 50 * 200 + 200 + 200 * 200 + 200 + 200 * 784 + 784
    assert count == up + down


def test_greys_are_made_black_and_white_with_their_probability():
    greys = jnp.full((200, 28, 28, 1), 0.25)
    key = jax.random.key(0)
    plain = dataclasses.replace(config.recipe("vae").net, binarise=False)
    images, same = base.seen(plain, greys, key)
    assert images is greys and same is key
    images, other = base.seen(dataclasses.replace(plain, binarise=True), greys, key)
    assert set(np.unique(images)) == {0.0, 1.0}
    assert float(images.mean()) == pytest.approx(0.25, abs=0.005)
    again, _ = base.seen(dataclasses.replace(plain, binarise=True), greys, other)
    assert not np.array_equal(images, again)
    with pytest.raises(UserError, match=r"bernoulli for --net\.binarise"):
        dataclasses.replace(plain, binarise=True, likelihood="gaussian")


@pytest.mark.parametrize("model", ["vae", "cvae"])
def test_black_and_white_digits_are_what_is_trained_on(model):
    """Of all grey 0.5 a fair coin a pixel is left, whose cross-entropy is log 2 whatever is drawn;
    of all black nothing changes."""
    recipe = small(model)
    loud = dataclasses.replace(recipe, net=dataclasses.replace(recipe.net, binarise=True))
    found = []
    for made in (recipe, loud):
        family = families.build(made)
        variables = family.init(jax.random.key(0))
        black = base.Batch(jnp.zeros((8, 28, 28, 1)), jnp.zeros(8, jnp.int32))
        half = black._replace(images=jnp.full((8, 28, 28, 1), 0.5))
        losses = [
            float(family.loss(variables, batch, jax.random.key(1), player="model")[0])
            for batch in (black, half)
        ]
        found.append(losses)
    assert found[0][0] == pytest.approx(found[1][0], rel=0.05)  # other draws of the code
    assert found[0][1] != found[1][1]


def test_a_verdict_says_whether_a_number_is_reached():
    def verdict(published, value, half, better=-1):
        return judged(published, Estimate(value, value - half, value + half, 3), better)

    assert verdict(3.0, 2.9, math.inf) == "reached"
    assert verdict(3.0, 3.2, 0.3) == "not told apart"
    assert verdict(3.0, 3.2, 0.1) == "worse by 0.2"
    assert verdict(3.0, 3.2, math.inf) == "worse by 0.2"
    assert verdict(200.0, 225.0, 1, 1) == "reached"
    assert verdict(200.0, 190.0, 1, 1) == "worse by 10"


def test_where_scales_differ_the_order_is_compared():
    row = papers.named("ghosh2020")
    order = {name: exact(float(place)) for place, name in enumerate(row.published)}
    assert ranked(row, order) == "same order"
    turned = {name: exact(-one.value) for name, one in order.items()}
    assert ranked(row, turned) == "another order"


def test_one_quadrant_two_and_three_are_seen():
    seen = [quadrants(places)[..., 0] for places in QUADRANTS.values()]
    assert [int(mask.sum()) for mask in seen] == [196, 392, 588]
    assert seen[0][20, 3] == 1 and seen[0][3, 3] == 0  # the lower left
    assert seen[1][3, 3] == 1 and seen[2][3, 20] == 1 and seen[2][20, 20] == 0


def test_what_is_hidden_costs_what_its_pixels_do():
    """Of a network whose weights are 0 the code says nothing, and a pixel costs log 2."""
    recipe = small("cvae")
    recipe = dataclasses.replace(recipe, net=dataclasses.replace(recipe.net, part="quadrants"))
    family = families.build(recipe)
    variables = jax.tree.map(jnp.zeros_like, family.init(jax.random.key(0)))
    digits = data.load("mnist").test
    few = Split(digits.images[:20], digits.labels[:20])
    for places, hidden in ((QUADRANTS[1], 588), (QUADRANTS[3], 196)):
        nats = hidden_nats(Trained(family, variables, 1), few, quadrants(places))
        assert nats == pytest.approx(hidden * math.log(2), rel=1e-4)


@pytest.fixture
def few(monkeypatch, tmp_path):
    """A tiny recipe, few digits, one process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(devices, "workers", lambda: 1)
    train, test = mnist.raw()
    cut = (
        Split(train.images[:1200], train.labels[:1200]),
        Split(test.images[:100], test.labels[:100]),
    )
    monkeypatch.setattr(mnist, "raw", lambda: cut)
    recipe = small("ae", model="hinton2006", data="mnist", steps=3)
    monkeypatch.setattr(config, "recipe", lambda name: recipe)


def never(patch, module, name):
    """Replace a function that must not be called, whose results are as valid as before."""

    @functools.wraps(getattr(module, name))
    def called(*_):
        raise AssertionError(f"{name} is called again")

    patch.setattr(module, name, called)


def test_a_row_from_beginning_to_end(few, tmp_path, capsys, monkeypatch):
    assert main.run(["reproduce", "hinton2006", "--out", "r"]) == 0
    assert "hinton2006  autoencoder  3" in capsys.readouterr().out
    found = json.loads((tmp_path / "r/reproduction.json").read_text())
    (seed,) = found["hinton2006"]["found"]
    value, half = seed["figures"]["autoencoder"]
    assert value > 3 and half is None
    assert seed["trainings"]["hinton2006"]["steps"] == 3
    text = (tmp_path / "r/reproduction.md").read_text()
    assert "worse by" in text and "Hinton and Salakhutdinov 2006" in text
    assert list((tmp_path / "r/reproduction_files").glob("*.svg"))

    # The same again trains and measures nothing; rows of before stay; more seeds have an interval.
    kept = found | {"bits": found["hinton2006"]}
    (tmp_path / "r/reproduction.json").write_text(json.dumps(kept))
    with monkeypatch.context() as patch:
        never(patch, train, "train")
        never(patch, paper_measures, "measure")
        assert main.run(["reproduce", "hinton2006", "--out", "r"]) == 0
    assert "bits" in json.loads((tmp_path / "r/reproduction.json").read_text())
    capsys.readouterr()
    assert main.run(["reproduce", "hinton2006", "--seeds", "2", "--out", "r"]) == 0
    out = capsys.readouterr().out
    assert "training hinton2006-3-seed-1" in out and "training hinton2006-3-seed-0" not in out
    assert "±" in out

    # Where one process trains, what is left of one shape is one program.
    assert main.run(["reproduce", "hinton2006", "--seeds", "4", "--out", "r"]) == 0
    together = "in one program: training hinton2006-3-seed-2, training hinton2006-3-seed-3"
    assert together in capsys.readouterr().out

    # Other steps stand beside, and what the row had is not trained again.
    assert main.run(["reproduce", "hinton2006", "--steps", "2", "--out", "r"]) == 0
    found = json.loads((tmp_path / "r/reproduction.json").read_text())
    assert {"hinton2006", "hinton2006 --steps 2", "bits"} == set(found)
    text = (tmp_path / "r/reproduction.md").read_text()
    assert text.count("Hinton and Salakhutdinov 2006") == 2
    with monkeypatch.context() as patch:
        never(patch, train, "train")
        never(patch, paper_measures, "measure")
        assert main.run(["reproduce", "hinton2006", "--seeds", "2", "--out", "r"]) == 0


@pytest.mark.parametrize(
    "args, said",
    [
        ([], "which row"),
        (["hinton"], "did you mean hinton2006"),
        (["hinton2006", "--steps", "3", "--full"], "exclude each other"),
        (["hinton2006", "--seeds", "0"], "--seeds 0 cannot be"),
    ],
)
def test_what_cannot_be_reproduced_is_one_sentence(args, said, here):
    with pytest.raises(UserError, match=said):
        main.run(["reproduce", *args])


def test_the_rows_are_told(capsys):
    assert main.run(["reproduce", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(row.name in out for row in ROWS)
