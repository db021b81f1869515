"""Write a page for a browser that has all six models in it and computes everything itself: draw a
digit and see what each model makes of it, or generate digits. It is one file: it opens by a double
click, from a disk, a mail or any web server, and needs no network.

examples:
  bin/page --out page/               with the models that come with jaxgen
  bin/page --runs cvae runs/my-gan   with models of your own in place of those of their families
  bin/page --runs letters            with models of other classes, and with no others
  bin/page --open                    write it, and show it in the browser of this machine"""

import functools
import http.server
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etils import epy

from jaxgen.classes import are_digits
from jaxgen.cli import flags
from jaxgen.errors import UserError, warn
from jaxgen.training import published
from jaxgen.training.folder import RunFolder

with epy.lazy_imports():
    from jaxgen import devices, page
    from jaxgen import model as models
    from jaxgen.page import game
    from jaxgen.training import console as consoles


@dataclass(frozen=True)
class Page:
    out: Path = Path("page")
    """The folder of the page; an earlier page there is replaced."""
    runs: tuple[str, ...] = ()
    """Runs of your own, names in runs/ or paths, or models on the hub; each takes the place of the
    model of its family that comes with jaxgen. Models of other classes than digits are alone."""
    open: bool = False
    """Then show the page, from this machine to this machine alone, until Ctrl-C."""


def main(args: list[str]) -> None:
    wanted = flags.parse(Page(), "page", __doc__, args)
    devices.start()
    page.check(wanted.out)
    with consoles.Console().status() as progress:
        found = chosen(wanted.runs)
        file = page.write(found, wanted.out, training_of(found), reports(), progress)
    size = file.stat().st_size / 2**20
    print(f"a page with {len(found)} models, {size:.1f} MiB: {file}")
    if wanted.open:
        serve(file)


def chosen(runs: tuple[str, ...]) -> "list[page.Entry]":
    """The models of the page: of each family those of ``runs``, or the one that ships."""
    own = []
    for run in runs:
        folder = published.find(None, run)
        config = folder.load()
        if config.family not in page.ORDER:
            raise UserError(
                f"{run} is a run of {config.model}, a family of its own, which the page cannot "
                f"show: give runs of {', '.join(page.ORDER)}"
            )
        name = folder.path.name
        flags = f"--model {config.model}{folder.run_flag(config.model)}"
        model = models.of(folder, config, None, warn)
        entry = page.Entry(name, flags, model)
        own.append((config.family, entry))
    if any(not are_digits(entry.model.names) for _, entry in own):
        return [entry for _, entry in own]
    found = []
    for entry in page.shipped():
        mine = [each for family, each in own if family == entry.name]
        found += mine or [entry]
    return found


def training_of(entries: "list[page.Entry]") -> "dict[str, Any] | None":
    """The training of the first run of a GAN that has pictures, else of the one that ships."""
    for entry in entries:
        folder = getattr(entry.model, "folder", None)
        if isinstance(folder, RunFolder) and (found := game.of(folder)):
            return found
    return game.shipped() if are_digits(entries[0].model.names) else None


def reports() -> "list[page.Report]":
    """The reports of bin/compare and bin/study in their usual folders."""
    paths = [Path("compare/report.html"), *sorted(Path("studies").glob("*/report.html"))]
    return [page.Report(path.parent.name, path.read_text()) for path in paths if path.is_file()]


def serve(file: Path) -> None:
    """Show a page in the browser, until Ctrl-C."""
    handler = functools.partial(_Quiet, directory=str(file.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        print(f"{address} until Ctrl-C")
        webbrowser.open(address)
        server.serve_forever()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass
