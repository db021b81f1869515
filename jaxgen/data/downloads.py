"""Published data sets by name: downloaded once, checked, and kept in ~/.cache/jaxgen/data
(``XDG_CACHE_HOME``).

Addresses are those of the publishers; the MD5 of each file is that with which torchvision checks
it. Nothing is downloaded but what is named.
"""

import contextlib
import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jaxgen import environment
from jaxgen.data import known
from jaxgen.errors import UserError

_TIMEOUT = 60  # seconds without an answer
_BLOCK = 1 << 20  # bytes read at once
_IDX = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


class File(NamedTuple):
    url: str
    md5: str


class Download(NamedTuple):
    files: tuple[File, ...]
    folder: str  # in the cache
    inside: str = ""  # what the names of its files begin with, in an archive of several sets
    names: tuple[str, ...] = ()  # of the classes, where the files do not have them


def _files(base: str, digests: dict[str, str]) -> tuple[File, ...]:
    return tuple(File(base + name, md5) for name, md5 in digests.items())


def _idx(base: str, *digests: str) -> tuple[File, ...]:
    return _files(base, dict(zip(_IDX, digests, strict=True)))


# Xiao, Rasul, Vollgraf 2017
_FASHION = _idx(
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "25c81989df183df01b3e8a0aad5dffbe",
    "bef4ecab320f06d8554ea6380940ec79",
    "bb300cfdad3c16e7a12a480ee83cd310",
)
# Clanuwat et al. 2018
_KUZUSHIJI = _idx(
    "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    "bdb82020997e1d708af4cf47b453dcf7",
    "e144d726b3acfaa3e44228e80efcd344",
    "5c965bf0a639b31b8f53240b1b52f4d7",
    "7320c461ea6c1c855c0b718fb2a4b134",
)
# Yadav, Bottou 2019
_QMNIST = _files(
    "https://raw.githubusercontent.com/facebookresearch/qmnist/master/",
    {
        "qmnist-train-images-idx3-ubyte.gz": "ed72d4157d28c017586c42bc6afe6370",
        "qmnist-train-labels-idx2-int.gz": "0058f8dd561b90ffdd0f734c6a30e5e4",
        "qmnist-test-images-idx3-ubyte.gz": "1394631089c404de565df7b7aeaf9412",
        "qmnist-test-labels-idx2-int.gz": "5b5b05890a5e13444e108efe57b788aa",
    },
)
# Hull 1994, as the libsvm collection has it
_USPS = _files(
    "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/",
    {
        "usps.bz2": "ec16c51db3855ca6c91edd34d0e9b197",
        "usps.t.bz2": "8ea070ee2aca1ac39742fdd1ef5ed118",
    },
)
# Netzer et al. 2011
_SVHN = _files(
    "http://ufldl.stanford.edu/housenumbers/",
    {
        "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
        "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
    },
)
# Cohen et al. 2017: all of its sets in one archive of 540 MB
_EMNIST = _files(
    "https://biometrics.nist.gov/cs_links/EMNIST/",
    {"gzip.zip": "58c8d27c78d21e728a6bc7b3cc06412e"},
)

SETS = {
    "fashion-mnist": Download(_FASHION, "fashion-mnist", names=known.FASHION),
    "kmnist": Download(_KUZUSHIJI, "kmnist", names=known.KUZUSHIJI),
    "qmnist": Download(_QMNIST, "qmnist"),
    "usps": Download(_USPS, "usps"),
    "svhn": Download(_SVHN, "svhn"),
    **{
        f"emnist/{part}": Download(_EMNIST, "emnist", f"gzip.zip/emnist-{part}-")
        for part in ("digits", "letters", "balanced", "bymerge", "byclass", "mnist")
    },
}


def fetch(name: str, say: Callable[[str], None] = lambda line: None) -> str:
    """Download the data set of a name in SETS, unless it is there; returns the path for
    ``sets.read``. Raises UserError where a file cannot be had, or is another one."""
    wanted = SETS[name]
    folder = environment.cache() / "data" / wanted.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in wanted.files:
            path = folder / file.url.rpartition("/")[2]
            if not path.exists():
                say(f"downloading {file.url}")
                _download(file, path)
    except OSError as error:
        raise UserError(
            f"cannot write into {folder}: {error.strerror or error}; make room, or set "
            "XDG_CACHE_HOME"
        ) from None
    return str(folder / wanted.inside)


def _download(file: File, path: Path) -> None:
    draft, digest = path.with_name(f"{path.name}.part"), hashlib.md5(usedforsecurity=False)
    try:
        with contextlib.ExitStack() as stack:
            answer = stack.enter_context(urllib.request.urlopen(file.url, timeout=_TIMEOUT))
            out = stack.enter_context(draft.open("wb"))
            while block := answer.read(_BLOCK):
                digest.update(block)
                out.write(block)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        reason = getattr(error, "reason", None) or error
        raise UserError(
            f"cannot download {file.url} ({reason}): try again, or get it otherwise and give "
            "--data its folder"
        ) from None
    if digest.hexdigest() != file.md5:
        draft.unlink(missing_ok=True)
        raise UserError(
            f"{file.url} is not what was published: its MD5 is {digest.hexdigest()}, not "
            f"{file.md5}; was the download cut off? Try again"
        )
    draft.replace(path)
