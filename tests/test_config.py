"""Settings and recipes: every recipe builds, survives JSON, and refuses what cannot be."""

import dataclasses
import importlib
import json
import re

import jax
import pytest

from jaxgen import config, families
from jaxgen.errors import UserError


@pytest.fixture(params=config.names())
def recipe(request) -> config.Config:
    return config.recipe(request.param)


def test_every_recipe_builds_a_family_with_weights(recipe):
    shapes = jax.eval_shape(families.build(recipe).init, jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes.params)) > 1000


def test_every_recipe_says_its_command_and_what_to_expect(recipe):
    card = card_of(recipe.model)
    assert f"bin/train --model {recipe.model}" in card
    assert re.search(r"\d+(\.\d+)? minutes? ", card) and re.search(r"\d+(\.\d+)? (%|N)", card)


@pytest.mark.parametrize("name", [*config.names(), *(f"papers.{name}" for name in config.papers())])
def test_a_card_has_twelve_lines_at_most(name):
    assert 1 < len([line for line in card_of(name).splitlines() if line]) <= 12


def card_of(name: str) -> str:
    return importlib.import_module(f"jaxgen.configs.{name}").__doc__


def test_settings_survive_json(recipe):
    assert config.from_dict(json.loads(json.dumps(config.to_dict(recipe)))) == recipe


def test_every_setting_has_a_help_text(recipe):
    """The text after a field, which the command line shows."""
    import inspect

    for part in (recipe, recipe.net, recipe.sampling, recipe.optim):
        kinds = [kind for kind in type(part).__mro__ if kind is not object]
        source = "".join(map(inspect.getsource, kinds))
        for field in dataclasses.fields(part):
            if not dataclasses.is_dataclass(getattr(part, field.name)):
                assert re.search(rf'\n    {field.name}: [^\n]*\n    """', source), field.name


def test_differences_are_named_as_flags(recipe):
    other = dataclasses.replace(recipe, seed=5, optim=dataclasses.replace(recipe.optim, b2=0.5))
    assert config.differences(other, recipe) == [
        f"--optim.b2 0.5 (was {recipe.optim.b2})",
        f"--seed 5 (was {recipe.seed})",
    ]
    assert config.differences(recipe, recipe) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 0), ("steps", -1), ("batch", 0), ("seed", -1), ("seed", 2**32), ("log_every", 0)],
)
def test_impossible_settings_are_refused_with_their_value(recipe, name, value):
    with pytest.raises(UserError, match=rf"--{name.replace('_', '-')} {value} "):
        dataclasses.replace(recipe, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("rate", 0.0), ("warmup", -1), ("horizon", 0), ("b2", 1.0), ("clip", -1.0)]
)
def test_impossible_optimisers_are_refused(name, value):
    with pytest.raises(UserError, match=rf"--optim.{name} {value} "):
        config.Optim(**{name: value})


def test_a_model_that_is_not_there_is_suggested():
    with pytest.raises(UserError, match="did you mean ddpm"):
        config.recipe("dpm")


def test_a_setting_of_another_version_is_refused():
    values = config.to_dict(config.recipe("ddpm")) | {"colour": "red"}
    with pytest.raises(UserError, match="'colour'"):
        config.from_dict(values)


def test_a_setting_that_came_later_changes_no_run():
    """The recipe uses it, but a run of before is as it was."""
    settings = config.to_dict(config.recipe("ddpm"))
    assert settings["net"].pop("gaussian") > 0
    assert config.from_dict(settings).net.gaussian == 0
    assert config.from_dict(settings).net.width == config.recipe("ddpm").net.width


def test_a_recipe_without_a_format_is_of_the_former_split():
    settings = config.to_dict(config.recipe("ae"))
    assert settings.pop("format") == config.FORMAT
    assert config.from_dict(settings).data == "strided:mnist"
    with pytest.raises(UserError, match="format 9"):
        config.from_dict({**settings, "format": 9})
