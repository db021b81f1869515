"""Imports point one way, and the settings and the commands' help do without JAX."""

import ast
import subprocess
import sys
from pathlib import Path

import jaxgen
from jaxgen import families

ROOT = Path(jaxgen.__file__).parent
# From the bottom up: a part may import from its own line and the lines before it.
LAYERS = [
    {"classes", "errors", "environment", "extras", "own", "paper", "sources"},
    {"config", "arrays", "data", "configs"},
    {"devices", "distributed", "films", "images", "kept", "losses"}
    | {"arguments", "densities", "descent", "mapping"},
    {"reports"},  # so that it cannot know a model
    {"nn", "diffusion"},
    {"families"},
    {"sampling"},
    {"training", "evaluation"},
    {"apps"},
    {"model", "testing"},
    {"experiments"},
    {"page"},
    {"benchmark"},
    {"cli", "__main__"},
]


def imports(path: Path) -> set[str]:
    """The parts of jaxgen that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "jaxgen":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("jaxgen."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("jaxgen.")}
    return found


def test_imports_point_one_way():
    level = {part: height for height, parts in enumerate(LAYERS) for part in parts}
    files = [path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py"]
    assert len(files) > 30
    for path in files:
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for other in imports(path):
            assert level[other] <= level[part], f"{path.relative_to(ROOT)} imports {other}"


def test_a_family_knows_no_other_and_no_loop():
    for path in (ROOT / "families").glob("*.py"):
        text = path.read_text()
        assert "jaxgen.training" not in text
        assert "jaxgen.evaluation" not in text


# Where a course, papers or a default name families.
NAMING = {"config.py", *(f"experiments/{x}.py" for x in ("claims", "course", "papers"))}
NAMING |= {"experiments/paper_measures.py", "experiments/questions.py"}
# Where the six families have a page.
NAMING |= {"page/__init__.py", "page/programs.py", "page/repairs.py"}
# Where a family stands beside the same one of another project.
NAMING |= {"benchmark/peers.py", "benchmark/recipe.py", "benchmark/programs/pythae_models.py"}


def test_no_family_is_named_where_any_could_stand():
    known = set(families.names())
    assert len(known) == 6
    for path in ROOT.rglob("*.py"):
        part = path.relative_to(ROOT)
        if part.parts[0] in ("families", "configs") or f"{part}" in NAMING:
            continue
        tree = ast.parse(path.read_text())
        texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
        assert not known & {text for text in texts if isinstance(text, str)}, part
        modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
        assert not {f"jaxgen.families.{name}" for name in known} & modules, part


def test_settings_data_and_help_import_no_jax():
    program = (
        "import sys, jaxgen.config, jaxgen.data, jaxgen.images, jaxgen.cli.train, "
        "jaxgen.cli.sample, jaxgen.cli.reconstruct, jaxgen.cli.interpolate, jaxgen.cli.evaluate, "
        "jaxgen.cli.bench, jaxgen.cli.study, jaxgen.cli.reproduce, "
        "jaxgen.cli.apply.complete, jaxgen.cli.apply.correct, "
        "jaxgen.cli.apply.restyle, jaxgen.cli.apply.convert, jaxgen.cli.apply.augment, "
        "jaxgen.cli.apply.sheet, jaxgen.cli.apply.figure, jaxgen.apps.exercises, "
        "jaxgen.data.pictures, "
        "jaxgen.reports.files, jaxgen.reports.quiz; "
        "jaxgen.config.recipe('ddpm');"
        " sys.exit('jax' in sys.modules or 'matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT.parent).returncode == 0
