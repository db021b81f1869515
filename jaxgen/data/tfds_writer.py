"""A data set of TensorFlow Datasets that grows by one file of array_record for each piece.

``tfds.builder_from_directory(FOLDER).as_data_source("train")`` reads it without TensorFlow. The
files are written first, then ``tfds.folder_dataset.write_metadata`` describes them, TFDS's way for
data that other programs write. Importing this module imports TensorFlow Datasets.
"""

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import tensorflow_datasets as tfds
from array_record.python import array_record_module  # pyright: ignore[reportAttributeAccessIssue]
from etils import epath
from tensorflow_datasets.core import example_serializer, naming

from jaxgen.data import files, pictures
from jaxgen.data.split import SIDE, Split
from jaxgen.data.tfds import quiet

NAME = "drawn_digits"
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_INDEX}"


class Shards:
    """Files of records, each whole or absent, and their metadata."""

    def __init__(self, folder: Path, names: Sequence[str]):
        self._folder = folder
        with quiet():
            self._features = tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(SIDE, SIDE, 1)),
                    "label": tfds.features.ClassLabel(names=list(names)),
                }
            )
        self._serializer = example_serializer.ExampleSerializer(
            self._features.get_serialized_info()  # pyright: ignore[reportArgumentType]
        )

    def _path(self, part: str, number: int) -> Path:
        return self._folder / f"{NAME}-{part}.array_record-{number:05}"

    def has(self, part: str, number: int) -> bool:
        """Whether a file exists."""
        return self._path(part, number).exists()

    def records(self, part: str, number: int) -> int:
        """How many records a file has."""
        reader = array_record_module.ArrayRecordReader(f"{self._path(part, number)}")
        try:
            return reader.num_records()
        finally:
            reader.close()

    def write(self, part: str, number: int, digits: Split) -> None:
        """Write a file of digits; an image of any class has the label -1, as in TFDS. Raises
        OSError where there is no room."""
        with files.drafts([self._path(part, number)]) as (draft,):
            writer = array_record_module.ArrayRecordWriter(f"{draft}", "group_size:1")
            try:
                for image, label in zip(*digits, strict=True):
                    writer.write(self._record(pictures.png(image[..., 0]), int(label)))
                writer.close()
            except (RuntimeError, ValueError) as error:  # which the library raises for a full disk
                raise OSError(f"{error}".partition("\n")[0]) from None

    def _record(self, png: bytes, label: int) -> bytes:
        # The image is encoded already: an array would need TensorFlow.
        example = {"image": io.BytesIO(png), "label": label}
        record = self._serializer.get_tf_example(self._features.encode_example(example))
        # Otherwise the order within a record differs from process to process.
        return record.SerializeToString(deterministic=True)

    def describe(self, parts: dict[str, list[int]]) -> None:
        """Write the metadata; ``parts[name]`` are the numbers of records in the files of a part."""
        template = naming.ShardedFileTemplate(template=_TEMPLATE, data_dir=epath.Path(self._folder))
        infos = [
            tfds.core.SplitInfo(
                name=part,
                shard_lengths=lengths,
                num_bytes=sum(self._path(part, n).stat().st_size for n in range(len(lengths))),
                filename_template=template,
            )
            for part, lengths in parts.items()
        ]
        with quiet(), tempfile.TemporaryDirectory() as folder:
            names = [self._path(part, 0).name for part in parts]
            for name in names:  # TFDS reads the name and the format of the data set from these
                Path(folder, name).touch()
            tfds.folder_dataset.write_metadata(
                data_dir=folder,
                features=self._features,
                split_infos=infos,
                filename_template=_TEMPLATE,
                check_data=False,
                description="Handwritten digits drawn by a generative model; see README.md.",
                supervised_keys=("image", "label"),
                disable_shuffling=True,
            )
            written = [path for path in Path(folder).iterdir() if path.name not in names]
            contents = {self._folder / path.name: path.read_bytes() for path in written}
        files.write_all(contents)
