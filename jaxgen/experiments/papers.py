"""Published numbers: each with its set-up, and our recipes for the same.

Numbers are from the papers, except where another source is named.
"""

from dataclasses import dataclass

from jaxgen import config as configs
from jaxgen.errors import UserError


@dataclass(frozen=True)
class Row:
    """Published numbers of one set-up."""

    name: str
    paper: str
    what: str  # the measure, with its unit
    better: int  # 1: more is better, -1: less is better
    published: dict[str, float]  # by name; our figures have the same names, and may be more
    recipes: tuple[str, ...]
    theirs: str  # the published set-up
    ours: str
    full: int | None = None  # steps of the published training, if ours is shorter
    ranked: bool = False  # the scales differ, so that only the order can be compared


_EPOCH = 550  # steps of 100 over the 55,000 training digits
_BURDA = (
    "784-200-200-50 and back, tanh, batches of 20 for 3,280 epochs, Adam with eps 1e-4 and a rate "
    "that falls from 1e-3 in eight stages; 60,000 training digits with new binarisation at each "
    "step; 5,000 samples for each of the 10,000 test digits."
)
_BURDA_OURS = (
    "The same network and binarisation; 55,000 training digits, batches of 100, Muon with a cosine "
    "schedule for the matrices, a weight of the divergence that rises over the first 20,000 "
    "steps, and averaged weights. Fewer epochs."
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
        "nbip/IWAE, a re-implementation, conditional on the digit",
        "-log p given the digit, of dynamically binarised test digits, nats",
        -1,
        {"told the digit, k = 1": 82.32},
        ("burda2015_digits",),
        f"{_BURDA} The prior of the code depends on the digit.",
        f"{_BURDA_OURS} Encoder, prior and decoder get the digit.",
        3280 * _EPOCH,
    ),
    Row(
        "goodfellow2014",
        "Goodfellow et al. 2014, table 1",
        "log-likelihood under Parzen windows about 10,000 drawn digits, nats",
        1,
        {"GAN": 225.0},
        ("gan",),
        "Dense networks, maxout in the critic, SGD with momentum; the best of ten sigmas on "
        "validation digits.",
        "The recipe gan: convolutions, both players get the digit, R1. The best of ten sigmas from "
        "0.1 to 1 on 1,000 validation digits. The measure ranks models wrongly: see "
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
        "A network for each task, first trained without a code; 100 importance samples.",
        "One network for all tasks, from scratch; the mean bound of 20 codes. The quadrants are "
        "the lower left, then the upper left too, then the upper right too.",
    ),
    Row(
        "ghosh2020",
        "Ghosh et al. 2020, table 1; repository ParthaEth/Regularized_autoencoders-RAE-",
        "Frechet distance: theirs in Inception's features, ours in the judge's features, in N",
        -1,
        {"AE, mixture of ten": 10.66, "VAE, mixture of ten": 17.66, "VAE, N(0, I)": 19.21},
        ("ae", "vae"),
        "Convolutions to a code of 16, 100 epochs, 10,000 digits.",
        "The recipes ae and vae, with a mixture for each digit; 10,000 drawn digits.",
        ranked=True,
    ),
    Row(
        "synthetic",
        "VSehwag/minimal-diffusion",
        "CAS, the accuracy on test digits of a classifier that learned from 50,000 drawn digits "
        "alone, %",
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
        "test digits; the training optimises the look of digits and not the bound.",
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
        "The recipe denoising: Gaussian noise with this standard deviation, clipped to [0, 1].",
    ),
)


def named(name: str) -> Row:
    """The row of a name; UserError if there is none."""
    known = {row.name: row for row in ROWS}
    if name not in known:
        raise UserError(f"no published row is called {name!r}: {configs.suggest(name, known)}")
    return known[name]
