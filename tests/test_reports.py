"""The documents of the experiments, made of made-up figures, are those in golden/reports.

``JAXGEN_GOLDEN=write bin/test tests/test_reports.py`` writes them anew: then read what changed.
"""

import hashlib
import io
import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgen import devices
from jaxgen.cli import main
from jaxgen.evaluation import codes, suite
from jaxgen.evaluation.metrics import Prdc
from jaxgen.evaluation.parzen import Parzen
from jaxgen.evaluation.report import Figures, Mixtures, Neighbour, Report
from jaxgen.evaluation.smoothness import Smoothness
from jaxgen.evaluation.statistics import Estimate
from jaxgen.experiments import (
    augmentation_measures,
    course_measures,
    measures,
    paper_measures,
    train,
)
from jaxgen.experiments.papers import ROWS
from jaxgen.experiments.trial import Result
from jaxgen.training import folder

GOLDEN = Path(__file__).parent / "golden" / "reports"


def number(low: float, high: float, *names) -> float:
    """A number between two that hangs on names alone."""
    digest = hashlib.sha256(repr(names).encode()).digest()
    return round(low + (high - low) * int.from_bytes(digest[:6]) / 2**48, 6)


def pixels(*names, shape=(28, 28, 1), count=1) -> np.ndarray:
    """Pictures that hang on names alone: uint8 [count, ...shape]."""
    seed = int(number(0, 2**32, *names))
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


@pytest.fixture
def still(here, monkeypatch):
    """One process on a machine that has always the same name."""
    monkeypatch.setattr(devices, "workers", lambda: 1)
    monkeypatch.setattr(devices, "describe", lambda: "2 cpu devices")
    monkeypatch.setattr(folder, "commit", lambda: "abc123")
    monkeypatch.setattr(folder, "machine", lambda: "a machine")
    return here


def same(name: str, out: Path, *texts: str) -> None:
    """Hold what was written into a folder against what is to be."""
    shown = [(out / text).read_text() for text in texts]
    for path in sorted(out.rglob("*.png")):
        picture = np.asarray(Image.open(io.BytesIO(path.read_bytes())))
        digest = hashlib.sha256(picture.tobytes()).hexdigest()[:16]
        shown.append(f"{path.relative_to(out)} {picture.shape} {digest}")
    found = re.sub(r"\b[0-9a-f]{64}\b", "JUDGE", "\n".join(shown)) + "\n"
    place = GOLDEN / f"{name}.md"
    if os.environ.get("JAXGEN_GOLDEN") == "write":
        place.write_text(found)
    assert found == place.read_text()


# bin/compare


def cost(config):
    def training(batch):
        return {
            "seconds": [number(0.05, 0.06, config.model, batch, n) for n in range(6)],
            "products": [1.5e11 + 1e9 * n for n in range(6)],
            "operations": int(number(1e9, 9e9, config.model, batch)),
            "parameters": int(number(1e5, 1e6, config.model)),
            "memory": int(number(1e7, 1e8, config.model)),
            "sent": 0.0,
        }

    drawing = {
        str(batch): [batch * number(1e-3, 4e-3, config.model, batch, n) for n in range(6)]
        for batch in (1, 16, 128)
    }
    return {"own": training("own"), "equal": training(128), "drawing": drawing}


def looks(model: str, seed: int, steps: int):
    """Six looks at a training, each nearer than the one before."""
    return [
        {
            "step": max(round(steps * share), 1),
            "seconds": 10.0 * share * (1 + seed),
            "frechet": number(0.1, 0.4, model, seed) / share,
            "recognised": number(0.8, 0.9, model, seed) * share,
        }
        for share in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)
    ]


def share(*names):
    value = number(0.9, 0.98, *names)
    return Estimate(value, value - 0.01, value + 0.01, 5000).to_dict()


def mean(*names):
    value, half = number(80, 120, *names), number(0.1, 0.4, *names)
    return Estimate(value, value - half, value + half, 500).to_dict()


def generated(*names):
    distance = number(0.05, 0.5, *names)
    return {
        "recognised": share(*names),
        "frechet_in_noise_units": distance,
        "frechet_in_noise_units_interval": [distance - 0.02, distance + 0.02],
        "class_entropy": number(2.2, 2.3, *names),
        "precision": number(0.5, 1, *names, "p"),
        "recall": number(0.5, 1, *names, "r"),
        "density": number(0.5, 1, *names, "d"),
        "coverage": number(0.5, 1, *names, "c"),
        "copied": number(0, 0.01, *names),
        "diversity": number(0.8, 1.1, *names),
        "population_1": share(*names, "population"),
    }


