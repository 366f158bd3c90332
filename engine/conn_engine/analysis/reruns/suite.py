"""Runs `conn test` again for what a change of files reaches."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from conn_engine.analysis.checks.reach import Reach, find_reach, reach_everything
from conn_engine.analysis.population.content import join_digests
from conn_engine.analysis.population.recorded_files import FileCache, RecordedFiles
from conn_engine.analysis.population.trials import Trials
from conn_engine.config import Effective, Workspace
from conn_engine.diagnostics import Severity
from conn_engine.errors import ConnError
from conn_engine.recordings.files import load_recording
from conn_engine.runtime.variants import to_base_level
from conn_engine.testing.deliveries.cases import DeliveryCase
from conn_engine.testing.planning import PlannedTest, plan_tests
from conn_engine.testing.selection import Selection, SuiteKey
from conn_engine.testing.suite import OperationReport, SharedRuns, run_planned

__all__ = ["SuiteChanges", "WatchedSuite"]

_KEYED = ("recordings", "deliveries", "expected", "unified")


@dataclass(slots=True)
class SuiteChanges:
    """What a run changed. `failing`: they passed or did not exist before; `passing`: they failed before; `differing`:
    they still fail or have findings, but others than before; `gone`: they are not tested any more.

    `failures` counts all operations that fail now, `tested` those that were run, `reached` those that the changed
    files may affect.
    """

    failing: list[OperationReport] = field(default_factory=list)
    passing: list[OperationReport] = field(default_factory=list)
    differing: list[OperationReport] = field(default_factory=list)
    gone: list[SuiteKey] = field(default_factory=list)
    failures: int = 0
    tested: int = 0
    reached: int = 0


class WatchedSuite:
    """The results of the selected tests, which `update` brings up to date after files have changed.

    An operation without findings is not run again if nothing that its result depends on has changed.
    """

    def __init__(self, workspace: Workspace, selection: Selection) -> None:
        self.workspace = workspace
        self.selection = selection
        self.reports: dict[SuiteKey, OperationReport] = {}
        self._keys: dict[SuiteKey, str] = {}
        self._pending: set[Path] | None = None
        """Changed files whose run failed, so that the next run includes them. None: everything must run."""
        self._users: Mapping[str, str] = {}
        self._files = RecordedFiles()
        self._recordings = FileCache(load_recording)

    def run(self) -> None:
        """Run everything. Raises the errors of `plan_tests`; the next update then runs everything."""
        self._pending = None
        self._run(reach_everything(self.workspace), is_first=True)
        self._users = self._find_users()
        self._pending = set()

    def update(self, changed: Collection[Path]) -> SuiteChanges:
        """Run what changed, added or removed files reach, and return what is different.

        Raises the errors of `plan_tests`, for example for a document that is saved half-written. The results are then
        unchanged, and the next update includes these files.
        """
        self.workspace = self.workspace.reread({*changed, *(self._pending or ())})
        is_first = self._pending is None
        if self._pending is not None:
            self._pending.update(changed)
        names = [self.workspace.format_path(path) for path in self._pending or ()]
        users = self._find_users()
        whole = is_first or users != self._users
        reach = reach_everything(self.workspace) if whole else find_reach(self.workspace, names)
        forced = is_first or (reach.whole and not whole) or not all(map(_is_keyed, names))
        earlier = dict(self.reports)
        seen = self._run(reach, is_first=is_first, forced=forced)
        self._users, self._pending = users, set()
        return self._compare(earlier, seen)

    def _find_users(self) -> dict[str, str]:
        """Return the connector of each readable account, and the connectors: what decides which tests there are."""
        found = {f"connectors/{name}": "" for name in self.workspace.connectors()}
        for name in self.workspace.accounts():
            try:
                found[name] = self.workspace.account(name).connector
            except ConnError:
                continue
        return found

    def _run(self, reach: Reach, *, is_first: bool = False, forced: bool = True) -> "_RunResults":
        connectors, accounts = frozenset(reach.connectors), frozenset(reach.accounts)

        def is_reached(connector: str, account: str) -> bool:
            return reach.whole or (account in accounts if account else connector in connectors)

        plan = plan_tests(
            self.workspace, self.selection, is_reached=None if is_first else is_reached, load=self._recordings.read
        )
        results = _RunResults(Trials(self.workspace, self._files), self.selection)
        for planned in plan:
            digest = results.build_digest(planned, self._files)
            report = self.reports.get(planned.key)
            if forced or report is None or report.all_findings or self._keys.get(planned.key) != digest:
                report = results.run(planned)
            results.add(planned.key, report, digest)
        unreached = {key for key in self.reports if not is_reached(key.connector, key.account)}
        self.reports = {key: self.reports[key] for key in unreached} | results.reports
        self._keys = {key: self._keys[key] for key in unreached} | results.digests
        return results

    def _compare(self, earlier: Mapping[SuiteKey, OperationReport], results: "_RunResults") -> SuiteChanges:
        changes = SuiteChanges(tested=len(results.ran), reached=len(results.reports))
        changes.gone = sorted(earlier.keys() - self.reports.keys())
        changes.failures = sum(report.failed for report in self.reports.values())
        for key in results.ran:
            before, report = earlier.get(key), results.reports[key]
            if report.failed and (before is None or not before.failed):
                changes.failing.append(report)
            elif before is not None and before.failed and not report.failed:
                changes.passing.append(report)
            elif before is not None and _describe(before) != _describe(report) and _is_noted(report):
                changes.differing.append(report)
        return changes


class _RunResults:
    """The results of one run. What accounts have in common is replayed once."""

    def __init__(self, trials: Trials, selection: Selection) -> None:
        self.reports: dict[SuiteKey, OperationReport] = {}
        self.digests: dict[SuiteKey, str] = {}
        self.ran: list[SuiteKey] = []
        self._trials = trials
        self._selection = selection
        self._shared: dict[tuple[str, str], SharedRuns] = {}
        self._bases: dict[str, Effective] = {}
        self._base_keys: dict[tuple[str, str, tuple[Path, ...]], str] = {}

    def run(self, planned: PlannedTest) -> OperationReport:
        """Run a test."""
        self.ran.append(planned.key)
        group = (planned.key.connector, planned.key.operation)
        shared_runs = self._shared.setdefault(group, SharedRuns(self._trials.build_request_key))
        return run_planned(self._trials.workspace, planned, self._selection, shared_runs=shared_runs)

    def add(self, key: SuiteKey, report: OperationReport, digest: str) -> None:
        """Add a result, new or not."""
        self.reports[key], self.digests[key] = report, digest

    def build_digest(self, planned: PlannedTest, files: RecordedFiles) -> str:
        """Return a digest of what the result of a test depends on, except for schemas and conn.yaml. The base level is
        part of it, because a result is compared with that without overrides."""
        effective, workspace = planned.effective, self._trials.workspace
        recorded = [
            (files.read_delivery if isinstance(case, DeliveryCase) else files.read_recording)(
                case.path, workspace.format_path(case.path)
            )
            for case in planned.cases
        ]
        shared = (planned.key.connector, planned.key.operation, tuple(case.path for case in planned.cases))
        if shared not in self._base_keys:
            base = self._bases.setdefault(planned.key.connector, to_base_level(effective))
            self._base_keys[shared] = self._trials.build_key(base, planned.name, recorded)
        key = self._trials.build_key(effective, planned.name, recorded)
        goldens = [_read_golden(path) for case in planned.cases for path in (case.golden, case.base_golden)]
        return join_digests(key, self._base_keys[shared], *goldens, *(case.scenario for case in planned.chosen))


def _read_golden(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape") if path.is_file() else ""


def _is_keyed(name: str) -> bool:
    """Return whether a changed file is part of the digests. Everything that it reaches is run for any other file."""
    parts = PurePosixPath(name).parts
    if parts[0] != "connectors":
        return parts[0] in ("accounts", "environments", "changes")
    return len(parts) > 3 and parts[2] in _KEYED if len(parts) != 3 else PurePosixPath(name).stem == "connector"


def _describe(report: OperationReport) -> list[Any]:
    """Return what a person sees of a result, except for line numbers."""
    findings = [(finding.code, finding.message, finding.path, finding.severity) for finding in report.all_findings]
    return [*findings, *(judgement.comparison for judgement in report.judgements)]


def _is_noted(report: OperationReport) -> bool:
    return any(finding.severity is not Severity.INFO for finding in report.all_findings)
