"""Files of arrays: IDX, NumPy, MATLAB and HDF5."""

import io
import math
import zipfile
from typing import Any

import numpy as np

from jaxgen import extras
from jaxgen.data.formats.table import MOST_BYTES, Table, part_of, role_of

_IDX = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_ANY = "arr_0"  # the name of an array that has none
# The names in Keras' mnist.npz, and in many files like it.
_PAIRS = (("x_train", "y_train", "train"), ("x_test", "y_test", "test"))


def idx(content: bytes, name: str) -> list[Table]:
    """IDX: MNIST, EMNIST, Fashion-MNIST, Kuzushiji-MNIST; and QMNIST, whose labels have eight
    columns: the class, the series, the writer, and others (Yadav and Bottou 2019)."""
    kind, rank = content[2], content[3]
    if kind not in _IDX or not rank:
        raise ValueError(f"its type is 0x{kind:02x} and it has {rank} axes")
    start = 4 + 4 * rank
    shape = tuple(np.frombuffer(content, ">u4", rank, 4).tolist())
    dtype = np.dtype(_IDX[kind])
    wanted = start + math.prod(shape) * dtype.itemsize
    if wanted != len(content):
        raise ValueError(f"its header promises {wanted} bytes, it holds {len(content)}")
    array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    array = array.astype(dtype.newbyteorder("="))
    part = part_of(name)
    if rank == 1:
        return [Table(name, labels=array, part=part)]
    if rank == 2 and shape[1] == 8 and kind == 12:
        said = ("labels in the first of eight columns, writers in the third",)
        return [Table(name, labels=array[:, 0], part=part, writers=array[:, 2], said=said)]
    return [Table(name, images=array, part=part)]


def npy(content: bytes, name: str) -> list[Table]:
    """One array: images, or labels if it has one axis."""
    array = _array(io.BytesIO(content), name)
    key = "labels" if array.ndim == 1 else "images"
    return [Table(name, part=part_of(name))._replace(**{key: array})]


