"""Data sets by name, from a server of the tests."""

import functools
import gzip
import hashlib
import http.server
import io
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jaxgen import data
from jaxgen.data import downloads
from tests.data.test_sets import IMAGES, LABELS, idx, lying
from tests.data.told import sentence


@pytest.fixture
def publisher(here, monkeypatch):
    """Gives a function that publishes files: it returns what ``downloads`` knows of them."""
    site = Path("site")
    site.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", f"{here}/cache")
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    handler = functools.partial(quiet, directory=f"{here}/site")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def publish(name: str, content: bytes) -> downloads.File:
            (site / name).write_bytes(content)
            md5 = hashlib.md5(content).hexdigest()
            return downloads.File(f"http://127.0.0.1:{server.server_port}/{name}", md5)

        yield publish
        server.shutdown()


def files_of(start: str) -> dict[str, bytes]:
    return {
        f"{start}-{part}-{name}": gzip.compress(content)
        for part in ("train", "test")
        for name, content in (
            ("images-idx3-ubyte.gz", idx(lying())),
            ("labels-idx1-ubyte.gz", idx(LABELS.astype(np.uint8))),
        )
    }


def test_a_set_is_downloaded_once(publisher, monkeypatch):
    files = tuple(publisher(*item) for item in files_of("emnist-digits").items())
    names = downloads.SETS["kmnist"].names
    monkeypatch.setitem(downloads.SETS, "kmnist", downloads.Download(files, "kmnist", names=names))
    said = []
    train, _ = data.raw("kmnist", said.append)
    assert np.array_equal(train.images[..., 0], IMAGES)
    assert sum(line.startswith("downloading") for line in said) == 4
    for path in Path("site").iterdir():
        path.unlink()
    again, _ = data.raw("kmnist", lambda line: None)
    assert np.array_equal(again.images, train.images)
    assert data.load("kmnist").names[1] == "ki"


def test_one_of_the_sets_in_an_archive(publisher, monkeypatch):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, file in (files_of("emnist-digits") | files_of("emnist-mnist")).items():
            archive.writestr(f"gzip/{name}", file)
    files = (publisher("gzip.zip", content.getvalue()),)
    for part in ("digits", "mnist"):
        known = downloads.Download(files, "emnist", f"gzip.zip/emnist-{part}-")
        monkeypatch.setitem(downloads.SETS, f"emnist/{part}", known)
        digits = data.load(f"emnist/{part}")
        assert len(digits.train.labels) + len(digits.valid.labels) == 600
        Path("site/gzip.zip").unlink(missing_ok=True)


def test_what_does_not_come_whole_is_one_sentence(publisher, monkeypatch):
    file = publisher("usps.bz2", b"something")
    for known, says in (
        (file._replace(md5="0" * 32), "is not what was published: its MD5 is"),
        (file._replace(url=file.url.replace("usps", "none")), "cannot download"),
        (file._replace(url="http://127.0.0.1:9/usps.bz2"), "cannot download"),
    ):
        monkeypatch.setitem(downloads.SETS, "usps", downloads.Download((known,), "usps"))
        assert says in sentence(data.raw, "usps")
        assert not list(Path("cache/jaxgen/data/usps").iterdir())
