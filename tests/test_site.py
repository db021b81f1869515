"""The documentation is built without a warning, with what the code says of itself."""

import os
import subprocess
import sys
from pathlib import Path

from jaxgen.cli.main import VERBS

ROOT = Path(__file__).parents[1]


def test_the_documentation_is_built_without_a_warning(tmp_path):
    build = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", "docs", f"{tmp_path}"]
    # The pictures are drawn by models of full size, which would take minutes if not optimised.
    environment = os.environ | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "0"}
    done = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    commands = (tmp_path / "reference" / "commands.html").read_text()
    assert all(f"bin/{verb}" in commands for verb in VERBS)
    assert "apply complete" in commands and "--net.latents" in commands
    for page in (tmp_path / "families", tmp_path / "applications"):
        assert sum("<figure" in path.read_text() for path in page.glob("*.html")) >= 5
    python = (tmp_path / "reference" / "python.html").read_text()
    for name in ("jaxgen.load", "jaxgen.Model.sample", "jaxgen.testing.check_family"):
        assert f'id="{name}"' in python
