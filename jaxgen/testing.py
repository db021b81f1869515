"""The contract of a family, to check one of your own by.

    jaxgen.register("flow.py")
    jaxgen.testing.check_family(jaxgen.recipe("flow"))

Each clause is a function of a ``Subject``, whose docstring is the clause. It raises AssertionError,
with what was found, where the family does not keep it.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export

from jaxgen import densities, devices, sampling
from jaxgen.arrays import ANY, IMAGE, Batch
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.families.base import Family
from jaxgen.families.capabilities import Encodes
from jaxgen.training import optimisers
from jaxgen.training.trainer import State, Trainer

BATCH = 8  # images, or a few more where the devices do not divide it
STEPS = 30  # of learning from one batch


class Subject:
    """A family after no step of training, and a batch of random images."""

    def __init__(self, config: Config):
        self.config, self.key = config, jax.random.key(7)
        self.trainer = Trainer(config)
        self.size = devices.round_up(BATCH)
        images = jax.random.uniform(jax.random.key(1), (self.size, *IMAGE))
        self.batch = Batch(images, jnp.arange(self.size, dtype=jnp.int32) % self.family.classes)

    @property
    def family(self) -> Family:
        return self.trainer.family

    @functools.cached_property
    def state(self) -> State:
        return jax.jit(self.trainer.init)()

    def loss(self, own, player):
        """The loss of a player for its params ``own``; the others have their first."""
        params = self.state.variables.params | {player: own}
        variables = self.state.variables.replace(params=params)
        return self.family.loss(variables, self.batch, self.key, player=player)

    def draw(self, labels, seed, indices=None, chunk=BATCH):
        variables = self.state.variables
        return sampling.draw(self.family, variables, labels, seed, indices, chunk)


def check_family(config: Config) -> None:
    """Check that the family of a recipe keeps the contract that all of jaxgen relies on: every
    clause of ``CLAUSES``. Compiles some small programs, a minute for a large network.

    Raises UserError with the first clause that it breaks.
    """
    devices.adopt(batch=BATCH)
    subject = Subject(config)
    for clause in CLAUSES:
        try:
            clause(subject)
        except AssertionError as error:
            text = " ".join(f"{clause.__doc__}".split()).rstrip(".")
            found = f" ({error})" if f"{error}" else ""
            raise UserError(
                f"{type(subject.family).__name__} breaks the contract of a family: {text}{found}"
            ) from error


def same(a, b) -> bool:
    """Whether two trees hold the same arrays, bit for bit."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(jnp.array_equal(x, y) for x, y in pairs)


def players_have_params(subject: Subject) -> None:
    """Each player of update_order has its params, and lr_scale names players only."""
    order = set(subject.family.update_order)
    held = set(subject.state.variables.params)
    assert held == order, f"the params are of {held}, update_order has {order}"
    assert set(subject.family.lr_scale) <= order, f"lr_scale has {set(subject.family.lr_scale)}"


def variables_are_dictionaries_of_arrays(subject: Subject) -> None:
    """Params and stats are nested dictionaries of arrays, and stats may hold Densities too, so that
    they can be saved by name."""
    variables = subject.state.variables
    saved = variables.params, densities.to_saved(variables.stats)
    for tree in saved:
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
            names = [key.key for key in path if isinstance(key, jax.tree_util.DictKey)]
            place = jax.tree_util.keystr(path)
            assert len(names) == len(path), f"the place of an array is {place}"
            assert all(isinstance(name, str) for name in names), f"a name in {place} is no string"
            assert isinstance(leaf, jax.Array), f"{place} is {leaf!r}"


