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
from jaxgen.experiments import paper_measures, papers, runs, train
from jaxgen.experiments.paper_measures import MEASURES, QUADRANTS, hidden_nats, quadrants
from jaxgen.experiments.papers import ROWS
from jaxgen.experiments.reproduction import Reproduction, judged, ranked
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Context
from jaxgen.families import base
from jaxgen.training import published
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
    recipe = config.recipe("vae")
    images, same = families.build(recipe).inputs(greys, key)
    assert images is greys and same is key
    binary = families.build(
        dataclasses.replace(recipe, net=dataclasses.replace(recipe.net, binarise=True))
    )
    images, other = binary.inputs(greys, key)
    assert set(np.unique(images)) == {0.0, 1.0}
    assert float(images.mean()) == pytest.approx(0.25, abs=0.005)
    again, _ = binary.inputs(greys, other)
    assert not np.array_equal(images, again)
    with pytest.raises(UserError, match=r"bernoulli for --net\.binarise"):
        dataclasses.replace(recipe.net, binarise=True, likelihood="gaussian")


@pytest.mark.parametrize("model", ["vae", "cvae"])
def test_black_and_white_digits_are_what_is_trained_on(model):
    """Of all grey 0.5 a fair coin a pixel is left; of all black nothing changes."""
    recipe = small(model)
    black = base.Batch(jnp.zeros((8, 28, 28, 1)), jnp.zeros(8, jnp.int32))
    half = black._replace(images=jnp.full((8, 28, 28, 1), 0.5))
    found = []
    for binarise in (False, True):
        net = dataclasses.replace(recipe.net, binarise=binarise, network="dense", layers=(16,))
        family = families.build(dataclasses.replace(recipe, net=net))
        variables = jax.jit(family.init)(jax.random.key(0))
        loss = jax.jit(functools.partial(family.loss, player="model"))
        key = jax.random.key(1)
        found.append([float(loss(variables, batch, key)[0]) for batch in (black, half)])
    assert found[0][0] == pytest.approx(found[1][0], rel=0.05)  # other draws of the code
    assert found[0][1] != found[1][1]


@pytest.mark.parametrize(
    ("published", "value", "half", "better", "verdict"),
    [
        (3.0, 2.9, math.inf, -1, "reached"),
        (3.0, 3.2, 0.3, -1, "not separable"),
        (3.0, 3.2, 0.1, -1, "worse by 0.2"),
        (3.0, 3.2, math.inf, -1, "worse by 0.2"),
        (200.0, 225.0, 1, 1, "reached"),
        (200.0, 190.0, 1, 1, "worse by 10"),
    ],
)
def test_a_verdict_says_whether_a_number_is_reached(published, value, half, better, verdict):
    assert judged(published, Estimate(value, value - half, value + half, 3), better) == verdict


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


def test_what_is_hidden_costs_what_its_pixels_do(monkeypatch):
    """Of a network whose weights are 0 the code says nothing, and a pixel costs log 2."""
    monkeypatch.setattr(paper_measures, "BOUNDS", 2)
    recipe = small("cvae")
    net = dataclasses.replace(recipe.net, part="quadrants", network="dense", layers=(16,))
    recipe = dataclasses.replace(recipe, net=net)
    family = families.build(recipe)
    shapes = jax.eval_shape(family.init, jax.random.key(0))
    variables = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    digits = data.load("mnist").test
    few = Split(digits.images[:20], digits.labels[:20])
    nats = hidden_nats(Trained(family, variables, 1), few, quadrants(QUADRANTS[1]))
    assert nats == pytest.approx(588 * math.log(2), rel=1e-4)


@pytest.fixture
def few(monkeypatch, here):
    """A tiny recipe, few digits, one process."""
    monkeypatch.setattr(devices, "workers", lambda: 1)
    train, test = mnist.raw()
    cut = Split(*(part[:1200] for part in train)), Split(*(part[:100] for part in test))
    monkeypatch.setattr(mnist, "raw", lambda: cut)
    recipe = small("ae", model="hinton2006", data="mnist", steps=3)
    monkeypatch.setattr(config, "recipe", lambda name: recipe)
    monkeypatch.setattr(published, "shipped", lambda: [])  # of real recipes
    return here


