"""Which checks of a change pass, and all of their results as one report."""

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
    """Which checks pass. `minimum` is the share of its mapped fields, in per cent, that an operation has to see.

    `impact_fails`: an account's results change in a way that is not accepted, or could not be compared.
    """

    def __init__(self, result: CheckResult, *, minimum: float | None, impact_fails: bool) -> None:
        self.result = result
        self.minimum = minimum
        self._impact_fails = impact_fails

    @cached_property
    def low(self) -> list[OperationCoverage]:
        """The operations whose coverage is below the minimum."""
        return find_below(self.result.coverage, self.minimum)

    @cached_property
    def checks(self) -> Mapping[CheckName, bool | None]:
        """Whether each check passed; None for one that had nothing to do. `load` is there only when it failed."""
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
    """Whether a check passed; null when it had nothing to do."""

    check: CheckName
    passed: bool | None


class CheckReport(Report, frozen=True, kw_only=True):
    """All checks of a change. `error` says why the workspace cannot be loaded, and nothing but lint was run; else null.

    `files` counts the documents that lint checked, `accounts_tested` the accounts that the tests stand for. `impact` is
    null where nothing was compared.
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
        """Report the verdicts and what they come from. Without `names`, the impact names no account."""
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
