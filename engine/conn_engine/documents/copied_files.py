"""The files of a folder that is copied as a whole, such as a connector's, and their digest."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from conn_engine.documents.files import MAX_BYTES, read_regular
from conn_engine.errors import ConfigurationError

__all__ = ["CRLF", "LF", "Files", "compute_files_digest", "is_left_out", "read_files"]

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
