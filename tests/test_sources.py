"""Which sources a result rests on, and what about them makes it another one."""

import re

import pytest

from jaxgen import sources

MODULE = '''"""A module."""
from jaxgen.small import number


def twice():
    """Return two numbers."""
    return 2 * number  # and no more
'''


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A package of three modules, of which the second imports the first."""
    root = tmp_path / "jaxgen"
    root.mkdir()
    for name, text in (
        ("__init__.py", ""),
        ("small.py", "number = 1\n"),
        ("module.py", MODULE),
        ("other.py", "import jaxgen.module\n"),
    ):
        (root / name).write_text(text)
    monkeypatch.setattr(sources, "ROOT", root)
    sources.digest.cache_clear()
    yield root
    sources.digest.cache_clear()


def digest(module: str) -> str:
    sources.digest.cache_clear()
    return sources.digest(module)


def test_a_result_rests_on_what_its_module_imports_and_on_that_alone(tree):
    assert {path.name for path in sources.imported("jaxgen.module")} == {
        "__init__.py",
        "module.py",
        "small.py",
    }
    before = digest("jaxgen.module")
    (tree / "other.py").write_text("import jaxgen.small\n")
    assert digest("jaxgen.module") == before
    (tree / "small.py").write_text("number = 2\n")
    assert digest("jaxgen.module") != before


def test_words_and_layout_of_sources_do_not_matter(tree):
    before = digest("jaxgen.module")
    plain = MODULE.replace("    ", "  ").replace("  # and no more", "")
    plain = plain.replace('"""A module."""', '"""Something else."""')
    (tree / "module.py").write_text(plain.replace('  """Return two numbers."""\n', ""))
    assert digest("jaxgen.module") == before
    (tree / "module.py").write_text(MODULE.replace("2 *", "3 *"))
    assert digest("jaxgen.module") != before


def test_measures_of_models_rest_on_families_and_not_on_commands():
    names = {
        f"{path.relative_to(sources.ROOT)}"
        for path in sources.imported("jaxgen.experiments.measures")
    }
    assert {"families/gan.py", "nn/coders.py", "losses.py", "evaluation/metrics.py"} < names
    assert not [name for name in names if name.startswith(("cli", "reports"))]
    assert "experiments/execute.py" not in names
    assert not [name for name in names if re.match("experiments/.*report", name)]
