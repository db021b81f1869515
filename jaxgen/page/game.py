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
from jaxgen.training.folder import RunFolder

SHIPPED = Path(__file__).with_name("game.json")
POINTS = 120  # of a loss, each a mean over some steps
LOSSES = ("generator/loss", "critic/loss")
# The pictures of a run have 80 digits in rows of ten, each pixel as 3 x 3 (``images.grid``).
COLUMNS, ROWS, SCALE, GAP = 10, 3, 3, 2  # of which the page has the first rows
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
    """The first rows of a picture without the lines between the digits, in few greys, as a data
    URI."""
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L"))
    pitch = SCALE * SIDE + GAP
    cells = grey[GAP:, GAP:][: ROWS * pitch, : COLUMNS * pitch]
    cells = cells.reshape(ROWS, pitch, COLUMNS, pitch)[:, : SCALE * SIDE : SCALE]
    small = cells[..., : SCALE * SIDE : SCALE].reshape(ROWS * SIDE, COLUMNS * SIDE)
    file = io.BytesIO()
    Image.fromarray(small).quantize(GREYS).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


if __name__ == "__main__":
    found = of(RunFolder(Path(sys.argv[1])))
    SHIPPED.write_text(json.dumps(found, separators=(",", ":")) + "\n")
