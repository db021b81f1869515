"""The figures of the trained models of a row, each with its 95 % interval over test digits if it
has one."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import jaxgen
from jaxgen import data, devices, images, sampling
from jaxgen.apps import damage, measuring
from jaxgen.arrays import IMAGE
from jaxgen.classes import ANY
from jaxgen.config import Config
from jaxgen.data import Digits, Split, partition
from jaxgen.errors import UserError
from jaxgen.evaluation import classification_accuracy as cas
from jaxgen.evaluation import codes, judge, likelihood, metrics, parzen, reference
from jaxgen.evaluation.statistics import Estimate, mean
from jaxgen.experiments import train
from jaxgen.experiments.trial import Context, Result
from jaxgen.families.base import Variational
from jaxgen.families.capabilities import HasBound
from jaxgen.families.cvae import CVAE
from jaxgen.mapping import map_images
from jaxgen.training import folder as folders
from jaxgen.training.console import plural
from jaxgen.training.trained import Trained

SAMPLES = 5000  # importance samples for each test digit, as in Burda et al.
BOUNDS = 20  # codes whose bounds are averaged
DRAWN = 10_000  # digits for windows, and for distances
LEARNED = 50_000  # drawn digits that a classifier learns from
# Guided digits are clear and alike, and teach less. Accuracy on validation digits (``ddpm_full``,
# one seed): in 20 steps 98.98 % without guidance, 98.76 % with 1.15; in 50 steps 98.98 %, 98.88 %,
# and 98.72 % with 1.3.
GUIDANCE = 1.0
CODED = 500  # test digits for the bits per dimension of diffusion
QUADRANTS = {  # row and column of each visible quadrant, by the number of visible quadrants
    1: [(1, 0)],
    2: [(1, 0), (0, 0)],
    3: [(1, 0), (0, 0), (0, 1)],
}
BURDA = {  # the name of the figure of each recipe
    "burda2015": "VAE, k = 1",
    "burda2015_iwae5": "IWAE, k = 5",
    "burda2015_iwae50": "IWAE, k = 50",
    "burda2015_digits": "told the digit, k = 1",
}

Models = Mapping[str, Trained]  # by recipe
Figures = dict[str, Estimate]
Progress = Callable[[str], None]  # ``progress(detail)``


def hinton2006(models: Models, digits: Digits, seed: int, progress: Progress) -> Figures:
    (model,) = models.values()
    measured = codes.measure(model.family, model.variables, digits)
    assert measured.linear and measured.squared_error is not None
    return {
        "autoencoder": mean([measured.squared_error]),
        "30 principal components": mean([measured.linear.pca_squared_error]),
    }


def burda2015(models: Models, digits: Digits, seed: int, progress: Progress) -> Figures:
    ((recipe, model),) = models.items()
    assert isinstance(model.family, Variational)
    nats = likelihood.importance(
        model.family,
        model.variables,
        digits.test,
        SAMPLES,
        "dynamic",
        seed,
        lambda done: progress(f"likelihood of {done} of {len(digits.test.labels)} test digits"),
    )
    return {BURDA[recipe]: mean(nats)}


def goodfellow2014(models: Models, digits: Digits, seed: int, progress: Progress) -> Figures:
    (model,) = models.values()
    centres = {
        "GAN": _draw(model, sampling.balanced(DRAWN), seed),
        "as many training digits": partition.subset(digits.train, DRAWN).images,
    }
    figures = {}
    for name, samples in centres.items():
        progress(f"windows about {name}")
        figures[name] = parzen.measure(digits.test.images, samples, digits.valid).log_density
    return figures


def sohn2015(models: Models, digits: Digits, seed: int, progress: Progress) -> Figures:
    names = {"sohn2015": "CVAE", "sohn2015_nn": "network without a code"}
    figures = {}
    for recipe, model in models.items():
        for count, visible in QUADRANTS.items():
            progress(f"{names[recipe]}, visible quadrants: {count}")
            nats = hidden_nats(model, digits.test, quadrants(visible))
            figures[f"{names[recipe]}, {plural(count, 'quadrant')} seen"] = mean(nats)
    return figures


def quadrants(visible: list[tuple[int, int]]) -> np.ndarray:
    """The mask of visible quadrants, each a row and a column: float32 [28, 28, 1]."""
    mask = np.zeros((2, 2, 1), np.float32)
    for place in visible:
        mask[place] = 1
    return mask.repeat(IMAGE[0] // 2, 0).repeat(IMAGE[1] // 2, 1)


def hidden_nats(model: Trained, test: Split, visible: np.ndarray) -> np.ndarray:
    """The bound of - log p(hidden pixels | visible pixels) of black and white digits [n]: the mean
    over BOUNDS codes. ``visible`` is a mask."""
    family = model.family
    assert isinstance(family, CVAE)

    def bound(variables, keys, greys, labels):
        keys_pixels, keys_codes = jax.vmap(jax.random.split, out_axes=1)(keys)
        pictures = likelihood.binarised(greys, keys_pixels)
        masks = jnp.broadcast_to(visible, pictures.shape)

        def bound_of_code(number):
            keys_code = jax.vmap(jax.random.fold_in, (0, None))(keys_codes, number)
            return family.bound_given(variables, pictures, masks, labels, keys_code)

        return lax.map(bound_of_code, jnp.arange(BOUNDS)).mean(0)

    unknown = np.full(len(test.labels), ANY, np.int32)
    return map_images(
        bound,
        model.variables,
        seed=likelihood.STATIC,
        chunk=500,
        greys=images.to_float(test.images),
        labels=unknown,
    )


def ghosh2020(models: Models, digits: Digits, seed: int, progress: Progress) -> Figures:
    eye, figures = judge.load(), {}
    real = reference.measure(eye, digits, DRAWN)
    for name, recipe, prior in (
        ("AE, mixture of ten", "ae", "fitted"),
        ("VAE, mixture of ten", "vae", "fitted"),
        ("VAE, N(0, I)", "vae", "normal"),
    ):
        progress(name)
        model = models[recipe].with_sampling(prior=prior)
        asked = reference.labels_for(model.family, digits.test.labels, DRAWN, digits.learned)
        features = judge.look(eye, _draw(model, asked, seed))[1]
        figures[name] = mean([metrics.frechet(features, real.features) / real.unit])
    return figures


def synthetic(models: Models, digits: Digits, seed: int, progress: Progress) -> Figures:
    (model,) = models.values()
    model, labels = model.with_sampling(guidance=GUIDANCE), sampling.balanced(LEARNED)
    learned = {
        "on drawn digits": Split(_draw(model, labels, seed), labels),
        "on real digits": partition.subset(digits.train, LEARNED),
    }
    figures = {}
    for name, split in learned.items():
        progress(f"a classifier learns {name}")
        figures[name] = cas.score(split, digits.test, seed).times(100)
    return figures


def bits(models: Models, digits: Digits, seed: int, progress: Progress) -> Figures:
    (model,) = models.values()
    few = partition.subset(digits.test, CODED)
    assert isinstance(model.family, HasBound)
    values = likelihood.of_greys(
        model.family, model.variables, few, seed, lambda done: progress(f"{done} of {CODED} digits")
    )
    return {"diffusion, a bound": mean(values)}


def denoising(models: Models, digits: Digits, seed: int, progress: Progress) -> Figures:
    from skimage.metrics import structural_similarity

    (model,) = models.values()
    clean, labels, figures = images.to_float(digits.test.images), digits.test.labels, {}
    few = partition.sample(digits.test, 1000, "subset")
    for level in (10, 20, 30, 40, 50):
        progress(f"noise of {level} %")
        noise = damage.named(f"noise:{level / 100}")

        def denoise(variables, keys, clean, labels, noise=noise):
            return model.family.reconstruct(variables, noise.apply(clean, keys), labels, keys)

        denoised = map_images(
            denoise, model.variables, seed=seed, chunk=500, clean=clean, labels=labels
        )
        figures[f"noise {level} %"] = mean(measuring.psnr(denoised, clean))
        pairs = zip(denoised[few][..., 0], clean[few][..., 0], strict=True)
        similarities = [structural_similarity(*pair, data_range=1.0) for pair in pairs]
        figures[f"noise {level} %, SSIM"] = mean(np.array(similarities))
    return figures


MEASURES: dict[str, Callable[[Models, Digits, int, Progress], Figures]] = {
    "hinton2006": hinton2006,
    **dict.fromkeys(BURDA, burda2015),
    "goodfellow2014": goodfellow2014,
    "sohn2015": sohn2015,
    "ghosh2020": ghosh2020,
    "synthetic": synthetic,
    "bits": bits,
    "denoising": denoising,
}


def measure(
    context: Context, row: str, seed: int, recipes: tuple[Config, ...], *trainings: Result
) -> Result:
    """The ``figures`` of a row, each a value and half of its 95 % interval, the ``trainings`` of
    its recipes, and the ``provenance``."""
    models, runs = {}, {}
    for config, training in zip(recipes, trainings, strict=True):
        if why := training.figures["failed"]:
            raise UserError(why)
        models[config.model] = train.load(training, config)
        told = ("steps", "batch", "seconds", "curve", "ships")
        runs[config.model] = {name: training.figures.get(name) for name in told}
    figures = MEASURES[row](models, data.load("mnist"), seed, context.progress)
    provenance = {
        "jaxgen": f"{jaxgen.__version__}, commit {folders.commit() or 'unknown'}",
        "on": f"{devices.describe()}, {folders.machine()}",
    }
    pairs = {name: (x.value, x.half if x.is_known else None) for name, x in figures.items()}
    return Result({"figures": pairs, "trainings": runs, "provenance": provenance})


def _draw(model: Trained, labels: np.ndarray, seed: int) -> np.ndarray:
    return images.to_uint8(sampling.draw(model.family, model.variables, labels, seed))