def npz(content: bytes, name: str) -> list[Table]:
    """Named arrays: images, labels, and names of the classes; x_train, y_train, x_test and y_test
    (Keras); or one array alone, images or labels (Kuzushiji-MNIST)."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [member.removesuffix(".npy") for member in archive.namelist()]
        if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
            raise ValueError(f"it would take more than {MOST_BYTES} bytes")

        def array(member: str) -> np.ndarray:
            with archive.open(f"{member}.npy") as file:
                return _array(file, member)

        if len(names) == 1:
            (only,) = names
            found = array(only)
            is_labels = found.ndim == 1 and role_of(only) != "images"
            key = "labels" if is_labels else "images"
            return [Table(name, part=part_of(name))._replace(**{key: found})]
        paired = [pair for pair in _PAIRS if pair[0] in names]
        if paired:
            return [
                Table(f"{name}: {x}", array(x), array(y) if y in names else None, part)
                for x, y, part in paired
            ]
        roles = {role: [n for n in names if role_of(n) == role] for role in ("images", "labels")}
        if len(roles["images"]) != 1 or len(roles["labels"]) > 1:
            raise ValueError(
                f"it holds {', '.join(names) or 'nothing'}, and no images: give the array of "
                "images that name"
            )
        labels = array(roles["labels"][0]) if roles["labels"] else None
        named = array("names") if "names" in names else None
        own = tuple(named.tolist()) if named is not None and named.dtype.kind == "U" else ()
        return [Table(name, array(roles["images"][0]), labels, part_of(name), own)]


def _array(file: Any, name: str) -> np.ndarray:
    """The array in a .npy file."""
    try:
        array = np.lib.format.read_array(file)
    except MemoryError:  # the header states a size that the file does not have
        raise ValueError(f"its {name} would take more memory than there is") from None
    if file.read(1):  # and at the end zipfile compares its checksum
        raise ValueError(f"its {name} are more bytes than their header promises")
    return array


def mat(content: bytes, name: str) -> list[Table]:
    """MATLAB 5: EMNIST, SVHN, affNIST, and the mnist_all.mat of Roweis."""
    from scipy import io as scipy_io

    found = scipy_io.loadmat(io.BytesIO(content), squeeze_me=False, struct_as_record=True)
    names = [key for key in found if not key.startswith("__")]
    if "dataset" in names:
        return _emnist(found["dataset"], name)
    if {"X", "y"} <= set(names) and found["X"].ndim == 4:
        images = np.moveaxis(found["X"], 3, 0)
        said = ("cropped numbers of SVHN: the label 10 is 0",)
        return [Table(name, images, found["y"].ravel() % 10, part_of(name), said=said)]
    if "affNISTdata" in names:
        data = found["affNISTdata"][0, 0]
        columns = np.asarray(data["image"])  # [1600, n]
        side = math.isqrt(len(columns))
        images = columns.T.reshape(-1, side, side)
        return [Table(name, images, data["label_int"].ravel(), part_of(name))]
    if "train0" in names or "test0" in names:
        return [_by_class(found, part, name) for part in ("train", "test") if f"{part}0" in names]
    raise ValueError(f"it holds {', '.join(names) or 'nothing'}, which no known data set has")


def _by_class(found: dict[str, Any], part: str, name: str) -> Table:
    """An array for each class: train0 to train9 (Roweis)."""
    numbers = sorted(int(key[len(part) :]) for key in found if key.startswith(part))
    arrays = [found[f"{part}{number}"] for number in numbers]
    images, labels = np.concatenate(arrays), np.repeat(numbers, [len(array) for array in arrays])
    return Table(f"{name}: {part}", images, labels, part)


def _emnist(dataset: np.ndarray, name: str) -> list[Table]:
    """EMNIST's MAT (Cohen et al. 2017): images by columns, and a table from labels to
    characters."""
    data = dataset[0, 0]
    mapping = data["mapping"].astype(int) if "mapping" in (data.dtype.names or ()) else None
    names: tuple[str, ...] = ()
    if mapping is not None:
        names = tuple("" for _ in range(int(mapping[:, 0].max()) + 1))
        table = {int(row[0]): chr(row[-1]) for row in mapping}  # of letters, the small one
        names = tuple(table.get(number, "") for number in range(len(names)))
    tables = []
    for part in ("train", "test"):
        if part in (data.dtype.names or ()):
            own = data[part][0, 0]
            writers = own["writers"].ravel() if "writers" in own.dtype.names else None
            images, labels = own["images"], own["labels"].ravel()
            side = math.isqrt(images.shape[1])
            images = images.reshape(-1, side, side).swapaxes(1, 2)
            tables.append(
                Table(f"{name}: {part}", images, labels, part, names, writers, ("EMNIST: turned",))
            )
    return tables


def hdf5(content: bytes, name: str) -> list[Table]:
    """HDF5: USPS, with the groups train and test of data and target; other files by the names of
    their arrays."""
    extras.require("HDF5", "h5py", "h5py")
    import h5py

    with h5py.File(io.BytesIO(content)) as file:
        arrays: dict[str, np.ndarray] = {}
        file.visititems(
            lambda key, item: arrays.update({key: item[()]}) if hasattr(item, "dtype") else None
        )
    found = []
    for part in ("train", "test", ""):
        own = {key: array for key, array in arrays.items() if part_of(key) == part}
        images = [array for key, array in own.items() if role_of(key) == "images"]
        labels = [array.ravel() for key, array in own.items() if role_of(key) == "labels"]
        if images:
            where = f"{name}: {part}" if part else name
            found.append(
                Table(where, images[0], labels[0] if labels else None, part or part_of(name))
            )
    if not found:
        raise ValueError(f"it holds {', '.join(arrays) or 'nothing'}, and no images")
    return found
