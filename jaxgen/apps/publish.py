"""Publishing a model: its weights, its recipe and its card in a folder (``training.published``)."""

import hashlib
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jaxgen
from jaxgen import classes, data, images, kept, sampling
from jaxgen import config as configs
from jaxgen.apps import card, export
from jaxgen.config import Config
from jaxgen.data import Digits, files
from jaxgen.data.split import Contents
from jaxgen.errors import UserError
from jaxgen.evaluation import judge, reference
from jaxgen.evaluation.evaluate import evaluate
from jaxgen.training import weights
from jaxgen.training.folder import Learned, ModelFolder, RunFolder, read_log
from jaxgen.training.published import FORMAT, Published
from jaxgen.training.trained import Trained

COUNT = 10_000  # digits that are drawn and judged


def publish(
    model: Trained,
    config: Config,
    folder: ModelFolder,
    digits: Digits,
    out: Path,
    half: bool,
    address: str = "path/of/this/folder",
    count: int = COUNT,
    progress: Callable[[str], None] = lambda line: None,
) -> Published:
    """Write a model of a run, or one that is published already, to the new folder ``out``; with
    ``half``, its large arrays as float16. What the judge says of ``count`` digits of these weights,
    or of as many as there are test digits, is a part of the card, unless there are too few test
    digits for it; ``address`` is where the card says that the model is.

    ``digits`` are those that it has learned from. ``progress(line)`` gets the next step. Raises
    UserError if the folder exists or cannot be written.
    """
    target = Published(out)
    if out.exists():
        raise UserError(f"{out} exists already: name a new folder with --out")
    files.check(target.card)
    arrays = weights.flatten(model.variables, half)
    recipe = json.dumps(configs.to_dict(config), indent=2) + "\n"
    content = kept.to_bytes(arrays, export.metadata(config))
    rounded = weights.unflatten(arrays)
    facts = {
        "format": FORMAT,
        "jaxgen": jaxgen.__version__,
        "model": config.model,
        "steps": model.step,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "numbers": sum(array.size for array in arrays.values()),
        "precision": "float16" if half else "float32",
        "training": _training(folder),
        "judged": _judged(model, rounded, digits, count, progress),
    }
    contents = Contents.of(digits)
    also = tuple(set(model.learned) - set(contents.learned))
    learned = Learned(contents, (digits.source,), also).to_dict()
    files.write_all(
        {
            target.weights: content,
            target.config: recipe.encode(),
            target.data: (json.dumps(learned, indent=2) + "\n").encode(),
            target.readme: _card(facts, config, digits, address).encode(),
            target.card: (json.dumps(facts, indent=2) + "\n").encode(),
        }
    )
    return target


def _training(folder: ModelFolder) -> dict[str, Any]:
    """Where a run was trained, and how long it took; of a published model what its card says."""
    if isinstance(folder, Published):
        return folder.facts()["training"]
    assert isinstance(folder, RunFolder)
    sessions, losses = folder.sessions(), read_log(folder.metrics)
    last = sessions[-1] if sessions else {}
    names = ("devices", "machine", "commit", "python", "jax", "jaxlib", "flax", "optax")
    seconds = losses[-1]["seconds"] if losses else None
    start = folder.start and folder.start["from"]
    return {"seconds": seconds, "start": start} | {name: last.get(name) for name in names}


def _judged(
    model: Trained,
    variables: Any,
    digits: Digits,
    count: int,
    progress: Callable[[str], None],
) -> dict[str, Any] | None:
    """The judge's figures of drawn digits, and of as many real ones; None if there are too few."""
    classifier = judge.of(digits)
    most, least = reference.most_of(digits, "test"), reference.least_of(classifier)
    if most < least:
        progress(f"not measured: {least} real images are needed, and {digits.source} has {most}")
        return None
    count = min(count, most)
    progress("measuring real digits")
    real = reference.measure(classifier, digits, count)
    asked = reference.labels_for(model.family, digits.test.labels, count, digits.learned)
    progress(f"drawing {count} digits")
    drawn = images.to_uint8(sampling.draw(model.family, variables, asked, 0))
    progress("judging them")
    report = evaluate(drawn, asked, digits.source, classifier, 0, reference=real).to_dict()
    names = ("recognised", "frechet_in_noise_units", "frechet_in_noise_units_interval")
    names += ("precision", "recall", "coverage", "diversity", "copied")
    shared = ("n", "seed", "judge", "against")
    return {name: report[name] for name in shared} | {
        kind: {name: report[kind][name] for name in names} for kind in ("generated", "real")
    }


def _card(facts: dict[str, Any], config: Config, digits: Digits, address: str) -> str:
    return card.render(
        "model_card.md.j2",
        facts=facts,
        address=address,
        config=config,
        differing=configs.differences(config, configs.recipe(config.model)),
        judged=facts["judged"],
        training=facts["training"],
        count=digits.count,
        is_mnist=data.is_mnist(digits.source),
        example=(shown := classes.example(config.classes, digits.learned)),
        quoted=shlex.quote(shown),
        **card.words(config.classes),
    )
