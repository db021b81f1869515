"""The graphs of functions, from the package where it has them: so the page of the models that ship
needs no packages for ONNX.

A graph is found by a digest of the function as JAX traces it, so that it is never that of another.
``python -c "from jaxgen import page; page.keep_graphs()"`` converts those of the models that ship.
"""

import hashlib
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen.apps.export import onnx
from jaxgen.apps.export.functions import Function

KEPT = Path(__file__).parent / "built" / "graphs.zip"
FIRST = (1980, 1, 1, 0, 0, 0)  # the time of each file in the archive


class Graph(NamedTuple):
    content: bytes  # ONNX
    weights: list[str]  # the names of the arrays that it uses


def of(function: Function, name: str) -> Graph:
    """The graph of a function (``onnx.graph``). Raises UserError where the package does not have it
    and the packages for ONNX are missing."""
    with zipfile.ZipFile(KEPT) as archive:
        if (key := key_of(function)) in archive.namelist():
            names = archive.getinfo(key).comment.decode()
            return Graph(archive.read(key), names.split())
    onnx.require()
    return _convert(function, name)


def _convert(function: Function, name: str) -> Graph:
    content = onnx.graph(function, name)
    return Graph(content, onnx.weights(content))


def key_of(function: Function) -> str:
    """The digest of a function: of its program, its constants and the names of its arrays."""
    call, arguments, inputs = onnx.apart(function)
    traced: Any = jax.jit(call).trace(*arguments).jaxpr
    digest = hashlib.sha256(re.sub(r"0x[0-9a-f]+", "", f"{traced.jaxpr}").encode())
    for constant in traced.consts:
        digest.update(np.ascontiguousarray(constant).tobytes())
    digest.update(repr((inputs, function.outputs, onnx.OPSET, onnx.PINNED)).encode())
    return digest.hexdigest()


def keep(functions: dict[str, Function], progress: Callable[[str], None]) -> None:
    """Write the archive with the graphs of these functions, by their names."""
    with zipfile.ZipFile(KEPT, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, function in functions.items():
            progress(name)
            graph, entry = _convert(function, name), zipfile.ZipInfo(key_of(function), FIRST)
            entry.comment = "\n".join(graph.weights).encode()
            if entry.filename not in archive.namelist():
                archive.writestr(entry, graph.content, zipfile.ZIP_DEFLATED, 9)
