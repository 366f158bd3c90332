"""Findings as values, and the table of codes."""

import re

import pytest

from conn_engine.diagnostics import Severity, Span, diagnostic, did_you_mean, find_worst_severity, remove_duplicates
from conn_engine.diagnostics.codes import CODES, find_code


def test_every_code_is_a_family_and_a_number_with_words():
    for name, row in CODES.items():
        assert name == row.id
        assert re.fullmatch(r"[A-Z]{3}\d{3}", name)
        assert row.title and row.title == row.title.strip().rstrip(".")
        assert len(row.explanation) > 40
        assert row.severity in ("error", "warning", "info")


def test_a_finding_takes_the_severity_of_its_code():
    assert diagnostic("DOC002", "x").severity is Severity.ERROR
    assert diagnostic("DOC002", "x", severity=Severity.INFO).severity is Severity.INFO
    with pytest.raises(KeyError):
        diagnostic("XXX999", "x")


def test_a_fingerprint_survives_moved_lines_but_no_other_change():
    first = diagnostic("DOC003", "twice", Span("a.yaml", 3, 1), path="a.b")
    assert first.fingerprint == diagnostic("DOC003", "twice", Span("a.yaml", 9, 5), path="a.b").fingerprint
    others = [
        diagnostic("DOC002", "twice", Span("a.yaml", 3, 1), path="a.b"),
        diagnostic("DOC003", "twice!", Span("a.yaml", 3, 1), path="a.b"),
        diagnostic("DOC003", "twice", Span("b.yaml", 3, 1), path="a.b"),
        diagnostic("DOC003", "twice", Span("a.yaml", 3, 1), path="a.c"),
    ]
    assert len({first.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_findings_sort_by_place():
    findings = [
        diagnostic("DOC003", "b", Span("b.yaml", 1, 1)),
        diagnostic("DOC003", "a", Span("a.yaml", 10, 1)),
        diagnostic("DOC002", "a", Span("a.yaml", 2, 7)),
        diagnostic("DOC001", "no place"),
    ]
    ordered = sorted(findings, key=lambda finding: finding.sort_key())
    assert [finding.message for finding in ordered] == ["no place", "a", "a", "b"]
    assert [finding.span.line for finding in ordered[1:3]] == [2, 10]


def test_two_findings_at_one_place_stay_two():
    place = Span("a.yaml", 2, 1, 2, 9)
    missing = [diagnostic("CFG103", f'missing key "{key}"', place) for key in ("path", "method")]
    assert remove_duplicates([*missing, *missing]) == missing[::-1]


def test_the_worst_severity():
    error, note = diagnostic("DOC003", "x"), diagnostic("DOC003", "x", severity=Severity.INFO)
    assert find_worst_severity([note, error, note]) is Severity.ERROR
    assert find_worst_severity([]) is None


def test_did_you_mean_and_explain():
    assert did_you_mean("respnse_path", ["response_path", "path"]) == 'did you mean "response_path"?'
    assert did_you_mean("zzz", ["response_path"]) == ""
    assert find_code("doc003") is CODES["DOC003"]
    assert find_code("nope") is None
