"""The base copy of a connector: the version that a connector of the workspace was copied from."""

import os
import shutil
from pathlib import Path, PurePosixPath

from conn_engine.documents import write_whole
from conn_engine.documents.copied_files import Files
from conn_engine.documents.locate import STATE_FOLDER, STATE_IGNORES
from conn_engine.errors import ConfigurationError

__all__ = ["BASE_FOLDER", "write_base"]

BASE_FOLDER = PurePosixPath(STATE_FOLDER, "base")


def write_base(root: Path, name: str, files: Files) -> None:
    """Replace the base copy of a connector in the workspace at `root`. The folder is replaced in one step.

    Raises ConfigurationError if a link leads out of the workspace.
    """
    base = root / BASE_FOLDER
    if not base.resolve().is_relative_to(root.resolve()):
        raise ConfigurationError(f"{BASE_FOLDER} leads out of the workspace", hint="remove the link")
    base.mkdir(parents=True, exist_ok=True)
    _write_ignore_file(base.parent)
    staged, retired = (base / f".{name}.{os.urandom(6).hex()}" for _ in range(2))
    try:
        for path, content in files.items():
            (staged / path).parent.mkdir(parents=True, exist_ok=True)
            (staged / path).write_bytes(content)
        if (base / name).exists():
            (base / name).rename(retired)
        staged.rename(base / name)
    finally:
        for folder in (staged, retired):
            shutil.rmtree(folder, ignore_errors=True)


def _write_ignore_file(folder: Path) -> None:
    """Exclude everything but the base copies from version control. A file that someone changed stays."""
    path = folder / ".gitignore"
    if not path.exists() or path.read_text(encoding="utf-8").strip() == "*":  # as earlier versions wrote it
        write_whole(path, STATE_IGNORES)
