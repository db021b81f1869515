"""Checkpoints: one Orbax step folder a save, sealed (``seals``). A step whose files are not the
sealed ones is passed over for the one before."""

import errno
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import jax
import orbax.checkpoint as ocp

from jaxgen import config as configs
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.training import folder as folders
from jaxgen.training import seals
from jaxgen.training.step import State

KEEP = 2  # newest steps kept, so that there is one before a damaged newest

logging.getLogger("absl").setLevel(logging.ERROR)  # Orbax tells every step of its work


class Checkpoints:
    """The checkpoints of one run of a recipe, for its only writer."""

    def __init__(self, folder: Path, config: Config):
        self.folder, self.config = folder.absolute(), config
        options = ocp.CheckpointManagerOptions(
            max_to_keep=KEEP, enable_async_checkpointing=False, cleanup_tmp_directories=True
        )
        self._manager = ocp.CheckpointManager(self.folder, options=options)

    def save(self, state: State) -> None:
        """Save under the state's own step, then seal; a ``UserError`` where there is no room or no
        permission."""
        step = int(state.step)
        try:
            _require_room(self.folder, 2 * sum(leaf.nbytes for leaf in jax.tree.leaves(state)))
            self._manager.save(step, args=ocp.args.StandardSave(state))  # pyright: ignore[reportCallIssue]
            seals.seal(self.folder / str(step), configs.to_dict(self.config))
        except (OSError, ValueError) as error:  # Orbax reports a full disk as a ValueError
            raise UserError(
                f"the checkpoint of step {step} could not be written to {self.folder} "
                f"({_reason(error)}): make room there and give the same command again"
            ) from error

    def set_aside(self, step: int) -> Path:
        """Move a damaged step to ``damaged/``, so that training may save that step again; returns
        where it is."""
        target = self.folder / "damaged" / str(step)
        target.parent.mkdir(exist_ok=True)
        while target.exists():
            target = target.with_name(target.name + "+")
        (self.folder / str(step)).rename(target)
        self._manager.reload()
        return target

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self._manager.close()


def restore(
    folder: Path, config: Config, like: State, damaged: Callable[[int, str], None]
) -> State | None:
    """Load the newest sound step of a run of ``config``, or None where there is none at all.

    ``like`` gives shapes, types and places (``jax.eval_shape``, with shardings). Each step passed
    over is told to ``damaged`` with the reason. A step of other arrays or of another recipe is a
    ``UserError``.
    """
    for step in seals.steps(folder):
        path = folder.absolute() / str(step)
        try:
            sealed = seals.check(path)
        except seals.Damage as damage:
            damaged(step, str(damage))
            continue
        if sealed.recipe is not None:
            _require_recipe(config, sealed.recipe, f"the checkpoint of step {step} in {folder}")
        with ocp.StandardCheckpointer() as checkpointer:
            # Orbax would cast other types silently, and print tracebacks for other shapes.
            saved: Any = checkpointer.metadata(path / "default")
            if _arrays(saved.item_metadata.tree) != _arrays(like):
                raise UserError(
                    f"the checkpoint of step {step} in {folder} holds other arrays than this "
                    "version of jaxgen makes: use the version that wrote it, or --fresh"
                )
            return checkpointer.restore(path / "default", like)
    return None


def _arrays(tree) -> dict[str, tuple]:
    """The shape and type of every array, by where it is."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): (tuple(leaf.shape), leaf.dtype)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def _require_recipe(config: Config, sealed: dict[str, Any], what: str) -> None:
    """Raise a UserError where weights are those of another recipe than the run's."""
    if different := folders.unlike(config, configs.from_dict(sealed)):
        raise UserError(
            f"{what} is of another recipe than config.json there: {', '.join(different)}; "
            "put back the one that belongs to it"
        )


def _require_room(folder: Path, size: int) -> None:
    """Raise the system's own OSError where ``size`` bytes and a little more find no room.

    Orbax would find out too, and print a traceback for each array that it could not write.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with tempfile.TemporaryFile(dir=folder) as probe:
        try:
            os.posix_fallocate(probe.fileno(), 0, size + 2**20)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):  # others: it cannot be told here
                raise


def _reason(error: Exception) -> str:
    text = str(error)
    if "RESOURCE_EXHAUSTED" in text or "No space left" in text:
        return "no space left"
    return getattr(error, "strerror", None) or text.splitlines()[0]


def abstract(build: Callable[[], State], sharding: jax.sharding.Sharding) -> State:
    """Shapes and types of what ``build`` makes, placed by ``sharding``; computes nothing."""

    def place(leaf):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

    return jax.tree.map(place, jax.eval_shape(build))
