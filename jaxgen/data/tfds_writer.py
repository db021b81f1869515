"""A data set of TensorFlow Datasets that grows by one file of array_record a piece.

``tfds.builder_from_directory(FOLDER).as_data_source("train")`` reads it without TensorFlow. TFDS's
own way to prepare a data set makes all of it or nothing; what is done here instead, files and then
their metadata, is how it takes data that others have written. Importing this module imports
TensorFlow Datasets.
"""

import os
import tempfile
from pathlib import Path

import tensorflow_datasets as tfds
from array_record.python import array_record_module  # pyright: ignore[reportAttributeAccessIssue]
from etils import epath
from tensorflow_datasets.core import dataset_info, example_serializer, naming, splits

from jaxgen.data import files, tfds_builder, writers
from jaxgen.data.split import DIGITS, Split
from jaxgen.data.tfds import quiet

NAME = "drawn_digits"
DRAFT = ".draft-"
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_INDEX}"


class Tfds:
    """A file of records a piece, and the metadata that tell of it: a ``writers.Writer``."""

    def __init__(self, folder: Path):
        self._shards = Shards(folder)

    def begin(self, test: Split) -> None:
        self._shards.write("test", 0, test)
        self._shards.describe({"test": [len(test.labels)]})

    def put(self, place: int, digits: Split) -> None:
        self._shards.write("train", place // writers.PIECE, digits)
        whole, test = [writers.PIECE] * (place // writers.PIECE), self._shards.records("test", 0)
        self._shards.describe({"train": [*whole, len(digits.labels)], "test": [test]})


class Shards:
    """Files of records, each whole or not there, and what is said of all."""

    def __init__(self, folder: Path):
        self._folder = folder
        with quiet():
            self._features = tfds_builder.features()
        self._serializer = example_serializer.ExampleSerializer(
            self._features.get_serialized_info()  # pyright: ignore[reportArgumentType]
        )

    def _path(self, part: str, number: int) -> Path:
        return self._folder / f"{NAME}-{part}.array_record-{number:05}"

    def has(self, part: str, number: int) -> bool:
        """Whether a file is there."""
        return self._path(part, number).exists()

    def records(self, part: str, number: int) -> int:
        reader = array_record_module.ArrayRecordReader(f"{self._path(part, number)}")
        try:
            return reader.num_records()
        finally:
            reader.close()

    def write(self, part: str, number: int, digits: Split) -> None:
        """Write a file of digits; an image without a label gets -1, as TFDS has it."""
        path = self._path(part, number)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=DRAFT) as folder:
            draft = Path(folder) / path.name
            writer = array_record_module.ArrayRecordWriter(f"{draft}", "group_size:1")
            try:
                for image, label in zip(*digits, strict=True):
                    known = -1 if label == DIGITS else label
                    record = self._features.encode_example(tfds_builder.example(image, known))
                    example = self._serializer.get_tf_example(record)
                    # Or each process puts the parts in an order of its own.
                    writer.write(example.SerializeToString(deterministic=True))
                writer.close()
            except (RuntimeError, ValueError) as error:  # what the library says of a full disk
                raise OSError(f"{error}".partition("\n")[0]) from None
            with draft.open("rb") as file:
                os.fsync(file.fileno())  # or a power cut after the move leaves an empty file
            draft.replace(path)

    def describe(self, parts: dict[str, list[int]]) -> None:
        """Say how many records which file has."""
        infos = []
        for part, lengths in parts.items():
            size = sum(self._path(part, n).stat().st_size for n in range(len(lengths)))
            template = naming.ShardedFileTemplate(
                data_dir=epath.Path(self._folder),
                dataset_name=NAME,
                split=part,
                filetype_suffix="array_record",
                template=_TEMPLATE,
            )
            infos.append(
                tfds.core.SplitInfo(
                    name=part, shard_lengths=lengths, num_bytes=size, filename_template=template
                )
            )
        with quiet(), tempfile.TemporaryDirectory() as folder:
            info = tfds.core.DatasetInfo(
                builder=dataset_info.DatasetIdentity(
                    name=NAME,
                    version=tfds.core.Version("1.0.0"),
                    data_dir=f"{self._folder}",
                    module_name="",
                ),
                description="Handwritten digits drawn by a generative model; see README.md.",
                features=self._features,
                supervised_keys=("image", "label"),
                disable_shuffling=True,
            )
            info.set_file_format("array_record")
            info.set_splits(splits.SplitDict(infos))
            info.write_to_directory(folder)
            content: dict[str | Path, bytes] = {
                self._folder / path.name: path.read_bytes()
                for path in Path(folder).iterdir()
                if path.is_file()
            }
        files.write_all(content)
