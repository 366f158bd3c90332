"""The files of a connector, and the base copy of one: the version that a connector of the workspace was copied from."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from conn_engine.documents import MAX_BYTES, read_regular, write_whole
from conn_engine.documents.locate import STATE_FOLDER, STATE_IGNORES
from conn_engine.errors import ConfigurationError

__all__ = ["BASE_FOLDER", "Files", "compute_files_digest", "is_left_out", "read_files", "write_base"]

BASE_FOLDER = PurePosixPath(STATE_FOLDER, "base")
CRLF, LF = b"\r\n", b"\n"
Files = Mapping[str, bytes]
"""Contents by path below the folder of the connector, with forward slashes."""


def is_left_out(name: str) -> bool:
    """Return whether a file or folder with this name is private or temporary, and never copied."""
    return name.startswith(".") or name == "__pycache__" or name.endswith((".pyc", ".local.yaml"))


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the files of a connector. Raises ConfigurationError if one cannot be read."""
    files = {}
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_left_out(name))
        for name in sorted(name for name in names if not is_left_out(name)):
            path = Path(place, name)
            try:
                files[path.relative_to(folder).as_posix()] = read_regular(path, MAX_BYTES)
            except OSError as error:
                raise ConfigurationError(
                    f"cannot read {path}: {(error.strerror or str(error)).lower()}",
                    hint="correct the permissions, or replace it with a regular file",
                ) from error
    return files


def compute_files_digest(files: Files) -> str:
    """Return the digest of the content. It does not depend on how a checkout writes line breaks."""
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f"{hashlib.sha256(content.replace(CRLF, LF)).hexdigest()}  {path}\n".encode())
    return digest.hexdigest()


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
