"""What the page computes of a model: its functions, each a graph without weights, and the tables
that lead from one to the next.

All mathematics stays here. The page draws random bits as JAX does, runs graphs, and combines images
by the coefficients of ``diffusion.samplers``.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.apps import diffuse
from jaxgen.apps.export import functions
from jaxgen.apps.export.functions import IMAGES, LABELS, Function
from jaxgen.arrays import IMAGE
from jaxgen.diffusion import samplers
from jaxgen.evaluation.judge import Judge
from jaxgen.families import gan
from jaxgen.families.base import Family, Fitted, Guided, split
from jaxgen.families.capabilities import Encodes, HasPriorDensity, Quantises, Transfers
from jaxgen.families.ddpm import DDPM
from jaxgen.page import repairs
from jaxgen.page.repairs import WEIGHT
from jaxgen.training.trained import Trained

STEPS = {  # of each sampler that the page offers
    "fast": (2, 3, 4, 5, 6, 8),
    "dpmpp": (5, 8, 10, 15, 20, 50),
    "ddim": (5, 10, 20, 50, 100),
    "ancestral": (20, 50, 100, 250),
}

Draw = dict[str, Any]


class Plan(NamedTuple):
    """What the page has of a model."""

    functions: dict[str, Function]
    facts: dict[str, Any]  # for the page, as JSON

    def with_facts(self, **more: Any) -> "Plan":
        return self._replace(facts=self.facts | more)


def of(model: Trained) -> Plan:
    """The plan of a model of one of the six families."""
    family = model.family
    if isinstance(family, DDPM):
        return _of_diffusion(model, family)
    is_guided = isinstance(family, Guided)
    draw = _guided_sampler if is_guided else functions.sampler_from_noise
    found = {"sampler": draw(model)}
    if isinstance(family, Encodes) and not family.encodes_iteratively:
        found |= {"encoder": functions.encoder(model), "decoder": functions.decoder(model)}
        found["between"] = _between(model)
        if isinstance(family, Transfers):
            found["convert"] = _convert(model)
    facts: dict[str, Any] = {"noise": noise(family)}
    if isinstance(family, Quantises):
        found |= repairs.of_codes(model)
        facts["codes"] = {"side": family.config.grid, "size": family.quantiser.size}
    elif isinstance(family, HasPriorDensity):
        found |= repairs.of_search(model)
        facts["search"] = repairs.SEARCH
        if isinstance(family, gan.GAN):
            facts["code"] = repairs.SEARCH | _code_search()
    if is_guided:
        facts["guidance"] = family.sampling.guidance
    return Plan(found, facts)


def _code_search() -> dict[str, float]:
    """The search of a GAN for the code of an image. Its objective, |error|^2 + TYPICAL |z|^2, is
    that of pixels with the variance TYPICAL."""
    return {
        "candidates": gan.CANDIDATES,
        "starts": gan.STARTS,
        "steps": gan.SEARCH_STEPS,
        "rate": gan.SEARCH_RATE,
        "rough": gan.TYPICAL**0.5,
    }


def of_coder(model: Trained) -> Plan:
    """The encoder and the decoder of a model alone."""
    found = {"encoder": functions.encoder(model), "decoder": functions.decoder(model)}
    return Plan(found, {"noise": []})


def of_judge(judge: Judge) -> Plan:
    """The judge, which says what an image shows."""

    def apply(variables, images):
        return (jax.nn.softmax(judge.network.apply(variables, images)[0]),)

    def example(keys, labels):
        return (jax.vmap(lambda key: jax.random.uniform(key, IMAGE))(keys),)

    function = Function(judge.variables, apply, {"images": IMAGES}, ("probabilities",), example)
    return Plan({"judge": function}, {})


def noise(family: Family) -> list[Draw]:
    """How ``family.noise`` draws: for each array its name, its distribution and shape for one
    image, and the way from the image's key to its own: ``[n, i]`` is the i-th of n keys that the
    key is split into. With ``each``, row i of so many is drawn with ``fold_in(key, i)``. One of
    ``span`` digits is drawn."""
    if isinstance(family, Quantises):
        net = family.prior_net
        return [_draw("gumbel", "gumbel", [net.codes], each=net.side**2)]
    config: Any = getattr(family, "config", None)
    if isinstance(family, DDPM):
        return [_draw("normal", "normal", IMAGE)]
    if isinstance(family, gan.GAN):
        return [
            _draw("normal", "normal", [config.latents], [2, 0]),
            _draw("digit", "digit", [], [2, 1], span=family.classes),
        ]
    if isinstance(family, Fitted) and family.sampling.prior == "fitted":
        return [
            _draw("gumbel_digit", "gumbel", [family.classes], [3, 0]),
            _draw("gumbel_component", "gumbel", [config.components], [3, 1]),
            _draw("normal", "normal", [config.latents], [3, 2]),
        ]
    return [_draw("normal", "normal", [config.latents])]


def _draw(name: str, kind: str, shape: Any, *path: list[int], each: int = 0, span: int = 0) -> Draw:
    own = {"name": name, "kind": kind, "shape": list(shape), "path": list(path)}
    return own | {"each": each, "span": span}


def _with_guidance(family: Guided, weight: jax.Array) -> Any:
    """The family with a guidance that is traced."""
    _, form = jax.tree.flatten(family.with_sampling(guidance=2.0))
    return jax.tree.unflatten(form, [weight])


def _guided_sampler(model: Trained) -> Function:
    """The sampler from noise, with the guidance as an input."""
    plain, family = functions.sampler_from_noise(model), model.family
    assert isinstance(family, Guided)
    names = [name for name in plain.inputs if name != "labels"]

    def apply(variables, *arrays):
        *drawn, labels, weight = arrays
        guided = _with_guidance(family, weight[0])
        latents = guided.prior(variables, dict(zip(names, drawn, strict=True)), labels)
        return (guided.decode(variables, latents, labels, functions.no_keys(labels)),)

    def example(keys, labels):
        return *plain.example(keys, labels), jnp.full(labels.shape, family.sampling.guidance)

    return Function(
        model.variables, apply, plain.inputs | {"guidance": WEIGHT}, ("images",), example
    )


def _convert(model: Trained) -> Function:
    """Images of the digits ``sources`` as the digits ``targets`` in the same hand."""
    transfers: Any = model.family
    encoder, decoder = transfers.for_transfer()

    def apply(variables, images, sources, targets):
        latents = encoder.encode(variables, images, sources)
        latents = transfers.transfer(variables, latents, sources, targets)
        return (decoder.decode(variables, latents, targets, functions.no_keys(targets)),)

    def example(keys, labels):
        labels = labels % transfers.classes
        images = transfers.sample(model.variables, keys, labels)
        return images, labels, (labels + 1) % transfers.classes

    inputs = {"images": IMAGES, "sources": LABELS, "targets": LABELS}
    return Function(model.variables, apply, inputs, ("converted",), example)


def _between(model: Trained) -> Function:
    """Images on the way from ``starts`` of the digits ``sources`` to ``ends`` of ``targets``, at
    ``t`` in [0, 1]."""
    family: Any = model.family

    def apply(variables, starts, ends, sources, targets, t):
        first = family.encode(variables, starts, sources)
        last = family.encode(variables, ends, targets)
        keys = functions.no_keys(sources)
        return (family.interpolate(variables, first, last, (sources, targets), t, keys),)

    def example(keys, labels):
        labels = labels % family.classes
        images = family.sample(model.variables, keys, labels)
        t = jnp.linspace(0, 1, labels.shape[0])
        return images, images[::-1], labels, labels[::-1], t

    inputs = {
        "starts": IMAGES,
        "ends": IMAGES,
        "sources": LABELS,
        "targets": LABELS,
        "t": WEIGHT,
    }
    return Function(model.variables, apply, inputs, ("images",), example)


def _of_diffusion(model: Trained, family: Any) -> Plan:
    """Of diffusion the page has the denoiser, and the tables of steps."""
    guided = _denoiser(model, family.with_sampling(sampler="dpmpp"))
    found = {"network": functions.network(model), "denoiser": guided}
    found |= repairs.of_diffusion(model, family.with_sampling(sampler="dpmpp"))
    offered = ["dpmpp", "ddim", "ancestral"]
    if family.config.gaussian:
        fast = family.with_sampling(sampler="fast", guidance=2.0)
        found |= {"fast": _denoiser(model, fast), "start": _start(model, fast)}
        offered.insert(0, "fast")
    inversion = family.for_inversion()
    encoder, decoder = family.for_transfer()
    diffusion = {
        "sampler": family.sampling.sampler,
        "steps": family.sampling.steps,
        "tables": {
            name: {
                count: _table(family.with_sampling(sampler=name, steps=count).steps())
                for count in _counts(family, name)
            }
            for name in offered
        },
        "inversion": {"forth": _backwards(inversion), "back": _table(inversion.steps())},
        "transfer": {
            "forth": _backwards(encoder),
            "back": _table(decoder.steps()),
            "guidance": decoder.sampling.guidance,
        },
        "complete": _table(
            family.with_sampling(
                sampler="ancestral", spacing="snr", steps=min(diffuse.STEPS, family.config.times)
            ).steps()
        ),
        "alpha": np.float32(family.schedule.alpha).tolist(),
        "sigma": np.float32(family.schedule.sigma).tolist(),
    }
    facts = {"noise": noise(family), "guidance": family.sampling.guidance}
    return Plan(found, facts | {"diffusion": diffusion})


def _counts(family: Any, sampler: str) -> list[int]:
    """The numbers of steps that the page offers for a sampler: the model's own is one of them."""
    own = {family.sampling.steps} if sampler == family.sampling.sampler else set()
    return sorted(own | {min(count, family.config.times) for count in STEPS[sampler]})


