"""Findings as JUnit XML: an error is a failed case, a warning or note a passed case that prints it."""

import re
from collections.abc import Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from conn_cli.report import text
from conn_cli.report.sources import Sources
from conn_engine.diagnostics import Diagnostic, Severity

__all__ = ["render"]

_NOT_XML = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(findings: Sequence[Diagnostic], sources: Sources) -> str:
    """One suite per file, one case per finding; a single passed case when there is none."""
    suites = [
        _suite(file, list(group), sources)
        for file, group in groupby(findings, key=lambda finding: finding.span.file if finding.span else "conn")
    ]
    if not suites:
        suites = [_element("testsuite", {"name": "conn", "tests": "1", "failures": "0"}, _EMPTY_CASE)]
    failures = str(sum(finding.severity is Severity.ERROR for finding in findings))
    counts = {"name": "conn", "tests": str(max(1, len(findings))), "failures": failures}
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + _element("testsuites", counts, "".join(suites))


def _suite(file: str, findings: list[Diagnostic], sources: Sources) -> str:
    failures = str(sum(finding.severity is Severity.ERROR for finding in findings))
    counts = {"name": file, "tests": str(len(findings)), "failures": failures, "errors": "0", "skipped": "0"}
    return _element("testsuite", counts, "".join(_case(file, finding, sources) for finding in findings))


def _case(file: str, finding: Diagnostic, sources: Sources) -> str:
    span = finding.span
    place = f" {span.line}:{span.column}" if span else ""
    attributes = {"classname": file, "name": f"{finding.code}{place} {finding.message}"}
    if span:
        attributes |= {"file": sources.in_repository(file), "line": str(span.line)}
    shown = _content("".join(piece for piece, _ in text.pieces(finding, sources)))
    if finding.severity is Severity.ERROR:
        inner = _element("failure", {"type": finding.code, "message": finding.message}, shown)
    else:
        inner = _element("system-out", {}, shown)
    return _element("testcase", attributes, inner)


def _element(name: str, attributes: dict[str, str], inner: str) -> str:
    written = "".join(f" {key}={quoteattr(_NOT_XML.sub('?', value))}" for key, value in attributes.items())
    return f"<{name}{written}>{inner}</{name}>\n"


def _content(written: str) -> str:
    return escape(_NOT_XML.sub("?", written))


_EMPTY_CASE = _element("testcase", {"classname": "conn", "name": "no findings"}, "")
