"""An import held against the rules of lint before anybody relies on it: what fails is a loss like any other."""

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
        losses.add(f"what conn lint calls an error ({one.code}): {one.message}", _find_place(one.path))
    return bool(errors)


def _find_place(path: str) -> str:
    """The operation that a configuration path is about, else the path."""
    parts = path.split(".")
    return ".".join(parts[1:3]) if parts[0] == "resources" and len(parts) > 2 else path
