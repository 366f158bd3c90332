"""Lint an import before it is used. Errors are listed with what could not be imported."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from conn_engine.diagnostics import Severity
from conn_engine.documents.locate import WORKSPACE_FILE
from conn_engine.lint import lint_paths
from conn_import.contract import Losses

__all__ = ["add_lint_errors"]


def add_lint_errors(losses: Losses, name: str, write: Callable[[Path], None]) -> bool:
    """Add each error that lint finds in a connector, which `write` writes into a folder. Whether there is any."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        (root / WORKSPACE_FILE).write_text("version: 1\n", encoding="utf-8")
        write(root / "connectors" / name)
        errors = [one for one in lint_paths(root, []).findings if one.severity is Severity.ERROR]
    for one in errors:
        losses.add(f"conn lint reports an error ({one.code}): {one.message}", _find_place(one.path))
    return bool(errors)


def _find_place(path: str) -> str:
    """Return the operation that a configuration path belongs to, or the path itself."""
    parts = path.split(".")
    return ".".join(parts[1:3]) if parts[0] == "resources" and len(parts) > 2 else path
