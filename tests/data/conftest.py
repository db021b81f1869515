"""What the tests of data share."""

import numpy as np
import pytest

from jaxgen.data import idx


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """No test reads or writes the cache of the person who runs it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "jaxgen"


@pytest.fixture
def folder(tmp_path):
    """120 training and 30 test digits as IDX files, two of them packed."""
    where = tmp_path / "digits"
    for part, count in ("train", 120), ("t10k", 30):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), np.uint8)
        idx.write(where / f"{part}-images-idx3-ubyte.gz", images)
        idx.write(where / f"{part}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8) % 10)
    return where
