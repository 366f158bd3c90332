"""What changed files and folders reach."""

from collections.abc import Iterable
from pathlib import Path

from conn_engine.analysis.checks.reach import Reach, find_reach, reach_everything
from conn_engine.config import Workspace

__all__ = ["find_path_reach", "name_changes"]


def name_changes(workspace: Workspace, paths: Iterable[Path]) -> list[str]:
    """Return changed paths relative to the workspace. A folder that was moved stands for all that it contains."""
    return [workspace.format_path(path if path.suffix else path / "*") for path in paths]


def find_path_reach(workspace: Workspace, names: Iterable[str]) -> Reach:
    """Return what changes (`name_changes`) reach: everything for a folder directly below the workspace."""
    names = list(names)
    if any(name.count("/") == 1 and name.endswith("/*") for name in names):
        return reach_everything(workspace)
    return find_reach(workspace, names)
