"""Run all checks of a change: lint, tests, coverage, impact. The caller draws the result.

Only what the change can affect is tested, and each operation once for accounts that behave the same.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from conn_engine.analysis.checks.reach import Reach, find_changed_files, find_reach, reach_everything
from conn_engine.analysis.coverage import OperationCoverage, measure_coverage
from conn_engine.analysis.impact import BaseVersion, Impact, build_empty_impact, impact
from conn_engine.analysis.impact.revisions import load_before
from conn_engine.analysis.population.trials import Trials
from conn_engine.config import Workspace, load_workspace
from conn_engine.diagnostics import Diagnostic, Severity
from conn_engine.errors import ConnError, UsageError
from conn_engine.lint import lint_paths
from conn_engine.lint.baseline import apply_baseline
from conn_engine.testing.suite import OperationReport, Selection, run_suite
from conn_engine.wire import MACHINE_CLOCK, Clock

__all__ = ["CheckResult", "Reach", "run_checks"]

Tell = Callable[[str], None]


@dataclass(slots=True)
class CheckResult:
    """The results of all checks. `tested` is the number of tested accounts; `impact` is None if nothing was compared.

    `broken` is the reason why only lint could run: the workspace cannot be loaded.
    """

    findings: list[Diagnostic] = field(default_factory=list)
    files: int = 0
    reports: list[OperationReport] = field(default_factory=list)
    tested: int = 0
    coverage: list[OperationCoverage] = field(default_factory=list)
    impact: Impact | None = None
    reach: Reach | None = None
    broken: str = ""

    @property
    def lint_failed(self) -> bool:
        """Whether lint found an error."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def tests_failed(self) -> bool:
        """Whether a test found an error."""
        return any(report.failed for report in self.reports)

    def all_findings(self) -> list[Diagnostic]:
        """Return the findings of lint and of the tests, without duplicates."""
        return list(dict.fromkeys([*self.findings, *(f for report in self.reports for f in report.all_findings)]))


def run_checks(
    folder: Path,
    before: Path | None,
    *,
    base: BaseVersion | None = None,
    whole: bool = False,
    baseline: Path | None = None,
    processes: int | None = None,
    clock: Clock = MACHINE_CLOCK,
    tell: Tell = lambda note: None,
) -> CheckResult:
    """Check the workspace in `folder`, and compare it with the one in `before`.

    If `before` is None, everything is tested and nothing is compared. `base` describes `before`. `whole` tests
    everything anyway, for the main branch itself. `baseline` accepts the lint findings that it lists. `tell` receives
    the progress. Raises UsageError for a missing baseline, ConfigurationError for a `before` that cannot be loaded;
    errors in current documents are findings.
    """
    base_workspace = load_before(before) if before is not None else None
    tell("lint")
    linted = lint_paths(folder, [], clock)
    result = CheckResult(linted.findings, linted.files)
    if baseline is not None:
        result.findings = apply_baseline(baseline, linted.findings, update=False)
    try:
        workspace = load_workspace(folder)
        changed = find_changed_files(before, workspace) if before is not None else []
        result.reach = reach_everything(workspace) if whole or before is None else find_reach(workspace, changed)
        _test(workspace, result, tell)
        if base_workspace is not None and changed:
            tell("impact")
            result.impact = impact(base_workspace, workspace, base=base, processes=processes)
        elif before is not None:
            result.impact = build_empty_impact(base or BaseVersion(name=before.name))
    except ConnError as error:
        result.broken = error.message
        result.findings += [finding for finding in error.findings if finding not in result.findings]
    return result


def _test(workspace: Workspace, result: CheckResult, tell: Tell) -> None:
    assert result.reach is not None  # noqa: S101 - set by the only caller
    for report in _tests(workspace, result):
        tell(f"test {report.name.text} · {report.effective.account or report.effective.connector_name}")
        result.reports.append(report)
    result.coverage += _coverage(workspace, result.reach, tell)


def _tests(workspace: Workspace, result: CheckResult) -> Iterator[OperationReport]:
    reach = result.reach
    assert reach is not None  # noqa: S101 - set by the only caller
    for connector in reach.connectors:
        with suppress(UsageError):  # it has no operation yet
            yield from run_suite(workspace, Selection(connector=connector, alone=True))
    result.tested = len(reach.accounts)
    if reach.accounts:
        trials = Trials(workspace)
        # Lint reports accounts whose configuration cannot be used.
        yield from trials.reports(trials.select(reach.accounts, lenient=True))


def _coverage(workspace: Workspace, reach: Reach, tell: Tell) -> Iterator[OperationCoverage]:
    tell("coverage")
    for connector in reach.connectors:
        with suppress(UsageError):  # nothing of it is mapped
            yield from measure_coverage(workspace, connector=connector, alone=True)
    if reach.accounts:
        with suppress(UsageError):
            yield from measure_coverage(workspace, accounts=reach.accounts)
