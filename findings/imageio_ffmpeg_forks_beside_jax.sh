#!/usr/bin/env bash
# imageio-ffmpeg 0.6.0 beside jax 0.10.2, Python 3.11 to 3.14, Linux.
#
# Whoever writes a film of what a model has drawn is warned by JAX of a deadlock, though the film is right: to start
# ffmpeg, imageio_ffmpeg.write_frames goes through os.fork, since it gives subprocess a function to run in the child (one
# that keeps Ctrl-C from ffmpeg). subprocess alone would not: without such a function Python starts programs in ways
# that JAX does not see. So the same executable, run by subprocess.run with the frames as its input, is quiet. Reading the
# film back through imageio_ffmpeg.read_frames forks and warns alike.
#
# Seen, of the writing and of the reading: RuntimeWarning: os.fork() was called. os.fork() is incompatible with
# multithreaded code, and JAX is multithreaded, so this will likely lead to a deadlock.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.2 imageio-ffmpeg==0.6.0 'setuptools<81'

cat > "$folder/films.py" <<'END'
import subprocess
import sys
import warnings

import imageio_ffmpeg
import jax

jax.numpy.zeros(3).block_until_ready()  # its threads are there
frames = [bytes([shade]) * 64 * 64 for shade in (0, 100, 200)]
path = sys.argv[1]


def write():
    writer = imageio_ffmpeg.write_frames(path, (64, 64), pix_fmt_in="gray", fps=5)
    writer.send(None)
    for frame in frames:
        writer.send(frame)
    writer.close()


def read():
    assert len(list(imageio_ffmpeg.read_frames(path, pix_fmt="gray", bits_per_pixel=8))) == 1 + len(frames)


def run():
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "64x64", "-i", "-", path]
    subprocess.run(command, input=b"".join(frames), capture_output=True, check=True)


for way in (write, read, run):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        way()
    print(way.__name__, any("os.fork() was called" in str(one.message) for one in told))
END
said=$("$folder/venv/bin/python" "$folder/films.py" "$folder/film.mp4")
echo "$said"
[ "$said" = "write True
read True
run False" ]
