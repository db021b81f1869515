"""A trained model in Python: what the commands do, as functions of arrays.

    import jaxgen

    model = jaxgen.load("cvae")
    images = model.sample(digit=3, count=64)
    codes = model.encode(images, 3)

``jaxgen.load`` and ``jaxgen.train`` make models. Images are float32 [n, 28, 28, 1] in [0, 1], light
ink on black. Mistakes are ``jaxgen.UserError`` with the sentences of the commands.
"""

import dataclasses
import functools
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from etils import epy

from jaxgen import classes, data, devices, families, sampling
from jaxgen import config as configs
from jaxgen.arguments import Images, checked, labels
from jaxgen.classes import ANY
from jaxgen.config import Config
from jaxgen.data import Digits, with_absolute_path
from jaxgen.errors import UserError, warn
from jaxgen.families.base import Variational, split
from jaxgen.families.capabilities import Encodes, HasBound, Transfers, able
from jaxgen.images import to_uint8
from jaxgen.mapping import CHUNK, FEW, map_images
from jaxgen.training import folder as folders
from jaxgen.training import published, trained
from jaxgen.training.folder import ModelFolder
from jaxgen.training.published import Published
from jaxgen.training.trained import Trained

with epy.lazy_imports():  # drawing needs none of them
    from jaxgen.apps import (
        complete,
        correct,
        damage,
        export,
        finetuning,
        hands,
        masks,
        publish,
        reader,
        redraw,
        restyle,
    )
    from jaxgen.evaluation import judge, likelihood, reference, suite
    from jaxgen.training import console as consoles
    from jaxgen.training import hub, loop

