"""The questions that have a name: the settings to vary, the model, and the figures that answer.

The models are small and train for a minute or two, so that dozens of runs answer a question; the
flags of ``bin/train`` make them larger. All figures are of validation digits.
"""

from dataclasses import dataclass
from typing import Literal

from jaxgen import config as configs
from jaxgen.errors import UserError


@dataclass(frozen=True)
class Claim:
    """A claim that figures decide: ``figure`` is better with each of the values ``left`` of a
    setting than with the value ``right``."""

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
    models: tuple[str, ...]  # recipes; the first is the default
    vary: tuple[str, ...]  # axes in the form of ``--vary``
    plots: tuple[tuple[str, ...], ...]  # names in ``measures.FIGURES``, chart by chart
    flags: tuple[str, ...] = ()  # changes of the recipe, as flags of ``bin/train``
    design: Literal["grid", "each"] = "grid"  # all combinations, or one change at a time
    seeds: int = 5
    claims: tuple[Claim, ...] = ()
    curves: bool = False  # show the loss over the steps
    coding: bool = False  # show distortion over rate


# Adam for all: Muon takes most of the time of small dense networks.
_DENSE = (
    *("--net.network", "dense", "--net.layers", "256,256", "--steps", "1000"),
    *("--optim.name", "adam", "--optim.rate", "2e-3"),
)
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
        # The network alone: Gaussians would do most of the work at high noise levels.
        (
            *("--net.gaussian", "0", "--batch", "96", "--steps", "600"),
            *("--sampling.sampler", "dpmpp", "--sampling.guidance", "2"),
        ),
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
    """The question of a name; UserError if there is none."""
    known = {question.name: question for question in QUESTIONS}
    if name not in known:
        raise UserError(f"no question is called {name!r}: {configs.suggest(name, known)}")
    return known[name]
