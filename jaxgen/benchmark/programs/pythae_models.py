"""pythae: its AE, VAE and VQVAE, which know no digits.

    *-documented   the networks that pythae proposes for MNIST (for AE and VAE convolutions of 128
                   to 1024 channels with batch normalisation, for VQVAE residual blocks of 128), 16
                   latents, and the settings of its trainer: Adam at 1e-4, batches of 64
    *-mlp          pythae's networks where none is given: one hidden layer of 512 (AE, VAE)
    *-ours         the networks, batches and losses of jaxgen's recipes ``ae``, ``vae`` and
                   ``vqvae`` (of the last the autoencoder, without the prior), with Adam at 2e-3

A step is what pythae's trainer does with a batch: the model's own loss, backward and Adam. Its data
loader, its log and its checkpoints are left out, and so are clipping and averaged weights, which
the recipes have and pythae has not; all of that favours pythae. Codes are drawn from pythae's
mixture of ten Gaussians, fitted to the codes of FITTED digits at each mark. VQVAE draws nothing:
pythae draws its grids by a PixelCNN, which has to be trained afterwards.
"""

import itertools

import runner
import torch
from ours_layers import Block, Norm, conv, dense_conv, linear, pair_conv, to_depth, to_space
from pythae.models import AE, VAE, VQVAE, AEConfig, VAEConfig, VQVAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.models.nn.benchmarks import mnist
from pythae.samplers import GaussianMixtureSampler, GaussianMixtureSamplerConfig
from torch import nn
from torch.nn import functional

SIZE = (1, 28, 28)
FITTED = 5000  # digits


class DenseEncoder(BaseEncoder):
    """Images to codes through layers of neurons."""

    def __init__(self, layers: tuple[int, ...], latents: int):
        super().__init__()
        self.net = dense((784, *layers, latents))

    def forward(self, images):
        return ModelOutput(embedding=self.net(images.flatten(1)))


class DenseDecoder(BaseDecoder):
    """Codes to images in (0, 1), through the same layers in reverse order."""

    def __init__(self, layers: tuple[int, ...], latents: int):
        super().__init__()
        self.net = dense((latents, *reversed(layers), 784))

    def forward(self, codes):
        return ModelOutput(reconstruction=self.net(codes).sigmoid().reshape(-1, *SIZE))


def dense(widths: tuple[int, ...]) -> nn.Sequential:
    """Dense layers with SiLU between them."""
    layers = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [linear(inputs, outputs), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


class ConvEncoder(BaseEncoder):
    """Images to means and log variances of codes: 32 channels at 14 x 14, 64 at 7 x 7, 256."""

    def __init__(self, latents: int):
        super().__init__()
        self.outer, self.inner = pair_conv(4, 32), pair_conv(4 * 32, 64)
        self.hidden, self.end = linear(64 * 49, 256), linear(256, 2 * latents)

    def forward(self, images):
        hidden = functional.silu(self.outer(to_depth(images)))
        hidden = functional.silu(self.inner(to_depth(hidden)))
        mean, log_var = self.end(functional.silu(self.hidden(hidden.flatten(1)))).chunk(2, 1)
        return ModelOutput(embedding=mean, log_covariance=log_var)


class ConvDecoder(BaseDecoder):
    """Codes to images in (0, 1)."""

    def __init__(self, latents: int):
        super().__init__()
        self.hidden, self.spread = linear(latents, 256), linear(256, 64 * 49)
        self.outer, self.end = pair_conv(64, 4 * 32), pair_conv(32, 4)

    def forward(self, codes):
        hidden = functional.silu(self.spread(functional.silu(self.hidden(codes))))
        images = functional.silu(to_space(self.outer(hidden.reshape(-1, 64, 7, 7))))
        return ModelOutput(reconstruction=to_space(self.end(images)).sigmoid())


class GridEncoder(BaseEncoder):
    """Images to grids of vectors [n, 16, 7, 7]."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            Depth(), conv(4, 32), nn.SiLU(), Depth(), dense_conv(4 * 32, 64),
            Block(64), Norm(64), nn.SiLU(), dense_conv(64, 16),
        )  # fmt: skip

    def forward(self, images):
        return ModelOutput(embedding=self.net(2 * images - 1))


class GridDecoder(BaseDecoder):
    """Grids of vectors to images in (0, 1)."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            conv(16, 64), Block(64), Norm(64), nn.SiLU(),
            dense_conv(64, 4 * 32), Space(), nn.SiLU(), conv(32, 4), Space(), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, vectors):
        return ModelOutput(reconstruction=self.net(vectors))


class Depth(nn.Module):
    def forward(self, images):
        return to_depth(images)


class Space(nn.Module):
    def forward(self, images):
        return to_space(images)


def ae(kind: str):
    config = AEConfig(SIZE, 30 if kind == "ours" else 16)
    layers = (1000, 500, 250)
    coders = {
        "documented": lambda: (mnist.Encoder_Conv_AE_MNIST(config), conv_decoder(config)),
        "mlp": lambda: (None, None),
        "ours": lambda: (DenseEncoder(layers, 30), DenseDecoder(layers, 30)),
    }[kind]()
    return AE(config, *coders), 256 if kind == "ours" else 64


def vae(kind: str):
    loss = "bce" if kind == "ours" else "mse"
    config = VAEConfig(SIZE, 10 if kind == "ours" else 16, reconstruction_loss=loss)
    coders = {
        "documented": lambda: (mnist.Encoder_Conv_VAE_MNIST(config), conv_decoder(config)),
        "mlp": lambda: (None, None),
        "ours": lambda: (ConvEncoder(10), ConvDecoder(10)),
    }[kind]()
    return VAE(config, *coders), 128 if kind == "ours" else 64


def conv_decoder(config):
    return mnist.Decoder_Conv_AE_MNIST(config)


def vqvae(kind: str):
    if kind == "ours":
        config = VQVAEConfig(SIZE, 16, num_embeddings=128, use_ema=True)
        return VQVAE(config, GridEncoder(), GridDecoder()), 128
    config = VQVAEConfig(SIZE, 16)
    coders = mnist.Encoder_ResNet_VQVAE_MNIST(config), mnist.Decoder_ResNet_VQVAE_MNIST(config)
    return VQVAE(config, *coders), 64


def main() -> None:
    job = runner.arguments()
    name, _, kind = job.settings.partition("-")
    model, batch = {"ae": ae, "vae": vae, "vqvae": vqvae}[name](kind)
    ours = {"lr": 2e-3, "betas": (0.9, 0.99)}
    optimizer = torch.optim.Adam(model.parameters(), **(ours if kind == "ours" else {"lr": 1e-4}))
    model.device = torch.device("cpu")
    sampler = GaussianMixtureSampler(model, GaussianMixtureSamplerConfig(n_components=10))

    def step(images, labels, progress):
        loss = model({"data": images, "labels": labels}).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def fit(images):
        model.eval()
        sampler.fit(images[:FITTED])
        model.train()

    def draw(labels):
        model.eval()
        images = sampler.sample(len(labels))
        model.train()
        return images

    sampling = (None, None) if name == "vqvae" else (draw, fit)
    runner.train(job, step, sampling[0], batch=batch, models=[model], fit=sampling[1])


if __name__ == "__main__":
    main()
