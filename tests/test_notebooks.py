"""The notebooks in examples/: their cells run, one after another, with few steps; nothing that they
have printed is stored."""

import json
import re
from pathlib import Path

import matplotlib
import pytest

from jaxgen import own

NOTEBOOKS = sorted((Path(__file__).parents[1] / "examples" / "notebooks").glob("*.ipynb"))
pytestmark = pytest.mark.usefixtures("hasty")


def test_there_are_notebooks():
    assert len(NOTEBOOKS) == 4


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, here, monkeypatch):
    monkeypatch.setenv(own.VARIABLE, "")
    (here / "examples").symlink_to(path.parents[1])
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    names: dict = {}
    with matplotlib.rc_context({"backend": "agg"}):
        for cell in cells:
            code = "".join(cell["source"])
            if "parameters" in cell["metadata"].get("tags", ()):
                code = re.sub(r"\b\d+\b", lambda number: f"{min(int(number[0]), 100)}", code)
                code = re.sub(r"^(STEPS.*= )\d+", r"\g<1>3", code, flags=re.MULTILINE)
            exec(compile(code, f"{path.name}: {code[:40]}", "exec"), names)
