"""Runs the replays of `conn test`: shows progress, stops at the first failure, and stores what failed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_engine.diagnostics import join_words
from conn_engine.errors import ConfigurationError, ConnError, UsageError

if TYPE_CHECKING:
    from conn_engine.testing.planning import PlannedTest
    from conn_engine.testing.selection import FailedCases, Selection
    from conn_engine.testing.suite import OperationReport

__all__ = ["SuiteRun", "choose_exit", "read_failures", "store_failures"]

_NAMED = 3


@dataclass
class SuiteRun:
    """One run of the selected replays. With `first`, it stops at the first failure; `not_run` has the rest."""

    app: App
    selection: "Selection"
    first: bool = False
    reports: "list[OperationReport]" = field(default_factory=list)
    not_run: "list[PlannedTest]" = field(default_factory=list)
    is_stopped: bool = False

    def run(self) -> None:
        """Run the tests. Raises the errors of `plan_tests`."""
        from conn_engine.testing.planning import plan_tests
        from conn_engine.testing.suite import run_planned

        with self.app.progress("testing") as progress:
            plan = plan_tests(self.app.workspace, self.selection)
            for planned in plan:
                report = run_planned(self.app.workspace, planned, self.selection)
                self.reports.append(report)
                progress.advance(note=f"{report.name.text} · {report.effective.account or 'base'}")
                if self.first and report.failed:
                    self._stop(plan)
                    break

    def _stop(self, plan: "Iterator[PlannedTest]") -> None:
        self.is_stopped = True
        try:
            self.not_run += plan
        except ConnError:
            return  # an account after the failure cannot be read: the next run reports it

    def explain_stop(self) -> str:
        """Return what was not run after the first failure, or "" if everything was."""
        if not self.not_run:
            return ""
        names = [
            f"{test.name.text} ({test.effective.account or test.effective.connector_name})" for test in self.not_run
        ]
        return f"stopped at the first failure; not run: {join_words(names, most=_NAMED)}"


def read_failures(app: App) -> "FailedCases":
    """Return the cases that failed in the last run. Raises UsageError if no case failed."""
    from conn_engine.testing.last_failures import LastFailures

    failed = LastFailures(app.workspace.root).read()
    if not failed:
        raise UsageError("no failed case of an earlier run is stored", hint="run all of them: conn test")
    return failed


def store_failures(app: App, reports: "list[OperationReport]", selection: "Selection", *, is_stopped: bool) -> None:
    """Store what failed for `--failed`. If the file cannot be written, say so: the results are valid all the same."""
    from conn_engine.testing.last_failures import LastFailures
    from conn_engine.testing.selection import build_key

    keys = {build_key(report.effective, report.name): report for report in reports}
    tested = {
        key: frozenset(judgement.case.scenario for judgement in report.judgements) for key, report in keys.items()
    }
    failed = {key: report.failed_scenarios for key, report in keys.items() if report.failed}
    try:
        LastFailures(app.workspace.root).update(tested, failed, is_complete=selection.is_complete and not is_stopped)
    except ConfigurationError as error:
        app.err(f"the failures are not stored for --failed: {error.message}")


def choose_exit(reports: "Sequence[OperationReport]", *, has_names: bool) -> Exit:
    """Return the exit code of some results. Without a recording, an operation that was named has not passed."""
    if any(report.failed for report in reports):
        return Exit.FINDINGS
    unrecorded = [report for report in reports if not report.recorded]
    if unrecorded and (has_names or len(unrecorded) == len(reports)):
        return Exit.NO_RECORDING
    return Exit.OK
