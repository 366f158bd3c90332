"""The findings of `conn lint` for the open documents, in the protocol's terms."""

from collections.abc import Sequence
from pathlib import Path

from conn_engine.diagnostics import Diagnostic, Severity, Span
from conn_engine.lint import lint_workspace
from conn_service.lsp.drafts import DraftWorkspace
from conn_service.lsp.messages import Encoding, FileProblems, Problem, RelatedPlace
from conn_service.lsp.spans import SpanConverter

__all__ = ["find_problems"]

_SEVERITIES = {Severity.ERROR: 1, Severity.WARNING: 2, Severity.INFO: 3}


def find_problems(drafts: DraftWorkspace, paths: Sequence[Path], encoding: Encoding) -> list[FileProblems]:
    """Return the findings of these open documents, also for those that have none."""
    root = drafts.current.root
    findings: dict[Path, list[Diagnostic]] = {path: [] for path in paths}
    for finding in lint_workspace(drafts.current, paths).findings:
        if finding.span is not None and root / finding.span.file in findings:
            findings[root / finding.span.file].append(finding)
    for path, found in findings.items():
        drafts.remember_findings(path, found)
    converter = SpanConverter(drafts, encoding)
    return [FileProblems(str(path), [_to_problem(finding, converter) for finding in findings[path]]) for path in paths]


def _to_problem(finding: Diagnostic, converter: SpanConverter) -> Problem:
    hint = f"\nfix: {finding.hint}" if finding.hint else ""
    related = [RelatedPlace(span.file, converter.to_range(span), message) for span, message in finding.related]
    return Problem(
        converter.to_range(finding.span or Span("")),
        _SEVERITIES[finding.severity],
        finding.code,
        f"{finding.message}{hint}",
        related,
    )
