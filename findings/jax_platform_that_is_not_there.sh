#!/usr/bin/env bash
# jax and jaxlib 0.10.2 for CPU, Python 3.11 to 3.14.
#
# On a machine without a GPU, and without JAX's plugins for one, what a variable says that asks for one:
#   JAX_PLATFORMS=cuda          an AssertionError with no message at all
#   JAX_PLATFORMS=gpu           a RuntimeError that speaks of `rocm`, which nobody has asked for
#   JAX_PLATFORM_NAME=gpu       a RuntimeError that says which platforms are known, but not the variable
# A program that wants to tell its user what to change cannot read it off the exception: it has to look at the
# variables itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2

ask() {
    env -u JAX_PLATFORMS -u JAX_PLATFORM_NAME "$@" "$folder/venv/bin/python" -c '
import jax
try:
    jax.devices()
except Exception as error:
    print(f"{type(error).__name__}: {error}")'
}
for variable in JAX_PLATFORMS=cuda JAX_PLATFORMS=gpu JAX_PLATFORM_NAME=gpu; do
    echo "$variable  $(ask "$variable" 2>/dev/null)"
done
[ "$(ask JAX_PLATFORMS=cuda 2>/dev/null)" = "AssertionError: " ]
ask JAX_PLATFORMS=gpu 2>/dev/null | grep -q "^RuntimeError: .*rocm"
said=$(ask JAX_PLATFORM_NAME=gpu 2>/dev/null)
grep -q "^RuntimeError" <<<"$said"
! grep -q JAX_PLATFORM_NAME <<<"$said"
