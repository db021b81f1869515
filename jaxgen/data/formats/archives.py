"""Files of many pictures: Parquet as on the Hugging Face hub, WebDataset's tar, and zip."""

import io
import json
import tarfile
import zipfile
from collections import defaultdict
from typing import Any

import numpy as np

from jaxgen.data.formats.table import MOST_BYTES, Table, part_of

_LABELS = ("label", "labels", "class", "digit", "cls", "character")
_PICTURES = ("image", "img", "jpg", "jpeg", "png", "webp", "bmp", "ppm", "pgm", "tif", "tiff")


def parquet(content: bytes, name: str) -> list[Table]:
    """Parquet: a column of encoded pictures, or of pixels, and one of labels, with the names of the
    classes in the metadata that Hugging Face's datasets write."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    with pq.ParquetFile(io.BytesIO(content)) as file:
        names = file.schema_arrow.names
        column = next((key for key in names if key.lower() in _PICTURES), None)
        if column is None:
            raise ValueError(f"it has the columns {', '.join(names)}, and no image")
        labelled = next((key for key in names if key.lower() in _LABELS), None)
        groups = (file.metadata.row_group(group) for group in range(file.num_row_groups))
        size = sum(group.total_byte_size for group in groups)
        if size > MOST_BYTES:
            raise ValueError(f"it would take {size} bytes, more than {MOST_BYTES}")
        table = file.read([column, *([labelled] if labelled else [])])
        metadata = file.schema_arrow.metadata or {}
    rows: list[Any] = table[column].to_pylist()
    if pa.types.is_list(table[column].type) or pa.types.is_large_list(table[column].type):
        images: Any = np.array(rows)
    else:
        images = [r["bytes"] if isinstance(r, dict) and "bytes" in r else r for r in rows]
        if not all(isinstance(picture, bytes) for picture in images):
            raise ValueError("its images are not image files")
    labels = np.array(table[labelled].to_pylist()) if labelled else None
    return [Table(name, images, labels, part_of(name), _class_names(metadata, labelled))]


def _class_names(metadata: dict[bytes, bytes], column: str | None) -> tuple[str, ...]:
    """The names of the classes that Hugging Face's datasets keep beside a table."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return tuple(map(str, features[column]["names"]))
    except (KeyError, TypeError, ValueError):
        return ()


def tar(content: bytes, name: str) -> list[Table]:
    """A tar: WebDataset's pairs of files, such as 000017.png and 000017.cls, or folders of
    classes."""
    members = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            if member.isfile():
                file = archive.extractfile(member)
                assert file is not None
                members[member.name] = file.read()
    return _members(members, name)


def zipped(content: bytes, name: str) -> list[Table]:
    """A zip: as a tar."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
            raise ValueError(f"it would take more than {MOST_BYTES} bytes")
        members = {m.filename: archive.read(m) for m in archive.infolist() if not m.is_dir()}
    return _members(members, name)


def _members(members: dict[str, bytes], name: str) -> list[Table]:
    samples: dict[str, dict[str, bytes]] = defaultdict(dict)
    for path, content in members.items():
        folder, _, file = path.rpartition("/")
        key, _, ending = file.partition(".")
        if not key.startswith("__MACOSX") and file and not file.startswith("."):
            samples[f"{folder}/{key}"][ending.lower()] = content
    images, labels = [], []
    for key, sample in samples.items():
        picture = next((ending for ending in sample if ending in _PICTURES), None)
        if picture is None:
            continue
        images.append(sample[picture])
        labels.append(_label(sample, key))
    if not images:
        raise ValueError("it holds no pictures")
    known = None if None in labels else np.array(labels)
    return [Table(name, images, known, part_of(name))]


def _label(sample: dict[str, bytes], key: str) -> str | None:
    """The label of a WebDataset's sample, or the folder of a picture."""
    for ending in ("cls", "label", "txt"):
        if ending in sample:
            return sample[ending].decode().strip()
    if "json" in sample:
        found = json.loads(sample["json"])
        value = next((found[name] for name in _LABELS if name in found), None)
        return None if value is None else f"{value}"
    folder = key.rpartition("/")[0].rpartition("/")[2]
    return folder or None