def measured(model: str, family: str, seed: int):
    """What is measured of a model: figures and arrays."""
    name, variational = (model, seed), family in ("vae", "cvae")
    coded = family in ("vae", "cvae", "vqvae")
    rate, error = number(15, 30, *name), number(5, 9, *name)
    figures = {
        "n": 10_000,
        "generated": generated(*name),
        "real": generated("real"),
        "populations_of_real": {"real": 0.5, "floor": 0.75},
        "frechet_again": [number(0.05, 0.5, *name, n) for n in range(2)],
        "drawing_seconds": 1.0,
        "coding": [(rate, error)] if coded else None,
        "codes": {
            "n": 10_000,
            "squared_error": error,
            "bound": number(80, 90, *name) if variational else None,
            "rate": rate if coded else None,
            "active": 12 if variational else None,
            "linear": None
            if family in ("vqvae", "ddpm")
            else {
                "dimensions": 16,
                "pca_squared_error": 14.0,
                "probe": number(0.8, 0.9, *name),
                "pca_probe": 0.85,
            },
        },
        "smoothness": {
            "ways": 100,
            "unevenness": number(1, 2, *name),
            "detour": number(1, 2, *name, 1),
            "recognised": share(*name, "smooth"),
        },
        "useful": share(*name, "useful"),
        "useful_real": share("useful"),
        "parzen": {"log_density": mean(*name, "parzen"), "sigma": 0.2, "samples": 10_000},
        "parzen_real": {"log_density": mean("parzen"), "sigma": 0.2, "samples": 10_000},
        "likelihood": {"static": mean(*name), "dynamic": mean(*name, 2), "samples": 500}
        if variational
        else None,
        "bits_per_dimension": mean(*name, "bits") if family == "ddpm" else None,
    }
    if family == "ddpm":
        figures["coding"] = [(1.0 + n, 50.0 / (1 + n)) for n in range(8)]
    arrays = {
        "images": pixels(*name, count=50),
        "labels": np.arange(50, dtype=np.int32) % 10,
        "picture": pixels(*name, "picture", shape=(290, 232))[0],
        "copies": pixels(*name, "copies", shape=(58, 232))[0],
    }
    if figures["codes"]["linear"]:
        arrays["plane"] = np.random.default_rng(seed).normal(size=(40, 2)).round(3)
        arrays["plane_labels"] = np.arange(40, dtype=np.int32) % 10
    return figures, arrays


@pytest.fixture
def comparison(still, monkeypatch):
    def training(context, config, budget):
        why = "a mode collapse" if (config.model, config.seed) == ("gan", 1) else None
        curve = looks(config.model, config.seed, config.steps)
        kept = {"run": f"runs/{config.model}", "steps": config.steps, "failed": why}
        return Result(kept | {"seconds": curve[-1]["seconds"], "curve": curve})

    def measure(context, config, amount, training):
        return Result(*measured(config.model, config.family, config.seed))

    def steps(context, config, training):
        return Result(
            [
                {"steps": n, "seconds": 1e-3 * n, "frechet": 2.0 / n, "recognised": 1 - 0.5 / n}
                for n in (1, 2, 5, 10, 20, 50, 100)
            ]
        )

    def ask(context, name, models, judge, *measured):
        distances = {}
        for place, model in enumerate(models):
            one = number(0.1, 1, f"judge of {name}.safetensors", place)
            distances.setdefault(model, []).append(one)
        return Result({"judge": "0" * 64, "distances": distances})

    def other(context, name):
        return Result(number(0.98, 0.99, f"judge of {name}.safetensors"))

    monkeypatch.setattr(course_measures, "cost", lambda _, config: Result(cost(config)))
    monkeypatch.setattr(course_measures, "train_with_looks", training)
    monkeypatch.setattr(course_measures, "measure", measure)
    monkeypatch.setattr(course_measures, "measure_sampler", steps)
    monkeypatch.setattr(course_measures, "train_judge", other)
    monkeypatch.setattr(course_measures, "ask_judge", ask)
    return still


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_comparison(comparison, seeds):
    assert main.run(["compare", "--steps", "1000", "--seeds", f"{seeds}"]) == 0
    same(f"compare-{seeds}", comparison / "compare", "report.md")
    told = json.loads((comparison / "compare" / "report.json").read_text())
    assert told["models"]["gan"]["seeds"]["0"]["measured"]["n"] == 10_000


