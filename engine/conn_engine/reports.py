"""The results of commands as data: the base of all reports, and the form of a finding. `conn_cli.report` draws them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import msgspec

from conn_engine.diagnostics import Diagnostic, Severity, Span
from conn_engine.diagnostics.codes import SeverityName, find_code

__all__ = [
    "Finding",
    "FindingCounts",
    "Report",
    "count_findings",
    "describe_fault",
    "describe_finding",
    "describe_findings",
    "format_file",
]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of result. Its fields are its keys in JSON; none has a default, because a report always has all keys.

    A kind is listed in `schemas.reports`, which makes its published JSON Schema from the fields.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1

    def data(self) -> dict[str, Any]:
        """Return the report as JSON data: `{"version": 1, "kind": "lint", …}`."""
        return {"version": self.version, "kind": self.kind, **msgspec.to_builtins(self)}


class FindingSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A range of one file. Lines and columns count from 1, in characters; `end_column` is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


class RelatedSpan(msgspec.Struct, frozen=True, kw_only=True):
    """An additional place of a finding, such as the override that replaces the line."""

    span: FindingSpan
    message: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding.

    `path` is the dotted path in the configuration, and `fix` what to do; both may be empty. `fingerprint` is the same
    in every run, also if lines move.
    """

    code: str
    severity: SeverityName
    message: str
    path: str
    fix: str
    span: FindingSpan | None
    related: list[RelatedSpan]
    fingerprint: str


class FindingCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The number of findings of each severity."""

    errors: int
    warnings: int
    notes: int


def describe_finding(finding: Diagnostic) -> Finding:
    """Return a finding in the form that all reports use."""
    return Finding(
        code=finding.code,
        severity=_SEVERITIES[finding.severity],
        message=finding.message,
        path=finding.path,
        fix=finding.hint,
        span=_describe_span(finding.span) if finding.span else None,
        related=[RelatedSpan(span=_describe_span(span), message=note) for span, note in finding.related],
        fingerprint=finding.fingerprint,
    )


def describe_fault(finding: Diagnostic, *, names: bool) -> Finding:
    """Return a finding with the title of its code as message, because its own message may quote the configuration.

    Without `names`, account names are also removed from its place.
    """
    span = finding.span
    place = replace(span, file=format_file(span.file, names=names)) if span is not None else None
    row = find_code(finding.code)
    return describe_finding(Diagnostic(finding.code, row.title if row else "", finding.severity, place))


def describe_findings(findings: Iterable[Diagnostic]) -> list[Finding]:
    """Return the findings sorted by place."""
    return [describe_finding(finding) for finding in sorted(findings, key=Diagnostic.sort_key)]


def count_findings(findings: Sequence[Diagnostic]) -> FindingCounts:
    """Count the findings of each severity."""
    errors, warnings, notes = (
        sum(finding.severity is severity for finding in findings)
        for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO)
    )
    return FindingCounts(errors=errors, warnings=warnings, notes=notes)


_OF_ACCOUNTS = ("deliveries", "expected", "recordings")
_SEVERITIES: dict[Severity, SeverityName] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
}


def format_file(file: str, *, names: bool) -> str:
    """Return the path of a file of the workspace. Without `names`, account names in the path are replaced by "…"."""
    folder, *below = file.split("/")
    if names or (folder == "connectors" and (len(below) < 3 or below[1] not in _OF_ACCOUNTS)):
        return file
    if folder == "accounts":
        return f"{folder}/…"
    if folder != "connectors":
        return file
    depth = 3 if below[1:3] == ["expected", "deliveries"] else 2
    return "/".join([folder, *below[:depth], "…", below[-1]]) if len(below) > depth + 1 else file


def _describe_span(span: Span) -> FindingSpan:
    return FindingSpan(
        file=span.file,
        line=span.line,
        column=span.column,
        end_line=span.end_line or span.line,
        end_column=span.end_column or span.column,
    )
