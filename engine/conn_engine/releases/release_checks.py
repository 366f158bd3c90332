"""Run lint and the recorded tests for a complete workspace and count the results. Accounts that behave the same run
once.

An operation is tested once for each way in which accounts use it, so that the work depends on the differences.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from conn_engine.analysis.population.trials import Trials
from conn_engine.config import Workspace
from conn_engine.diagnostics import Diagnostic, Severity
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.lint import lint_paths
from conn_engine.testing.suite import OperationReport, Selection, run_suite
from conn_engine.wire import FrozenClock

__all__ = ["ReleaseChecks", "check_release"]

Tell = Callable[[str], None]


@dataclass(slots=True)
class ReleaseChecks:
    """The findings of lint and of the tests. `cases` is the number of replayed recordings, and `unrecorded` the number
    of operations without one."""

    lint: list[Diagnostic] = field(default_factory=list)
    tests: list[Diagnostic] = field(default_factory=list)
    cases: int = 0
    failed: int = 0
    unrecorded: int = 0

    @property
    def errors(self) -> int:
        """The number of errors that lint found."""
        return sum(finding.severity is Severity.ERROR for finding in self.lint)

    @property
    def good(self) -> bool:
        """Whether there are no objections."""
        return not self.errors and not self.failed

    def counts(self) -> dict[str, Any]:
        """Return the counts that are stored with a release."""
        warnings = sum(finding.severity is Severity.WARNING for finding in self.lint)
        return {
            "lint": {"errors": self.errors, "warnings": warnings},
            "tests": {"cases": self.cases, "failed": self.failed, "unrecorded": self.unrecorded},
        }


def check_release(workspace: Workspace, now: float, *, tell: Tell = lambda note: None) -> ReleaseChecks:
    """Lint and test a workspace at `now` (Unix seconds). `tell` receives the progress.

    Raises ConfigurationError if the tests cannot run because a document cannot be read; lint reports the reason.
    """
    tell("lint")
    verdict = ReleaseChecks(lint_paths(workspace.root, [], FrozenClock(now)).findings)
    unreadable = [finding for finding in verdict.lint if finding.code.startswith("DOC") and _error(finding)]
    if unreadable:
        raise ConfigurationError(unreadable[0].message, findings=unreadable)
    for report in _reports(workspace):
        tell(f"test {report.name.text}")
        verdict.cases += len(report.judgements)
        verdict.unrecorded += not report.recorded
        verdict.failed += report.failed
        verdict.tests += report.all_findings
    return verdict


def _error(finding: Diagnostic) -> bool:
    return finding.severity is Severity.ERROR


def _reports(workspace: Workspace) -> Iterator[OperationReport]:
    trials = Trials(workspace)
    yield from trials.reports(trials.select())
    for connector in sorted(set(workspace.connectors()) - trials.connectors):
        try:
            yield from run_suite(workspace, Selection(connector=connector))
        except UsageError:  # it has no operation yet
            continue
