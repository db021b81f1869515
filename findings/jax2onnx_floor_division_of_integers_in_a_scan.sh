#!/usr/bin/env bash
# jax2onnx 0.17.1 with jax 0.10.2 and onnxruntime 1.32.0, Python 3.11.
#
# Floor division of a traced integer, i // 2, is written with a Div whose output is declared float, so
# that onnxruntime refuses the model where the division stands in a scan. Nothing is said when the
# model is written. lax.div, which is the same for numbers that are not negative, is written right.
# Row and column of a position in a grid are best passed to the scan instead of computed from it.
#
#   floor division: refused, does not match expected type (tensor(int32))
#   lax.div: as in JAX
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
    jax2onnx==0.17.1 jax==0.10.2 jaxlib==0.10.2 onnxruntime==1.32.0
"$folder/env/bin/python" - <<'EOF' 2>"$folder/errors" | tee "$folder/said"
import logging

logging.disable(logging.ERROR)
import jax.numpy as jnp
import numpy as np
import onnxruntime
from jax import lax
from jax2onnx import to_onnx


def halves(divide):
    def total(x):
        return lax.scan(lambda sum, i: (sum + divide(i).astype(x.dtype), None), x, jnp.arange(6))[0]

    return total


options = onnxruntime.SessionOptions()
options.log_severity_level = 4
zeros = np.zeros(4, np.float32)
for name, divide in (("floor division", lambda i: i // 2), ("lax.div", lambda i: lax.div(i, 2))):
    content = to_onnx(halves(divide), [(4,)]).SerializeToString()
    try:
        session = onnxruntime.InferenceSession(content, options)
    except Exception as error:
        known = "does not match expected type (tensor(int32))"
        print(f"{name}: refused, {known if known in str(error) else error}")
        continue
    (found,) = session.run(None, {session.get_inputs()[0].name: zeros})
    print(f"{name}: {'as in JAX' if np.array_equal(found, halves(divide)(zeros)) else found}")
EOF
grep -qx 'floor division: refused, does not match expected type (tensor(int32))' "$folder/said"
grep -qx 'lax.div: as in JAX' "$folder/said"