def test_a_row_from_beginning_to_end(few, capsys):
    def reproduce(*more: str) -> tuple[dict, str]:
        """The findings, and what is said."""
        assert main.run(["reproduce", "hinton2006", "--out", "r", *more]) == 0
        return json.loads((few / "r/reproduction.json").read_text()), capsys.readouterr().out

    found, said = reproduce()
    assert "hinton2006  autoencoder  3" in said
    (seed,) = found["hinton2006"]["found"]
    value, half = seed["figures"]["autoencoder"]
    assert value > 3 and half is None
    assert seed["trainings"]["hinton2006"]["steps"] == 3
    text = (few / "r/reproduction.md").read_text()
    assert "worse by" in text and "Hinton and Salakhutdinov 2006" in text
    assert list((few / "r/reproduction_files").glob("*.svg"))

    # The same again trains and measures nothing; rows of before stay.
    kept = found | {"bits": found["hinton2006"]}
    (few / "r/reproduction.json").write_text(json.dumps(kept))
    former = few / "r/reproduction_files/99.svg"
    former.write_text("a chart that the report no longer has")
    found, said = reproduce()
    assert "bits" in found and "about" not in said and not former.exists()

    # More seeds have an interval; where one process trains, what is of one shape is one program.
    _, said = reproduce("--seeds", "3")
    assert "2 trainings, 2 measurements, about" in said and "±" in said
    together = "in one program: training hinton2006-3-seed-1, training hinton2006-3-seed-2"
    assert together in said

    # Other steps stand beside, and what the row had is not trained again.
    found, said = reproduce("--steps", "2")
    assert {"hinton2006", "hinton2006 --steps 2", "bits"} == set(found)
    assert "1 training, 1 measurement, about" in said
    text = (few / "r/reproduction.md").read_text()
    assert text.count("Hinton and Salakhutdinov 2006") == 2
    found, said = reproduce("--seeds", "2")
    assert found["hinton2006"]["seeds"] == [0, 1, 2] and "about" not in said


def test_the_models_that_ship_are_measured_and_not_trained_again(here, capsys, monkeypatch):
    def measure(models, digits, seed, progress):
        return {
            "AE, mixture of ten": exact(float(models["ae"].step)),
            "VAE, N(0, I)": exact(float(models["vae"].step)),
        }

    monkeypatch.setattr(devices, "workers", lambda: 1)
    monkeypatch.setitem(MEASURES, "ghosh2020", measure)
    assert main.run(["reproduce", "ghosh2020", "--out", "r"]) == 0
    steps = config.recipe("ae").steps
    said = capsys.readouterr().out
    assert "jaxgen/weights/ae, which comes with jaxgen, is taken" in said and "step 1" not in said
    found = json.loads((here / "r/reproduction.json").read_text())["ghosh2020"]["found"]
    assert found[0]["figures"]["AE, mixture of ten"][0] == steps
    assert found[0]["trainings"]["ae"]["ships"] and not list(here.glob("r/runs/*"))
    assert "the model that ships; vae" in (here / "r/reproduction.md").read_text()
    row = papers.named("ghosh2020")
    known = runs.find(here / "r/runs")
    other = Reproduction((row,), 2, None, False, here / "r")._measuring(row, 1, known)
    assert [trial.function for trial in other.after] == [train.train, train.train]


def test_a_worker_that_does_not_see_the_finished_run_trains(few):
    recipe = config.recipe("hinton2006")
    context = Context(Store(few / "r", print), lambda *_: None, print)
    training = train.find_or_train(context, recipe, "anew")
    assert training.figures["run"] == f"{few / 'r/runs/anew'}"
    assert train.find_or_train(context, recipe, "other").figures["run"].endswith("anew")


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
