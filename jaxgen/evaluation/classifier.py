"""Train a classifier of images: the judge, the classifier of populations, the classifiers of the
classification accuracy score, and the reader of the applications."""

import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from jaxgen import devices
from jaxgen.arrays import IMAGE
from jaxgen.data import batches
from jaxgen.data.split import Split
from jaxgen.images import to_float
from jaxgen.mapping import map_images

CHUNK = 500  # images in one call of the network
BATCH = 125  # divides the 50,000 digits that the judge learns from: an epoch is 400 steps
RATE = 3e-3
WEIGHT_DECAY = 0.05
# Smooth labels bound the logits. Without a bound the features spread as long as training lasts, and
# the Frechet distance of few images is far too large (of 1,000 digits 2.1 N instead of 0.11 N).
SMOOTHING = 0.1


def fit(
    network: nn.Module,
    train: Split,
    steps: int,
    *,
    seed: int = 0,
    batch: int = BATCH,
    change: Callable | None = None,
    smoothing: float = SMOOTHING,
    b2: float = 0.99,
    floor: Split | None = None,
    report: Callable[[str], None] = print,
) -> Any:
    """Fit a network to the digits ``train``; returns its variables, float32.

    The network takes images [n, 28, 28, 1] in [0, 1], changed by ``change(images, key)`` if given,
    and returns logits [n, k] and features. ``b2`` is Adam's decay of the mean squared gradient. All
    devices share a batch if its size is a multiple of their number, else one device takes it.

    With digits ``floor``, ``report(line)`` gets the accuracy on them after each epoch.
    """
    key_init, key_change = jax.random.split(jax.random.key(seed))
    change = change or (lambda images, key: images)
    shapes = jax.eval_shape(change, jnp.zeros((batch, *IMAGE)), key_change)
    example = jax.tree.map(lambda leaf: jnp.zeros((1, *leaf.shape[1:])), shapes)
    variables: Any = network.init(key_init, example)
    splits = batch % devices.count() == 0
    if splits:
        variables = jax.device_put(variables, devices.whole())
    rate = optax.cosine_onecycle_schedule(steps, RATE, pct_start=0.15, final_div_factor=1e3)
    adam = optax.adamw(rate, b2=b2, weight_decay=WEIGHT_DECAY)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), adam)
    opt = optimizer.init(variables)

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(variables, opt, images, labels, number):
        inputs = change(to_float(images), jax.random.fold_in(key_change, number))

        def loss(variables):
            logits: Any = network.apply(variables, inputs)[0]
            targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), smoothing)
            return optax.softmax_cross_entropy(logits, targets).mean()

        value, gradients = jax.value_and_grad(loss)(variables)
        updates, opt = optimizer.update(gradients, opt, variables)
        return optax.apply_updates(variables, updates), opt, value

    count = len(train.labels)
    epoch = max(count // batch, 1)
    began, losses = time.monotonic(), []
    # One call a step, not a scan of many: the gradients of a convolution are slow inside a scan.
    for number, rows in enumerate(batches.indices(seed, 0, steps, batch, count)):
        examples = train.images[rows], train.labels[rows]
        if splits:
            examples = jax.device_put(examples, devices.split())
        variables, opt, loss = step(variables, opt, *examples, number)
        # Wait for each step: programs of several devices that overlap can take all threads of a CPU
        # and then wait for each other for ever.
        losses.append(float(loss))
        if floor and (number + 1) % epoch == 0:
            report(
                f"epoch {(number + 1) // epoch} of {steps // epoch}: "
                f"loss {np.mean(losses[-epoch:]):.3f} nats, "
                f"{accuracy(network, variables, floor):.2%} of the "
                f"{len(floor.labels)} floor digits, {time.monotonic() - began:.0f} s"
            )
    return variables


def look(network: nn.Module, variables: Any, images) -> tuple[np.ndarray, np.ndarray]:
    """Apply a network to images [n, 28, 28, 1], uint8 or float in [0, 1]; returns float32 logits
    [n, k] and features [n, d], on the host. JAX compiles a network once if its class is registered
    as static (``jax.tree_util.register_static``)."""
    return map_images(network.apply, variables, images=images, chunk=CHUNK)


def accuracy(network: nn.Module, variables: Any, split: Split) -> float:
    """The accuracy of a network on digits, 0 to 1."""
    return float((look(network, variables, split.images)[0].argmax(1) == split.labels).mean())
