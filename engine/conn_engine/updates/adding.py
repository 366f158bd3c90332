"""Add a connector to a workspace: all of its files, or none."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from conn_engine.errors import UsageError

__all__ = ["NAME", "build_completely", "check_connector", "import_connector", "list_files", "to_relative"]

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def check_connector(root: Path, name: str, *, force: bool = False) -> Path:
    """Return the folder for a new connector. Raises UsageError for an invalid name, or if the connector exists."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f'"{name}" is not a valid connector name',
            hint="use lower-case letters, digits, - and _, such as shop or acme-crm",
        )
    if re.fullmatch(r"con|prn|aux|nul|com[0-9]|lpt[0-9]", name):
        raise UsageError(
            f'"{name}" is not a valid connector name', hint="choose another: Windows reserves it for a device"
        )
    target = root / "connectors" / name
    if not target.resolve().is_relative_to(root.resolve()):
        raise UsageError(
            f"{to_relative(target)} leads out of the workspace", hint="remove the link, or choose another name"
        )
    if target.exists() and not force:
        raise UsageError(f"{to_relative(target)} exists", hint="to replace it, add --force (nothing was changed)")
    return target


def import_connector(root: Path, name: str, build: Callable[[Path], None], *, force: bool = False) -> list[Path]:
    """Add a connector whose files `build` writes to a folder. Returns the files. Raises UsageError, like
    `check_connector`."""
    from conn_engine.updates.lock import unlock_connector  # reads documents, which only this function needs

    files = build_completely(check_connector(root, name, force=force), build)
    unlock_connector(root, name)
    return files


def list_files(folder: Path) -> list[Path]:
    """Return the files in a folder and below, without compiled modules."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def build_completely(target: Path, build: Callable[[Path], None]) -> list[Path]:
    """Build the files in a temporary folder and move it to the target, so that a failure leaves nothing incomplete.

    If the target exists (empty, or with `force`), the files are moved one by one, and its other files stay.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name or 'new'}.", dir=target.parent))
    try:
        folder.chmod(0o755)
        build(folder)
        names = [path.relative_to(folder) for path in list_files(folder)]
        if not target.exists():
            folder.rename(target)
        else:
            for name in names:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).replace(target / name)
        return [target / name for name in names]
    finally:
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)


def to_relative(path: Path) -> str:
    """Return a path for people: relative to the current folder, if that is shorter."""
    text = os.path.relpath(path)
    return str(path) if text.startswith("../..") else text
