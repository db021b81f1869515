"""The settings that all families share, as frozen dataclasses; imports no JAX, so that ``--help``
is quick.

A recipe (``configs/NAME.py``) is a ``Config`` whose ``net`` and ``sampling`` are the family's own
dataclasses, defined in the same file. A field's docstring is its help text on the command line.
A dataclass with impossible values raises a ``UserError``.
"""

import dataclasses
import difflib
import importlib
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jaxgen import classes, own
from jaxgen.errors import UserError

FORMAT = 2  # of a recipe in JSON; recipes of format 1 say no number
DEFAULT = "ddpm"  # the recipe whose flags --help shows if no recipe is named
RECIPES, PAPERS = "jaxgen.configs", "jaxgen.configs.papers"
NO_FLAG = {"flag": False}  # metadata of a setting that nobody gives
STRIDED = "strided:"  # prefix of a source: divided by a stride, as in format 1


@dataclass(frozen=True)
class Net:
    """The structure and the objective of a family: base of its settings."""


@dataclass(frozen=True)
class Coder(Net):
    """An encoder, a decoder, and the code between them."""

    network: Literal["dense", "conv"] = "dense"
    """Only dense layers, or convolutions for the layers with pixels."""
    layers: tuple[int, ...] = (512, 256)
    """From the image to the code, and back in the other order. dense: neurons of each hidden layer;
    conv: channels at 14 x 14, channels at 7 x 7, then neurons of hidden layers."""
    activation: Literal["relu", "silu", "gelu", "elu", "tanh", "sigmoid"] = "silu"
    """The function between two layers."""
    kernel: Literal[2, 4, 6] = 6
    """Pixels along an edge of the kernels of convolutions. Each halves or doubles the size, with
    stride 2."""
    latents: int = 16
    """Dimensions of the code."""

    def __post_init__(self):
        require("net.latents", self.latents, self.latents >= 1, "1 or more")
        require_layers(self.network, self.layers)


@dataclass(frozen=True)
class Variational(Coder):
    """A coder whose code is a distribution, trained on a bound of the likelihood."""

    likelihood: Literal["bernoulli", "continuous-bernoulli", "gaussian"] = "bernoulli"
    """Distribution of the pixels given the code. A Bernoulli pixel is never grey: for grey images
    the bound is a bound of the cross-entropy."""
    sigma: float = 0.5**0.5
    """Standard deviation of Gaussian pixels; with the default the first term is |x - x'|^2
    plus a constant. 0 learns it."""
    binarise: bool = False
    """At each step make each pixel white with the probability of its grey, else black, so that the
    bound is a bound of a likelihood."""
    beta: float = 1.0
    """Weight of the divergence; 1 is the bound itself."""
    beta_warmup: int = 0
    """Steps over which beta rises from 0."""
    free_bits: float = 0.0
    """Nats of divergence that are free for each latent."""

    def __post_init__(self):
        super().__post_init__()
        require("net.sigma", self.sigma, self.sigma >= 0, "above 0, or 0 to learn it")
        if self.binarise:
            plain = "bernoulli for --net.binarise"
            require("net.likelihood", self.likelihood, self.likelihood == "bernoulli", plain)
        require("net.beta", self.beta, self.beta >= 0, "0 or more")
        require("net.beta-warmup", self.beta_warmup, self.beta_warmup >= 0, "0 or more")
        require("net.free-bits", self.free_bits, self.free_bits >= 0, "0 or more")


@dataclass(frozen=True)
class Sampling:
    """How a trained family draws: base of the settings that may change at every draw."""


