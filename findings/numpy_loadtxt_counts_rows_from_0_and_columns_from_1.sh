#!/usr/bin/env bash
# NumPy 2.4.6, Python 3.11.
#
# Where a cell is no number, np.loadtxt names its place: the row counted from 0, without comments and
# skipped lines, and the column from 1. So a message that is passed on to people names two different
# kinds of number, and for a table with a line of names a row that is two above that of an editor.
#
#   second row, second column: at row 1, column 2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6
"$folder/env/bin/python" - <<'EOF' | tee "$folder/said"
import re

import numpy as np

try:
    np.loadtxt(["1 2", "3 x"])
except ValueError as error:
    print("second row, second column:", re.search(r"at row \d+, column \d+", str(error))[0])
EOF
grep -qx 'second row, second column: at row 1, column 2' "$folder/said"
