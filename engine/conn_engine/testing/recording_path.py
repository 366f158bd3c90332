"""Find the file that a recording of an operation is stored in."""

import re
from pathlib import Path

from conn_engine.config import OperationName, Workspace
from conn_engine.errors import UsageError

__all__ = ["find_recording_path"]


def find_recording_path(
    workspace: Workspace, connector: str, name: OperationName, scenario: str, account: str | None = None
) -> Path:
    """Return the file of a recording, in the folder of `account` if it is for that account only.

    Raises UsageError for an invalid scenario, and ConfigurationError for a path that leads out of the workspace.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", scenario):
        raise UsageError(
            f'"{scenario}" is not a valid name of a scenario', hint="use lower-case letters, digits, - and _"
        )
    suffix = "" if scenario == "default" else f".{scenario}"
    folder = workspace.root / "connectors" / connector / "recordings" / (account or "")
    path = folder / f"{name.text}{suffix}.json"
    workspace.check_inside(path)
    return path
