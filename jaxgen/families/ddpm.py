"""Denoising diffusion (Ho, Jain and Abbeel 2020), with later improvements.

Noise is added to an image, x_t = alpha_t x_0 + sigma_t eps at a time t from 1 to T, and a network
learns to predict the noise from x_t, t and the digit y:

    loss = E |eps - eps_theta(x_t, t, y)|^2                                                     (1)

or, by a setting, x_0 or v = alpha_t eps - sigma_t x_0 instead (``diffusion.process``). Sampling
starts from pure noise and removes it step by step (``diffusion.samplers``). In training ANY
replaces some labels, so that the network gives both the conditional prediction c and the
unconditional u, and sampling can be guided (Ho and Salimans 2022):

    u + guidance (c - u)                             (``nn.guidance``)                          (2)

With ``net.gaussian``, the network corrects what the Gaussians of the digits predict
(``diffusion.gaussian``), and the sampler "fast" guides by them, since a linear c - u does most of
what guidance does (Li et al. 2025), and costs no evaluation of the network:

    c + (guidance - 1) (E[x_0 | x_t, y] - E[x_0 | x_t])                                         (3)

A deterministic sampler can run backwards, from an image to its noise (Song et al. 2021).
"""

from dataclasses import dataclass
from typing import ClassVar, cast

import jax
import jax.numpy as jnp

from jaxgen import arrays
from jaxgen.arrays import Batch, Images, Key, Keys, Labels, Latents, Noise, Scalar, SoftLabels
from jaxgen.config import Config
from jaxgen.configs.ddpm import Net, Sampling
from jaxgen.data import Split
from jaxgen.diffusion import gaussian, process, samplers, schedules, variational
from jaxgen.errors import UserError
from jaxgen.families import base
from jaxgen.families.base import Family, Guided, Metrics, Variables
from jaxgen.nn.guidance import Weight, guided, is_guided
from jaxgen.nn.unet import UNet

INVERSION_STEPS = 100
TRANSFER_STEPS = 40  # to encode, and again to decode
# More than for drawing, since the noise still holds some of the source digit. Of 3,000 validation
# digits (three seeds), 95.6 % are recognised with a guidance of 2.5, 96.8 % with 2.75, 97.9 %
# with 3; the slant before and after correlates with r = 0.61, 0.59 and 0.56 (1,200 digits).
TRANSFER_GUIDANCE = 2.5
# For a network that corrects Gaussians: 95.0 % of 400 validation digits (one seed) with 1.5, and
# r = 0.73 and 0.61 of width and slant; 99.2 %, 0.68 and 0.54 with 2.
GAUSSIAN_TRANSFER_GUIDANCE = 1.5
# The most for --sampler fast: 0.27 N with 2, 0.48 N with 2.5, and 4.2 N with 4, where there are
# hardly any digits.
FAST_GUIDANCE = 3.0


def build(config: Config) -> Family:
    assert isinstance(config.net, Net) and isinstance(config.sampling, Sampling)
    if config.sampling.steps > config.net.times:
        raise UserError(
            f"--steps {config.sampling.steps} cannot be: "
            f"the model has {config.net.times} noise levels, and each step needs one"
        )
    is_fast, guidance = config.sampling.sampler == "fast", config.sampling.guidance
    if is_fast and guidance > FAST_GUIDANCE:
        raise UserError(
            f"--guidance {guidance:g} cannot be with --sampler fast, whose images leave the digits "
            f"above {FAST_GUIDANCE:g}: take less, or --sampler dpmpp --steps 20"
        )
    if is_fast and not config.net.gaussian:
        raise UserError(
            "--sampler fast cannot be: the model has no Gaussians (--net.gaussian 0); "
            "--sampler dpmpp --steps 10 draws from it, or train one with --net.gaussian 64"
        )
    return DDPM(config.net, config.sampling, len(config.classes))


