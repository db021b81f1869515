#!/usr/bin/env bash
# jax2onnx 0.17.1 with jax 0.10.2, Python 3.11.
#
# A function that returns one of its inputs, or one value twice, is converted without names, but not
# with input_names and output_names: a value has one name. An output that is one times the value has
# a name of its own; JAX does not simplify the product away.
#
#   x: ValueError
#   the same twice: ValueError
#   1 * x: converted
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
    jax2onnx==0.17.1 jax==0.10.2 jaxlib==0.10.2
"$folder/env/bin/python" - <<'EOF' 2>/dev/null | tee "$folder/said"
import logging

logging.disable(logging.ERROR)
from jax2onnx import to_onnx


def twice(x):
    y = x + 1
    return y, y


for name, function, outputs in (
    ("x", lambda x: (x,), ["out"]),
    ("the same twice", twice, ["one", "two"]),
    ("1 * x", lambda x: (1 * x,), ["out"]),
):
    to_onnx(function, [(4,)])
    try:
        to_onnx(function, [(4,)], input_names=["in"], output_names=outputs)
    except ValueError as error:
        print(f"{name}: ValueError")
    else:
        print(f"{name}: converted")
EOF
grep -qx 'x: ValueError' "$folder/said"
grep -qx 'the same twice: ValueError' "$folder/said"
grep -qx '1 \* x: converted' "$folder/said"
