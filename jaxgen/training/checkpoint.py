"""Checkpoints: a folder for each saved step, written by Orbax, with a manifest of its files. A step
whose files differ from its manifest is skipped, and the step before is used."""

import contextlib
import dataclasses
import errno
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from etils import epy

from jaxgen import config as configs
from jaxgen import densities, devices, distributed
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.training import folder as folders
from jaxgen.training import manifest, weights

with epy.lazy_imports():  # drawing needs none of it
    import orbax.checkpoint as ocp

if TYPE_CHECKING:
    from jaxgen.families.base import Family, Variables
    from jaxgen.training.trainer import State, Trainer

PARTIAL = ".partial"
KEEP = 2  # newest steps that are kept: the second is for a damaged first

logging.getLogger("absl").setLevel(logging.ERROR)  # Orbax logs much


class Checkpoints:
    """The checkpoints of one run of a recipe, for the only process that writes them.

    A thread saves one step at a time while training goes on. Step N is written to N.partial, and
    renamed when it is on the disk with its manifest. It is renamed back before it is deleted.
    """

    def __init__(self, folder: Path, config: Config):
        self.folder, self.config = folder.absolute(), config
        self._writer = futures.ThreadPoolExecutor(1)
        self._saving: futures.Future | None = None
        if distributed.is_first():
            for partial in self.folder.glob(f"*{PARTIAL}"):  # from a process that died
                shutil.rmtree(partial)

    def save(self, state: "State", fitted: bool = True) -> None:
        """Begin to save under the state's own step, after the last save has ended; raises as
        ``wait`` does. ``fitted`` says whether ``Family.fit`` was called for this state, if the
        family has it."""
        self.wait()
        step = int(state.step)
        # A copy, since the state is donated to the next train step.
        snapshot = jax.block_until_ready(jax.tree.map(jnp.copy, densities.to_saved(state)))
        if distributed.count() == 1:
            self._saving = self._writer.submit(
                lambda: self._end(step, self._begin(step, snapshot), fitted)
            )
        else:
            # With several processes ``_begin`` runs a collective. It must not run at the same time
            # as a train step: the order of collectives could differ between the processes.
            writing = self._begin(step, snapshot)
            self._saving = self._writer.submit(self._end, step, writing, fitted)

    def wait(self) -> None:
        """Wait for the current save; raises ``UserError`` if there is no room or no permission."""
        saving, self._saving = self._saving, None
        if saving:
            saving.result()

    def check(self) -> None:
        """Raise the error of a save that has ended, as ``wait`` does, without waiting."""
        if self._saving and self._saving.done():
            self.wait()

    def steps(self) -> list[int]:
        """The saved steps, newest first, after the current save; raises as ``wait`` does."""
        self.wait()
        return manifest.steps(self.folder)

    def _begin(self, step: int, state: "State") -> "ocp.StandardCheckpointer":
        """Start to write a state to the folder N.partial."""
        with self._writing(step):
            self.folder.mkdir(parents=True, exist_ok=True)
            _require_room(self.folder, 2 * sum(leaf.nbytes for leaf in jax.tree.leaves(state)))
            checkpointer = ocp.StandardCheckpointer()
            checkpointer.save(self._partial(step) / "default", state)
        return checkpointer

    def _end(self, step: int, writing: "ocp.StandardCheckpointer", fitted: bool) -> None:
        """When all is written, add the manifest, rename the folder, and delete old steps."""
        with self._writing(step):
            writing.close()  # waits until all is written
            if not distributed.is_first():
                return
            partial = self._partial(step)
            manifest.write(partial, configs.to_dict(self.config), fitted)
            target, former = self.folder / str(step), self._partial(f"{step}.former")
            if target.exists():  # of a group that began anew, since one of it was damaged
                target.rename(former)
            partial.rename(target)
            shutil.rmtree(former, ignore_errors=True)
            manifest.force(self.folder)
            for old in manifest.steps(self.folder)[KEEP:]:
                doomed = self._partial(old)
                (self.folder / str(old)).rename(doomed)  # so that no step is ever incomplete
                shutil.rmtree(doomed)

    def _partial(self, step: int | str) -> Path:
        return self.folder / f"{step}{PARTIAL}"

    @contextlib.contextmanager
    def _writing(self, step: int) -> Iterator[None]:
        """Turn a system error while a step is written into a ``UserError``."""
        try:
            yield
        except (OSError, ValueError) as error:  # Orbax reports a full disk as a ValueError
            if "Gloo" in f"{error}":  # another process is lost
                raise
            shutil.rmtree(self._partial(step), ignore_errors=True)
            saved = manifest.describe_saved(manifest.steps(self.folder))
            raise UserError(
                f"the checkpoint of step {step} could not be written to {self.folder} "
                f"({_reason(error)}), {saved}: make room there and give the same command again"
            ) from error

    def set_aside(self, step: int) -> Path:
        """Move a damaged step to ``damaged/``, so that training can save this step again; return
        its new path."""
        target = self.folder / "damaged" / str(step)
        target.parent.mkdir(exist_ok=True)
        while target.exists():
            target = target.with_name(target.name + "+")
        (self.folder / str(step)).rename(target)
        return target

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind, *_) -> None:
        try:
            self.wait()
        except UserError:
            if kind is None:  # else another error is being raised
                raise
        finally:
            self._writer.shutdown()


