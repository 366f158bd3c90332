"""The report of `conn lint`."""

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from conn_engine.diagnostics import Diagnostic
from conn_engine.reports import Finding, FindingCounts, Report, count_findings, describe_findings

__all__ = ["AppliedFix", "LintReport"]


class AppliedFix(msgspec.Struct, frozen=True, kw_only=True):
    """A fix that was applied: the code, the place and the message of the finding, and what was done. The code is empty
    for a setting that only got its current name."""

    code: str
    file: str
    line: int
    message: str
    fix: str


class LintReport(Report, frozen=True, kw_only=True):
    """The findings of `conn lint`, sorted by place; with `--fix`, those that are left, and what was fixed. `diff` has
    the changes of `--dry-run`, which are not written."""

    kind: ClassVar[str] = "lint"
    findings: list[Finding]
    summary: FindingCounts
    fixed: list[AppliedFix]
    diff: str

    @classmethod
    def from_findings(
        cls, findings: Sequence[Diagnostic], fixed: Sequence[AppliedFix] = (), diff: str = ""
    ) -> "LintReport":
        """Build the report from the findings that suppressions and the baseline leave."""
        return cls(findings=describe_findings(findings), summary=count_findings(findings), fixed=list(fixed), diff=diff)
