"""Films: pictures one after another, as the contents of a .gif or a .mp4 file.

GIF needs nothing else and plays everywhere; MP4 (H.264) is for lessons and slides, a tenth as
large, and needs the package imageio-ffmpeg, which brings ffmpeg.
"""

import importlib.util
import io
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgen.errors import UserError


def require(ending: str) -> None:
    """Raise UserError where films of this ending cannot be made because a package is missing."""
    if ending == ".mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        install = f"uv pip install --python {sys.executable}"
        if importlib.util.find_spec("pip"):
            install = f"{sys.executable} -m pip install"
        raise UserError(
            f".mp4 needs a package more: {install} imageio-ffmpeg; or let the name end in .gif"
        )


def gif(frames: np.ndarray, milliseconds: int, hold_last: int) -> bytes:
    """A film, which plays again and again, of pictures uint8 [t, H, W] that last so long each.

    GIF rounds times down to 10, and browsers slow down what is under 20. A frame like the one
    before prolongs that one. Noise packs badly: 100 digits of it at 560 by 560 take 0.2 MB a frame.
    """
    durations = [milliseconds] * (len(frames) - 1) + [hold_last]
    first, *rest = (Image.fromarray(frame) for frame in frames)
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    return file.getvalue()


def mp4(frames: np.ndarray, milliseconds: int, hold_last: int) -> bytes:
    """The same, but that it plays once, and its sides are even."""
    import imageio_ffmpeg

    frames = np.pad(frames, ((0, 0), *((0, side % 2) for side in frames.shape[1:])))
    shown = [frames, frames[-1:].repeat(max(hold_last // milliseconds, 1) - 1, 0)]
    _, height, width = frames.shape
    given = f"-f rawvideo -pix_fmt gray -s {width}x{height} -r 1000/{milliseconds} -i -"
    # What all players know; and the same frames give the same file.
    made = "-c:v libx264 -crf 18 -pix_fmt yuv420p -threads 1 -fflags +bitexact -flags:v +bitexact"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "film.mp4")
        # Not by the package's own way to run it, which forks, and JAX has threads.
        done = subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), *given.split(), *made.split(), f"{path}"],
            input=np.concatenate(shown).tobytes(),
            capture_output=True,
        )
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise UserError(f"ffmpeg cannot make the film ({reason}): let the name end in .gif")
        return path.read_bytes()


# By the ending of the name: a function (pictures uint8 [t, H, W], milliseconds that each lasts,
# milliseconds that the last one lasts) to the contents of the film.
CONTENTS: dict[str, Callable[[np.ndarray, int, int], bytes]] = {".gif": gif, ".mp4": mp4}
