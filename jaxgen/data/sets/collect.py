"""The files of a data set, joined: tables of images with their labels, in parts."""

import json
import os
import re
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np

from jaxgen.data import files, formats, pictures
from jaxgen.data.formats import LABEL_COLUMNS, Table, archives
from jaxgen.errors import UserError

_LABELS = (".cls", ".label", ".txt", ".json")  # of files beside a picture
_TEXTS = (".md", ".rst", ".html", ".pdf", ".json", ".py", ".m", ".names", ".docx", ".sha256")


def parts(path: str, say: Callable[[str], None]) -> dict[str, list[Table]]:
    """The tables of ``train`` and, where there are some, of ``test``."""
    tables = _joined(_tables(path, say), path)
    parts: dict[str, list[Table]] = defaultdict(list)
    for table in tables:
        if not len(table.images):
            say(f"{table.name} has no images: left out")
            continue
        if table.part == "test" and table.labels is None:
            say(f"{table.name} has no labels: left out")
            continue
        parts["train" if table.part == "valid" else table.part].append(table)
    if "train" not in parts:
        parts["train"] = parts.pop("", []) or parts.pop("test", [])
    for table in parts.pop("", []):
        say(f"{table.name} is of no part, beside a part for training: left out")
    if missing := [table for table in parts["train"] if table.labels is None]:
        count = sum(len(table.images) for table in missing)
        raise UserError(
            f"files:{path} has {count} images without a label, {missing[0].name} first: put "
            "pictures into folders that are named by their classes, and labels beside arrays"
        )
    if not parts["train"]:
        raise UserError(f"files:{path} has no images with labels to learn from: give it some")
    _check_one_set(parts, path)
    return {part: own for part in ("train", "test") if (own := parts.get(part))}


def _check_one_set(parts: dict[str, list[Table]], path: str) -> None:
    """Raise UserError where files are of several data sets: such as all of EMNIST's, or the
    corruptions of MNIST-C."""
    names = {part: [_set_name(table.name, path) for table in own] for part, own in parts.items()}
    several = sorted(set(names["train"]))
    shards = len(parts["train"]) > 1 and len(parts.get("test", [])) == len(several) > 1
    if shards and set(names["test"]) == set(several):
        raise UserError(
            f"{path} holds {len(several)} data sets ({', '.join(several[:4])} ...): name one of "
            f"them, such as {os.path.join(path, several[0])}"
        )


def _set_name(name: str, path: str) -> str:
    """What the files of a data set have in common: the name without its part and what follows."""
    relative = os.path.relpath(name.split(": ")[0], path)
    return re.split(r"(?i)[-_./]*(?:t10k|train|test|valid)", relative)[0]


def _tables(path: str, say: Callable[[str], None]) -> list[Table]:
    """The tables of a file, a folder or an archive, or of those of its files whose names begin as
    the last part of the path does."""
    if os.path.isdir(path):
        found = _walk(path)
    elif os.path.exists(path):
        found = [path]
    else:
        place, start = os.path.split(path)
        if os.path.isfile(place) and _is_archive(place):
            return _unpacked(place, start, say)
        found = [file for file in _walk(place or ".") if os.path.basename(file).startswith(start)]
        if not found:
            raise UserError(f"files:{path} does not exist: name a file or a folder of images")
    singles = _singles_of(found)
    left_out = {file for single in singles for file in single}
    left_out |= {file for file in found if len(found) > 1 and _is_text(file)}
    mapping, tables = {}, []
    for file in found:
        if file in left_out:
            continue
        if len(found) > 1 and (names := _class_table(file)):
            mapping = names
        elif _is_archive(file):
            tables += _unpacked(file, "", say)
        else:
            tables += [_labelled_by_folder(table, file, path) for table in formats.read(file)]
    if singles and not tables:
        tables = _pictures(singles, path)
    if not tables:
        raise UserError(f"the folder {path} holds no image file: name another one")
    if mapping:
        names = tuple(mapping.get(n, "") for n in range(max(mapping) + 1))
        tables = [table._replace(names=table.names or names) for table in tables]
    for words, count in Counter(w for table in tables for w in table.said).items():
        say(f"{count} files: {words}" if count > 1 else words)
    return tables


def _is_archive(path: str) -> bool:
    try:
        return archives.is_archive(path)
    except (OSError, zipfile.BadZipFile):  # ``formats.read`` says why
        return False


def _unpacked(archive: str, start: str, say: Callable[[str], None]) -> list[Table]:
    """The tables of an archive."""
    with tempfile.TemporaryDirectory() as home:
        folder = os.path.join(home, os.path.basename(archive))  # whose name may say a part

        def named(text: str) -> str:
            return text.replace(folder, archive)

        try:
            archives.unpack(archive, folder, start)
            tables = [*map(formats.in_memory, _tables(folder, lambda line: say(named(line))))]
        except UserError as error:
            raise UserError(named(f"{error}")) from None
        except Exception as error:  # of any class, for damaged archives
            reason = " ".join(f"{error}".split()) or type(error).__name__
            raise UserError(f"cannot read {archive}: {reason}; give a sound file") from None
    return [table._replace(name=named(table.name)) for table in tables]


