"""Print a form on which a person writes digits by hand, a row for each digit. Photograph or scan it
when it is filled in: bin/digits read --form finds each digit and knows what it is.

examples:
  bin/digits form --out form.pdf                          ten rows of eight boxes
  bin/digits form --rows 20 --columns 12 --out form.pdf   each digit in two rows
  bin/digits read --form photo.jpg --out mine.npz         the filled form as a labelled data set"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from etils import epy

from jaxgen import config as configs
from jaxgen.cli import flags
from jaxgen.data import files
from jaxgen.errors import UserError

with epy.lazy_imports():
    from jaxgen.paper import form


@dataclass(frozen=True)
class Form:
    rows: int = 10
    """Rows of boxes, for the digits 0 to 9 in turn."""
    columns: int = 8
    """Boxes in a row."""
    paper: Literal["a4", "letter"] = "a4"
    """The size of the sheet."""
    out: Path | None = None
    """Where to, a name that ends in .pdf."""

    def __post_init__(self):
        most = form.Layout(1, 1, self.paper).most
        for name, bound in zip(("rows", "columns"), most, strict=True):
            value = getattr(self, name)
            configs.require(name, value, 1 <= value <= bound, f"from 1 to {bound}")
        if self.out is not None:
            is_pdf = self.out.suffix.lower() == ".pdf"
            configs.require("out", self.out, is_pdf, "a file that ends in .pdf")


def main(args: list[str]) -> None:
    wanted = flags.parse(Form(), "digits form", __doc__, args)
    if wanted.out is None:
        raise UserError("where to? bin/digits form --out form.pdf")
    files.check_new(wanted.out)
    layout = form.Layout(wanted.rows, wanted.columns, wanted.paper)
    files.write(wanted.out, form.pdf(layout))
    print(
        f"a form of {wanted.rows} x {wanted.columns} boxes: {wanted.out}\n"
        f"when it is filled in: bin/digits read --form photo.jpg --out mine.npz"
    )
