"""Check every saved step of runs against its manifest, which names its files and their SHA-256.
Nothing is changed: training moves damaged steps to checkpoints/damaged/, and all commands use the
newest sound one.

examples:
  bin/verify ddpm gan        two runs in runs/
  bin/verify studies/x/y     a run anywhere
  bin/verify --all           all that are under runs/

The exit status is 0 if all are sound, or else 2."""

from dataclasses import dataclass

from jaxgen.cli import flags
from jaxgen.errors import UserError
from jaxgen.training import folder, manifest
from jaxgen.training.console import plural
from jaxgen.training.folder import RunFolder


@dataclass(frozen=True)
class Verify:
    all: bool = False
    """Check all runs that are under runs/."""


def main(args: list[str]) -> None:
    names = flags.leading(args)
    wanted = flags.parse(Verify(), "verify", __doc__, args[len(names) :])
    if wanted.all == bool(names):
        raise UserError("which run? give names or folders of runs, or --all for all under runs/")
    if wanted.all:
        paths = sorted(path.parent for path in folder.ROOT.rglob("config.json"))
        runs = [RunFolder(path) for path in paths if (path / "checkpoints").is_dir()]
        if not runs:
            raise UserError(f"there is no run under {folder.ROOT}: bin/train makes one")
    else:
        runs = [folder.locate(None, name) for name in dict.fromkeys(names)]
        for run in runs:
            run.load()  # raises UserError where there is no run
    sound = [is_sound for run in runs for is_sound in verify(run)]
    if damaged := sound.count(False):
        raise UserError(
            f"damaged: {damaged} of {plural(len(sound), 'saved step')}; bin/train moves damaged "
            "steps to checkpoints/damaged/ and goes on from the newest sound one"
        )
    print(f"{plural(len(sound), 'saved step')} in {plural(len(runs), 'run')}: none is damaged")


def verify(run: RunFolder) -> list[bool]:
    """Print whether each saved step of a run, newest first, is sound, and return the answers."""
    sound = []
    for step in manifest.steps(run.checkpoints):
        try:
            saved = manifest.check(run.checkpoints / str(step))
        except manifest.Damage as damage:
            if isinstance(damage, manifest.Unfinished) and run.is_busy():
                print(f"{run}: step {step} is being written")
                continue
            sound.append(False)
            print(f"{run}: step {step} is damaged ({damage})")
        else:
            sound.append(True)
            print(f"{run}: step {step} is sound ({len(saved.files)} files)")
    if not sound:
        print(f"{run}: nothing is saved")
    return sound
