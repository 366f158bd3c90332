"""The folders for data that outlives a run: their location, and their permissions, for the owner only."""

import contextlib
import hashlib
import re
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["find_state_folder", "make_private_folder", "to_file_name"]

_OWNER_ONLY = 0o700


def find_state_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder for data that outlives a run: CONN_STATE_DIR or the platform's default. It may not exist."""
    if environ.get("CONN_STATE_DIR"):
        return Path(environ["CONN_STATE_DIR"])
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "conn"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "conn"
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "conn"


def to_file_name(account: str) -> str:
    """Return a readable file name for an account that is unique on any file system."""
    digest = hashlib.sha256(account.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', account)[:40]}-{digest}"


def make_private_folder(folder: Path, top: Path | None = None) -> None:
    """Create a folder, and missing ones above it, for the owner only, independent of the umask.

    Existing folders from `top` (default: `folder`) down to `folder` are closed to other users. Raises OSError.
    """
    missing = []
    for path in (folder, *folder.parents):
        if path.exists():
            break
        missing.append(path)
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process makes the same one
            path.mkdir(mode=_OWNER_ONLY)  # a umask only removes permissions, so there are never more than these
            path.chmod(_OWNER_ONLY)
    for path in (folder, *folder.parents):
        if not path.is_relative_to(top or folder):
            break
        if path not in missing and stat.S_IMODE(path.stat().st_mode) & ~_OWNER_ONLY:
            with contextlib.suppress(PermissionError):  # another user's folder, whose permissions stay
                path.chmod(_OWNER_ONLY)
