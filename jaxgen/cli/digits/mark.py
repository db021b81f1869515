"""Mark exercise sheets that were filled in by hand: photograph or scan them, and each answer is
right, wrong, empty, or not sure, where a person has to look.

examples:
  bin/apply sheet --model gan --marks --out sheet.pdf
  bin/digits mark photo.jpg --sheet sheet.pdf --out marked.csv
  bin/digits mark class/*.jpg --sheet sheet.pdf --out class.csv     a row for each answer of each

Beside the table, marked-photo.png shows the page with a tick, a cross and the right answer, or a
question mark beside each answer."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from etils import epy

from jaxgen import config as configs
from jaxgen import images
from jaxgen.cli import flags
from jaxgen.data import files
from jaxgen.errors import UserError

with epy.lazy_imports():
    from jaxgen import devices
    from jaxgen.apps import marking
    from jaxgen.data import page_files

COLUMNS = ("file", "picture", "page", "exercise", "answer", "read", "verdict")


@dataclass(frozen=True)
class Mark:
    sheet: str | None = None
    """The PDF file of the sheet, as bin/apply sheet --marks made it."""
    out: Path | None = None
    """Where to: a table of all answers, a name that ends in .csv."""

    def __post_init__(self):
        if self.out is not None:
            is_table = self.out.suffix.lower() == ".csv"
            configs.require("out", self.out, is_table, "a file that ends in .csv")


def main(args: list[str]) -> None:
    names = flags.leading(args)
    wanted = flags.parse(Mark(), "digits mark", __doc__, args[len(names) :])
    example = "bin/digits mark photo.jpg --sheet sheet.pdf --out marked.csv"
    for missing, question in (
        (not names, "which page?"),
        (wanted.sheet is None, "of which sheet?"),
        (wanted.out is None, "where to?"),
    ):
        if missing:
            raise UserError(f"{question} {example}")
    assert wanted.sheet is not None and wanted.out is not None
    files.check_new(wanted.out)
    key = marking.key_of(wanted.sheet)
    devices.start()
    marked = {name: marking.mark(page_files.read(name), name, key) for name in names}
    shown = {}
    for name, found in marked.items():
        for index, page in enumerate(found, 1):
            path = first = _beside(wanted.out, name, index if len(found) > 1 else None)
            number = 1
            while path in shown:  # photographs of one name in several folders
                number += 1
                path = first.with_stem(f"{first.stem}-{number}")
            files.check_new(path)
            shown[path] = page.picture
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(COLUMNS)
    for name, found in marked.items():
        for index, page in enumerate(found, 1):
            for line, read, verdict in page.answers:
                rows.writerow((name, index, page.number, line.number, line.answer, read, verdict))
            which = f" {index}" if len(found) > 1 else ""
            print(f"{name}{which}, page {page.number}: {_summary(page.answers)}")
    files.write(wanted.out, table.getvalue())
    for path, picture in shown.items():
        images.save_picture(path, picture)
    print(f"{wanted.out}, and {', '.join(map(str, shown))}")


def _summary(found: list["marking.Marked"]) -> str:
    """The count of each verdict, and which answers to look at, in words."""
    counts = Counter(one.verdict for one in found)
    words = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    unsure = [f"{one.line.number}" for one in found if one.verdict == "not sure"]
    return words + (f"; look at exercise {', '.join(unsure)}" if unsure else "")


def _beside(out: Path, name: str, index: int | None) -> Path:
    """The path of the picture of a page: marked-photo.png beside marked.csv."""
    number = f"-{index}" if index else ""
    return out.with_name(f"{out.stem}-{Path(name).stem}{number}.png")