def losses_are_finite_scalars(subject: Subject) -> None:
    """The loss of each player is one finite number, its metrics are too, stats keep their form, and
    no two players have a metric of one name."""
    seen = set()
    for player in dict.fromkeys(subject.family.update_order):
        loss = jax.jit(functools.partial(subject.loss, player=player))
        value, (stats, metrics) = loss(subject.state.variables.params[player])
        assert value.shape == (), f"the loss of {player} has shape {value.shape}"
        for name, number in {"the loss": value, **metrics}.items():
            assert jnp.isfinite(number).all(), f"{name} of {player} is {number}"
        before, after = map(jax.tree.structure, (subject.state.variables.stats, stats))
        assert before == after, f"the stats of {player} become {after}"
        assert not seen & set(metrics), f"{seen & set(metrics)} is of two players"
        seen |= set(metrics)


def a_turn_changes_its_own_player_only(subject: Subject) -> None:
    """The turn of a player changes its own params, and no others."""
    turn = jax.jit(subject.trainer.turn, static_argnames="player")
    before = subject.state
    for player in dict.fromkeys(subject.family.update_order):
        after, _ = turn(before, subject.batch, subject.key, player=player)
        for other in dict.fromkeys(subject.family.update_order):
            stays = same(after.variables.params[other], before.variables.params[other])
            assert stays == (other != player), f"after {player}, {other} stays: {stays}"
            assert same(after.opt[other], before.opt[other]) == (other != player)


def the_loss_falls(subject: Subject) -> None:
    """The loss of each player falls on one batch while the others stand still."""
    optim = dataclasses.replace(subject.config.optim, rate=2e-3, warmup=0, horizon=None)
    for player in dict.fromkeys(subject.family.update_order):
        loss_of = functools.partial(subject.loss, player=player)
        optimiser = optimisers.build(optim, 100)

        def learn(carry, _, loss_of=loss_of, optimiser=optimiser):
            own, opt = carry
            updates, opt = optimiser.update(jax.grad(loss_of, has_aux=True)(own)[0], opt, own)
            return (jax.tree.map(jnp.add, own, updates), opt), None

        first = subject.state.variables.params[player]
        start = (first, optimiser.init(first))
        (own, _), _ = jax.jit(lambda start, f=learn: jax.lax.scan(f, start, length=STEPS))(start)
        before, after = (jax.jit(loss_of)(params)[0] for params in (first, own))
        found = f"that of {player} goes from {before:.4g} to {after:.4g} in {STEPS} steps"
        assert after < before - 1e-3 * abs(before), found