# bin/study


@pytest.fixture
def studied(still, monkeypatch):
    def training(context, config, name):
        curve = [(40 * n, 100.0 / n) for n in range(1, 26)]
        why = None
        if getattr(config.net, "latents", 0) == 64 and config.seed == 1:
            why = "loss is nan at step 7: bad"
        return Result({"failed": why, "curve": curve})

    def measured(context, config, training):
        def figure(low, high, name):
            return number(low, high, name, config.net, config.sampling, config.data, config.seed)

        if training.figures["failed"]:
            return Result(training.figures | {"figures": {}})
        small = 1.0 / getattr(config.net, "latents", 8)
        figures = {
            "parameters": 1000.0,
            "seconds": figure(10, 12, "seconds"),
            "error": 100 * small + figure(0, 1, "error"),
            "train_error": 90 * small + figure(0, 1, "train"),
            "rate": 20 + figure(0, 1, "rate"),
            "distance": figure(0.2, 0.3, "distance"),
            "coverage": figure(0.5, 0.9, "coverage"),
            "recognised": figure(0.5, 0.9, "recognised"),
            "diversity": figure(0.9, 1.1, "diversity"),
            "distance_normal": figure(1, 2, "normal"),
        }
        figures["distortion"] = 60 + figure(0, 1, "distortion")
        figures["bound"] = figures["rate"] + figures["distortion"]
        if config.model == "gan":
            figures["collapsed"] = float(figure(0, 1, "collapsed") > 0.9)
        name = (config.net, config.sampling, config.seed)
        arrays = {key: pixels(key, *name, count=10) for key in ("real", "back", "drawn")}
        return Result(training.figures | {"figures": figures}, arrays)

    monkeypatch.setattr(train, "train", training)
    monkeypatch.setattr(train, "train_together", lambda *_: ())
    monkeypatch.setattr(train, "measure_time", lambda *_: Result({"training": 60, "step": 1}))
    monkeypatch.setattr(measures, "measure", measured)
    return still


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("latent", ["latent"]),
        ("beta", ["beta", "--model", "cvae", "--seeds", "3"]),
        ("rate", ["rate", "--seeds", "2"]),
        ("schedule", ["schedule"]),
        ("balance", ["balance"]),
        ("data", ["data", "--model", "gan", "--seeds", "1"]),
        ("activation", ["activation"]),
        ("three", ["--model=vae", *(f"--vary=net.{x}" for x in ("beta=1,2", "latents=2,4,8"))]),
    ],
)
def test_a_study(studied, name, args):
    if name == "three":
        args = [*args, "--vary=optim.rate=1e-3,1e-2", "--seeds=2"]
    assert main.run(["study", *args, "--yes", "--out", "s"]) == 0
    same(f"study-{name}", studied / "s", "report.md", "results.csv")


# bin/reproduce


@pytest.mark.parametrize(("name", "seeds"), [("one", 1), ("three", 3)])
def test_rows_of_papers(still, monkeypatch, name, seeds):
    published = {row.name: row for row in ROWS}

    def figures(row, seed):
        def estimate(figure, value):
            mean = value * number(0.9, 1.05, figure, seed)
            half = math.inf if row in ("ghosh2020", "hinton2006") else 0.1
            return Estimate(mean, mean - half, mean + half, 1)

        found = {name: estimate(name, value) for name, value in published[row].published.items()}
        if row == "goodfellow2014":
            found["as many training digits"] = Estimate(240.0, 239.0, 241.0, 1)
        return found

    def measure_of(row):
        return lambda models, digits, seed, progress: figures(row, seed)

    monkeypatch.setattr(train, "train", trained)
    monkeypatch.setattr(train, "found", found)
    monkeypatch.setattr(train, "train_together", lambda *_: ())
    monkeypatch.setattr(train, "measure_time", lambda *_: Result({"training": 600, "step": 1}))
    monkeypatch.setattr(train, "load", lambda *_: None)
    monkeypatch.setattr(paper_measures, "MEASURES", {row: measure_of(row) for row in published})
    assert main.run(["reproduce", "all", "--seeds", f"{seeds}", "--out", "r"]) == 0
    assert main.run(["reproduce", "hinton2006", "--steps", "50", "--out", "r"]) == 0
    texts = ["reproduction.md", "reproduction.json"][: 2 if seeds == 1 else 1]
    same(f"reproduce-{name}", still / "r", *texts)


