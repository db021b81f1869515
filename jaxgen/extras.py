"""Packages that only some features need, and that are not installed with jaxgen."""

import importlib.util
import sys

from jaxgen.errors import UserError


def require(feature: str, module: str, *installs: str, instead: str = "") -> None:
    """Raise UserError if ``module`` is not installed: that ``feature`` needs it, and the commands
    that install it, whose arguments for pip are ``installs``; and what can be done instead."""
    if importlib.util.find_spec(module) is not None:
        return
    pip = f"uv pip install --python {sys.executable}"
    if importlib.util.find_spec("pip"):
        pip = f"{sys.executable} -m pip install"
    commands = " && ".join(f"{pip} {arguments}" for arguments in installs)
    raise UserError(
        f"{feature} needs the package {module}: {commands}{'; or ' * bool(instead)}{instead}"
    )
