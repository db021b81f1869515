"""The documentation: ``sphinx-build -W docs OUT``. The pages are Markdown; the reference of the
commands is what ``--help`` prints, that of Python the docstrings, and the pictures are drawn by the
models that come with jaxgen."""

import contextlib
import io
import logging
import os
import shlex
import subprocess
import sys
from pathlib import Path

import jaxgen
from jaxgen.cli import main
from jaxgen.cli.apply import APPS
from jaxgen.cli.digits import ACTIONS
from jaxgen.cli.main import VERBS

project, author, release = "jaxgen", "The authors of jaxgen", jaxgen.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "jaxgen"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True, "undoc-members": False}
HERE = Path(__file__).parent
PICTURES = {
    "ae-ways": "apply figure --model ae --what interpolation",
    "vae": "reconstruct --model vae --count 20",
    "cvae": "apply restyle --model cvae --style test:0",
    "vqvae": "apply figure --model vqvae",
    "gan": "interpolate --model gan --from 3 --to 8",
    "ddpm": "apply figure --model ddpm --digit 5",
    "complete": "apply complete --model ddpm --hide left --count 10",
    "correct": "apply correct --model ddpm --damage noise:0.4 --count 10",
    "restyle": "apply restyle --model cvae --style test:4",
    "convert": "apply convert --model cvae --to 3 --count 10",
    "interpolate": "interpolate --model vae --from 3 --to 8",
}


def help_of(*words: str) -> str:
    """What a command prints for ``--help``."""
    environment = os.environ | {"COLUMNS": "100", "JAXGEN_BIN": "1", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "jaxgen", *words, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return done.stdout.rstrip()


def write_commands(app) -> None:
    """The reference of the commands, from the code."""
    calls = [(verb,) for verb in VERBS if verb not in ("apply", "digits")]
    calls += [("apply", name) for name in APPS] + [("digits", name) for name in ACTIONS]
    lines = ["# Reference of the commands", ""]
    for words in calls:
        name = shlex.join(("bin/" + words[0], *words[1:]))
        lines += [f"## {name}", "", "```text", help_of(*words), "```", ""]
    page = HERE / "reference" / "commands.md"
    text = "\n".join(lines)
    if not page.exists() or page.read_text() != text:
        page.write_text(text)


def draw_pictures(app) -> None:
    """What the captions of the pages say, in pictures/NAME.png."""
    for library in ("jax", "matplotlib"):
        logging.getLogger(library).setLevel(logging.WARNING)  # Sphinx shows what is below
    for name, command in PICTURES.items():
        picture = HERE / "pictures" / f"{name}.png"
        picture.unlink(missing_ok=True)
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            main.run([*shlex.split(command), "--out", f"{picture}"])


def setup(app) -> None:
    app.connect("builder-inited", write_commands)
    app.connect("builder-inited", draw_pictures)