Label = int | str  # a class: its number or its name, such as 3, "sneaker" or "any"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Model(Trained):
    """A trained model.

    ``family`` has the pure functions and ``variables`` their arrays, to use under ``jit``, ``grad``
    or ``vmap``; the methods here call them for any number of images, chunk by chunk on all devices.
    """

    config: Config
    """The recipe."""
    folder: ModelFolder
    """The run, or the published model."""
    moved: str | None = None
    """The new source of its digits, if they have moved."""

    def __repr__(self) -> str:
        steps = f"{self.step:,} step{'s' * (self.step != 1)}"
        return f"<{self.config.model} after {steps} of training, {self.folder}>"

    def _repr_png_(self) -> bytes | None:
        return self.sample(count=2 * len(self.learned))._repr_png_()

    @functools.cached_property
    def digits(self) -> Digits:
        """The digits that it has learned from, with those for validation and for tests."""
        return self.folder.digits(self.config, self.moved)

    def with_sampling(self, **settings: Any) -> Self:
        """The same model with these sampling settings changed. Raises UserError for settings that
        the family does not have, or that cannot be.

        >>> model.with_sampling(prior="standard")
        Traceback (most recent call last):
        jaxgen.errors.UserError: this version of jaxgen has no setting 'prior' of a Sampling...
        """
        config = configs.changed(self.config, {"sampling": settings})
        return dataclasses.replace(self, config=config, family=families.build(config))

    def cycle(
        self,
        digit: Label | None = None,
        digits: str | Sequence[int] | np.ndarray | None = None,
        flag: str = "--digits",
    ) -> np.ndarray:
        """The labels int32 [n] that a drawing repeats in turn: of one ``digit``, or class, of
        ``digits``, or of all that the model has learned. Raises UserError, which names the
        ``flag``, for classes that it cannot draw."""
        if digit is not None and digits is not None:
            raise UserError("--digits says what to draw and how many: leave out --digit")
        if digit == "any":
            return np.full(1, ANY, np.int32)
        if digit is None and digits is None:
            cycle = self.learned if self.family.is_conditional else [ANY]
            return np.array(cycle, np.int32)
        flag = flag if digit is None else "--digit"
        if isinstance(digit, str):
            digit = classes.number(digit, self.names, f"--digit {digit}")
        wanted = labels(digits if digit is None else digit, flag, self.names)
        if (wanted != ANY).any():
            trained.require_conditional(self.family, flag)
        self.require(
            wanted[wanted != ANY], f"{flag} {digits if digit is None else self.names[wanted[0]]}"
        )
        return wanted

    def sample(
        self,
        digit: Label | None = None,
        count: int | None = None,
        seed: int = 0,
        *,
        digits: str | Sequence[int] | np.ndarray | None = None,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Images:
        """Draw digits: float32 [n, 28, 28, 1] in [0, 1], those of ``bin/sample``, bit for bit.

        ``digit`` is 0 to 9, a class of other data by its name or number, or "any"; without it all
        come in turn. ``digits``, such as "2024", "bag,coat" or labels [n], asks for one image each,
        or for ``count`` in turn. ``count`` is 64 of one digit, or about 100 of all, when not given.
        Image i depends on the seed, i and its digit alone. ``progress(done)`` gets the number of
        images drawn.

        >>> model.sample(digit=3, count=5).shape
        (5, 28, 28, 1)
        """
        cycle = self.cycle(digit, digits)
        if count is None:
            count = len(cycle) if digits is not None else 64
            if digit is None and digits is None:
                count = sampling.of_all(cycle)
        configs.require("count", count, count >= 1, "1 or more")
        configs.require("seed", seed, 0 <= seed < 2**32, "from 0 to 4294967295")
        asked = cycle[np.arange(count) % len(cycle)]
        drawn = sampling.draw(self.family, self.variables, asked, seed, progress=progress)
        return drawn.view(Images)

    def encode(self, images: Any, digits: Any = None) -> Any:
        """The latents of n images: a tree of arrays [n, ...], such as codes [n, z].

        ``images`` are float in [0, 1] or uint8, [n, 28, 28, 1] or [n, 28, 28]. ``digits`` are the
        digits that they show: one for all, or [n]; as a classifier reads them when not given.

        >>> model.encode(model.sample(digit=3, count=5), 3).shape
        (5, 10)
        """
        family, pixels = self.family.for_inversion(), checked(images)
        able(family, Encodes)
        chunk = FEW if self.family.encodes_iteratively or len(pixels) < CHUNK else 1024
        return map_images(
            able(family, Encodes).encode,
            self.variables,
            chunk=chunk,
            images=pixels,
            labels=self._labels(pixels, digits),
        )

    def decode(self, latents: Any, digits: Any = None, seed: int = 0) -> Images:
        """The images of latents, as ``encode`` returns them: float32 [n, 28, 28, 1]. ``digits`` are
        one for all, or [n]; any digit when not given. Only a random decoder uses the seed."""
        import jax

        count = len(jax.tree.leaves(latents)[0])
        wanted = labels("any" if digits is None else digits, "digits", self.names, count)
        decode = self.family.for_inversion().decode
        drawn = map_images(decode, self.variables, seed=seed, latents=latents, labels=wanted)
        return drawn.view(Images)

    def reconstruct(self, images: Any, digits: Any = None, seed: int = 0) -> Images:
        """Encode and decode images; for the arguments see ``encode``."""
        pixels, family = checked(images), self.family.for_inversion()
        known = self._labels(pixels, digits)
        return sampling.reconstruct(family, self.variables, pixels, known, seed).view(Images)

    def interpolate(
        self,
        stops: Any,
        frames: int = 10,
        count: int = 1,
        seed: int = 0,
        digits: Any = None,
        say: Callable[[str], None] = warn,
    ) -> Images:
        """Walk from digit to digit through the latents: float32 [count, t, 28, 28, 1], with
        ``frames`` images from a stop to the next, both included.

        ``stops`` are digits, such as "38" or [3, 8], of which each way has new drawings; or images
        [n, 28, 28, 1] of the digits ``digits`` (see ``encode``), between which there is one way.
        ``say(line)`` tells how many drawn ends the judge could not read, which are drawn again.
        """
        return self.walk(stops, frames, count, seed, digits, say)[0].view(Images)

    def walk(
        self,
        stops: Any,
        frames: int,
        count: int,
        seed: int,
        digits: Any,
        say: Callable[[str], None],
        flag: str = "--digits",
    ) -> tuple[np.ndarray, np.ndarray]:
        """``interpolate``, with the digit of the nearest stop, int32 [count, t]. An error for
        digits that the model cannot draw names the ``flag``."""
        configs.require("frames", frames, frames >= 2, "2 or more: both ends, and what is between")
        family = self.family
        if isinstance(stops, np.ndarray) and stops.ndim > 1:
            family, pixels = family.for_inversion(), checked(stops)
            known = self._labels(pixels, digits)
            ways = sampling.encode_way(family, self.variables, pixels, known)
        else:
            tour = self.cycle(digits=stops, flag=flag)
            configs.require("digits", stops, len(tour) > 1, "two digits or more, such as 38")
            wanted = np.tile(tour, (count, 1))
            indices = self._legible(wanted, seed, say)
            ways = sampling.draw_ways(family, self.variables, wanted, seed, indices)
            if len(tour) > 2 and tour[0] == tour[-1]:
                ways = ways.round_trip()
        return sampling.interpolate(family, self.variables, ways, frames, seed)

    def _legible(self, wanted: np.ndarray, seed: int, say: Callable[[str], None]) -> np.ndarray:
        """Indices in the seed, int [ways, stops], of images of the digits ``wanted`` [ways, stops]
        that the judge can read. Where it cannot read the digits of the data, the first indices."""
        first = sampling.in_turn(wanted)
        if self.caution or (wanted == ANY).any():
            return first

        def draw(labels, indices):
            return sampling.draw(self.family, self.variables, labels, seed, indices, FEW)

        flat = wanted.ravel()
        sure = functools.partial(judge.sure_of, self.judge)
        redrawn = redraw.redraw(draw, flat, first.ravel(), sure, judge.SURE, tries=16)
        others = (redrawn.indices != first.ravel()).sum()
        illegible = (redrawn.scores < judge.SURE).sum()
        if others:
            say(f"{others} of {len(flat)} ends are drawn again: the judge could not read them")
        if illegible:
            say(f"{illegible} of {len(flat)} ends cannot be read: train the model for longer")
        return redrawn.indices.reshape(wanted.shape)

    def log_likelihood(
        self, images: Any, digits: Any = None, samples: int = 500, seed: int = 0
    ) -> np.ndarray:
        """A lower bound of log p(image | digit) in nats [n]; for the arguments see ``encode``.

        For a family with a posterior it is the bound by importance with ``samples`` codes (Burda et
        al. 2016), and its Bernoulli pixels need images that are black and white. For diffusion it
        is an unbiased estimate of its bound. Raises UserError for a family without a bound.
        """
        family, pixels = self.family, checked(images)
        bounded, known = able(family, HasBound), self._labels(pixels, digits)
        if not isinstance(family, Variational):
            nats = bounded.bound
        else:
            greys = np.isin(pixels, (0, 1), invert=True)
            if family.is_bernoulli and greys.any():
                raise UserError(
                    f"{greys.sum()} of {pixels.size} pixels are grey, and for "
                    f"{type(family).__name__} with --net.likelihood bernoulli a pixel is black or "
                    "white: give images > 0.5"
                )

            def nats(variables, images, labels, keys):
                keys = split(keys)[1]
                return likelihood.importance_bound(family, variables, images, labels, keys, samples)

        chunk = min(CHUNK, len(pixels))
        return -map_images(
            nats, self.variables, seed=seed, chunk=chunk, images=pixels, labels=known
        )

    def evaluate(
        self,
        count: int | None = None,
        against: Literal["test", "valid"] = "test",
        seed: int = 0,
        *,
        full: bool = False,
        progress: Callable[[str], None] = lambda line: None,
    ) -> "suite.Suite":
        """Draw ``count`` digits and measure them, and all else that applies to the family, as
        ``bin/evaluate`` does; print the result, or take ``to_dict()``. ``progress(line)`` gets the
        next step."""
        amount = suite.FULL if full else suite.QUICK
        classifier = self.judge
        most = max(reference.most_of(self.digits, against), reference.least_of(classifier))
        count = min(amount.count, most) if count is None else count
        configs.require("count", count, count >= 1, "1 or more")
        amount = amount._replace(count=count)
        progress("measuring real digits")
        real = suite.real_figures(classifier, self.digits, amount.count, against)
        return suite.measure(
            self.family, self.variables, self.digits, classifier, real, amount, seed, progress
        )

    def complete(
        self, images: Any, hide: Any = "left", ways: int = 1, seed: int = 0
    ) -> "complete.Completed":
        """Complete images that are partly hidden: the images float32 [n, ways, 28, 28, 1], and the
        digits int32 [n, ways] as a classifier reads them. Visible pixels do not change.

        ``hide`` is a name as for ``bin/apply complete`` ("left", "random:0.7" ...), or an array
        [28, 28] or [n, 28, 28] that is true where pixels are hidden.
        """
        pixels = checked(images)
        configs.require("ways", ways, 1 <= ways <= 100, "from 1 to 100")
        visible = masks.visible(hide, len(pixels), seed) if isinstance(hide, str) else None
        if visible is None:
            visible = 1 - np.broadcast_to(checked(np.asarray(hide, bool)), pixels.shape)
        completed = complete.complete(
            self.family, self.variables, self._reader, pixels, visible, ways, seed
        )
        return completed._replace(images=completed.images.view(Images))

    def correct(self, images: Any, kind: str, seed: int = 0) -> "correct.Corrected":
        """Correct damaged images: the images float32 [n, 28, 28, 1], and the digits int32 [n] as a
        classifier reads them. ``kind`` is a damage as for ``bin/apply correct``: "broken",
        "noise:0.4" ..."""
        known, pixels = damage.named(kind), checked(images)
        corrected = correct.correct(self.family, self.variables, self._reader, pixels, known, seed)
        return corrected._replace(images=corrected.images.view(Images))

    def restyle(self, style: Any, digits: Any = None, source: Any = None, seed: int = 0) -> Images:
        """Write ``digits`` in the hand of images: float32 [n, 28, 28, 1].

        ``style`` is one image, for n digits, or n images; ``source`` the digits that they show, as
        a classifier reads them when not given. ``digits`` are those to write, such as "2024" or 7;
        all that the model has learned when not given.
        """
        able(self.family, Transfers)
        wanted = np.array(self.learned, np.int32)
        if digits is not None:
            wanted = labels(digits, "--digits", self.names)
        pixels = checked(style)
        known = self._labels(pixels, source)
        self.require(known[known == ANY], "source")
        if len(pixels) == 1:
            pixels, known = (array.repeat(len(wanted), 0) for array in (pixels, known))
        elif len(wanted) == 1:
            wanted = wanted.repeat(len(pixels))
        if len(wanted) != len(pixels):
            raise UserError(
                f"{len(wanted)} digits need one style image, or one each, not {len(pixels)}"
            )
        self.require(wanted, "digits")
        drawn = restyle.restyle(self.family, self.variables, pixels, known, wanted, seed)
        return drawn.view(Images)

    def fine_tune(
        self,
        source: str,
        run: str | Path | None = None,
        *,
        fresh: bool = False,
        quiet: bool = False,
        **changes: Any,
    ) -> "Model":
        """Go on with the training on the few digits of ``source``, such as "mine/", as ``bin/train
        --from`` does. It is another run, whose arguments are those of ``train``; this model does
        not change."""
        wanted = {"data": with_absolute_path(source), **changes}
        config = configs.changed(finetuning.recipe(self.folder), wanted)
        name = f"{run or finetuning.name(config)}"
        finetuning.require_another(self.folder, folders.locate(None, name))
        return _trained(config, name, self.folder, fresh, quiet)

    def hand(self, images: Any, digits: Any = None) -> "hands.Hand":
        """The hand of a person, of which ``images`` show many digits, and which
        ``hand.write("2024")`` writes in; for the arguments see ``encode``."""
        pixels = checked(images)
        known = self._labels(pixels, digits)
        self.require(known[known == ANY], "digits")
        return hands.Hand(self, pixels, known)

    def publish(
        self,
        to: str | Path,
        *,
        half: bool = True,
        progress: Callable[[str], None] = lambda line: None,
    ) -> Published:
        """Write the weights, the recipe and a card to the new folder ``to``; or send them to the
        Hugging Face hub, to ``hub:USER/NAME``. ``load`` reads both. With ``half``, large arrays are
        float16. Draws and judges 10,000 digits for the card. Raises UserError where something else
        is there already, or the hub does not take them."""
        given = self, self.config, self.folder, self.digits
        if not f"{to}".startswith(hub.PREFIX):
            return publish.publish(*given, Path(to), half, progress=progress)
        address = hub.Address.of(f"{to}")
        hub.check(address)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "model"
            made = publish.publish(*given, out, half, address=f"{to}", progress=progress)
            progress(f"sending it to {address}")
            return hub.send(made, address)

    def export(self, to: str | Path, what: str = "sampler") -> list[Path]:
        """Write a function of the model with its weights to a new file for other programs, and a
        text beside it that says how to call it; returns both paths.

        ``to`` ends in .onnx, for other runtimes and browsers, in .stablehlo, for a program that
        needs jax alone, or in .safetensors, for the arrays. ``what`` is the function: sampler,
        encoder, decoder, or network, the denoiser of a diffusion model. Raises UserError for a
        function that the family does not have, or that ONNX cannot hold.
        """
        return export.export(self, self.config, Path(to), what)

    @functools.cached_property
    def _reader(self) -> Any:
        return reader.load(self.digits, warn)

    @functools.cached_property
    def judge(self) -> "judge.Judge":
        """The judge of its digits: their own if ``bin/digits judge`` has trained one, else that of
        MNIST."""
        if data.is_mnist(self.config.data):
            return judge.load()
        try:
            digits = self.digits
        except UserError:  # they have moved, and ``caution`` says so
            return judge.load()
        return judge.of(digits)

    @functools.cached_property
    def caution(self) -> str | None:
        """A sentence that says why the judge cannot read the digits of the data; None where it can
        read them, as MNIST's, and where they are missing."""
        if data.is_mnist(self.config.data):
            return None
        try:
            return judge.caution(self.judge, self.digits)
        except UserError as error:
            if not classes.are_digits(self.names):
                return f"no judge of these classes is known, since {error}"
            warn(f"it is not known whether the judge can read such digits: {error}")
            return None

    def classify(self, images: Any) -> np.ndarray:
        """The digits int [n] in images, by the judge, or where it cannot read such digits, by a
        classifier that learns from the digits of the model."""
        pixels = checked(images)
        if self.caution is None:
            return judge.look(self.judge, to_uint8(pixels))[0].argmax(1)
        both: Any = pixels, np.ones_like(pixels)
        return np.asarray(reader.read(self._reader, *both).argmax(1))

    def _labels(self, pixels: np.ndarray, digits: Any) -> np.ndarray:
        """The digits that images show, int32 [n]."""
        if digits is None:
            return self.classify(pixels).astype(np.int32)
        return labels(digits, "digits", self.names, len(pixels))


def load(name: str | Path, *, data: str | None = None, say: Callable[[str], None] = warn) -> Model:
    """Load a trained model.

    ``name`` is the path of a run or of a published model; or the name of a model, such as "cvae":
    the run in runs/ of that name, or else the model that ships; or the address of a published model
    on the Hugging Face hub, ``hub:USER/NAME`` or ``hub:USER/NAME@REVISION``. ``data`` is the new
    source of its digits, if they have moved. ``say(line)`` is called for remarks, such as damaged
    checkpoints. Raises UserError if there is no such model, or it is damaged.

    On CPUs, if JAX has no devices yet, it gets one for each core as far as batches of 64 can be
    split, as in the commands.

    >>> jaxgen.load("cvae")
    <cvae after 2,800 steps of training, jaxgen/weights/cvae>
    """
    found = find(name)
    config = found.load()
    devices.adopt()
    return of(found, config, data and with_absolute_path(data), say)


def find(name: str | Path) -> ModelFolder:
    """The folder that ``load`` reads."""
    text = f"{name}"
    if os.sep in text or text not in configs.names():
        return published.find(None, text)
    return published.find(text, None)


def of(folder: ModelFolder, config: Config, moved: str | None, say: Callable[[str], None]) -> Model:
    """The model in a folder, with the recipe ``config``: only its sampling settings may differ from
    those in the folder."""
    config = dataclasses.replace(config, classes=folder.load().classes)
    found = trained.load(folder, config, say, moved)
    return Model(**vars(found), config=config, folder=folder, moved=moved)


def train(
    recipe: str | Config,
    run: str | Path | None = None,
    *,
    fresh: bool = False,
    quiet: bool = False,
    **changes: Any,
) -> Model:
    """Train a model, as ``bin/train`` does: a run in the folder ``run`` goes on, unless ``fresh``
    moves it aside.

    ``recipe`` is the name of a recipe, or a ``Config``. ``changes`` are its settings, and groups of
    them as dictionaries. ``run`` is a path, or a name in runs/; that of the model when not given.
    Ctrl-C saves, and raises KeyboardInterrupt. Raises UserError for settings that cannot be.

    >>> jaxgen.train("vae", "plane", steps=9, net={"latents": 2}, data="synthetic", quiet=True)
    <vae after 9 steps of training, runs/plane>
    """
    config = configs.recipe(recipe) if isinstance(recipe, str) else recipe
    config = configs.changed(config, changes)
    config = dataclasses.replace(config, data=with_absolute_path(config.data))
    return _trained(config, f"{run or config.model}", None, fresh, quiet)


def _trained(
    config: Config, run: str, origin: ModelFolder | None, fresh: bool, quiet: bool
) -> Model:
    """The model after training, which goes on from that in ``origin``, if given."""
    folder, console = folders.locate(None, run), consoles.Console(quiet)
    with folder.lock():
        devices.adopt(None if fresh else folder.cpu_devices(), batch=config.batch)
        devices.check_batch(config.batch)  # before anything is written
        for line in folder.prepare(config, fresh):
            console.say(line)
        status = loop.train(config, folder, console, start=finetuning.start(origin, config, folder))
    if status:
        raise KeyboardInterrupt(f"stopped and saved; the same call goes on with {folder}")
    return of(folder, config, None, warn)
