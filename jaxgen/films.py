"""Films: a sequence of pictures as the contents of a .gif or .mp4 file.

GIF needs no other package and plays everywhere. MP4 (H.264), for lessons and slides, is a tenth as
large, and needs the package imageio-ffmpeg, which contains ffmpeg.
"""

import io
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgen import extras
from jaxgen.errors import UserError


def require(ending: str) -> None:
    """Raise UserError if a package is missing that films with this ending need."""
    if ending == ".mp4":
        instead = "let the name end in .gif"
        extras.require(".mp4", "imageio_ffmpeg", "imageio-ffmpeg", instead=instead)


def gif(frames: np.ndarray, milliseconds: int, hold_last: int) -> bytes:
    """An endless film of pictures uint8 [t, H, W]. Each lasts ``milliseconds``, the last one
    ``hold_last``.

    GIF rounds times down to multiples of 10, and browsers slow down times under 20. A frame that
    equals the frame before makes that one longer. Noise compresses badly: a frame of 100 noisy
    digits, 560 by 560, takes 0.2 MB.
    """
    durations = [milliseconds] * (len(frames) - 1) + [hold_last]
    first, *rest = (Image.fromarray(frame) for frame in frames)
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    return file.getvalue()


def mp4(frames: np.ndarray, milliseconds: int, hold_last: int) -> bytes:
    """As ``gif``, but the film plays once, and odd sides are padded by a pixel to be even."""
    import imageio_ffmpeg

    frames = np.pad(frames, ((0, 0), *((0, side % 2) for side in frames.shape[1:])))
    shown = [frames, frames[-1:].repeat(max(hold_last // milliseconds, 1) - 1, 0)]
    _, height, width = frames.shape
    source = f"-f rawvideo -pix_fmt gray -s {width}x{height} -r 1000/{milliseconds} -i -"
    # A codec for all players; the same frames give the same file.
    target = "-c:v libx264 -crf 18 -pix_fmt yuv420p -threads 1 -fflags +bitexact -flags:v +bitexact"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "film.mp4")
        # Not with the function of the package: it forks, and a process with JAX has threads.
        done = subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), *source.split(), *target.split(), f"{path}"],
            input=np.concatenate(shown).tobytes(),
            capture_output=True,
        )
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise UserError(f"ffmpeg cannot make the film ({reason}): let the name end in .gif")
        return path.read_bytes()


# By the ending of a file: a function (frames, milliseconds, hold_last) -> contents of the film.
CONTENTS: dict[str, Callable[[np.ndarray, int, int], bytes]] = {".gif": gif, ".mp4": mp4}