@dataclass(frozen=True)
class Optim:
    """The optimiser and its learning rate."""

    name: Literal["adam", "muon"] = "adam"
    """Adam for all weights, or Muon for the matrices and Adam for the rest."""
    rate: float = 2e-3
    """Learning rate at its peak."""
    warmup: int = 100
    """Steps over which the rate rises to its peak; at most half of the horizon is used."""
    decay: Literal["cosine", "linear", "none"] = "cosine"
    """How the rate falls from its peak to 0 at the horizon."""
    horizon: int | None = None
    """Step at which the rate reaches 0; --steps when not given."""
    b1: float = 0.9
    """Adam's decay of the mean gradient."""
    b2: float = 0.99
    """Adam's decay of the mean squared gradient."""
    weight_decay: float = 0.0
    """Decoupled weight decay (AdamW)."""
    clip: float = 1.0
    """Largest norm of a gradient: longer gradients are shortened to it. 0 clips nothing."""
    ema: float = 0.999
    """Decay of the averaged weights, with which images are drawn; smaller at first:
    1 - (1 + n)^-3/4 after n steps."""

    def __post_init__(self):
        require("optim.rate", self.rate, self.rate > 0, "above 0")
        require("optim.warmup", self.warmup, self.warmup >= 0, "0 or more")
        if self.horizon is not None:
            require("optim.horizon", self.horizon, self.horizon >= 1, "1 or more")
        for name in ("b1", "b2", "ema"):
            value = getattr(self, name)
            require(f"optim.{name}", value, 0 <= value < 1, "in [0, 1)")
        require("optim.weight-decay", self.weight_decay, self.weight_decay >= 0, "0 or more")
        require("optim.clip", self.clip, self.clip >= 0, "0 or more")


@dataclass(frozen=True)
class Config:
    """A recipe: all settings that the numbers of a run depend on."""

    model: str
    """The recipe."""
    net: Net
    sampling: Sampling
    optim: Optim = field(default_factory=Optim)
    data: str = "mnist"
    """Where the digits come from: mnist, synthetic, a published set such as kmnist or
    emnist/digits, which is downloaded once, tfds:NAME, or a path: a folder with the files of MNIST
    (idx:DIR), any other file or folder of images (files:PATH), or a folder that TFDS prepared
    (tfds:DIR). mnist:100 keeps a hundred training digits of each of the ten, mnist:100:1 another
    hundred. strided:mnist holds out the same digits as earlier versions did."""
    steps: int = 1000
    """Training steps in all."""
    batch: int = 128
    """Digits in a step, over all devices together."""
    seed: int = 0
    """Seed of the weights, the order of the digits, and the noise."""
    log_every: int = 50
    """Steps between two lines of the log."""
    sample_every: int = 250
    """Steps between two pictures of samples; before the first there are pictures at 10, 20, 50, 100
    and so on. 0: only a picture at the end."""
    save_every: int = 250
    """Steps between two checkpoints."""
    classes: tuple[str, ...] = field(default=classes.DIGITS, metadata=NO_FLAG)
    """The names of the classes, as the data say."""

    @property
    def family(self) -> str:
        """The family of models: the name of the module that defines its settings."""
        return type(self.net).__module__.rpartition(".")[2]

    def __post_init__(self):
        for name in ("steps", "batch", "log_every", "save_every"):
            value = getattr(self, name)
            require(name.replace("_", "-"), value, value >= 1, "1 or more")
        require("sample-every", self.sample_every, self.sample_every >= 0, "0 or more")
        require("seed", self.seed, 0 <= self.seed < 2**32, "from 0 to 4294967295")


def require(name: str, value: Any, holds: bool, what: str) -> None:
    """Raise a ``UserError`` unless ``holds``; ``what`` says which values are allowed."""
    if not holds:
        raise UserError(f"--{name} {value} cannot be: it must be {what}")


def require_layers(network: str, layers: tuple[int, ...]) -> None:
    """Raise a ``UserError`` if ``--net.layers`` is impossible for ``--net.network``."""
    text = ",".join(map(str, layers))
    require("net.layers", text, all(n >= 1 for n in layers), "of 1 or more each")
    enough = network != "conv" or len(layers) >= 2
    require("net.layers", text, enough, "two numbers of channels at least, for conv")


def names() -> list[str]:
    """The recipes for ``--model``, in alphabetical order, with those of the user's own."""
    return sorted([*_recipes(RECIPES), *own.names()])


def papers() -> list[str]:
    """The recipes with the set-ups of papers, also for ``--model``."""
    return _recipes(PAPERS)


def _recipes(package: str) -> list[str]:
    folders = importlib.import_module(package).__path__
    return sorted(path.stem for folder in folders for path in Path(folder).glob("[!.]*.py"))


