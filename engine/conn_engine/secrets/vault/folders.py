"""The folders of what outlives a run: where they are, and that nobody but their owner can enter them."""

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
    """The folder for what outlives a run: CONN_STATE_DIR, else the platform's own. It may not exist yet."""
    if environ.get("CONN_STATE_DIR"):
        return Path(environ["CONN_STATE_DIR"])
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "conn"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "conn"
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "conn"


def to_file_name(account: str) -> str:
    """A file name for any account: readable, and unlike that of any other account on any file system."""
    digest = hashlib.sha256(account.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', account)[:40]}-{digest}"


def make_private_folder(folder: Path, top: Path | None = None) -> None:
    """Make a folder, and the missing ones above it, for their owner only, whatever the umask is.

    Those that exist are closed to others from `top` (default: `folder`) down to `folder`. Raises OSError.
    """
    missing = []
    for path in (folder, *folder.parents):
        if path.exists():
            break
        missing.append(path)
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process makes the same one
            path.mkdir(mode=_OWNER_ONLY)  # a umask only takes rights away: at no moment are there more
            path.chmod(_OWNER_ONLY)
    for path in (folder, *folder.parents):
        if not path.is_relative_to(top or folder):
            break
        if path not in missing and stat.S_IMODE(path.stat().st_mode) & ~_OWNER_ONLY:
            with contextlib.suppress(PermissionError):  # it is somebody else's, who decides
                path.chmod(_OWNER_ONLY)
