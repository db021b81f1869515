"""The train loop that the programs in PyTorch share.

They run without jaxgen, in an environment that has only NumPy, PyTorch and the project that is
measured, and learn from an .npz with ``images`` uint8 [n, 28, 28] and ``labels`` [n]. Batches are
rows of a table in memory, which costs less than a DataLoader.

All weights and images keep PyTorch's usual layout: with ``channels_last`` a train step of
``ours_unet`` took as long (at best 132 ms, and 123 to 131 ms without, two shared cores). That
program can also be compiled, as settings of their own: compiling takes minutes on a busy machine.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterable, Iterator

import clock
import numpy as np
import torch
from torch import nn

DRAWN = 250  # digits that are drawn at once


def arguments() -> argparse.Namespace:
    """The arguments of ``clock``, with PyTorch set to all cores that the process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(cores or 1)
    torch.manual_seed(0)
    return clock.arguments()


def train(
    job: argparse.Namespace,
    step: Callable[[torch.Tensor, torch.Tensor, float], None],
    draw: Callable[[torch.Tensor], torch.Tensor] | None,
    *,
    batch: int,
    models: Iterable[nn.Module],
    fit: Callable[[torch.Tensor], None] | None = None,
) -> None:
    """Train for ``job.seconds``, and draw at each mark.

    ``step(images, labels, progress)`` learns from images float32 [b, 1, 28, 28] in [0, 1] and
    labels int64 [b]; ``progress`` is the part of the seconds that is over, 0 to 1. ``draw(labels)``
    gives images [n, 1, 28, 28] for at most DRAWN labels; before a draw, ``fit(images)`` gets all
    training digits. ``models`` have the weights.
    """
    with np.load(job.digits) as file:
        images = torch.from_numpy(file["images"])[:, None].float() / 255
        labels = torch.from_numpy(file["labels"]).long()
    parameters = sum(weight.numel() for model in models for weight in model.parameters())
    timer = clock.Clock(job, batch, parameters)

    def drawn() -> np.ndarray:
        wanted = torch.arange(job.count) % 10
        with torch.no_grad():
            parts = [draw(part) for part in wanted.split(DRAWN)] if draw else []
        return (torch.cat(parts)[:, 0].clamp(0, 1) * 255).round().to(torch.uint8).numpy()

    for rows in batches(len(labels), batch):
        began = time.perf_counter()
        step(images[rows], labels[rows], timer.progress)
        timer.add(time.perf_counter() - began)
        timer.report(drawn if draw else None, (lambda: fit(images)) if fit else None)
        if timer.is_over:
            return


def batches(count: int, batch: int) -> Iterator[torch.Tensor]:
    """The rows of each batch [b]: all digits once in a random order, then again in another."""
    while True:
        order = torch.randperm(count)
        yield from (order[i : i + batch] for i in range(0, count - batch + 1, batch))


class Average:
    """The average of the weights of a model, with which it draws: jaxgen's, whose decay is at most
    1 - (1 + n)^-3/4 after n steps, so that the first weights are soon forgotten."""

    def __init__(self, model: nn.Module, decay: float):
        self._weights = list(model.parameters())
        self._means = [weight.detach().clone() for weight in self._weights]
        self._decay, self._steps = decay, 0

    def update(self) -> None:
        decay = min(self._decay, 1 - (1 + self._steps) ** -0.75)
        self._steps += 1
        with torch.no_grad():
            torch._foreach_lerp_(self._means, self._weights, 1 - decay)

    def swap(self) -> None:
        """Exchange the weights and their average; a second call undoes the first."""
        with torch.no_grad():
            for weight, mean in zip(self._weights, self._means, strict=True):
                weight.data, mean.data = mean.data, weight.data


def swapping(average: Average, draw: Callable) -> Callable:
    """``draw`` with the averaged weights."""

    def drawn(labels: torch.Tensor) -> torch.Tensor:
        average.swap()
        images = draw(labels)
        average.swap()
        return images

    return drawn


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
