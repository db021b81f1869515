"""Another digit in the same hand: x' = g(f(x, y), y'), from an image of y to one of y'.

The latent of an image describes its digit and its hand together; or the hand alone, in families
whose networks get the label. Either way ``transfer`` moves it to the latents of the other digit:

    AE, VAE      by the moments of the digits' fitted densities, mu_t + A (z - mu_s), with the map A
                 between their covariances that moves codes least: a common property of digits, such
                 as slant, stays; codes of an unusual hand first move towards their mean
    CVAE         by the moments of the prior p(z|y), mu_t + sigma_t (z - mu_s) / sigma_s
    GAN          the same noise with another label
    diffusion    the same noise: a deterministic sampler runs backwards, unguided, and then forward
                 with guidance towards the other digit
"""

import numpy as np

from jaxgen.families.base import Family, Variables, split
from jaxgen.families.capabilities import Transfers, able
from jaxgen.mapping import few, map_images


def restyle(
    family: Family,
    variables: Variables,
    images: np.ndarray,
    sources: np.ndarray,
    targets: np.ndarray,
    seed: int,
) -> np.ndarray:
    """The digits ``targets`` int32 [n] in the hands of images float32 [n, 28, 28, 1], which show
    the digits ``sources`` int32 [n]."""
    transfers = able(family, Transfers)
    encoder, decoder = transfers.for_transfer()

    def restyle_batch(variables, keys, images, sources, targets):
        latents = encoder.encode(variables, images, sources)
        latents = transfers.transfer(variables, latents, sources, targets)
        return decoder.decode(variables, latents, targets, split(keys)[1])

    return map_images(
        restyle_batch,
        variables,
        seed=seed,
        chunk=few(len(images)),
        images=images,
        sources=sources,
        targets=targets,
    )
