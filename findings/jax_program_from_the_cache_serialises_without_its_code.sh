#!/usr/bin/env bash
# jax and jaxlib 0.10.2 for CPU, Python 3.11 to 3.14.
#
# jax.experimental.serialize_executable gives the bytes of a compiled program, for another process. If
# the program was compiled in this process, that works. If JAX has read it from its own cache of
# compiled programs (jax_compilation_cache_dir), the bytes are made without an error too, but have no
# machine code: the other process loads them, and fails when it reads the result.
#
#   compiled here        28.0
#   from the cache       NOT_FOUND: Function <name> not found (type id: 1)
#
# So whoever keeps programs himself has to compile them with the cache switched off.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2
export JAX_PLATFORMS=cpu JAX_COMPILATION_CACHE_DIR="$folder/cache" JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0

write() {
    "$folder/venv/bin/python" -c '
import pickle, sys
import jax, jax.numpy as jnp
from jax.experimental import serialize_executable
x = jnp.arange(8.0)
compiled = jax.jit(lambda x: (jnp.where(x > 3, x, jnp.sin(x) * 0) + jnp.where(x == 6, 6.0, 0)).sum()).lower(x).compile()
pickle.dump(serialize_executable.serialize(compiled), open(sys.argv[1], "wb"))' "$1"
}
read_back() {
    "$folder/venv/bin/python" -c '
import pickle, sys
import jax.numpy as jnp, numpy as np
from jax.experimental import serialize_executable
compiled = serialize_executable.deserialize_and_load(*pickle.load(open(sys.argv[1], "rb")))
try:
    print(np.asarray(compiled(jnp.arange(8.0))))
except Exception as error:
    print(error)' "$1"
}
write "$folder/first" # compiles, and fills the cache
write "$folder/second" # finds the program there
first=$(read_back "$folder/first" 2>/dev/null)
second=$(read_back "$folder/second" 2>/dev/null)
printf 'compiled here        %s\nfrom the cache       %s\n' "$first" "$second"
[ "$first" = 28.0 ]
grep -q '^NOT_FOUND: Function .* not found' <<<"$second"
