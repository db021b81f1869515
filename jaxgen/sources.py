"""Digests of the sources of jaxgen that a result depends on, so that a stored result is not used
after these sources have changed."""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent
# Packages whose modules are imported by name, without an import statement.
NAMED = ("families",)
# Modules that only run work, show progress or present results.
SHOWN = (
    "cli",
    "reports",
    "experiments/execute.py",
    "experiments/executors.py",
    "training/console.py",
    "training/log.py",
    "training/interrupts.py",
)


@functools.cache
def digest(module: str) -> str:
    """The SHA-256 of the code of a module of jaxgen, such as ``jaxgen.experiments.train``, and of
    all modules of jaxgen that it imports, directly or through others. Comments, docstrings and
    layout do not matter."""
    hashed = hashlib.sha256()
    for path in sorted(imported(module)):
        hashed.update(f"{path.relative_to(ROOT)}\n{_code(path)}\n".encode())
    return hashed.hexdigest()


@functools.cache
def whole() -> str:
    """The SHA-256 of all of jaxgen's sources."""
    hashed = hashlib.sha256()
    for path in sorted(ROOT.rglob("*.py")):
        hashed.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return hashed.hexdigest()


def imported(module: str) -> set[Path]:
    """The files of a module and of all modules of jaxgen that it imports, also through others."""
    found: set[Path] = set()
    waiting = _files(module)
    while waiting:
        path = waiting.pop()
        if path in found or f"{path.relative_to(ROOT)}".startswith(SHOWN):
            continue
        found.add(path)
        if path.parent.name in NAMED:
            waiting += path.parent.glob("*.py")
        for name in _imports(path):
            waiting += _files(name)
    return found


def _files(name: str) -> list[Path]:
    """The files of the module that has this name or defines it, and of the packages above it."""
    top, *parts = name.split(".")
    if top != ROOT.name:
        return []
    paths = [ROOT.joinpath(*parts[:count]) for count in range(len(parts) + 1)]
    files = [file for path in paths for file in (path / "__init__.py", path.with_suffix(".py"))]
    return [file for file in files if file.exists()]


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{name.name}" for name in names)


def _code(path: Path) -> str:
    """The code of a file without its docstrings and comments."""
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_text(part)]  # pyright: ignore
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
