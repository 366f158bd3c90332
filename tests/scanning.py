"""What the sources of the project name, found in their syntax."""

import ast
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for package in ("engine/conn_engine", "engine/conn_import", "engine/conn_service", "cli/conn_cli")
    for path in ROOT.glob(f"{package}/**/*.py")
)

T = TypeVar("T")


def scan(look: Callable[[ast.Module], T], paths: Iterable[Path] = SOURCES) -> dict[Path, T]:
    """What `look` finds in each source. No tree outlives it: all of them are half a gigabyte."""
    return {path: look(ast.parse(path.read_text(encoding="utf-8"))) for path in paths}


def imports_of(tree: ast.Module) -> dict[str, str]:
    """Local names of what is imported, with what they stand for: {"dt": "datetime.datetime"}."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def dotted_names(tree: ast.Module) -> list[tuple[str, int]]:
    """Every name that is used, as it is called where it is defined, with its line: ("time.time", 3)."""
    names = imports_of(tree)
    found = []
    for node in ast.walk(tree):
        parts = []
        inner: ast.expr | ast.AST = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            found.append((".".join((names.get(inner.id, inner.id), *reversed(parts))), inner.lineno))
    return found


def shown(path: Path) -> str:
    return "/".join(path.relative_to(ROOT).parts[1:])
