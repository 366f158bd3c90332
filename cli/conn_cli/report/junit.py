"""Draw findings and tests as JUnit XML.

An error is a failed case, and a warning or note is a passed case that prints it. Tests have a suite for each operation
and account, with a case for each recording.
"""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from conn_cli.plain import to_plain
from conn_cli.report import text
from conn_cli.report.sources import Sources
from conn_engine.diagnostics import Diagnostic, Severity, pluralize

if TYPE_CHECKING:
    from conn_engine.testing.suite import OperationReport

__all__ = ["MOST", "render", "render_reports"]

MOST = 1000
"""The most cases of one document. Failed cases come first."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(findings: Sequence[Diagnostic], sources: Sources) -> str:
    """Return a suite for each file with a case for each finding, or a single passed case if there are no findings."""
    order = sorted(range(len(findings)), key=lambda index: findings[index].severity is not Severity.ERROR)
    reported = [findings[index] for index in sorted(order[:MOST])]
    suites = [
        _suite(file, list(group), sources)
        for file, group in groupby(reported, key=lambda finding: finding.span.file if finding.span else "conn")
    ]
    if not suites:
        suites = [_element("testsuite", {"name": "conn", "tests": "1", "failures": "0"}, _EMPTY_CASE)]
    failures = sum(finding.severity is Severity.ERROR for finding in reported)
    left_failures = sum(findings[index].severity is Severity.ERROR for index in order[MOST:])
    return _document(suites, max(1, len(reported)), failures, len(findings) - len(reported), left_failures)


def render_reports(reports: "Sequence[OperationReport]", sources: Sources) -> str:
    """Return a suite for each operation and account, with a case for each recording or for the lack of one."""
    suites, total, bad = [], 0, 0
    left_out, left_failures = 0, 0
    for report in reports if len(reports) <= MOST else sorted(reports, key=lambda report: not report.failed):
        name = f"{report.effective.account or report.effective.connector_name}.{report.name.text}"
        cases = [
            _recorded_case(name, judgement.case.scenario, judgement.findings, sources)
            for judgement in report.judgements
        ]
        failures = sum(judgement.failed for judgement in report.judgements)
        has_errors = any(finding.severity is Severity.ERROR for finding in report.findings)
        if has_errors:
            cases.append(_recorded_case(name, "operation", report.findings, sources))
        elif not cases:
            reason = "no recording: the result is unknown" if report.enabled else report.findings[0].message
            unknown = _element("system-out", {}, reason)
            cases.append(_element("testcase", {"classname": name, "name": "operation"}, unknown))
        failures += has_errors
        if total + len(cases) > MOST:
            left_out, left_failures = left_out + len(cases), left_failures + failures
            continue
        total, bad = total + len(cases), bad + failures
        suites.append(_suite_of(name, cases, failures))
    return _document(suites, total, bad, left_out, left_failures)


def _recorded_case(suite: str, name: str, findings: Sequence[Diagnostic], sources: Sources) -> str:
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    inner = "".join(_failure(finding, sources) for finding in errors)
    return _element("testcase", {"classname": suite, "name": name}, inner)


def _failure(finding: Diagnostic, sources: Sources) -> str:
    drawn = "".join(piece for piece, _ in text.draw_finding(finding, sources))
    body = "\n".join(map(to_plain, drawn.split("\n")))
    return _element("failure", {"type": finding.code, "message": to_plain(finding.message)}, _content(body))


def _document(suites: list[str], tests: int, failures: int, left_out: int, left_failures: int) -> str:
    """Return the document of the suites. An additional case counts those that were left out, and fails if one of them
    failed."""
    if left_out:
        message = f"{pluralize(left_out, 'case')} left out, {pluralize(left_failures, 'failure')} among them"
        kind = ("failure", {"message": message}) if left_failures else ("system-out", {})
        case = _element("testcase", {"classname": "conn", "name": message}, _element(*kind, message))
        suites.append(_suite_of("conn", [case], bool(left_failures)))
        tests, failures = tests + 1, failures + bool(left_failures)
    counts = {"name": "conn", "tests": str(tests), "failures": str(failures)}
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + _element("testsuites", counts, "\n" + "".join(suites))


def _suite_of(name: str, cases: Sequence[str], failures: int) -> str:
    counts = {"name": name, "tests": str(len(cases)), "failures": str(failures), "errors": "0", "skipped": "0"}
    return _element("testsuite", counts, "\n" + "".join(cases))


def _suite(file: str, findings: list[Diagnostic], sources: Sources) -> str:
    failures = sum(finding.severity is Severity.ERROR for finding in findings)
    return _suite_of(file, [_case(file, finding, sources) for finding in findings], failures)


def _case(file: str, finding: Diagnostic, sources: Sources) -> str:
    span = finding.span
    place = f" {span.line}:{span.column}" if span else ""
    attributes = {"classname": file, "name": f"{finding.code}{place} {finding.message}"}
    if span:
        attributes |= {"file": sources.in_repository(file), "line": str(span.line)}
    content = _content("".join(piece for piece, _ in text.draw_finding(finding, sources)))
    if finding.severity is Severity.ERROR:
        inner = _element("failure", {"type": finding.code, "message": finding.message}, content)
    else:
        inner = _element("system-out", {}, content)
    return _element("testcase", attributes, inner)


def _element(name: str, attributes: dict[str, str], inner: str) -> str:
    written = "".join(f" {key}={quoteattr(_NOT_XML.sub('?', value))}" for key, value in attributes.items())
    return f"<{name}{written}>{inner}</{name}>\n"


def _content(written: str) -> str:
    return escape(_NOT_XML.sub("?", written))


_EMPTY_CASE = _element("testcase", {"classname": "conn", "name": "no findings"}, "")
