"""Make a PDF of exercises for people who learn numbers, written by a model, with a
page of answers. The model draws each digit, and draws it again where the judge cannot read it; or
all digits are in the hand of one image.

examples:
  bin/apply sheet --model gan                               20 sums and 24 numbers to read
  bin/apply sheet --model gan --sums 20 --out sheet.pdf
  bin/apply sheet --model gan --sums 40 --operations times,divided --title "Class 3b"
  bin/apply sheet --model cvae --numbers 36 --largest 9999 --columns 2
  bin/apply sheet --model cvae --style hand.png             in one hand
  bin/apply sheet --model gan --marks --out sheet.pdf       for bin/digits mark"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from etils import epy

import jaxgen
from jaxgen import config as configs
from jaxgen import errors
from jaxgen.apps import exercises
from jaxgen.cli import common
from jaxgen.data import files
from jaxgen.errors import UserError
from jaxgen.images import to_uint8

with epy.lazy_imports():
    from jaxgen import families
    from jaxgen.apps import sheet
    from jaxgen.cli import inputs
    from jaxgen.families import capabilities
    from jaxgen.paper import marks
    from jaxgen.training import trained

MAX_EXERCISES = 1000  # exercises of a kind
LETTERS = 40  # of a title


@dataclass(frozen=True)
class Sheet(common.DrawingFlags, common.HandFlags):
    sums: int | None = None
    """How many sums; 20 when neither --sums nor --numbers is given."""
    numbers: int | None = None
    """How many numbers to read; 24 when neither --sums nor --numbers is given."""
    operations: str = "plus,minus"
    """The operations of the sums, in turn: plus, minus, times and divided, with commas."""
    largest: int = 100
    """The largest number in an exercise or a result."""
    style: str | None = None
    """The hand for the whole sheet: an image file of one digit, one such as test:7, or a folder or
    a file of many digits in one hand."""
    title: str | None = None
    """The title of each page."""
    columns: int | None = None
    """Columns of exercises; as many as fit when not given."""
    paper: Literal["a4", "letter"] = "a4"
    """The size of a page."""
    marks: bool = False
    """Print marks at the corners, so that bin/digits mark can read the answers from a photograph
    and say which are right."""
    out: Path | None = None
    """Where to, a name that ends in .pdf."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("sums", "numbers"):
            count = getattr(self, name)
            configs.require(
                name,
                count,
                count is None or 0 <= count <= MAX_EXERCISES,
                f"from 0 to {MAX_EXERCISES}",
            )
        if not any(self.counts):
            raise UserError("the sheet would be empty: ask for --sums 20 or --numbers 24")
        valid = exercises.operations(self.operations) is not None
        words = "some of plus, minus, times and divided, with commas between them"
        configs.require("operations", self.operations, valid, words)
        title = self.title or ""
        short = len(title) <= LETTERS and title.isprintable()
        configs.require("title", title, short, f"a line of {LETTERS} letters or fewer")
        latin = title.encode("cp1252", "ignore").decode("cp1252") == title
        configs.require("title", title, latin, "in letters of Latin alphabets, as the font is")
        fits = self.columns is None or self.columns >= 1
        configs.require("columns", self.columns, fits, "1 or more")
        least, most = exercises.LARGEST
        configs.require(
            "largest", self.largest, least <= self.largest <= most, f"from {least} to {most}"
        )
        if self.out is not None:
            suffix = self.out.suffix.lower()
            configs.require("out", self.out, suffix == ".pdf", "a file that ends in .pdf")

    @property
    def counts(self) -> tuple[int, int]:
        """The number of sums, and of numbers to read."""
        if self.sums is None and self.numbers is None:
            return 20, 24
        return self.sums or 0, self.numbers or 0


def main(args: list[str]) -> None:
    wanted, run = common.start(Sheet, "apply sheet", __doc__, args)
    out = run.out(wanted.out, f"sheet-seed-{wanted.seed}.pdf", files.check_new)
    family, config = families.build(run.config), run.config
    trained.require_conditional(family, "--model with these settings")
    sums, numbers = wanted.counts
    operations = exercises.operations(wanted.operations) or ()
    kinds = {
        exercises.title(operations): exercises.sums(sums, operations, wanted.largest, wanted.seed),
        "Numbers to read": exercises.numbers(numbers, wanted.largest, wanted.seed),
    }
    sections = [sheet.Section(title, part) for title, part in kinds.items() if part]
    layout = sheet.Layout(wanted.paper, wanted.title or "", wanted.columns, marks=wanted.marks)
    if wanted.marks:
        marks.require()
    for section in sections:
        sheet.columns_of(section, layout)  # before the digits are drawn
    if wanted.style:
        capabilities.able(family, capabilities.Transfers)  # before the model is loaded
    model, digits = run.model, sheet.digits_of(sections)
    model.require_digits("a sheet of exercises")
    model.require(map(int, digits), "the sheet")
    run.warn_of_judge()
    if wanted.style:
        hand = inputs.read_hand(wanted.style, run)
        written = hand.write(digits, wanted.variety, wanted.seed)
        drawn = sheet.DrawnDigits(to_uint8(written), 0)
        if not model.caution and (illegible := sheet.illegible(drawn, digits, model.judge)):
            errors.warn(
                f"the judge cannot read {', '.join(map(str, illegible))} in this hand: look at the "
                "sheet, or take another --style"
            )
    else:
        by = None if model.caution else model.judge
        drawn = sheet.draw_legible(model, digits, wanted.seed, by)
    hands = f" in the hand of {wanted.style}" if wanted.style else ""
    footer = (
        f"Every digit was drawn by {config.model}{hands}, after {common.steps(model.step)} on "
        f"{config.data}. jaxgen {jaxgen.__version__}, seed {wanted.seed}."
    )
    files.write(out, sheet.pdf(sections, drawn.images, layout._replace(footer=footer)))
    if not wanted.style:
        more = f", {drawn.redrawn} more where the judge could not read them"
        print(f"{common.digits(len(digits))} drawn{'' if model.caution else more}")
    parts = (f"{len(section.exercises)} {section.title.lower()}" for section in sections)
    run.announce(" and ".join(parts), out)
