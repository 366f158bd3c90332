"""Runs `conn test` again for what a change of files reaches."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from conn_engine.analysis.checks.reach import Reach, reach_everything
from conn_engine.analysis.population.content import join_digests
from conn_engine.analysis.population.recorded_files import FileCache, RecordedFiles
from conn_engine.analysis.population.trials import Trials
from conn_engine.analysis.reruns.reached import find_path_reach, name_changes
from conn_engine.config import Effective, Workspace
from conn_engine.diagnostics import Severity
from conn_engine.errors import ConnError
from conn_engine.recordings.files import load_recording
from conn_engine.runtime.variants import to_base_level
from conn_engine.testing.cases import Case
from conn_engine.testing.deliveries.cases import DeliveryCase
from conn_engine.testing.planning import PlannedTest, plan_tests
from conn_engine.testing.replays import Replays
from conn_engine.testing.selection import Selection, SuiteKey
from conn_engine.testing.suite import OperationReport, SharedRuns, run_planned
from conn_engine.testing.syncs.cases import PREFIX

__all__ = ["SuiteChanges", "WatchedSuite"]

_MOST_OPERATIONS = 32
_MOST_STORED = 200
"""The operations whose replays stay in memory between runs, and the replays of each."""
_KEYED = ("recordings", "deliveries", "expected", "unified")


@dataclass(slots=True)
class SuiteChanges:
    """What a run changed. `failing`: they passed or did not exist before; `passing`: they failed before; `differing`:
    they still fail or have findings, but others than before; `gone`: they are not tested any more.

    `failures` counts all operations that fail now, `tested` those that were run, `reached` those that the changed
    files may affect, and `sent` the recordings whose requests were sent again.
    """

    failing: list[OperationReport] = field(default_factory=list)
    passing: list[OperationReport] = field(default_factory=list)
    differing: list[OperationReport] = field(default_factory=list)
    gone: list[SuiteKey] = field(default_factory=list)
    failures: int = 0
    tested: int = 0
    reached: int = 0
    sent: int = 0


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
        self._replays = _RecentReplays()

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
        names = name_changes(self.workspace, self._pending or ())
        users = self._find_users()
        whole = is_first or users != self._users
        reach = reach_everything(self.workspace) if whole else find_path_reach(self.workspace, names)
        reach = replace(reach, accounts=(*reach.accounts, *self._find_synced(names)))
        forced = is_first or (reach.whole and not whole) or not all(map(_is_keyed, names))
        earlier = dict(self.reports)
        results = self._run(reach, is_first=is_first, forced=forced)
        self._users, self._pending = users, set()
        return self._compare(earlier, results)

    def _find_synced(self, names: Iterable[str]) -> set[str]:
        """Return the accounts that changed syncs were tested for: they may run for others now, or be gone."""
        syncs = {f"{PREFIX}{PurePosixPath(name).stem}" for name in names if name.startswith("syncs/")}
        return {key.account for key in self.reports if key.operation in syncs}

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
        trials = Trials(self.workspace, self._files)
        results = _RunResults(trials, self.selection, self._files, self._replays)
        for planned in plan:
            digest = results.build_digest(planned)
            report = self.reports.get(planned.key)
            if forced or report is None or report.all_findings or self._keys.get(planned.key) != digest:
                report = results.run(planned)
            results.add(planned.key, report, digest)
        unreached = {key for key in self.reports if not is_reached(key.connector, key.account)}
        self.reports = {key: self.reports[key] for key in unreached} | results.reports
        self._keys = {key: self._keys[key] for key in unreached} | results.digests
        return results

    def _compare(self, earlier: Mapping[SuiteKey, OperationReport], results: "_RunResults") -> SuiteChanges:
        changes = SuiteChanges(tested=len(results.ran), reached=len(results.reports), sent=results.count_sent())
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


class _RecentReplays:
    """The replays of the operations that ran last: if only a mapping changes, no request is sent again."""

    def __init__(self) -> None:
        self._replays: dict[tuple[str, str], Replays] = {}

    def get(self, group: tuple[str, str]) -> Replays:
        """Return the replays of an operation of a connector."""
        replays = self._replays.pop(group, Replays())
        if replays.stored > _MOST_STORED:  # each change of a request adds some
            replays = Replays()
        self._replays[group] = replays
        while len(self._replays) > _MOST_OPERATIONS:
            del self._replays[next(iter(self._replays))]
        return replays


class _RunResults:
    """The results of one run. What accounts have in common is replayed once."""

    def __init__(self, trials: Trials, selection: Selection, files: RecordedFiles, replays: "_RecentReplays") -> None:
        self.reports: dict[SuiteKey, OperationReport] = {}
        self.digests: dict[SuiteKey, str] = {}
        self.ran: list[SuiteKey] = []
        self._trials = trials
        self._selection = selection
        self._files = files
        self._replays = replays
        self._sent_before = 0
        self._shared: dict[tuple[str, str], SharedRuns] = {}
        self._bases: dict[str, Effective] = {}
        self._base_keys: dict[tuple[str, str, tuple[Path, ...]], str] = {}

    def run(self, planned: PlannedTest) -> OperationReport:
        """Run a test."""
        self.ran.append(planned.key)
        group = (planned.key.connector, planned.key.operation)
        if group not in self._shared:
            replays = self._replays.get(group)
            self._sent_before += replays.sent
            base = self._find_base(planned.effective)
            self._shared[group] = SharedRuns(self._build_request_key, replays, base=base)
        return run_planned(self._trials.workspace, planned, self._selection, shared_runs=self._shared[group])

    def _build_request_key(self, effective: Effective, case: Case) -> str:
        """Return a key for replays that are used again in later runs, when the recording may be another."""
        recorded = self._files.read_recording(case.path, self._trials.workspace.format_path(case.path))
        return join_digests(self._trials.build_request_key(effective, case), recorded.digest)

    def _find_base(self, effective: Effective) -> Effective:
        """Return the base level of a connector, which is the same for its accounts."""
        if effective.connector_name not in self._bases:
            self._bases[effective.connector_name] = to_base_level(effective)
        return self._bases[effective.connector_name]

    def count_sent(self) -> int:
        """Return the number of recordings whose requests were sent."""
        return sum(shared.replays.sent for shared in self._shared.values()) - self._sent_before

    def add(self, key: SuiteKey, report: OperationReport, digest: str) -> None:
        """Add a result, new or not."""
        self.reports[key], self.digests[key] = report, digest

    def build_digest(self, planned: PlannedTest) -> str:
        """Return a digest of what the result of a test depends on, except for schemas and conn.yaml. The base level is
        part of it, because a result is compared with that without overrides."""
        effective, workspace, files = planned.effective, self._trials.workspace, self._files
        recorded = [
            (files.read_delivery if isinstance(case, DeliveryCase) else files.read_recording)(
                case.path, workspace.format_path(case.path)
            )
            for case in planned.cases
        ]
        shared = (planned.key.connector, planned.key.operation, tuple(case.path for case in planned.cases))
        if shared not in self._base_keys:
            base = self._find_base(effective)
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
        return parts[0] in ("accounts", "environments", "changes", "syncs")
    return len(parts) > 3 and parts[2] in _KEYED if len(parts) != 3 else PurePosixPath(name).stem == "connector"


def _describe(report: OperationReport) -> list[Any]:
    """Return what a person sees of a result, except for line numbers."""
    findings = [(finding.code, finding.message, finding.path, finding.severity) for finding in report.all_findings]
    return [*findings, *(judgement.comparison for judgement in report.judgements)]


def _is_noted(report: OperationReport) -> bool:
    return any(finding.severity is not Severity.INFO for finding in report.all_findings)
