"""Lints again what a change of files reaches."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conn_engine.analysis.reruns.reached import find_path_reach, name_changes
from conn_engine.config import Workspace
from conn_engine.diagnostics import Diagnostic
from conn_engine.errors import ConnError
from conn_engine.lint import lint_workspace
from conn_engine.lint.linter import lint_opened, open_paths
from conn_engine.wire import MACHINE_CLOCK, Clock

__all__ = ["LintChanges", "WatchedLint"]


@dataclass(slots=True)
class LintChanges:
    """The findings that a change made, and those that are gone: corrected, or hidden by a new error. `files` counts the
    files that were checked again."""

    new: list[Diagnostic] = field(default_factory=list)
    gone: list[Diagnostic] = field(default_factory=list)
    files: int = 0


class WatchedLint:
    """The findings in some files and folders, or in the workspace, which `update` brings up to date."""

    def __init__(self, folder: Path, paths: Sequence[Path], clock: Clock = MACHINE_CLOCK) -> None:
        """Raise UsageError for a path that does not exist."""
        self._folder = folder
        self._clock = clock
        self.workspace, self._only = open_paths(folder, paths)
        self.findings: list[Diagnostic] = []
        self.files = 0
        self._names: frozenset[str] | None = None
        self._pending: set[Path] = set()

    def run(self) -> None:
        """Lint everything. Raises UsageError if there is nothing to lint."""
        result = lint_opened(self._folder, self.workspace, self._only, self._clock)
        self.findings, self.files = result.findings, result.files
        self._names = _list_names(self.workspace)

    def update(self, changed: Collection[Path]) -> LintChanges:
        """Lint what changed, added or removed files reach. Raises ConfigurationError if the workspace cannot be
        listed; the next update then includes these files."""
        self._pending.update(changed)
        workspace = self.workspace = self.workspace.reread(self._pending)
        names = _list_names(workspace)
        places = self._intersect(_find_places(workspace, self._pending) if names == self._names else None)
        if places is not None and not places:
            self._pending = set()
            return LintChanges()
        result = lint_workspace(workspace, places, self._clock, markdown=self._only is not None)
        untouched = [] if places is None else [one for one in self.findings if not _is_inside(workspace, one, places)]
        earlier, self.findings = self.findings, sorted([*untouched, *result.findings], key=Diagnostic.sort_key)
        self._names, self._pending = names, set()
        return LintChanges(_subtract(self.findings, earlier), _subtract(earlier, self.findings), result.files)

    def _intersect(self, places: list[Path] | None) -> list[Path] | None:
        """Return the part of the reached places that is to be linted. None: everything in the workspace."""
        if self._only is None or places is None:
            return places if self._only is None else self._only
        inner = [place for place in places if any(place.is_relative_to(only) for only in self._only)]
        return [*inner, *(only for only in self._only if any(only.is_relative_to(place) for place in places))]


def _list_names(workspace: Workspace) -> frozenset[str]:
    """Return the documents of the workspace: findings anywhere can depend on which there are."""
    return frozenset(workspace.format_path(file.path) for file in workspace.files())


def _find_places(workspace: Workspace, changed: Iterable[Path]) -> list[Path] | None:
    """Return the files and folders whose findings can depend on changed files; None: all."""
    names = name_changes(workspace, changed)
    try:
        reach = find_path_reach(workspace, names)
    except ConnError:  # conn.yaml cannot be read
        return None
    if reach.whole:
        return None
    connectors = {workspace.account(name).connector for name in reach.accounts} | {*reach.connectors}
    saved = {name.split("/")[1] for name in names if name.startswith("connectors/") and name.count("/") > 1}
    places = [*changed, *(workspace.file("account", name).path for name in reach.accounts)]
    places += [workspace.root / "connectors" / name for name in connectors & saved]
    if saved:
        places += [workspace.file("environment", name).path for name in workspace.environments()]
        if workspace.settings.proxy:
            places += [file.path for file in workspace.files() if file.kind == "workspace"]
    if connectors or reach.accounts:
        places += [workspace.file("sync", name).path for name in workspace.syncs()]
    return places


def _is_inside(workspace: Workspace, finding: Diagnostic, places: Sequence[Path]) -> bool:
    path = workspace.root / (finding.span.file if finding.span is not None else "")
    return any(path.is_relative_to(place) for place in places)


def _subtract(findings: Iterable[Diagnostic], others: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the findings that are not among the others, whatever their lines."""
    known = Counter(finding.fingerprint for finding in others)
    left = []
    for finding in findings:
        if known[finding.fingerprint] > 0:
            known[finding.fingerprint] -= 1
        else:
            left.append(finding)
    return left
