"""Findings as one JSON document: stable names, places from 1, `end_column` exclusive."""

from collections.abc import Sequence
from typing import Any

from conn_cli.report.sources import Sources
from conn_engine.diagnostics import Diagnostic, Severity, Span
from conn_engine.documents import dump_json

__all__ = ["finding_data", "render"]


def render(findings: Sequence[Diagnostic], _sources: Sources) -> str:
    """`{"version": 1, "findings": […], "summary": {errors, warnings, notes}}`."""
    data = {
        "version": 1,
        "findings": [finding_data(finding) for finding in findings],
        "summary": {
            "errors": _count(findings, Severity.ERROR),
            "warnings": _count(findings, Severity.WARNING),
            "notes": _count(findings, Severity.INFO),
        },
    }
    return dump_json(data)


def finding_data(finding: Diagnostic) -> dict[str, Any]:
    """One finding as JSON data.

    `path`, `hint`, `related` and the place are there even when they are empty or null.
    """
    return {
        "code": finding.code,
        "severity": finding.severity.name.lower(),
        "message": finding.message,
        "path": finding.path,
        "hint": finding.hint,
        "span": _span(finding.span) if finding.span else None,
        "related": [{"span": _span(span), "message": note} for span, note in finding.related],
        "fingerprint": finding.fingerprint,
    }


def _count(findings: Sequence[Diagnostic], severity: Severity) -> int:
    return sum(finding.severity is severity for finding in findings)


def _span(span: Span) -> dict[str, Any]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line or span.line,
        "end_column": span.end_column or span.column,
    }