def _labelled_by_folder(table: Table, file: str, path: str) -> Table:
    """A table of one image without a label, such as a drawing, with the name of its folder."""
    folder = os.path.basename(os.path.dirname(os.path.relpath(file, path)))
    if table.labels is not None or table.images is None or len(table.images) > 1:
        return table
    return table._replace(labels=np.array([folder])) if folder else table


def _walk(folder: str) -> list[str]:
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__MACOSX")))
        found += [os.path.join(place, name) for name in sorted(names) if not files.is_clutter(name)]
    return found


def _is_text(file: str) -> bool:
    name = os.path.basename(file).lower()
    return name.endswith(_TEXTS) or name.startswith(("readme", "license", "licence", "sample_sub"))


def _class_table(file: str) -> dict[int, str]:
    """The characters of the classes by number, if a file is a table of these: EMNIST's
    mapping.txt, and the classmap.csv of Kuzushiji-MNIST."""
    name = os.path.basename(file).lower()
    if not re.search(r"(mapping\.txt|class_?map\.csv)$", name):
        return {}
    with open(file, encoding="utf-8-sig") as text:
        rows = [re.split(r"[,\s]+", line.strip()) for line in text if line.strip()]
    if name.endswith("txt"):
        return {int(row[0]): chr(int(row[-1])) for row in rows}  # of letters, the small one
    return {int(row[0]): row[-1] for row in rows[1:]}


def _singles_of(found: list[str]) -> list[tuple[str, ...]]:
    """Pictures, each with the file beside it that has its label, as WebDataset pairs them."""
    endings = pictures.endings()
    labels = {file for file in found if file.lower().endswith(_LABELS)}
    singles = []
    for file in found:
        if file.lower().endswith(endings):
            stem = os.path.splitext(file)[0]
            beside = next((stem + ending for ending in _LABELS if stem + ending in labels), None)
            singles.append((file, beside) if beside else (file,))
    return singles


def _pictures(singles: list[tuple[str, ...]], path: str) -> list[Table]:
    """Tables of pictures, a part each."""
    parts: dict[str, list[tuple[str, str]]] = defaultdict(list)
    unlabelled = []
    for file, *beside in singles:
        folders = os.path.relpath(file, path).replace(os.sep, "/").split("/")[:-1]
        above = [os.path.basename(path), *folders]
        label = _label_in(beside[0]) if beside else _label_of(file, folders)
        if label is None:
            unlabelled.append(file)
        else:
            part = next(filter(None, map(formats.part_of, reversed(above))), "")
            parts[part].append((file, label))
    if unlabelled:
        raise UserError(
            f"files:{path} has {len(unlabelled)} images without a label, {unlabelled[0]} first: "
            "put pictures into folders that are named by their classes, such as 0 to 9"
        )
    tables = []
    for part, rows in parts.items():
        contents = [pictures.content_of(file) for file, _ in rows]
        tables.append(Table(rows[0][0], contents, np.array([label for _, label in rows]), part))
    return tables


def _label_of(file: str, folders: list[str]) -> str | None:
    """The label of a picture: its folder, or what its name says if it is such as 00017-3.png."""
    if folders and not formats.part_of(folders[-1]):
        return folders[-1]
    saved = re.fullmatch(r"\d+-(\d)\.png", os.path.basename(file))
    return saved[1] if saved else None


def _label_in(file: str) -> str | None:
    """The label in a file beside a picture: a text, or JSON with a label."""
    with open(file, encoding="utf-8-sig") as text:
        content = text.read().strip()
    if not file.endswith(".json"):
        return content or None
    try:
        found = json.loads(content)
    except ValueError as error:
        raise UserError(f"cannot read {file}: {error}; give a sound file") from None
    value = next((found[key] for key in LABEL_COLUMNS if key in found), None)
    return None if value is None else f"{value}"


def _joined(tables: list[Table], path: str) -> list[Table]:
    """Images with the labels that lie in other files."""
    images = [table for table in tables if table.images is not None]
    loose = [table for table in tables if table.images is None]
    result = []
    for table in images:
        if table.labels is None and loose:
            near = [x for x in loose if x.part == table.part]
            place = os.path.dirname(table.name)
            near = [x for x in near if os.path.dirname(x.name) == place] or near
            same = [x for x in near if formats.stem_of(x.name) == formats.stem_of(table.name)]
            found = same or [x for x in near if len(x.labels) == len(table.images)]
            if len(found) == 1:
                (other,) = found
                table = table._replace(
                    labels=other.labels, writers=other.writers, names=table.names or other.names
                )
        if table.labels is not None and len(table.labels) != len(table.images):
            raise UserError(
                f"{table.name} has {len(table.images)} images and {len(table.labels)} labels: give "
                "one for each image"
            )
        result.append(table)
    if not result:
        raise UserError(f"{path} has labels and no images: name the images too")
    return result
