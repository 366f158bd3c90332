"""The checks of a change that pass, and their results as one report."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Literal

import msgspec

from conn_engine.analysis.checks import CheckResult
from conn_engine.analysis.coverage import OperationCoverage
from conn_engine.analysis.coverage.report import MeasuredOperation, describe_coverage, find_below
from conn_engine.analysis.impact.report import ImpactReport
from conn_engine.reports import Finding, Report, describe_findings
from conn_engine.testing.report import TestedOperation, describe_operation

__all__ = ["CheckName", "CheckReport", "CheckVerdicts"]

CheckName = Literal["lint", "load", "test", "coverage", "impact"]


class CheckVerdicts:
    """Decides which checks pass. `minimum` is the percentage of mapped fields that each operation must have values for.

    `impact_fails` is set if an account's results change in a way that is not accepted, or cannot be compared.
    """

    def __init__(self, result: CheckResult, *, minimum: float | None, impact_fails: bool) -> None:
        self.result = result
        self.minimum = minimum
        self._impact_fails = impact_fails

    @cached_property
    def low(self) -> list[OperationCoverage]:
        """The operations with a coverage below the minimum."""
        return find_below(self.result.coverage, self.minimum)

    @cached_property
    def checks(self) -> Mapping[CheckName, bool | None]:
        """Whether each check passed; None if it had nothing to check. `load` is only present if it failed."""
        result = self.result
        if result.broken:
            return {"lint": not result.lint_failed, "load": False}
        mapped = any(row.mapped for row in result.coverage)
        compared = result.impact is not None and result.impact.compared
        return {
            "lint": not result.lint_failed,
            "test": not result.tests_failed if result.reports else None,
            "coverage": not self.low if mapped else None,
            "impact": not self._impact_fails if compared else None,
        }

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return False not in self.checks.values()


class CheckOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a check passed; null if it had nothing to check."""

    check: CheckName
    passed: bool | None


class CheckReport(Report, frozen=True, kw_only=True):
    """All checks of a change. `error` is the reason why the workspace cannot be loaded and only lint was run, or null.

    `files` is the number of documents that lint checked, and `accounts_tested` the number of tested accounts. `impact`
    is null if nothing was compared.
    """

    kind: ClassVar[str] = "ci"
    passed: bool
    checks: list[CheckOutcome]
    error: str | None
    files: int
    accounts_tested: int
    lint: list[Finding]
    tests: list[TestedOperation]
    coverage: list[MeasuredOperation]
    impact: ImpactReport | None

    @classmethod
    def from_verdicts(cls, verdicts: CheckVerdicts, *, names: bool) -> "CheckReport":
        """Report the verdicts and the results behind them. Without `names`, the impact has no account names."""
        result = verdicts.result
        return cls(
            passed=verdicts.passed,
            checks=[CheckOutcome(check=check, passed=passed) for check, passed in verdicts.checks.items()],
            error=result.broken or None,
            files=result.files,
            accounts_tested=result.tested,
            lint=describe_findings(result.findings),
            tests=[describe_operation(report) for report in result.reports],
            coverage=describe_coverage(result.coverage, verdicts.minimum),
            impact=None if result.impact is None else ImpactReport.from_impact(result.impact, names=names),
        )
