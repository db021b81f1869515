"""Arrays and graphs as text in a page: bytes, compressed by gzip, in base64. gzip's checksum
refuses a text that has changed."""

import base64
import gzip
from typing import Any

import numpy as np

KINDS = {"float32": np.float32, "int32": np.int32}


def arrays(named: dict[str, np.ndarray]) -> tuple[bytes, list[dict[str, Any]]]:
    """The bytes of arrays, one after another, and what they are: name, shape and kind. float32 that
    float16 holds without a difference becomes float16, whose low bytes come before its high bytes:
    so gzip makes it smaller."""
    parts, facts = [], []
    for name, array in named.items():
        kind = np.dtype(array.dtype).name
        if kind not in KINDS:
            raise TypeError(f"{name} is {kind}")
        fact = {"name": name, "shape": list(array.shape), "kind": kind}
        content = np.ascontiguousarray(array).tobytes()
        if kind == "float32":
            with np.errstate(over="ignore"):
                half = array.astype(np.float16)
            if np.array_equal(half.astype(np.float32), array):
                fact["kind"] = "float16"
                planes = np.frombuffer(half.tobytes(), np.uint8).reshape(-1, 2).T
                content = np.ascontiguousarray(planes).tobytes()
        parts.append(content)
        facts.append(fact)
    return b"".join(parts), facts


def text(content: bytes) -> str:
    """Bytes as a text for the page."""
    return text_of(gzip.compress(content, 9, mtime=0))


def text_of(compressed: bytes) -> str:
    """Bytes that gzip has compressed as a text for the page."""
    return base64.b64encode(compressed).decode()