def many_steps_in_a_call_are_the_same_steps(subject: Subject) -> None:
    """Four train steps in one call, in two and in four give the same bits."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, *IMAGE), np.uint8)
    digits = rng.integers(0, 10, 40, np.int32)
    indices = rng.integers(0, 40, (4, subject.size), np.int32)
    whole = devices.whole()  # as training has it
    advance = jax.jit(subject.trainer.advance, donate_argnums=0, out_shardings=whole)

    def place(tree):
        return jax.tree.map(lambda a: jax.device_put(np.array(a), whole), tree)

    images, digits = place((images, digits))

    def walk(*counts):
        now, logs, begin = place(subject.state), [], 0
        for count in counts:
            rows = np.zeros_like(indices)
            rows[:count] = indices[begin : begin + count]
            rows = jax.device_put(rows, devices.split(1))
            now, metrics = advance(now, images, digits, rows, place(np.int32(count)))
            logs.append(jax.tree.map(lambda x, count=count: np.asarray(x)[:count], metrics))
            begin += count
        return now, jax.tree.map(lambda *parts: np.concatenate(parts), *logs)

    at_once, logs = walk(4)
    assert int(at_once.step) == 4
    assert not same(at_once.variables.params, subject.state.variables.params), "nothing changes"
    for counts in ((1, 1, 1, 1), (2, 2), (3, 1)):
        parts, part_logs = walk(*counts)
        assert same(at_once, parts) and same(logs, part_logs), f"calls of {counts} steps differ"


def samples_are_images(subject: Subject) -> None:
    """Samples are float32 [n, 28, 28, 1] in [0, 1], of the last class and of any too."""
    drawn = subject.draw(np.array([0, subject.family.classes - 1, ANY], np.int32), 5)
    assert drawn.shape == (3, *IMAGE), f"they are {drawn.shape}"
    assert drawn.dtype == np.float32, f"they are {drawn.dtype}"
    inside = drawn.min() >= 0 and drawn.max() <= 1
    assert inside, f"they are in [{drawn.min():.4g}, {drawn.max():.4g}]"


def samples_depend_on_seed_index_and_label_alone(subject: Subject) -> None:
    """A sample depends on the seed, its index and its label, and on no other sample."""
    classes = np.arange(4, dtype=np.int32) % subject.family.classes
    wanted = np.tile(np.append(classes, np.int32(ANY)), 3)
    many = subject.draw(wanted, 5)
    assert np.array_equal(subject.draw(wanted[:3], 5), many[:3]), "fewer are others"
    later = subject.draw(wanted[BATCH:], 5, np.arange(BATCH, len(wanted)))
    assert np.array_equal(later, many[BATCH:]), "those at later indices are others"
    assert not np.array_equal(subject.draw(wanted, 6), many), "another seed draws the same"
    wide, narrow = (subject.draw(wanted[:12], 5, chunk=chunk) for chunk in (12, 4))
    difference = np.abs(wide - narrow).max()
    assert difference < 1e-4, f"in chunks of 12 and of 4 they differ by {difference:.2g}"


def latents_have_an_axis_of_images(subject: Subject) -> None:
    """Latents have the images along their first axis, drawn and encoded ones alike; decode takes
    labels that are weights of digits too."""
    family, variables = subject.family, subject.state.variables
    keys = jax.vmap(jax.random.key)(jnp.arange(subject.size))
    labels = subject.batch.labels
    drawn = jax.eval_shape(family.prior, variables, family.noise(keys), labels)
    for wanted in (labels, subject.family.soft(labels)):
        images = jax.eval_shape(family.decode, variables, drawn, wanted, keys)
        assert images.shape == (subject.size, *IMAGE), f"decode gives {images.shape}"
    found = {"prior": drawn}
    if isinstance(family, Encodes):
        found["encode"] = jax.eval_shape(family.encode, variables, *subject.batch)
        form, ours = map(_form, (drawn, found["encode"]))
        assert form == ours, f"prior gives {form} and encode {ours}"
    for name, latents in found.items():
        for leaf in jax.tree.leaves(latents):
            assert leaf.shape[:1] == (subject.size,), f"{name} gives an array {leaf.shape}"


def any_number_of_images_can_be_traced(subject: Subject) -> None:
    """Sampling and encoding can be traced for a number of images that is not known: they use
    ``x.shape[0]``, and not ``len(x)``."""
    (n,) = jax_export.symbolic_shape("n")
    keys = jax.ShapeDtypeStruct((n,), subject.key.dtype)
    labels = jax.ShapeDtypeStruct((n,), jnp.int32)
    images = jax.ShapeDtypeStruct((n, *IMAGE), jnp.float32)
    family, variables = subject.family, subject.state.variables
    calls: dict[str, tuple[Any, ...]] = {"sample": (family.sample, keys, labels)}
    if isinstance(family, Encodes):
        calls["encode"] = (family.encode, images, labels)
    for name, (function, *rest) in calls.items():
        try:
            jax_export.export(jax.jit(functools.partial(function, variables)))(*rest)
        except (TypeError, jax.errors.JAXTypeError) as error:
            raise AssertionError(f"{name}: {f'{error}'.splitlines()[0]}") from error


def _form(tree):
    return jax.tree.map(lambda leaf: (leaf.shape, f"{leaf.dtype}"), tree)


CLAUSES: tuple[Callable[[Subject], None], ...] = (
    players_have_params,
    variables_are_dictionaries_of_arrays,
    losses_are_finite_scalars,
    a_turn_changes_its_own_player_only,
    the_loss_falls,
    many_steps_in_a_call_are_the_same_steps,
    latents_have_an_axis_of_images,
    samples_are_images,
    samples_depend_on_seed_index_and_label_alone,
    any_number_of_images_can_be_traced,
)
