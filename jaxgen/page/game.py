"""The training of a GAN for the page: what it drew at some steps, and the losses of both players.

``python -m jaxgen.page.game RUN`` writes that of a run into ``game.json``, which the page has for
the model that ships.
"""

import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxgen.data.split import SIDE
from jaxgen.training import folder as folders
from jaxgen.training import loop
from jaxgen.training.folder import RunFolder

SHIPPED = Path(__file__).with_name("game.json")
POINTS = 120  # of a loss, each a mean over some steps
LOSSES = ("generator/loss", "critic/loss")
COLUMNS, ROWS = 10, 3  # of the first digits of a picture, which the page has
GAP = 2  # pixels between the digits of a picture of a run (``images.grid``)
GREYS = 16


def of(folder: RunFolder) -> dict[str, Any] | None:
    """The training of a run; None where its pictures or its log are missing."""
    pictures = {int(path.stem): path for path in folder.samples.glob("*.png")}
    log = [line for line in folders.read_log(folder.metrics) if LOSSES[0] in line]
    if not pictures or not log:
        return None
    parts = np.array_split(np.arange(len(log)), min(POINTS, len(log)))
    return {
        "frames": [[step, _picture(path)] for step, path in sorted(pictures.items())],
        "steps": [int(np.mean([log[i]["step"] for i in part])) for part in parts],
        "losses": {
            name: [round(float(np.mean([log[i][name] for i in part])), 4) for part in parts]
            for name in LOSSES
        },
    }


def shipped() -> dict[str, Any]:
    return json.loads(SHIPPED.read_text())


def _picture(path: Path) -> str:
    """The first digits of a picture without the lines between them, in few greys, as a data URI."""
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L"))
    pitch = (len(grey) - GAP) // loop.ROWS
    columns, scale = (grey.shape[1] - GAP) // pitch, (pitch - GAP) // SIDE
    cells = grey[GAP:, GAP:].reshape(loop.ROWS, pitch, columns, pitch)
    digits = cells.swapaxes(1, 2)[..., : scale * SIDE : scale, : scale * SIDE : scale]
    few = digits.reshape(-1, SIDE, SIDE)[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, SIDE, SIDE)
    small = few.swapaxes(1, 2).reshape(ROWS * SIDE, COLUMNS * SIDE)
    file = io.BytesIO()
    Image.fromarray(small).quantize(GREYS).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


if __name__ == "__main__":
    found = of(RunFolder(Path(sys.argv[1])))
    SHIPPED.write_text(json.dumps(found, separators=(",", ":")) + "\n")
