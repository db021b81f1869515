"""Files of text: tables of numbers, ARFF, and the sparse rows of libsvm."""

import csv
import io
import math
import re
from collections.abc import Callable

import numpy as np

from jaxgen.data.formats.table import LABEL_COLUMNS, Table, part_of

_NUMBERS = ("id", "index")  # columns that number the images
_SPARSE = re.compile(rb"[+-]?[\d.]+(\s+\d+:[-+.\deE]+)+\s*$")
_PEN = 16  # numbers of pendigits: eight points
_ONE_HOT = 10  # columns of semeion after the pixels


def reader(content: bytes) -> Callable[[bytes, str], list[Table]]:
    """The reader of a text. Each raises ValueError, with the row, for other texts."""
    first = next((line for line in content.splitlines() if line.strip()), b"").strip()
    if first.startswith((b"%", b"@")):
        return arff
    return libsvm if _SPARSE.match(first) else table


def table(content: bytes, name: str) -> list[Table]:
    """Rows of numbers, with commas, semicolons, tabs or blanks between them: Kaggle, Kannada-MNIST,
    OpenML, optdigits, semeion, pendigits.

    A column named label, or class, holds the labels, which may be texts; id numbers the images.
    Without a line of names, the label is the column that is left beside a square of pixels; of
    optdigits and scikit-learn's digits it is the last, of others the first.
    """
    lines = content.decode("utf-8-sig").splitlines()
    lines = [line for line in lines if line.strip()]
    first = lines[0].strip() if lines else ""
    between = next((mark for mark in (",", ";", "\t") if mark in first), None)
    cells = _cells(first, between)
    if len(cells) < 2:
        raise ValueError("it has no numbers with commas between them")
    names = [] if all(map(_is_number, cells)) else [cell.lower() for cell in cells]
    # A table without names that pandas has copied has its first row as names: 0, 0.1, 0.2 and so
    # on, as Kaggle's letters have.
    is_mangled = cells[1:3] == [f"{cells[0]}.{i}" for i in (1, 2)]
    body = lines[bool(names) or is_mangled :]
    if not body:
        raise ValueError("it has no rows")
    if between:
        for number, line in enumerate(body, 1):
            if (count := line.count(between) + 1) != len(cells):
                raise ValueError(f"row {number} has {count} columns, the first has {len(cells)}")
    labelled = next((i for i, text in enumerate(names) if text in LABEL_COLUMNS), None)
    dropped = {labelled, *(i for i, text in enumerate(names) if text in _NUMBERS)}
    values = _numbers(body, between, [i for i in range(len(cells)) if i not in dropped])
    if not names:
        return [_without_names(values, name)]
    labels = None
    if labelled is not None:
        labels = np.array([_cells(line, between)[labelled].strip("'") for line in body])
        if all(map(_is_number, labels.tolist())):
            labels = labels.astype(float)
    return [Table(name, _squares(values), labels, part_of(name))]


def _cells(line: str, between: str | None) -> list[str]:
    """The cells of a row, without blanks around them and quotes."""
    row = next(csv.reader([line], delimiter=between)) if between else line.split()
    return [cell.strip() for cell in row]


def _without_names(values: np.ndarray, name: str) -> Table:
    """A table whose columns have no names."""
    part, width = part_of(name), values.shape[1]
    if width == _PEN + 1 and values.min() >= 0 and values.max() <= 100:
        from jaxgen.data.formats import pens

        ways = values[:, :_PEN].astype(float).reshape(len(values), -1, 2)
        images = pens.drawn([[pens.smooth(way)] for way in ways], is_up=True)
        said = ("eight points of a pen each, drawn",)
        return Table(name, images, values[:, _PEN], part, said=said)
    hot = values[:, -_ONE_HOT:]
    if _is_square(width - _ONE_HOT) and set(np.unique(hot)) <= {0, 1} and (hot.sum(1) == 1).all():
        return Table(name, _squares(values[:, :-_ONE_HOT]), hot.argmax(1), part)
    if _is_square(width - 1):
        # optdigits, scikit-learn's digits and OpenML's export put the class last; others first.
        first, last = (_like_labels(values[:, column]) for column in (0, -1))
        is_last = last and not (first and values[:, 0].std() > 0)
        labels = values[:, -1] if is_last else values[:, 0]
        pixels = values[:, :-1] if is_last else values[:, 1:]
        return Table(name, _squares(pixels), labels, part)
    return Table(name, _squares(values), None, part)


def _like_labels(column: np.ndarray) -> bool:
    """Whether a column may hold labels: at least two classes, and at most 62."""
    found = np.unique(column)
    return 2 <= len(found) <= 62 and not (column % 1).any()


def arff(content: bytes, name: str) -> list[Table]:
    """ARFF as OpenML has it, with the class last, as text."""
    from scipy.io import arff as scipy_arff

    data, meta = scipy_arff.loadarff(io.StringIO(content.decode("utf-8-sig")))
    columns = meta.names()
    labelled = next((x for x in columns if x.lower() in LABEL_COLUMNS), columns[-1])
    labels = data[labelled]
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels)
        labels = labels.astype(float) if all(map(_is_number, labels.tolist())) else labels
    pixels = np.column_stack([data[x] for x in columns if x != labelled]).astype(np.float32)
    return [Table(name, _squares(pixels), labels, part_of(name))]


def libsvm(content: bytes, name: str) -> list[Table]:
    """Sparse rows, label index:value ...: USPS and MNIST of the libsvm collection."""
    from sklearn import datasets

    sparse, labels = datasets.load_svmlight_file(io.BytesIO(content))
    pixels = sparse.toarray().astype(np.float32)
    side = next(side for side in (8, 16, 20, 28, 32, 64, 128) if side * side >= pixels.shape[1])
    pixels = np.pad(pixels, ((0, 0), (0, side * side - pixels.shape[1])))  # zeros are left out
    return [Table(name, _squares(pixels), labels, part_of(name))]


def _numbers(lines: list[str], between: str | None, columns: list[int]) -> np.ndarray:
    """The numbers of some columns, float32 [n, columns]."""
    try:
        return np.loadtxt(
            lines, np.float32, delimiter=between, quotechar='"', ndmin=2, usecols=columns
        )
    except ValueError as error:  # which counts rows from 0, and columns from 1
        place = re.compile(r"at row (\d+)")
        raise ValueError(place.sub(lambda m: f"in row {int(m[1]) + 1}", f"{error}")) from None


def _squares(pixels: np.ndarray) -> np.ndarray:
    """Rows of pixels as images [n, side, side]."""
    if not _is_square(pixels.shape[1]):
        raise ValueError(f"it has {pixels.shape[1]} pixels a line, which are not a square")
    side = math.isqrt(pixels.shape[1])
    return pixels.reshape(-1, side, side)


def _is_square(number: int) -> bool:
    return number >= 1 and math.isqrt(number) ** 2 == number


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
