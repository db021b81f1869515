"""A plain GAN in PyTorch, by the digit.

    dcgan   the networks of PyTorch's own DCGAN example with two doublings instead of four, for
            28 x 28: transposed convolutions and batch normalisation, weights from N(0, 0.02),
            batches of 64, Adam at 2e-4 with beta_1 0.5, images in [-1, 1]. The digit is ten more
            inputs of the generator, and ten more channels of the critic's image, one of them white.
    ours    generator, critic and training of jaxgen's recipe ``gan``: non-saturating losses, the
            penalty R1 of weight 0.1, projection of the digit, Adam at 2e-3 with beta_1 0, falling
            evenly over the budget, averaged weights (0.999)

jaxgen has no batch normalisation, so it cannot train the first.
"""

import runner
import torch
from ours_layers import conv, linear, to_depth, to_space
from torch import nn
from torch.nn import functional

NOISE = {"dcgan": 100, "ours": 64}


def dcgan(job) -> None:
    def up(inputs, outputs, *shape):
        layer = nn.ConvTranspose2d(inputs, outputs, *shape, bias=False)
        return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())

    def down(inputs, outputs):
        layer = nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)
        return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2))

    def start(module):
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.02)

    noise, width = NOISE["dcgan"], 64
    generator = nn.Sequential(
        up(noise + 10, 4 * width, 7, 1, 0),  # [n, 256, 7, 7]
        up(4 * width, 2 * width, 4, 2, 1),
        nn.ConvTranspose2d(2 * width, 1, 4, 2, 1, bias=False),
        nn.Tanh(),
    ).apply(start)
    critic = nn.Sequential(
        nn.Conv2d(1 + 10, width, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2),
        down(width, 2 * width),
        nn.Conv2d(2 * width, 1, 7, 1, 0, bias=False),
    ).apply(start)
    adam = {"lr": 2e-4, "betas": (0.5, 0.999)}
    of_generator = torch.optim.Adam(generator.parameters(), **adam)
    of_critic = torch.optim.Adam(critic.parameters(), **adam)

    def generate(labels):
        digits = functional.one_hot(labels, 10).float()
        return generator(torch.cat([torch.randn(len(labels), noise), digits], 1)[..., None, None])

    def score(images, labels):
        digits = functional.one_hot(labels, 10).float()[:, :, None, None].expand(-1, -1, 28, 28)
        return critic(torch.cat([images, digits], 1)).flatten()

    def step(images, labels, progress):
        # Real and generated images in batches of their own, as the example does.
        fake = generate(labels)
        of_critic.zero_grad()
        functional.softplus(-score(2 * images - 1, labels)).mean().backward()
        functional.softplus(score(fake.detach(), labels)).mean().backward()
        of_critic.step()
        of_generator.zero_grad()
        functional.softplus(-score(fake, labels)).mean().backward()
        of_generator.step()

    def draw(labels):
        generator.eval()
        images = (generate(labels) + 1) / 2
        generator.train()
        return images

    runner.train(job, step, draw, batch=64, models=[generator, critic])


def leaky(values):
    return functional.leaky_relu(values, 0.2)


class Generator(nn.Module):
    """Noise [n, z] and labels [n] to images [n, 1, 28, 28] in (0, 1)."""

    def __init__(self, noise: int):
        super().__init__()
        self.digit = nn.Embedding(11, noise)
        nn.init.normal_(self.digit.weight, std=noise**-0.5)
        self.first, self.second = linear(2 * noise, 256, gain=2.0), linear(256, 64 * 49)
        self.outer, self.end = conv(64, 4 * 32), conv(32, 4)

    def forward(self, noise, labels):
        hidden = leaky(self.first(torch.cat([noise, self.digit(labels)], 1)))
        images = self.second(hidden).reshape(-1, 64, 7, 7)
        images = to_space(self.outer(leaky(images)))  # [n, 32, 14, 14]
        return to_space(self.end(leaky(images))).sigmoid()


class Critic(nn.Module):
    """Images [n, 1, 28, 28] and labels [n] to scores [n]."""

    def __init__(self):
        super().__init__()
        self.outer, self.inner = conv(4, 32), conv(4 * 32, 64)
        self.hidden, self.end = linear(64 * 49, 256, gain=2.0), linear(256, 1)
        self.digit = nn.Embedding(11, 256)
        nn.init.normal_(self.digit.weight, std=256**-0.5)

    def forward(self, images, labels):
        # The first activation too is jaxgen's; pixels are not negative, so it changes nothing.
        images = self.outer(leaky(to_depth(images)))
        images = self.inner(leaky(to_depth(images)))
        hidden = leaky(self.hidden(leaky(images.flatten(1))))
        return self.end(hidden)[:, 0] + (hidden * self.digit(labels)).sum(-1)


def ours(job) -> None:
    noise, rate = NOISE["ours"], 2e-3
    generator, critic = Generator(noise), Critic()
    adam = {"lr": rate, "betas": (0.0, 0.99)}
    of_generator = torch.optim.Adam(generator.parameters(), **adam)
    of_critic = torch.optim.Adam(critic.parameters(), **adam)
    average, steps = runner.Average(generator, 0.999), 0

    def step(images, labels, progress):
        nonlocal steps
        steps += 1
        for optimizer in (of_critic, of_generator):
            runner.set_rate(optimizer, rate * (1 - progress) * min(steps / 100, 1))
        with torch.no_grad():
            fake = generator(torch.randn(len(labels), noise), labels)
        images.requires_grad_(True)
        real = critic(images, labels)
        (slopes,) = torch.autograd.grad(real.sum(), images, create_graph=True)
        penalty = 0.1 / 2 * slopes.square().sum((1, 2, 3))
        losses = functional.softplus(-real) + functional.softplus(critic(fake, labels)) + penalty
        of_critic.zero_grad()
        losses.mean().backward()
        of_critic.step()
        fake = generator(torch.randn(len(labels), noise), labels)
        of_generator.zero_grad()
        # Only the generator's gradients are wanted; those of the critic are not computed.
        loss = functional.softplus(-critic(fake, labels)).mean()
        loss.backward(inputs=list(generator.parameters()))
        of_generator.step()
        average.update()

    def draw(labels):
        return generator(torch.randn(len(labels), noise), labels)

    runner.train(job, step, runner.swapping(average, draw), batch=64, models=[generator, critic])


if __name__ == "__main__":
    job = runner.arguments()
    {"dcgan": dcgan, "ours": ours}[job.settings](job)