def recipe(name: str) -> Config:
    """The recipe of ``configs/NAME.py``, of ``configs/papers/NAME.py``, or of the user's own."""
    if name in own.names():
        return own.module(name).get_config()
    for package in (RECIPES, PAPERS):
        if name in _recipes(package):
            return importlib.import_module(f"{package}.{name}").get_config()
    near = difflib.get_close_matches(name, [*names(), *papers()], n=1, cutoff=0.7)
    meant = f"did you mean {near[0]}?" if near else f"there is {', '.join(names())}"
    raise UserError(f"no model is called {name!r}: {meant}; --recipe FILE.py adds one of yours")


def canonical(name: str) -> str:
    """The recipe that a name in capitals or with dashes means; an unknown name stays."""
    plain = name.lower().replace("-", "_")
    return plain if plain in (*names(), *papers()) else name


def suggest(wrong: str, known: Iterable[str]) -> str:
    """Ask whether the nearest known name was meant; if none is near, list the known names."""
    known = list(known)
    near = difflib.get_close_matches(wrong, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}"


def to_dict(config: Config) -> dict[str, Any]:
    """Settings as nested dictionaries for JSON; without the names of classes that are digits."""
    values = {"format": FORMAT, **dataclasses.asdict(config)}
    if classes.are_digits(config.classes):
        del values["classes"]
    return values


def from_dict(values: dict[str, Any]) -> Config:
    """The inverse of ``to_dict``, also after JSON. Raises ``UserError`` for a setting that does not
    exist (any more) or has another type. The data of a run of format 1 gets ``STRIDED`` in front.
    """
    model = values.get("model") if isinstance(values, dict) else None
    if not isinstance(model, str):
        raise UserError("it names no model")
    settings = dict(values)
    number = settings.pop("format", 1)
    if number not in (1, FORMAT):
        raise UserError(f"it is of format {number!r}, which a later version of jaxgen reads")
    config = _fill(recipe(model), settings)
    return config if number == FORMAT else dataclasses.replace(config, data=STRIDED + config.data)


def changed(config: Config, changes: dict[str, Any]) -> Config:
    """The recipe with other settings: ``changes`` by name, groups as dictionaries. Raises
    ``UserError`` as ``from_dict`` does."""
    values = dataclasses.asdict(config)
    for name, value in changes.items():
        is_group = isinstance(values.get(name), dict) and isinstance(value, dict)
        values[name] = values[name] | value if is_group else value
    return _fill(config, values)


def _fill(default, values: Any):
    if not isinstance(values, dict):
        raise UserError(f"{values!r} cannot be the settings of a {type(default).__name__}")
    kinds = typing.get_type_hints(type(default))
    if unknown := sorted(values.keys() - kinds.keys()):
        raise UserError(
            f"this version of jaxgen has no setting {unknown[0]!r} of a {type(default).__name__}: "
            f"{suggest(unknown[0], kinds)}"
        )
    changed = {}
    if not isinstance(default, Config):  # a setting that came later: by default it changes nothing
        later = [f for f in dataclasses.fields(default) if f.name not in values]
        changed = {f.name: f.default for f in later if f.default is not dataclasses.MISSING}
    for name, value in values.items():
        current = getattr(default, name)
        if dataclasses.is_dataclass(current):
            value = _fill(current, value)
        elif isinstance(value, list):
            value = tuple(value)  # JSON has no tuples
        if not _is_of(kinds[name], value):
            raise UserError(f"{name.replace('_', '-')} cannot be {value!r}")
        changed[name] = value
    return dataclasses.replace(default, **changed)


def _is_of(kind: Any, value: Any) -> bool:
    """Whether a value has the type ``kind`` of a setting."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(value):
        return True
    if origin is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if origin in (typing.Union, types.UnionType):
        return any(_is_of(part, value) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and all(_is_of(parts[0], item) for item in value)
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return isinstance(value, kind)


def differences(ours: Config, theirs: Config) -> list[str]:
    """The settings in which two recipes differ, each as ``--NAME OURS (was THEIRS)``."""
    return [
        f"--{name} {a} (was {b})"
        for (name, a), (_, b) in zip(flat(ours), flat(theirs), strict=True)
        if a != b
    ]


def flat(settings: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """All settings that have flags: the names of these without dashes in front, and their
    values."""
    pairs = []
    for f in dataclasses.fields(settings):
        if f.metadata == NO_FLAG:
            continue
        value, name = getattr(settings, f.name), prefix + f.name.replace("_", "-")
        pairs += flat(value, f"{name}.") if dataclasses.is_dataclass(value) else [(name, value)]
    return pairs
