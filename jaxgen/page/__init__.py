"""A page for a browser that needs nobody: models with their weights, the runtime that runs them,
and the interface, all in one HTML file that opens from a disk.

programs, repairs   what a model computes
graphs              the graphs of these functions
packs               how bytes become text
game, lesson        the training of a GAN; the tasks of a lesson, to print
plane               models with two latents
interface           the interface, in TypeScript
built               what ``npm run build`` makes of it: two scripts, a style, and the runtime,
                    onnxruntime-web, compressed; and the graphs of the models that ship
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jaxgen import data
from jaxgen.classes import are_digits, listed
from jaxgen.data import Split, files
from jaxgen.data.sets.pixels import is_handwriting, is_in_form
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.evaluation.judge import Judge
from jaxgen.mapping import map_images
from jaxgen.model import Model
from jaxgen.page import graphs, lesson, packs, programs
from jaxgen.page.programs import Plan
from jaxgen.training import published, trained
from jaxgen.training.published import Published
from jaxgen.training.trained import Trained
from jaxgen.training.weights import named

ORDER = ("ae", "vae", "cvae", "vqvae", "gan", "ddpm")  # of the families
BUILT = Path(__file__).parent / "built"
PLANE = Path(__file__).parent / "plane"  # published models with two latents
THEME = Path(__file__).parents[1] / "reports" / "theme.css"
REAL = 1000  # real digits, as many of each class as of others
FILE = "index.html"
MARK = b'<meta name="generator" content="jaxgen page">'  # near the beginning of each page


class Entry(NamedTuple):
    """A model on the page."""

    name: str
    flags: str  # that name it for a command
    model: Trained


class Report(NamedTuple):
    """A report of a comparison or a study, which the page shows as it is."""

    title: str
    html: str


def check(out: Path) -> None:
    """Raise UserError where a page cannot be written to the folder ``out``, such as one that holds
    something else."""
    file = out / FILE
    is_ours = file.exists() and MARK in file.read_bytes()[:1000]
    ours = {FILE, *map(lesson.name, lesson.LANGUAGES)} if is_ours else set()
    there = {path.name for path in out.iterdir()} if out.is_dir() else set()
    others = {name for name in there - ours if not files.is_clutter(name)}
    if others or (out.exists() and not out.is_dir()):
        raise UserError(f"{out} holds something else than a page: name a new folder with --out")
    files.check(file)


def write(
    entries: Sequence[Entry],
    out: Path,
    training: dict[str, Any] | None = None,
    reports: Sequence[Report] = (),
    progress: Callable[[str], None] = lambda line: None,
) -> Path:
    """Write the page with these models to the folder ``out``, beside it the tasks of a lesson, and
    return the page's file. ``training`` is that of the GAN (``game``). ``progress(line)`` gets the
    next step. Raises UserError as ``check``, where the package lacks a graph and the packages for
    ONNX are missing, for models of different classes, and where no judge reads their data."""
    check(out)
    names, classifier, test = _data(entries)
    real, texts, facts = _real(test, len(names)), {}, {"plane": []}
    plans = list(_plans(entries, classifier))
    name, count = Counter(name for _, name, _ in plans).most_common(1)[0]
    if count > 1:
        raise UserError(f"two models of the page have the name {name}: rename the folder of a run")
    for kind, name, plan in plans:
        progress(f"converting {name}")
        own, parts = _packed(name, plan)
        facts.setdefault(kind, []).append(own)
        texts |= parts
    progress("writing the page")
    for own, (_, model) in zip(facts["plane"], _planes(names), strict=True):
        own["points"] = _codes(model, real)
    whole = {
        "models": facts["models"],
        "judge": facts["judge"][0],
        "plane": facts["plane"],
        "labels": real.labels.tolist(),
        "classes": names,
        "handwriting": is_handwriting(pixels := real.images[..., 0]) and is_in_form(pixels),
        "training": training,
        "reports": [report._asdict() for report in reports],
    }
    content = _template().render(
        mark=MARK.decode(),
        theme=THEME.read_text(),
        style=(BUILT / "page.css").read_text(),
        program=(BUILT / "page.js").read_text(),
        worker=(BUILT / "worker.js").read_text(),
        facts=_json(whole),
        wasm=packs.text_of((BUILT / "runtime.wasm.gz").read_bytes()),
        texts=texts | {"digits": packs.text(real.images.tobytes())},
    )
    languages = lesson.LANGUAGES if are_digits(names) else ()  # the lesson is on digits
    sheets = {out / lesson.name(language): lesson.pdf(language) for language in languages}
    files.write_all({**sheets, out / FILE: content.encode()})
    return out / FILE


def shipped() -> list[Entry]:
    """The models that come with jaxgen, one of each family."""
    return [Entry(name, f"--model {name}", _load(published.SHIPPED / name)) for name in ORDER]


def keep_graphs(progress: Callable[[str], None] = print) -> None:
    """Convert the graphs of the models that ship anew (``graphs.keep``)."""
    found = {
        f"{program} of {name}": function
        for _, name, plan in _plans(shipped(), judge.load())
        for program, function in plan.functions.items()
    }
    graphs.keep(found, progress)


def _data(entries: Sequence[Entry]) -> tuple[tuple[str, ...], Judge, Split]:
    """The names of the classes of the models, the judge that reads them, and real test images."""
    first = entries[0].model
    for name, _, model in entries:
        if model.names != first.names:
            raise UserError(
                f"{name} draws {listed(model.names)}, and {entries[0].name} {listed(first.names)}: "
                "give --runs of the same classes"
            )
    if are_digits(first.names):
        return first.names, judge.load(), data.load("mnist").test
    assert isinstance(first, Model)  # none of those that ship
    judge.require(first.judge, first.digits)
    return first.names, first.judge, first.digits.test


def _plans(entries: Sequence[Entry], classifier: Judge) -> Iterator[tuple[str, str, Plan]]:
    """The kind, the name and the plan of all that the page computes."""
    for name, flags, model in entries:
        found = programs.of(model).with_facts(
            steps=model.step,
            command=flags,
            learned=model.learned,
            conditional=model.family.is_conditional,
        )
        yield "models", name, found
    yield "judge", "judge", programs.of_judge(classifier)
    for family, model in _planes(entries[0].model.names):
        yield "plane", f"plane-{family}", programs.of_coder(model).with_facts(family=family)


def _planes(names: Sequence[str]) -> list[tuple[str, Trained]]:
    """The models with two latents, by their families, which are of digits."""
    families = ("vae", "ae") if are_digits(names) else ()
    return [(family, _load(PLANE / family)) for family in families]


def _load(path: Path) -> Trained:
    folder = Published(path)
    return trained.load(folder, folder.load(), lambda line: None)


def _packed(name: str, plan: Plan) -> tuple[dict[str, Any], dict[str, str]]:
    """The facts of the programs of a plan, and the texts of their graphs and weights."""
    parts, facts, used, at = [], {}, set(), 0
    for program, function in plan.functions.items():
        graph = graphs.of(function, f"{program} of {name}")
        rows = {
            key: {"shape": list(shape), "kind": np.dtype(kind).name}
            for key, (shape, kind) in function.inputs.items()
        }
        facts[program] = {
            "graph": [at, at := at + len(graph.content)],
            "inputs": rows,
            "outputs": list(function.outputs),
            "weights": graph.weights,
        }
        parts.append(graph.content)
        used |= set(graph.weights)
    variables = next(iter(plan.functions.values())).variables
    arrays = {key: np.asarray(leaf) for key, leaf in named(variables).items() if key in used}
    content, about = packs.arrays(arrays)
    own = {"name": name, "programs": facts, "arrays": about} | plan.facts
    texts = {f"{name}-arrays": packs.text(content), f"{name}-graphs": packs.text(b"".join(parts))}
    return own, texts


def _codes(model: Any, digits: Split) -> list[list[float]]:
    """The codes of real digits."""
    encode, variables = model.family.encode, model.variables
    codes = map_images(encode, variables, images=digits.images, labels=digits.labels)
    return np.round(codes, 3).tolist()


def _real(test: Split, classes: int) -> Split:
    """REAL test images, from all of the file."""
    most = REAL // classes
    each = [np.flatnonzero(test.labels == label) for label in range(classes)]
    rows = np.concatenate([found[:: max(1, len(found) // most)][:most] for found in each])
    return Split(test.images[rows], test.labels[rows])


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
