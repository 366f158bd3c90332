"""The report of `conn lint`."""

from collections.abc import Sequence
from typing import ClassVar

from conn_engine.diagnostics import Diagnostic
from conn_engine.reports import Finding, FindingCounts, Report, count_findings, describe_findings

__all__ = ["LintReport"]


class LintReport(Report, frozen=True, kw_only=True):
    """The findings of `conn lint`, sorted by place."""

    kind: ClassVar[str] = "lint"
    findings: list[Finding]
    summary: FindingCounts

    @classmethod
    def from_findings(cls, findings: Sequence[Diagnostic]) -> "LintReport":
        """Build the report from the findings that suppressions and the baseline leave."""
        return cls(findings=describe_findings(findings), summary=count_findings(findings))