def trained(context, config, name):
    """A training that takes no time."""
    curve = [(100 * n, 50.0 / n) for n in range(1, 6)]
    figures = {"run": f"runs/{name}", "steps": config.steps, "batch": config.batch}
    return Result(figures | {"seconds": 600.0, "curve": curve, "failed": None, "collapse": None})


def found(context, config, known):
    """A model that ships."""
    return Result(trained(context, config, config.model).figures | {"curve": [], "ships": True})


# bin/apply augment --study


@pytest.mark.parametrize("seeds", [1, 4])
def test_a_study_of_augmentation(still, monkeypatch, seeds):
    def draw(context, config, name):
        arrays = {"images": pixels(name, count=60), "labels": np.arange(60, dtype=np.int32) % 10}
        return Result({"run": name}, arrays)

    def score(context, way, size, seed, *drawn):
        base = 0.7 + 0.0004 * size + 0.02 * way.changed + 0.03 * (way.model == "gan")
        return Result(base + number(-0.01, 0.01, f"{way}", size, seed))

    monkeypatch.setattr(augmentation_measures, "draw", draw)
    monkeypatch.setattr(augmentation_measures, "score", score)
    monkeypatch.setattr(augmentation_measures, "time_classifier", lambda *_: Result(9.0))
    monkeypatch.setattr(train, "measure_time", lambda *_: Result({"training": 60, "step": 1}))
    command = ["apply", "augment", "--study", "--seeds", f"{seeds}", "--out", "a"]
    assert main.run(command) == 0
    same(f"augment-{seeds}", still / "a", "report.md", "report.json")


# bin/evaluate


@pytest.mark.parametrize("kind", ["whole", "bare"])
def test_an_evaluation(tmp_path, kind):
    """All that there can be, and as little."""
    whole = kind == "whole"

    def share(*names):
        value = number(0.9, 0.98, *names)
        return Estimate(value, value - 0.01, value + 0.01, 5000)

    def mean(*names):
        value, half = number(80, 120, *names), number(0.1, 0.4, *names)
        return Estimate(value, value - half, value + half, 500)

    def figures(name):
        return Figures(
            share(name) if whole or name == "real" else None,
            number(10, 20, name),
            (9.0, 21.0),
            tuple(int(number(450, 550, name, digit)) for digit in range(10)),
            Prdc(*(number(0.5, 1, name, place) for place in range(4))),
            0.0012,
            (*(number(0.9, 1.1, name, digit) for digit in range(9)), float("nan")),
            share(name, "population") if whole else None,
        )

    rest = {
        "mixtures": Mixtures(0.5, 0.75) if whole else Mixtures(None, None),
        "population_accuracy": 0.78 if whole else None,
        "by_digit": tuple(share(digit) if digit or whole else None for digit in range(10)),
        "closest": (Neighbour(3, 70, 2.5, 0.4),),
    }
    report = Report(
        5000,
        0,
        "0" * 64,
        "mnist" if whole else "strided:mnist",
        "test" if whole else "valid",
        whole,
        42.0,
        figures("generated"),
        figures("real"),
        kinds=10,
        **rest,
    )
    real = suite.Real(None, share("useful real"), Parzen(mean("windows"), 0.2, 5000))
    linear = codes.Linear(16, 14.2, 0.9, 0.85)
    found = suite.Suite(
        pixels("drawn", count=2),
        np.arange(2),
        1.5,
        report,
        codes.Codes(10_000, *((5.5, 88.8, 20.1, 12, linear) if whole else (None,) * 5)),
        Smoothness(100, 1.5, 1.2, share("frames") if whole else None),
        share("useful") if whole else None,
        Parzen(mean("drawn"), 0.2, 5000),
        suite.Likelihood(mean("static"), mean("dynamic"), 500) if whole else None,
        mean("bits") if whole else None,
        real,
    )
    lines = [report.table(), *found.lines(), json.dumps(found.to_dict(), indent=1)]
    (tmp_path / "evaluation").write_text("\n".join(lines))
    same(f"evaluate-{kind}", tmp_path, "evaluation")