def restore(
    folder: Path,
    trainer: "Trainer",
    damaged: Callable[[int, str], None],
    shard_params: bool = False,
) -> "State | None":
    """Load the newest sound step of a run of the trainer's recipe, or None if there is none.

    ``damaged(step, reason)`` is called for each damaged step that is skipped. Raises ``UserError``
    if the step has other arrays or another recipe.
    """
    step = distributed.on_first(lambda: _newest_sound(folder, trainer.config, damaged))
    if step is None:
        return None
    path, like = folder.absolute() / str(step) / "default", trainer.abstract(shard_params)
    with ocp.StandardCheckpointer() as checkpointer:
        # Orbax silently casts other types, and prints tracebacks for other shapes.
        saved: Any = checkpointer.metadata(path)
        stored = densities.to_saved(like)
        _require_arrays(_arrays(saved.item_metadata.tree), _arrays(stored), step, folder)
        return densities.from_saved(checkpointer.restore(path, stored), shard_params)


class Averaged(NamedTuple):
    """The part of a saved step that draws images."""

    step: int
    variables: "Variables"  # with the averaged weights
    fitted: bool  # as in ``Manifest``


def restore_averaged(
    folder: Path, config: Config, family: "Family", damaged: Callable[[int, str], None]
) -> Averaged | None:
    """Load the averaged weights and the stats of the newest sound step; for ``damaged``, errors and
    None see ``restore``. Orbax is not used, since its import alone takes longer than this."""
    with futures.ThreadPoolExecutor(1) as reader:  # the digests of the files are computed meanwhile
        newest = reader.submit(distributed.on_first, lambda: _newest_sound(folder, config, damaged))
        like = weights.abstract(family)
    if (step := newest.result()) is None:
        return None
    path = folder.absolute() / str(step)
    tree = {"ema": like.params, "variables": {"stats": densities.to_saved(like.stats)}}
    opened = _open(path / "default", tuple(tree))
    for name in [name for name in opened if name.startswith("variables/params/")]:
        del opened[name]  # not averaged
    _require_arrays(_arrays(opened), ours := _arrays(tree), step, folder)
    reads = [opened[name].read() for name in ours]
    arrays = jax.device_put([read.result() for read in reads], devices.whole())
    tree = jax.tree.unflatten(jax.tree.structure(tree), arrays)
    stats = densities.from_saved(tree["variables"]["stats"])
    return Averaged(step, like.replace(params=tree["ema"], stats=stats), manifest.read(path).fitted)


def _open(path: Path, parts: tuple[str, ...]) -> dict[str, Any]:
    """Open the arrays of some ``parts`` of the tree that Orbax has saved in ``path``, by the names
    of ``_arrays``. Orbax stores each array in the format zarr, all in one database, OCDBT."""
    import tensorstore

    content = json.loads((path / "_METADATA").read_text())
    driver = "zarr3" if content["use_zarr3"] else "zarr"
    base = {"driver": "file", "path": f"{path}/"}
    opening = {}
    for array in content["tree_metadata"].values():
        keys = [entry["key"] for entry in array["key_metadata"]]
        if keys[0] in parts and not array["value_metadata"]["skip_deserialize"]:
            store = {"driver": "ocdbt", "base": base, "path": ".".join(keys)}
            opening["/".join(keys)] = tensorstore.open(
                {"driver": driver, "kvstore": store}, read=True
            )
    return {name: opened.result() for name, opened in opening.items()}


def _newest_sound(folder: Path, config: Config, damaged: Callable[[int, str], None]) -> int | None:
    """The newest step that equals its manifest; for ``damaged`` and errors see ``restore``."""
    learned = folders.RunFolder(folder.parent).learned
    for step in manifest.steps(folder):
        path = folder.absolute() / str(step)
        try:
            saved = configs.from_dict(manifest.check(path).recipe)
        except manifest.Damage as damage:
            if path.exists():  # else its writer has deleted it, since there are newer steps
                damaged(step, str(damage))
            continue
        if learned and saved.data in learned.sources:  # the same digits under another name
            saved = dataclasses.replace(saved, data=config.data)
        if different := folders.differing_settings(config, saved):
            raise UserError(
                f"the checkpoint of step {step} in {folder} is of another recipe than config.json "
                f"there: {', '.join(different)}; put back its own config.json"
            )
        return step
    return None


def _require_arrays(
    theirs: dict[str, tuple], ours: dict[str, tuple], step: int, folder: Path
) -> None:
    """Raise a UserError if a checkpoint holds other arrays than ours."""
    if theirs == ours:
        return
    what = f"the checkpoint of step {step} in {folder}"
    wide = sorted({str(kind) for _, kind in theirs.values() if kind.itemsize == 8})
    if wide:  # earlier versions used JAX_ENABLE_X64 of the shell
        raise UserError(
            f"{what} holds other arrays than jaxgen makes: they are {' and '.join(wide)}, from a "
            "training with JAX_ENABLE_X64, but jaxgen computes with 32 bits; train again, with "
            "another --run or --fresh"
        )
    raise UserError(
        f"{what} holds other arrays than this version of jaxgen makes: use the version that wrote "
        "it, or train again, with another --run or --fresh"
    )


def _arrays(tree) -> dict[str, tuple]:
    """The shape and type of every array, by its path in the tree."""
    return {
        name: (tuple(leaf.shape), np.dtype(getattr(leaf.dtype, "numpy_dtype", leaf.dtype)))
        for name, leaf in weights.named(tree).items()
    }


def _require_room(folder: Path, size: int) -> None:
    """Raise the OSError of the system if there is no room for ``size`` bytes and a little more.

    Otherwise Orbax would print a traceback for each array that it cannot write.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with tempfile.TemporaryFile(dir=folder) as probe:
        try:
            os.posix_fallocate(probe.fileno(), 0, size + 2**20)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):  # other errors do not mean a full disk
                raise


def _reason(error: Exception) -> str:
    text = str(error)
    if "RESOURCE_EXHAUSTED" in text or "No space left" in text:
        return "no space left"
    return getattr(error, "strerror", None) or text.splitlines()[0]
