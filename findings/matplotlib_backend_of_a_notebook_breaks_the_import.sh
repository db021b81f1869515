#!/usr/bin/env bash
# Matplotlib 3.10.7, Python 3.11 to 3.14.
#
# A Jupyter kernel sets MPLBACKEND=module://matplotlib_inline.backend_inline, and every shell that it opens inherits
# that. In an environment of its own, where matplotlib-inline is not installed, a program that never opens a window and
# asks for the backend Agg by itself fails all the same: at `import matplotlib`, before it can ask. The name of the
# variable stands in no part of the message. The backends of the list in the message are looked up when a figure is made;
# one named by module is looked up when Matplotlib itself is imported.
#
# Seen: ValueError: Key backend: 'module://matplotlib_inline.backend_inline' is not a valid value for backend; ...
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check matplotlib==3.10.7

said=$(MPLBACKEND=module://matplotlib_inline.backend_inline "$folder/venv/bin/python" -c '
import matplotlib
matplotlib.use("Agg")
print("imported")' 2>&1) && status=0 || status=$?
echo "$said" | tail -n 1
[ "$status" = 1 ]
grep -q "^ValueError: Key backend: 'module://matplotlib_inline.backend_inline'" <<<"$said"
! grep -q MPLBACKEND <<<"$said"
grep -q '"<string>", line 2, in <module>' <<<"$said"  # the import

# One of the list that is not installed either does no harm to a program that asks for Agg.
[ "$(MPLBACKEND=qtagg "$folder/venv/bin/python" -c 'import matplotlib; matplotlib.use("Agg"); print("imported")')" = imported ]

# Without the variable all is well.
[ "$(env -u MPLBACKEND "$folder/venv/bin/python" -c 'import matplotlib; matplotlib.use("Agg"); print("imported")')" = imported ]
