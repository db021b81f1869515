"""Another digit in the same hand: x' = g(f(x, y), y'), from an image of y to one of y'.

The latent of an image says its digit and its hand at once, or the hand alone where networks are
told the digit. Either way it is moved to where latents of the other digit lie (``Family.move``):

    AE, VAE      by the moments of the digits' fitted densities, mu_t + A (z - mu_s), with the map A
                 between their covariances that moves codes least: what digits have in common, as
                 a slant, stays where it is; codes of an unusual hand come in before
    CVAE         by those of the prior p(z|y), mu_t + sigma_t (z - mu_s) / sigma_s
    GAN          the same noise under another digit
    diffusion    the same noise, found by running a deterministic sampler backwards, unguided, and
                 taken forward again with guidance towards the other digit
"""

from dataclasses import replace

import numpy as np

from jaxgen.errors import UserError
from jaxgen.families.base import Family, Variables, split
from jaxgen.families.ddpm import DDPM
from jaxgen.sampling import Program, few

STEPS = 40  # of diffusion, each way
# More than for drawing: the noise of an image of another digit holds some of that digit. Of 3,000
# validation digits, of three seeds, 95.6 % were recognised with a guidance of 2.5, 96.8 % with 2.75
# and 97.9 % with 3, and their slant went with the style's with r = 0.61, 0.59 and 0.56 (of 1,200).
GUIDANCE = 2.5


def require(family: Family) -> None:
    """Raise a UserError where a family cannot tell the hand from the digit."""
    if not family.has("move") or not family.has("encode"):
        raise UserError(
            f"{type(family).__name__} cannot tell the hand from the digit, for its codes say both "
            "at once: take ae, vae, cvae, gan or ddpm"
        )


def restyle(
    family: Family,
    variables: Variables,
    images: np.ndarray,
    sources: np.ndarray,
    targets: np.ndarray,
    seed: int,
) -> np.ndarray:
    """The digits ``targets`` int32 [n] in the hands of images float32 [n, 28, 28, 1], which are of
    the digits ``sources``."""
    there, back = _ways(family)

    def move(variables, keys, images, sources, targets):
        latents = there.encode(variables, images, sources)
        latents = family.move(variables, latents, sources, targets)
        return back.decode(variables, latents, targets, split(keys)[1])

    program = Program(move, few(len(images)))
    return program(variables, seed, np.arange(len(images)), images, sources, targets)


def _ways(family: Family) -> tuple[Family, Family]:
    """The family set for the way to the latent, and for the way back."""
    if not isinstance(family, DDPM):
        return family, family
    steps = min(STEPS, family.config.times)
    back = replace(family.sampling, sampler="ddim", spacing="time", steps=steps, guidance=GUIDANCE)
    there = replace(back, guidance=1.0)
    return replace(family, sampling=there), replace(family, sampling=back)
