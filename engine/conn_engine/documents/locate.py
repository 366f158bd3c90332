"""Where things are: the workspace around a folder, and the data that ships with the engine.

Nothing is read here.
"""

from pathlib import Path

from conn_engine.errors import InternalError

__all__ = ["WORKSPACE_FILE", "find_packaged", "find_workspace"]

WORKSPACE_FILE = "conn.yaml"


def find_workspace(start: Path) -> Path | None:
    """The nearest folder at or above `start` that holds a conn.yaml.

    None when there is none up to the root.
    """
    here = start.resolve()
    for folder in (here, *here.parents):
        try:
            if (folder / WORKSPACE_FILE).is_file():
                return folder
        except OSError:  # a folder that may not be searched
            continue
    return None


def find_packaged(*parts: str) -> Path:
    """Path of bundled data, as `packaged("connectors", "<name>")`.

    Inside the installed package, else in the checkout.

    The path may not exist. Raises InternalError for parts that lead elsewhere.
    """
    if any(part in ("", ".", "..") or "/" in part or "\\" in part or ":" in part for part in parts):
        raise InternalError(f"{'/'.join(parts)} is not a path of bundled data")
    package = Path(__file__).resolve().parents[1]
    installed = package / "_data"
    # In a checkout the package is <root>/engine/conn_engine, and the data are folders of the root.
    root = installed if installed.is_dir() else package.parents[1]
    return root.joinpath(*parts)
