"""Published numbers: each with its set-up, and what is trained here to come to the same.

Numbers are as the papers have them unless another source is named.
"""

from dataclasses import dataclass

from jaxgen import config as configs
from jaxgen.errors import UserError


@dataclass(frozen=True)
class Row:
    """Published numbers of one set-up."""

    name: str
    paper: str
    what: str
    """What is measured, with its unit."""
    better: int
    """-1 where less is better, 1 where more is."""
    published: dict[str, float]
    """Numbers by their names. Our figures have the same names, and there may be more of them."""
    recipes: tuple[str, ...]
    """What is trained here."""
    theirs: str
    ours: str
    full: int | None = None
    """Steps of a training as long as the published one, where ours is shorter."""
    ranked: bool = False
    """Whether the scales differ, so that only the order can be compared."""


_EPOCH = 550  # steps of 100 over the 55,000 training digits
_BURDA = (
    "784-200-200-50 and back, tanh, batches of 20 for 3,280 epochs, Adam with eps 1e-4 and a rate "
    "that falls from 1e-3 in eight stages; 60,000 training digits made black and white anew at "
    "each step; 5,000 samples for each of the 10,000 test digits."
)
_BURDA_OURS = (
    "The same network and binarisation; 55,000 training digits, batches of 100, Muon for the "
    "matrices with a rate that falls as a cosine, the weight of the divergence rises over the "
    "first 20,000 steps, and averaged weights are measured. Fewer epochs."
)
_PATH = "The encoder's gradient goes through the codes alone (Tucker et al. 2019)."

ROWS = (
    Row(
        "hinton2006",
        "Hinton and Salakhutdinov 2006",
        "squared error of a test digit, summed over its pixels",
        -1,
        {"autoencoder": 3.0, "30 principal components": 13.87},
        ("hinton2006",),
        "784-1000-500-250-30 with logistic units, trained layer by layer first and then for 200 "
        "epochs by conjugate gradients.",
        "The same sizes with SiLU, all layers at once by Adam.",
    ),
    *(
        Row(
            name,
            "Burda, Grosse and Salakhutdinov 2015, table 1",
            "-log p of dynamically binarised test digits, nats",
            -1,
            published,
            (name,),
            _BURDA,
            f"{_BURDA_OURS} {_PATH}",
            3280 * _EPOCH,
        )
        for name, published in (
            ("burda2015", {"VAE, k = 1": 86.76}),
            ("burda2015_iwae5", {"IWAE, k = 5": 85.54}),
            ("burda2015_iwae50", {"IWAE, k = 50": 84.78}),
        )
    ),
    Row(
        "burda2015_digits",
        "nbip/IWAE, a re-implementation that tells the digit",
        "-log p given the digit, of dynamically binarised test digits, nats",
        -1,
        {"told the digit, k = 1": 82.32},
        ("burda2015_digits",),
        f"{_BURDA} The prior of the code is given the digit.",
        f"{_BURDA_OURS} The digit is told to the encoder, the prior and the decoder.",
        3280 * _EPOCH,
    ),
    Row(
        "goodfellow2014",
        "Goodfellow et al. 2014, table 1",
        "log-likelihood under Parzen windows about 10,000 drawn digits, nats",
        1,
        {"GAN": 225.0},
        ("gan",),
        "Dense networks, maxout in the critic, SGD with momentum; sigma chosen among ten on "
        "validation digits.",
        "The recipe gan: convolutions, the digit told to both players, R1. Ten sigmas from 0.1 to "
        "1 on 1,000 validation digits. The measure ranks models wrongly: see "
        "`jaxgen/evaluation/parzen.py`.",
    ),
    Row(
        "sohn2015",
        "Sohn, Lee and Yan 2015, table 1 (recalled)",
        "-log p of the hidden pixels given the visible quadrants, nats (ours: a bound)",
        -1,
        {
            "CVAE, 1 quadrant seen": 68.62,
            "CVAE, 2 quadrants seen": 45.57,
            "CVAE, 3 quadrants seen": 20.97,
            "network without a code, 1 quadrant seen": 100.03,
            "network without a code, 2 quadrants seen": 62.14,
            "network without a code, 3 quadrants seen": 26.01,
        },
        ("sohn2015", "sohn2015_nn"),
        "A network for each task, first trained without a code; 100 samples by importance.",
        "One network for all tasks, from scratch; the bound from 20 codes, one after another. "
        "Quadrants are the lower left, then the upper left and the upper right too.",
    ),
    Row(
        "ghosh2020",
        "Ghosh et al. 2020, table 1; repository ParthaEth/Regularized_autoencoders-RAE-",
        "Frechet distance: theirs of Inception's features, ours of the judge's, in N",
        -1,
        {"AE, mixture of ten": 10.66, "VAE, mixture of ten": 17.66, "VAE, N(0, I)": 19.21},
        ("ae", "vae"),
        "Convolutions to a code of 16, 100 epochs, 10,000 digits.",
        "The recipes ae and vae; here the mixture is one for each digit. 10,000 digits are drawn.",
        ranked=True,
    ),
    Row(
        "synthetic",
        "VSehwag/minimal-diffusion",
        "test digits recognised by a classifier that learned from 50,000 drawn digits alone, %",
        1,
        {"on drawn digits": 99.0, "on real digits": 99.6},
        ("ddpm_full",),
        "Class-conditional diffusion of 250 sampling steps, and a ResNet-50.",
        "The recipe ddpm_full, 20 sampling steps without guidance, and a small classifier without "
        "augmentation.",
    ),
    Row(
        "bits",
        "phlippe/uvadlc_notebooks",
        "bits per dimension of grey test digits",
        -1,
        {"flow": 1.078, "multi-scale flow": 1.021, "PixelCNN": 0.820},
        ("ddpm_full",),
        "Likelihoods of autoregressive models and bounds of flows.",
        "The variational bound of the recipe ddpm_full over all of its 1,000 noise levels, of 500 "
        "test digits; it was trained for its looks and not for its bound.",
    ),
    Row(
        "denoising",
        "saeahgo/autoencoder-denoising",
        "PSNR of noisy test digits after the autoencoder, dB",
        1,
        {
            "noise 10 %": 21.46,
            "noise 20 %": 18.67,
            "noise 30 %": 17.27,
            "noise 40 %": 15.92,
            "noise 50 %": 15.40,
        },
        ("denoising",),
        "An autoencoder trained at 10 %; the noise is not defined.",
        "The recipe denoising: Gaussian noise of that standard deviation, cut off at black and "
        "white.",
    ),
)


def named(name: str) -> Row:
    """The row of a name; a UserError if there is none."""
    known = {row.name: row for row in ROWS}
    if name not in known:
        raise UserError(f"no published row is called {name!r}: {configs.suggest(name, known)}")
    return known[name]
