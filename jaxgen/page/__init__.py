"""A page for a browser that needs nobody: models with their weights, the runtime that runs them,
and the interface, all in one HTML file that opens from a disk.

``programs`` and ``repairs`` say what a model computes, ``packs`` how bytes become text. The folder
``interface`` has the interface in TypeScript, and ``built`` what ``npm run build`` there makes of
it: two scripts, a style, and the runtime, onnxruntime-web, compressed.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jaxgen import data
from jaxgen.apps.export import onnx
from jaxgen.arrays import DIGITS
from jaxgen.data import Split, files
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.mapping import map_images
from jaxgen.page import packs, programs
from jaxgen.page.programs import Plan
from jaxgen.training import trained
from jaxgen.training.published import Published
from jaxgen.training.weights import named

BUILT = Path(__file__).parent / "built"
PLANE = Path(__file__).parent / "plane"  # published models with two latents
REAL = 100  # real digits of each of the ten
THEME = Path(__file__).parents[1] / "pages" / "theme.css"
FILE = "index.html"
MARK = b'<meta name="generator" content="jaxgen page">'  # near the beginning of each page


class Entry(NamedTuple):
    """A model on the page."""

    name: str
    flags: str  # that name it for a command
    model: Any  # a ``Model``


def check(out: Path) -> None:
    """Raise UserError where a page cannot be written to the folder ``out``: the packages for ONNX
    are missing, or the folder holds something else than a page."""
    onnx.require()
    file = out / FILE
    others = {path.name for path in out.iterdir()} - {FILE} if out.is_dir() else out.exists()
    if others or (file.exists() and MARK not in file.read_bytes()[:1000]):
        raise UserError(f"{out} holds something else than a page: name a new folder with --out")
    files.check(file)


class Report(NamedTuple):
    """A report of a comparison or a study, which the page shows as it is."""

    title: str
    html: str


def write(
    entries: Sequence[Entry],
    out: Path,
    training: dict[str, Any] | None = None,
    reports: Sequence[Report] = (),
    progress: Callable[[str], None] = lambda line: None,
) -> Path:
    """Write the page with these models to the folder ``out``, and return the file. ``training`` is
    that of the GAN (``game``). ``progress(line)`` gets the next step. Raises UserError as
    ``check``."""
    check(out)
    models, texts = [], {}
    for name, flags, model in entries:
        progress(f"converting {name}")
        own, parts = _packed(name, programs.of(model))
        models.append(own | {"steps": model.step, "command": flags})
        texts |= parts
    reader, parts = _packed("judge", programs.of_judge(judge.load()))
    real = _real_digits()
    plane, more = _plane(real)
    facts = {
        "models": models,
        "judge": reader,
        "plane": plane,
        "labels": real.labels.tolist(),
        "training": training,
        "reports": [report._asdict() for report in reports],
    }
    texts |= parts | more | {"digits": packs.text(real.images.tobytes())}
    progress("writing the page")
    content = _template().render(
        mark=MARK.decode(),
        theme=THEME.read_text(),
        style=(BUILT / "page.css").read_text(),
        program=(BUILT / "page.js").read_text(),
        worker=(BUILT / "worker.js").read_text(),
        facts=_json(facts),
        wasm=packs.text_of((BUILT / "runtime.wasm.gz").read_bytes()),
        texts=texts,
    )
    files.write(out / FILE, content.encode())
    return out / FILE


def _packed(name: str, plan: Plan) -> tuple[dict[str, Any], dict[str, str]]:
    """The facts of the programs of a plan, and the texts of their graphs and weights."""
    graphs, facts, used, at = [], {}, set(), 0
    for program, function in plan.functions.items():
        graph = onnx.graph(function, f"{program} of {name}")
        weights = onnx.weights(graph)
        rows = {
            key: {"shape": list(shape), "kind": np.dtype(kind).name}
            for key, (shape, kind) in function.inputs.items()
        }
        facts[program] = {
            "graph": [at, at := at + len(graph)],
            "inputs": rows,
            "outputs": list(function.outputs),
            "weights": weights,
        }
        graphs.append(graph)
        used |= set(weights)
    variables = next(iter(plan.functions.values())).variables
    arrays = {key: np.asarray(leaf) for key, leaf in named(variables).items() if key in used}
    content, about = packs.arrays(arrays)
    own = {"name": name, "programs": facts, "arrays": about} | plan.facts
    texts = {f"{name}-arrays": packs.text(content), f"{name}-graphs": packs.text(b"".join(graphs))}
    return own, texts


def _real_digits() -> Split:
    """Test digits of MNIST, ``REAL`` of each of the ten, from all of the file."""
    test = data.load("mnist").test
    each = [np.flatnonzero(test.labels == digit) for digit in range(DIGITS)]
    rows = np.concatenate([found[:: len(found) // REAL][:REAL] for found in each])
    return Split(test.images[rows], test.labels[rows])


def _plane(digits: Split) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The facts and the texts of the models with two latents, with the codes of real digits."""
    facts, texts = [], {}
    for path in sorted(PLANE.iterdir(), reverse=True):
        folder = Published(path)
        model = trained.load(folder, folder.load(), lambda line: None)
        encode: Any = model.family
        codes = map_images(
            encode.encode, model.variables, images=digits.images, labels=digits.labels
        )
        name = f"plane-{path.name}"
        own, parts = _packed(name, programs.of_coder(model))
        facts.append(own | {"family": path.name, "points": np.round(codes, 3).tolist()})
        texts |= parts
    return facts, texts


def _json(value: Any) -> str:
    """JSON for a script element, which must not hold the end of one."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _template():
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.j2")
