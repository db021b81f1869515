"""The questions that have a name: what is varied, in which small model, and what answers them.

The models are dense and trained for a minute or two, so that a question is answered by dozens of
runs; every flag of ``bin/train`` makes them larger. All are measured on validation digits.
"""

from dataclasses import dataclass
from typing import Literal

from jaxgen import config as configs
from jaxgen.errors import UserError


@dataclass(frozen=True)
class Claim:
    """Something that is said, which the figures decide: that ``figure`` is better with each of the
    values ``left`` than with ``right``."""

    text: str
    setting: str
    figure: str
    left: tuple[str, ...]
    right: str


@dataclass(frozen=True)
class Question:
    """A study that has a name."""

    name: str
    asks: str
    models: tuple[str, ...]
    """Recipes that it can be asked of; the first if none is named."""
    vary: tuple[str, ...]
    """As ``--vary`` takes them."""
    plots: tuple[tuple[str, ...], ...]
    """The figures that answer it, chart by chart: names in ``measures.FIGURES``."""
    flags: tuple[str, ...] = ()
    """What is other than in the recipe, as flags of ``bin/train``."""
    design: Literal["grid", "each"] = "grid"
    """All combinations of what is varied, or one thing at a time."""
    seeds: int = 5
    claims: tuple[Claim, ...] = ()
    curves: bool = False
    """Whether the loss over the steps is shown."""
    coding: bool = False
    """Whether distortion is shown over rate."""


_DENSE = ("--net.network", "dense", "--net.layers", "256,256", "--steps", "1000")
_CODERS = ("ae", "vae", "cvae")

QUESTIONS = (
    Question(
        "layers",
        "How many hidden layers should a network have?",
        ("ae", "vae", "cvae", "gan"),
        ("net.layers=256,256-256,256-256-256,256-256-256-256",),
        (("error", "train_error"), ("distance",)),
        _DENSE,
    ),
    Question(
        "neurons",
        "How many neurons should a hidden layer have?",
        ("ae", "vae", "cvae", "gan"),
        ("net.layers=16-16,64-64,256-256,1024-1024",),
        (("error", "train_error"), ("distance",)),
        _DENSE,
    ),
    Question(
        "activation",
        "Which function should stand between two layers?",
        _CODERS,
        ("net.activation=relu,silu,gelu,elu,tanh,sigmoid",),
        (("error",), ("distance",)),
        (*_DENSE, "--net.layers", "256,256,256"),
        curves=True,
    ),
    Question(
        "latent",
        "How many dimensions should a code have: what do too few lose, and too many?",
        ("vae", "ae", "cvae"),
        ("net.latents=2,4,8,16,32,64",),
        (("error", "train_error"), ("distance", "distance_normal")),
        _DENSE,
        claims=(
            Claim("Too few dimensions lose information", "net.latents", "error", ("64",), "2"),
            Claim("Too many generate worse", "net.latents", "distance", ("8", "16"), "64"),
        ),
    ),
    Question(
        "beta",
        "How does the weight of the divergence trade reconstruction against diversity, and does "
        "more of it generate better?",
        ("vae", "cvae"),
        ("net.beta=0.1,0.3,1,3,10",),
        (("error", "train_error"), ("distance", "distance_normal")),
        _DENSE,
        claims=(
            Claim("beta below 1 reconstructs better", "net.beta", "error", ("0.1", "0.3"), "1"),
            Claim("beta above 1 generates better", "net.beta", "distance", ("3", "10"), "1"),
            Claim(
                "beta above 1 generates better from N(0, I)",
                "net.beta",
                "distance_normal",
                ("3", "10"),
                "1",
            ),
        ),
        coding=True,
    ),
    Question(
        "rate",
        "How fast should a network learn, and from how many digits at a time?",
        ("vae", "ae", "cvae"),
        ("optim.rate=1e-4,3e-4,1e-3,3e-3,1e-2,3e-2", "batch=32,128"),
        (("error",), ("distance",)),
        _DENSE,
        seeds=3,
        curves=True,
    ),
    Question(
        "schedule",
        "Should the noise of diffusion grow linearly or otherwise, and how many steps of drawing "
        "does it take?",
        ("ddpm",),
        ("sampling.steps=2,5,10,20,50", "net.schedule=linear,cosine,sigmoid"),
        (("distance",), ("recognised",)),
        ("--steps", "600"),
        seeds=3,
        claims=(
            Claim(
                "A schedule that is not linear draws better",
                "net.schedule",
                "distance",
                ("cosine", "sigmoid"),
                "linear",
            ),
        ),
    ),
    Question(
        "codebook",
        "How large should the codebook of a VQ-VAE be?",
        ("vqvae",),
        ("net.codes=16,64,256,1024",),
        (("error",), ("used",), ("distance",)),
        (
            *("--net.width", "16", "--net.inner-width", "32", "--net.prior-width", "48"),
            *("--steps", "300"),
        ),
        seeds=3,
    ),
    Question(
        "balance",
        "What keeps the two players of a GAN in balance: the objective, the turns, the rates, or "
        "the penalty?",
        ("gan",),
        (
            "net.objective=non-saturating,minimax,hinge,wasserstein,relativistic",
            "net.critic-turns=1,2,4",
            "net.critic-pace=0.25,1,4",
            "net.penalty=r1,none",
        ),
        (("distance",), ("coverage",)),
        _DENSE,
        "each",
        seeds=3,
    ),
    Question(
        "data",
        "How many digits does it take?",
        ("vae", "ae", "cvae", "gan"),
        ("data=mnist:10,mnist:50,mnist:250,mnist:1000,mnist",),
        (("error", "train_error"), ("distance",)),
        _DENSE,
    ),
)


def named(name: str) -> Question:
    """The question of a name; a UserError if there is none."""
    known = {question.name: question for question in QUESTIONS}
    if name not in known:
        raise UserError(f"no question is called {name!r}: {configs.suggest(name, known)}")
    return known[name]