def _table(steps: samplers.Steps) -> list[list[float]]:
    """The rows of a sampler: time, keep, clean, before, fresh."""
    columns = [np.float32(column).tolist() for column in steps[1:]]
    return [list(row) for row in zip(np.asarray(steps.time).tolist(), *columns, strict=True)]


def _backwards(family: DDPM) -> list[list[float]]:
    s = family.sampling
    times = samplers.SPACINGS[s.spacing](family.schedule, s.steps)
    return _table(samplers.backwards(family.schedule, times))


def _denoiser(model: Trained, family: DDPM) -> Function:
    """Estimates of the clean images, with guidance."""

    def apply(variables, noisy, times, labels, weight):
        return (family.denoiser(variables, labels, weight[0])(noisy, times),)

    def example(keys, labels):
        return functions.noisy(family, keys, labels)

    inputs = {"noisy": IMAGES, "times": LABELS, "labels": LABELS, "guidance": WEIGHT}
    return Function(model.variables, apply, inputs, ("clean",), example)


def _start(model: Trained, family: DDPM) -> Function:
    """Where the sampler ``fast`` begins, from noise."""

    def apply(variables, noise, labels, weight):
        return (_with_guidance(family, weight[0]).start(variables, noise, labels),)

    def example(keys, labels):
        noise = family.first_latents(model.variables, split(keys)[0], labels)
        return noise, labels, jnp.full(labels.shape, 1.5)

    inputs = {"normal": IMAGES, "labels": LABELS, "guidance": WEIGHT}
    return Function(model.variables, apply, inputs, ("noisy",), example)
