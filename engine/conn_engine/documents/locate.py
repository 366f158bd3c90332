"""Find the workspace around a folder, and the data that ships with the engine."""

from pathlib import Path

from conn_engine.errors import InternalError

__all__ = ["STATE_FOLDER", "STATE_IGNORES", "WORKSPACE_FILE", "find_packaged", "find_workspace"]

WORKSPACE_FILE = "conn.yaml"
STATE_FOLDER = ".conn"
"""The folder of a workspace for files that Conn writes and nobody edits."""
STATE_IGNORES = "# Only the base copies of connectors belong in version control.\n*\n!.gitignore\n!base/\n!base/**\n"
"""The .gitignore of this folder."""


def find_workspace(start: Path) -> Path | None:
    """Return the nearest folder at or above `start` that contains a conn.yaml, or None."""
    resolved = start.resolve()
    for folder in (resolved, *resolved.parents):
        try:
            if (folder / WORKSPACE_FILE).is_file():
                return folder
        except OSError:  # a folder without permission to search
            continue
    return None


def find_packaged(*parts: str) -> Path:
    """Return the path of bundled data, such as `find_packaged("connectors", "<name>")`.

    It is in the installed package, or else in the checkout, and may not exist. Raises InternalError for parts that lead
    elsewhere.
    """
    if any(part in ("", ".", "..") or "/" in part or "\\" in part or ":" in part for part in parts):
        raise InternalError(f"{'/'.join(parts)} is not a path of bundled data")
    package = Path(__file__).resolve().parents[1]
    installed = package / "_data"
    # In a checkout, the package is <root>/engine/conn_engine, and the data is in folders of the root.
    root = installed if installed.is_dir() else package.parents[1]
    return root.joinpath(*parts)
