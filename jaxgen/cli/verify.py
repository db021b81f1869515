"""``bin/verify``: whether what runs have saved is still as it was written."""

from dataclasses import dataclass
from pathlib import Path

from jaxgen.cli import flags
from jaxgen.errors import UserError

DESCRIPTION = """Check every saved step of runs against its manifest, which names its files and
their SHA-256. Nothing is changed: training moves damaged steps to checkpoints/damaged/, and all
commands use the newest sound one.

examples:
  bin/verify ddpm gan        two runs in runs/
  bin/verify studies/x/y     a run anywhere
  bin/verify --all           all that are under runs/

The exit status is 0 if all are sound, or else 2."""


@dataclass(frozen=True)
class Verify:
    all: bool = False
    """Check all runs that are under runs/."""


def main(args: list[str]) -> int:
    names = flags.leading(args)
    wanted = flags.parse(Verify(), "verify", DESCRIPTION, args[len(names) :])
    if wanted.all == bool(names):
        raise UserError("which run? give names or folders of runs, or --all for all under runs/")
    from jaxgen.training import folder

    if wanted.all:
        runs = [folder.RunFolder(path) for path in _under(folder.ROOT)]
        if not runs:
            raise UserError(f"there is no run under {folder.ROOT}: bin/train makes one")
    else:
        runs = [folder.locate(None, name) for name in dict.fromkeys(names)]
        for run in runs:
            run.load()  # that it is a run
    found = [sound for run in runs for sound in _verify(run)]
    if damaged := found.count(False):
        raise UserError(
            f"damaged: {damaged} of {_many(len(found), 'saved step')}; bin/train moves such to "
            "checkpoints/damaged/ and goes on from the newest sound one"
        )
    print(f"{_many(len(found), 'saved step')} in {_many(len(runs), 'run')}: none is damaged")
    return 0


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _under(root: Path) -> list[Path]:
    """The runs below a folder."""
    return sorted(
        p.parent for p in root.rglob("config.json") if (p.parent / "checkpoints").is_dir()
    )


def _verify(run) -> list[bool]:
    """Tell of each saved step of a run, newest first, whether it is sound."""
    from jaxgen.training import manifest

    found = []
    for step in manifest.steps(run.checkpoints):
        try:
            saved = manifest.check(run.checkpoints / str(step))
        except manifest.Damage as damage:
            if isinstance(damage, manifest.Unfinished) and run.is_busy():
                print(f"{run}: step {step} is being written")
                continue
            found.append(False)
            print(f"{run}: step {step} is damaged ({damage})")
        else:
            found.append(True)
            print(f"{run}: step {step} is sound ({len(saved.files)} files)")
    if not found:
        print(f"{run}: nothing is saved")
    return found
