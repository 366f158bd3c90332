"""Findings as SARIF 2.1.0, the format of code scanning services. Rules come from the code table."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath, PurePosixPath
from typing import Any
from urllib.parse import quote

from conn_cli.report.sources import Sources
from conn_engine.diagnostics import Diagnostic, Severity, Span
from conn_engine.diagnostics.codes import CODES
from conn_engine.documents import dump_json

__all__ = ["render"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_RULE_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render(findings: Sequence[Diagnostic], sources: Sources) -> str:
    """Return a run with the rules of the findings. Columns count characters, and file names are relative to the
    repository if there is one."""
    rules = sorted({finding.code for finding in findings})
    counts: Counter[str] = Counter()
    results = []
    for finding in findings:
        counts[finding.fingerprint] += 1
        results.append(_result(finding, rules.index(finding.code), counts[finding.fingerprint], sources))
    driver = {"name": "conn", "rules": [_rule(code) for code in rules]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return dump_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(code: str) -> dict[str, Any]:
    row = CODES.get(code)
    if row is None:
        return {"id": code}
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in row.title.split() if word.isalnum()),
        "shortDescription": {"text": row.title},
        "fullDescription": {"text": row.explanation},
        "help": {"text": row.explanation, "markdown": row.explanation},
        "defaultConfiguration": {"level": _RULE_LEVELS[row.severity]},
    }


def _result(finding: Diagnostic, rule: int, number: int, sources: Sources) -> dict[str, Any]:
    message = f"{finding.message} ({finding.hint})" if finding.hint else finding.message
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": message},
        "partialFingerprints": {"conn/v1": f"{finding.fingerprint}:{number}"},
    }
    location: dict[str, Any] = {}
    if finding.span and finding.span.file:
        location["physicalLocation"] = _physical(finding.span, sources)
    if finding.path:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.path}]
    if location:
        result["locations"] = [location]
    if finding.related:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _physical(span, sources), "message": {"text": note}}
            for number, (span, note) in enumerate(finding.related, 1)
        ]
    return result


def _physical(span: Span, sources: Sources) -> dict[str, Any]:
    region = {"startLine": span.line, "startColumn": span.column}
    if span.end_line >= span.line:
        region |= {"endLine": span.end_line, "endColumn": max(1, span.end_column)}
    return {"artifactLocation": {"uri": _uri(sources.in_repository(span.file))}, "region": region}


def _uri(file: str) -> str:
    path = PurePath(file)
    if path.is_absolute():
        return path.as_uri()
    # Without "./", a colon in the first part of the name would make it look like the scheme of a URL.
    text = quote(PurePosixPath(file.replace("\\", "/")).as_posix(), errors="surrogateescape")
    return f"./{text}" if ":" in text.partition("/")[0] else text
