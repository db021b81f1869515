#!/usr/bin/env bash
# Pillow 13.0.0 with h5py 3.16.0, Python 3.11.
#
# Image.registered_extensions() has .h5 and .hdf, and Image.open takes any HDF5 file for a picture of
# no pixels in the format HDF5; only loading it fails, because Pillow has no program for it. So files
# that are chosen by Pillow's endings, or by whether Pillow opens them, may be arrays. It is the same
# for .grib and .bufr. Look at the first bytes of a file, or load it.
#
#   .h5 is registered as HDF5
#   opened as HDF5, (0, 0)
#   load: cannot find loader for this HDF5 file
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 h5py==3.16.0
cd "$folder"
"$folder/env/bin/python" - <<'EOF' | tee "$folder/said"
import h5py
import numpy as np
from PIL import Image

with h5py.File("digits.h5", "w") as file:
    file["images"] = np.zeros((3, 28, 28), np.uint8)
print(".h5 is registered as", Image.registered_extensions()[".h5"])
with Image.open("digits.h5") as image:
    print(f"opened as {image.format}, {image.size}")
    try:
        image.load()
    except OSError as error:
        print("load:", error)
EOF
grep -qx '.h5 is registered as HDF5' "$folder/said"
grep -qx 'opened as HDF5, (0, 0)' "$folder/said"
grep -qx 'load: cannot find loader for this HDF5 file' "$folder/said"
