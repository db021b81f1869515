"""Code for the card of a data set of drawn digits. It loads the current folder into NumPy, and from
NumPy, or directly, into the libraries that people train with."""

import textwrap
from collections.abc import Sequence

from jaxgen.classes import DIGITS, in_paths

_WIDTH = 80

_NUMPY = {
    "idx": """
import numpy as np

images = np.fromfile("train-images-idx3-ubyte", np.uint8, offset=16).reshape(-1, 28, 28)
labels = np.fromfile("train-labels-idx1-ubyte", np.uint8, offset=8)
""",
    "npz": """
import glob
import numpy as np

parts = [np.load(path) for path in sorted(glob.glob("train-*.npz"))]
images, labels = (np.concatenate([part[name] for part in parts]) for name in ("images", "labels"))
""",
    "csv": """
import glob
import numpy as np

paths = sorted(glob.glob("train-*.csv"))
rows = [np.loadtxt(path, np.uint8, delimiter=",", skiprows=1, ndmin=2) for path in paths]
labels, images = np.split(np.concatenate(rows), [1], axis=1)
labels, images = labels[:, 0], images.reshape(-1, 28, 28)
""",
    "parquet": """
import glob, io
import numpy as np
import pyarrow.dataset
from PIL import Image

table = pyarrow.dataset.dataset(sorted(glob.glob("train-*.parquet"))).to_table()
files = [io.BytesIO(image["bytes"]) for image in table["image"].to_pylist()]
images = np.stack([np.asarray(Image.open(file)) for file in files])
labels = table["label"].to_numpy()
""",
    "png": """
import glob, os
import numpy as np
from PIL import Image

names = FOLDERS
paths = sorted(glob.glob("train/*/*.png"), key=os.path.basename)
images = np.stack([np.asarray(Image.open(path)) for path in paths])
labels = np.array([names.index(path.split(os.sep)[1]) for path in paths])
""",
    "tfds": """
import numpy as np
import tensorflow_datasets as tfds

source = tfds.builder_from_directory(".").as_data_source("train")
images = np.stack([example["image"][..., 0] for example in source])
labels = np.array([example["label"] for example in source])
""",
}
_FROM_NUMPY = {
    "PyTorch": """
import torch

digits = torch.utils.data.TensorDataset(torch.tensor(images), torch.tensor(labels))
""",
    "Keras": """
model.fit(images[..., None] / 255, labels)
""",
    "Hugging Face datasets": """
import datasets

digits = datasets.Dataset.from_dict({"image": images, "label": labels})
""",
    "scikit-learn": """
classifier.fit(images.reshape(len(images), -1), labels)
""",
}
_DIRECT = {  # in place of the code of _FROM_NUMPY
    "csv": {
        "Hugging Face datasets": """
import datasets

digits = datasets.load_dataset("csv", data_files={"train": "train-*.csv", "test": "test.csv"})
""",
    },
    "parquet": {
        "Hugging Face datasets": """
import datasets

files = {"train": "train-*.parquet", "test": "test.parquet"}
digits = datasets.load_dataset("parquet", data_files=files)
""",
    },
    "png": {
        "PyTorch": """
from torchvision import datasets, transforms

form = transforms.Compose([transforms.Grayscale(), transforms.ToTensor()])
digits = datasets.ImageFolder("train", form)SORTED
""",
        "Hugging Face datasets": """
import datasets

digits = datasets.load_dataset("imagefolder", data_dir=".")
""",
    },
}


def code(format: str, names: Sequence[str] = DIGITS) -> dict[str, str]:
    """The code that loads a data set of a format of ``writers.FORMATS``, with these classes, by the
    library's name."""
    texts = {"NumPy": _NUMPY[format]} | _FROM_NUMPY | _DIRECT.get(format, {})
    folders = in_paths(names)
    if list(folders) == sorted(folders):  # a library that sorts the folders has the same labels
        sort = ""
    else:
        sort = (
            "\n# Its labels are places in digits.classes: the folders in the order of their names."
        )
    return {
        name: text.strip().replace("FOLDERS", _wrapped(folders)).replace("SORTED", sort).strip()
        for name, text in texts.items()
    }


def _wrapped(folders: Sequence[str]) -> str:
    """Names as a list in Python."""
    text = ", ".join(f'"{name}"' for name in folders)
    if len(text) < _WIDTH:
        return f"[{text}]"
    lines = textwrap.wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(["[", *lines, "]"])
