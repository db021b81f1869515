"""The training of a recipe as pure functions: the state, a step, and many steps in one call of the
device."""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import lax

from jaxgen import devices, families
from jaxgen.arrays import Batch, Key, Params
from jaxgen.config import Config
from jaxgen.families.base import Family, Metrics, Variables
from jaxgen.images import to_float
from jaxgen.training import optimisers

# The key of the first weights is the seed's key folded with this number; steps fold in their own.
INIT = 2**32 - 1


class State(struct.PyTreeNode):
    """Everything that training changes, and that a checkpoint holds: arrays only."""

    step: jax.Array  # int32, the number of steps taken
    variables: Variables
    ema: dict[str, Params]  # average of the params, for sampling
    opt: dict[str, optax.OptState]  # by player

    @property
    def averaged(self) -> Variables:
        """The variables with the averaged weights, which draw images."""
        return self.variables.replace(params=self.ema)


@dataclass(frozen=True, eq=False)
class Trainer:
    """The family of a recipe, an optimiser for each player, and pure functions of the state.

    All randomness comes from the seed of the recipe. Under ``vmap`` the seed and other numbers of
    the recipe may be traced (``stack``).
    """

    config: Config

    @functools.cached_property
    def family(self) -> Family:
        return families.build(self.config)

    @functools.cached_property
    def optimisers(self) -> dict[str, optax.GradientTransformation]:
        """An optimiser for each player."""
        order, scale = self.family.update_order, self.family.lr_scale
        optim, steps = self.config.optim, self.config.steps
        return {
            player: optimisers.build(optim, steps, order.count(player), scale.get(player, 1.0))
            for player in dict.fromkeys(order)
        }

    def init(self) -> State:
        """The state before the first step."""
        variables = self.family.init(jax.random.fold_in(self._key, INIT))
        opt = {
            player: self.optimisers[player].init(params)
            for player, params in variables.params.items()
        }
        # A copy, since the step donates both, and a buffer cannot be donated twice.
        return State(jnp.int32(0), variables, jax.tree.map(jnp.copy, variables.params), opt)

    def abstract(self, shard_params: bool = False) -> State:
        """Shapes, types and shardings of a state, without computing it: each array is whole on
        every device, or large arrays are split over the devices (``devices.split_large``)."""

        return jax.tree.map(
            lambda leaf: leaf.update(sharding=devices.place(leaf.shape, shard_params)),
            jax.eval_shape(self.init),
        )

    def turn(
        self, state: State, batch: Batch, key: Key, player: str | None
    ) -> tuple[State, Metrics]:
        """One update of the params of ``player`` on a batch, or of all players for None; the other
        players stay unchanged."""
        all_params, all_opt = state.variables.params, state.opt
        players = (player,) if player else tuple(self.optimisers)

        def loss(params):
            # Params that are split over the devices are gathered for the loss, and again for its
            # gradient; else the compiler would move the activations, which are larger.
            params = lax.with_sharding_constraint(all_params | params, devices.whole())
            variables = state.variables.replace(params=params)
            return self.family.loss(variables, batch, key, player=player)

        own = {name: all_params[name] for name in players}
        grads, (stats, metrics) = jax.grad(loss, has_aux=True)(own)
        for name in players:
            updates, opt = self.optimisers[name].update(grads[name], state.opt[name], own[name])
            all_params = all_params | {name: optax.apply_updates(own[name], updates)}
            all_opt = all_opt | {name: opt}
            log = "grad_norm" if len(state.opt) == 1 else f"{name}/grad_norm"
            metrics = metrics | {log: optax.tree.norm(grads[name])}
        return state.replace(variables=Variables(all_params, stats), opt=all_opt), metrics

    def step(self, state: State, batch: Batch) -> tuple[State, Metrics]:
        """One step: the turns of all players in order."""
        key_step = jax.random.fold_in(self._key, state.step)
        turns = (None,) if self.family.learns_at_once else self.family.update_order
        metrics = {}
        for turn, player in enumerate(turns):
            # The first turns of all players have one key, and so on: what is alike in them, such as
            # the images that a GAN generates for both, is computed once.
            key = jax.random.fold_in(key_step, turns[:turn].count(player))
            state, logs = self.turn(state, batch, key, player)
            metrics |= logs
        # A short average at first, so that it does not include the first weights.
        decay = jnp.minimum(self.config.optim.ema, 1 - (1.0 + state.step) ** -0.75)
        averaged = optax.incremental_update(state.variables.params, state.ema, 1 - decay)
        return state.replace(step=state.step + 1, ema=averaged), metrics

    def advance(
        self,
        state: State,
        images: jax.Array,
        labels: jax.Array,
        indices: jax.Array,
        count: jax.Array,
    ) -> tuple[State, Metrics]:
        """Take ``count`` steps in one call; the metrics of all steps are [k].

        ``images`` uint8 [n, h, w, c] and ``labels`` [n] are all training digits, ``indices`` [k, b]
        the batches of the next k steps. Rows from ``count`` on are skipped, so that one compiled
        program takes any number of steps up to k. The numbers do not depend on where a block ends.
        """

        def step(state, row):
            batch = Batch(to_float(images[row]), labels[row])
            return self.step(state, lax.with_sharding_constraint(batch, devices.split()))

        shapes = jax.eval_shape(step, state, indices[0])[1]

        def maybe(state, numbered):
            number, row = numbered

            def skip(state):
                return state, jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

            return lax.cond(number < count, lambda state: step(state, row), skip, state)

        return lax.scan(maybe, state, (jnp.arange(len(indices)), indices))

    @property
    def _key(self) -> Key:
        return jax.random.key(self.config.seed)