@dataclass(frozen=True)
class DDPM(Guided):
    """Diffusion on images in [-1, 1]; its latent is the noise that sampling starts from."""

    encodes_iteratively: ClassVar[bool] = True  # sampling backwards

    config: Net
    sampling: Sampling
    classes: int

    @property
    def net(self) -> UNet:
        c = self.config
        return UNet(c.width, c.inner_width, self.classes, c.blocks, c.inner_blocks, c.attention)

    @property
    def schedule(self) -> schedules.Schedule:
        return schedules.SCHEDULES[self.config.schedule](self.config.times)

    @property
    def prediction(self) -> process.Prediction:
        return process.PREDICTIONS[self.config.predict]

    def init(self, key: Key) -> Variables:
        rank = self.config.gaussian
        images = jnp.zeros((1, *arrays.IMAGE[:2], 2 if rank else 1))
        params = self.net.init(key, images, jnp.zeros(1), jnp.zeros(1, jnp.int32))
        stats = {"gaussians": gaussian.standard(self.classes, rank)} if rank else {}
        return Variables({"model": params}, stats)

    def prepare(self, variables: Variables, digits: Split) -> Variables:
        if not (rank := self.config.gaussian):
            return variables
        return variables.replace(stats={"gaussians": gaussian.fit(digits, self.classes, rank)})

    def loss(
        self, variables: Variables, batch: Batch, key: Key, *, player: str
    ) -> tuple[Scalar, tuple[dict, Metrics]]:
        key_time, key_noise, key_drop = jax.random.split(key, 3)
        count = batch.labels.shape[0]
        x0 = 2 * batch.images - 1
        times = self.draw_times(key_time, count)
        eps = jax.random.normal(key_noise, x0.shape)
        labels = base.drop_labels(batch.labels, self.config.label_drop, key_drop)

        alpha, sigma = self.levels(times)
        xt = process.q_sample(x0, eps, alpha, sigma)
        output = self.predict(variables, xt, times, labels)
        errors = jnp.square(output - self.prediction.target(x0, eps, alpha, sigma)).mean((1, 2, 3))
        loss = (self.weight(times) * errors).mean()  # (1), a mean over pixels
        return loss, (variables.stats, {"loss": loss})

    def noise(self, keys: Keys) -> Noise:
        return {"normal": base.normals(keys, *arrays.IMAGE)}

    def prior(self, variables: Variables, noise: Noise, labels: Labels) -> Latents:
        return noise["normal"]

    def decode(
        self, variables: Variables, latents: Latents, labels: Labels | SoftLabels, keys: Keys
    ) -> Images:
        xt = self.start(variables, latents, labels)
        denoise = self.denoiser(variables, labels, self.sampling.guidance)
        x0, _ = samplers.run(denoise, self.steps(), xt, keys)
        return process.to_images(x0)

    def encode(self, variables: Variables, images: Images, labels: Labels) -> Latents:
        times = samplers.SPACINGS[self.sampling.spacing](self.schedule, self.sampling.steps)
        steps = samplers.backwards(self.schedule, times)
        denoise = self.denoiser(variables, labels, self.sampling.guidance)
        _, path = samplers.run(denoise, steps, 2 * images - 1)
        return path[-1]

    def blend(self, variables: Variables, starts: Latents, ends: Latents, t: jax.Array) -> Latents:
        return base.slerp(starts, ends, t)

    def transfer(
        self, variables: Variables, latents: Latents, sources: Labels, targets: Labels
    ) -> Latents:
        """The same noise: its distribution is the same for every digit."""
        return latents

    def bound(self, variables: Variables, images: Images, labels: Labels, keys: Keys) -> jax.Array:
        """The variational bound for images of 256 greys (Ho et al. 2020, equation 5): over all
        noise levels, without guidance and without weights."""
        start, rates, _ = self.progress(variables, images, labels, keys)
        return start + rates.sum(0)

    def progress(
        self, variables: Variables, images: Images, labels: Labels, keys: Keys
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """The terms of the bound and the error of x_0 by noise level (Ho et al. 2020, section 4.3).

        Returns the nats [n] of x_T, then for t = T .. 1 the nats [T, n] of the step from t to
        t - 1, and |x_0 - x_0(x_t)|^2 [T, n] for pixels in [0, 1].
        """
        x0 = 2 * images - 1
        denoise = self.denoiser(variables, labels, guidance=1.0)
        return variational.terms(denoise, self.schedule, x0, keys)

    def for_transfer(self) -> tuple[Family, Family]:
        steps = min(TRANSFER_STEPS, self.config.times)
        encoder = self.with_sampling(sampler="ddim", spacing="time", steps=steps, guidance=1.0)
        guidance = GAUSSIAN_TRANSFER_GUIDANCE if self.config.gaussian else TRANSFER_GUIDANCE
        return encoder, encoder.with_sampling(guidance=guidance)

    def for_inversion(self) -> Family:
        """Small steps and no guidance, which would lead away from the image."""
        steps = min(INVERSION_STEPS, self.config.times)
        return self.with_sampling(sampler="ddim", spacing="time", steps=steps, guidance=1.0)

    def trajectory(self, variables: Variables, keys: Keys, labels: Labels) -> jax.Array:
        noise = self.first_latents(variables, keys, labels)
        xt = self.start(variables, noise, labels)
        denoise = self.denoiser(variables, labels, self.sampling.guidance)
        _, path = samplers.run(denoise, self.steps(), xt, base.split(keys)[1])
        frames = jnp.concatenate([noise[None], path])  # [steps + 1, n, h, w, c]
        return process.to_images(frames.swapaxes(0, 1))

    def steps(self) -> samplers.Steps:
        """The table of steps of the sampler in the settings."""
        s = self.sampling
        spaced = samplers.middle if self.is_fast else samplers.SPACINGS[s.spacing]
        return samplers.SAMPLERS[s.sampler](self.schedule, spaced(self.schedule, s.steps))

    @property
    def is_fast(self) -> bool:
        """Whether the Gaussians of the digits do a part of the sampling."""
        return self.sampling.sampler == "fast"

    def start(self, variables: Variables, noise: Latents, labels: Labels | SoftLabels):
        """The x_t that the first step of sampling starts from."""
        if not self.is_fast:
            return noise
        time, guidance = self.steps().time[0], self.sampling.guidance
        alpha, sigma = self.schedule.alpha[time], self.schedule.sigma[time]
        known, gaussians = self._known(labels, guidance), variables.stats["gaussians"]
        # (3) is nearly constant at high noise levels, where it is the difference of the means.
        away = (guidance - 1) * (known - self._any(noise))
        shift = (away @ gaussians["means"]).reshape(noise.shape)
        return gaussian.flow(gaussians, noise, alpha, sigma, known) + alpha * shift

    def _known(self, labels: Labels | SoftLabels, guidance: Weight) -> SoftLabels:
        """The labels, or ANY where the guidance is 0."""
        return jnp.where(jnp.asarray(guidance) == 0, self._any(labels), self.soft(labels))

    def _any(self, like: jax.Array) -> SoftLabels:
        """Soft labels of ANY, as many as ``like`` [n, ...] has rows."""
        return self.soft(jnp.full(like.shape[0], arrays.ANY))

    def denoiser(self, variables: Variables, labels: Labels | SoftLabels, guidance: Weight):
        """A function (noisy images [n, h, w, c], one time for all) -> guided x_0 [n, h, w, c]."""
        none = self._any(labels)

        def denoise(xt, time):
            times = jnp.full(xt.shape[0], time)
            alpha, sigma = self.levels(times)
            away = 0.0
            if not is_guided(guidance):
                output = self.predict(variables, xt, times, labels)
            elif self.is_fast:
                known = self._known(labels, guidance)
                output = self.predict(variables, xt, times, known)
                gaussians = variables.stats["gaussians"]
                away = gaussian.denoise(gaussians, xt, alpha, sigma, known - none)  # (3)
            else:
                both = jnp.concatenate([self.soft(labels), none])
                twice = jnp.tile(xt, (2, 1, 1, 1))
                output = self.predict(variables, twice, jnp.tile(times, 2), both)
                output = guided(output, guidance)  # (2)
            x0 = self.prediction.to_x0(xt, output, alpha, sigma)
            return (x0 + (guidance - 1) * away).clip(-1, 1)

        return denoise

    def predict(self, variables: Variables, xt, times, labels):
        """The output for noisy images: an estimate of ``config.predict``."""
        if not self.config.gaussian:
            return self._apply(variables, xt, times, labels)
        alpha, sigma = self.levels(times)
        x0 = gaussian.denoise(variables.stats["gaussians"], xt, alpha, sigma, self.soft(labels))
        output = self._apply(variables, jnp.concatenate([xt, x0], -1), times, labels)
        return self.prediction.from_x0(xt, x0, alpha, sigma) + output

    def _apply(self, variables: Variables, images, times, labels) -> jax.Array:
        params = variables.params["model"]
        return cast(jax.Array, self.net.apply(params, images, times / self.config.times, labels))

    def draw_times(self, key: Key, count: int):
        """Draw times from 1 to T [n]: independent, or stratified, one in each n-th of the range
        (Kingma et al. 2021, appendix I.1)."""
        if self.config.stratified:
            u = jnp.mod(jax.random.uniform(key) + jnp.arange(count) / count, 1)
        else:
            u = jax.random.uniform(key, (count,))
        return 1 + jnp.floor(u * self.config.times).astype(jnp.int32)

    def levels(self, times):
        """alpha and sigma at times [n], each [n, 1, 1, 1]."""
        tables = self.schedule.alpha, self.schedule.sigma
        return tuple(jnp.asarray(x, jnp.float32)[times][:, None, None, None] for x in tables)

    def weight(self, times):
        """The weights [n] of the errors at times [n]."""
        weight = process.WEIGHTS[self.config.weight]
        if weight is None:
            return jnp.ones(times.shape[0])
        snr = jnp.asarray(self.schedule.snr[1:], jnp.float32)
        return (weight(snr) / self.prediction.per_x0(snr))[times - 1]
