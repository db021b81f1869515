"""jaxgen's U-Net in PyTorch, trained as the recipe ``ddpm`` is, without its Gaussians.

The same layers, widths, batch of 64, v prediction, cosine of 1000 levels, stratified times, a tenth
of the labels dropped, gradients clipped to a norm of 1, averaged weights (0.99), a warm-up of 30
steps and a cosine over the budget. Adam at 4e-3 takes the place of Muon, whose matrix products
PyTorch would not stack. Digits are drawn by DPM-Solver++ in 10 steps that are even in log SNR, with
guidance 2. The recipe ``ddpm-network`` of ``jaxgen.benchmark.recipe`` is the same in jaxgen.

    ours        as it is
    compiled    the same, with the train step's network compiled by ``torch.compile``
"""

import itertools
import math

import numpy as np
import runner
import torch
from ours_layers import FilmBlock, Norm, conv, dense_conv, linear, to_depth, to_space
from torch import nn
from torch.nn import functional

T, NO_DIGIT, CONDITION = 1000, 10, 128
RATE, WARMUP, STEPS, GUIDANCE = 4e-3, 30, 10, 2.0


class UNet(nn.Module):
    """Images [n, 1, 28, 28], times [n] in [0, 1] and labels [n] to as many images."""

    def __init__(self, width: int = 32, inner_width: int = 64, blocks: int = 1, inner: int = 3):
        super().__init__()
        self.register_buffer("frequencies", torch.logspace(0, 3, 32))
        self.embed = nn.Sequential(linear(64, CONDITION), nn.SiLU(), linear(CONDITION, CONDITION))
        self.digit = nn.Embedding(11, CONDITION)
        nn.init.normal_(self.digit.weight, std=CONDITION**-0.5)
        self.start = conv(4, width)
        self.down = nn.ModuleList(FilmBlock(width, CONDITION) for _ in range(blocks))
        self.narrow = dense_conv(4 * width, inner_width)
        self.inner = nn.ModuleList(FilmBlock(inner_width, CONDITION) for _ in range(inner))
        self.widen = dense_conv(inner_width, 4 * width)
        self.up = nn.ModuleList(FilmBlock(width, CONDITION) for _ in range(blocks))
        self.norm, self.end = Norm(width), conv(width, 4, zero=True)

    def forward(self, images, times, labels):
        angles = times[:, None] * self.frequencies
        waves = torch.cat([angles.sin(), angles.cos()], -1)
        condition = functional.silu(self.embed(waves) + self.digit(labels))
        outer = self.start(to_depth(images))  # [n, width, 14, 14]
        for block in self.down:
            outer = block(outer, condition)
        inner = self.narrow(to_depth(outer))  # [n, inner_width, 7, 7]
        for block in self.inner:
            inner = block(inner, condition)
        outer = outer + to_space(self.widen(inner))
        for block in self.up:
            outer = block(outer, condition)
        return to_space(self.end(functional.silu(self.norm(outer))))


def cosine() -> torch.Tensor:
    """alpha_bar of Nichol and Dhariwal 2021, with betas up to 0.999: float64 [T + 1]."""
    time = torch.arange(T + 1, dtype=torch.float64) / T
    curve = torch.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2
    kept = (curve[1:] / curve[:-1]).clamp(min=0.001)
    return torch.cat([torch.ones(1, dtype=torch.float64), kept.cumprod(0)])


def main() -> None:
    job = runner.arguments()
    model, alpha_bar = UNet(), cosine()
    alpha, sigma = alpha_bar.sqrt().float(), (1 - alpha_bar).sqrt().float()
    optimizer = torch.optim.Adam(model.parameters(), RATE, betas=(0.9, 0.99))
    average, steps = runner.Average(model, 0.99), 0
    network = torch.compile(model) if job.settings == "compiled" else model

    def step(images, labels, progress):
        nonlocal steps
        steps += 1
        fall = 0.5 * (1 + math.cos(math.pi * progress))
        runner.set_rate(optimizer, RATE * fall * min(steps / WARMUP, 1))
        count = len(labels)
        clean, noise = 2 * images - 1, torch.randn_like(images)
        times = 1 + ((torch.rand(1) + torch.arange(count) / count) % 1 * T).long().clamp(max=T - 1)
        a, s = alpha[times][:, None, None, None], sigma[times][:, None, None, None]
        dropped = torch.where(torch.rand(count) < 0.1, NO_DIGIT, labels)
        output = network(a * clean + s * noise, times / T, dropped)
        loss = functional.mse_loss(output, a * noise - s * clean)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update()

    def draw(labels):
        return denoised(model, alpha_bar, labels)

    runner.train(job, step, runner.swapping(average, draw), batch=64, models=[model])


def denoised(model: UNet, alpha_bar: torch.Tensor, labels) -> torch.Tensor:
    """Draw with DPM-Solver++(2M) (Lu et al. 2022, algorithm 2), whose first and last steps are
    DDIM: images [n, 1, 28, 28] in [0, 1]."""
    alpha, sigma = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    half = (alpha / sigma).log()  # log SNR / 2; infinite at 0
    wanted = np.linspace(half[T], half[1], STEPS)
    times = np.append(np.interp(wanted, half[1:].flip(0), np.arange(T, 0, -1)), 0)
    left = np.arange(STEPS, -1, -1)  # times that coincide where levels are dense move apart
    times = np.clip(np.rint(times), left, T - STEPS + left).astype(int).tolist()
    both = torch.cat([labels, torch.full_like(labels, NO_DIGIT)])
    images, last = torch.randn(len(labels), 1, 28, 28), None
    for i, (t, s) in enumerate(itertools.pairwise(times)):
        at = torch.full((len(both),), t / T)
        known, any_digit = model(images.repeat(2, 1, 1, 1), at, both).chunk(2)
        v = any_digit + GUIDANCE * (known - any_digit)
        clean = (float(alpha[t]) * images - float(sigma[t]) * v).clamp(-1, 1)
        ahead = clean
        if last is not None and s:
            ratio = 0.5 * float((half[s] - half[t]) / (half[t] - half[times[i - 1]]))
            ahead = (1 + ratio) * clean - ratio * last
        keep = float(sigma[s] / sigma[t])
        images = keep * images + float(alpha[s] - alpha[t] * keep) * ahead
        last = clean
    return (images + 1) / 2


if __name__ == "__main__":
    main()
