"""The TFDS dataset ``digits_from_idx``: a folder of IDX files as any TFDS reader understands it.

The examples keep the order of the files. Importing this module imports TensorFlow Datasets (0.5 s)
and registers the builder, so nothing else in the package imports it.
"""

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxgen.data import files, idx, pictures
from jaxgen.data.split import DIGITS, SIDE, Split
from jaxgen.data.tfds import quiet
from jaxgen.errors import UserError


class DigitsFromIdx(tfds.core.GeneratorBasedBuilder):
    """Grey digits of 28 by 28 pixels with their labels, splits ``train`` and ``test``.

    Without TensorFlow it prepares ``file_format="array_record"`` only. ``parts`` are what to
    prepare; what is prepared is read without them.
    """

    VERSION = tfds.core.Version("1.0.0")
    code_path = None  # the parent's imports importlib_resources, which TFDS does not install

    def __init__(self, *, parts: dict[str, Split] | None = None, **kwargs):
        self.parts = parts or {}
        super().__init__(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Handwritten digits from IDX files.",
            features=features(),
            supervised_keys=("image", "label"),
            disable_shuffling=True,
            metadata=tfds.core.MetadataDict(sha256=_fingerprint(self.parts)),
        )

    def _split_generators(self, dl_manager) -> dict[str, Iterator]:
        return {name: _examples(part) for name, part in self.parts.items()}

    def _generate_examples(self):
        raise NotImplementedError  # the parent asks for one, but _split_generators does its work


def prepare(folder: str | Path, data_dir: str | Path) -> Path:
    """Prepare the IDX files of ``folder`` under ``data_dir``; return the DIR of ``tfds:DIR``.

    Takes 20 s for MNIST. A dataset of the same digits that is there already is left as it is; one
    of other digits is a UserError.
    """
    train, test = idx.raw(folder)
    data_dir = Path(os.path.expanduser(data_dir))
    files.check(data_dir / "any")
    with quiet(), tempfile.TemporaryDirectory() as downloads:
        builder = DigitsFromIdx(
            parts={"train": train, "test": test}, data_dir=data_dir, file_format="array_record"
        )
        try:
            builder.download_and_prepare(
                download_dir=downloads,
                download_config=tfds.download.DownloadConfig(try_download_gcs=False),
            )
        except OSError as error:
            reason = error.strerror or error
            raise UserError(
                f"cannot prepare {builder.data_dir}: {reason}; make room, or name another folder"
            ) from None
    if (builder.info.metadata or {}).get("sha256") != _fingerprint(builder.parts):
        raise UserError(f"{builder.data_dir} holds other digits than {folder}: name another folder")
    return Path(builder.data_dir)


def _fingerprint(parts: dict[str, Split]) -> str:
    """The SHA-256 of all images and labels."""
    digest = hashlib.sha256()
    for name in sorted(parts):
        digest.update(parts[name].images.tobytes())
        digest.update(parts[name].labels.tobytes())
    return digest.hexdigest()


def _examples(part: Split) -> Iterator:
    for index, (image, label) in enumerate(zip(part.images, part.labels, strict=True)):
        yield index, example(image, label)


def features() -> tfds.features.FeaturesDict:
    """What an example has: a grey digit of 28 by 28 pixels and its label."""
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(SIDE, SIDE, 1)),
            "label": tfds.features.ClassLabel(num_classes=DIGITS),
        }
    )


def example(image: np.ndarray, label: int) -> dict[str, Any]:
    """One of an image uint8 [28, 28, 1], already encoded: an array would need TensorFlow."""
    return {"image": io.BytesIO(pictures.png(image[..., 0])), "label": int(label)}
