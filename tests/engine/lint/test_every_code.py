"""Each diagnostic code has one smallest bad workspace and is found exactly there; the table explains itself."""

import re
from pathlib import Path

import pytest
from bad_workspaces import LINTED, REPLAYED, make

from conn_engine.config import load_workspace
from conn_engine.diagnostics.codes import CODES, find_code
from conn_engine.lint import lint_paths
from conn_engine.testing.suite import Selection, run_suite

TESTS = Path(__file__).resolve().parents[2]
ELSEWHERE = {
    "CHG180": "cli/test_changes.py",
    "DOC007": "engine/documents/test_documents.py",
    "DOC010": "engine/documents/test_files.py",
    "REC002": "engine/transport/test_recordings.py",
    "REC004": "engine/transport/test_har.py",
    "REC005": "engine/runtime/test_personal.py",
    "PAG110": "engine/runtime/test_incomplete.py",
    "PAG111": "cli/test_live.py",
    "PAG112": "engine/runtime/test_steps.py",
    "MAP401": "cli/test_failures_of_others.py",
    "RUN102": "cli/test_live.py",
    "RUN130": "engine/runtime/test_body_keys.py",
    "RUN201": "cli/test_failures_of_others.py",
    "RUN301": "cli/test_failures_of_others.py",
    "SEC107": "cli/test_git_connectors.py",
    "SEC108": "cli/test_git_connectors.py",
    "TST106": "engine/runtime/test_judgement.py",
    "TST107": "engine/runtime/test_judgement.py",
    "TST108": "engine/runtime/test_credential_headers.py",
    "TST109": "engine/runtime/test_refusals.py",
}
"""Codes that neither lint nor a replay raises: the test file that has them raised."""


def places(findings):
    return [(f.code, *((f.span.file, f.span.line, f.span.column) if f.span else ("", 0, 0))) for f in findings]


def test_the_good_workspace_is_good(tmp_path):
    make(tmp_path)
    assert lint_paths(tmp_path, []).findings == []
    reports = list(run_suite(load_workspace(tmp_path), Selection()))
    assert [finding for report in reports for finding in report.all_findings] == []


@pytest.mark.parametrize("bad", LINTED, ids=lambda bad: bad.name)
def test_lint_finds_one_fault_once_where_it_is(bad, tmp_path):
    make(tmp_path, bad)
    assert places(lint_paths(tmp_path, []).findings) == bad.found


@pytest.mark.parametrize("bad", REPLAYED, ids=lambda bad: bad.name)
def test_a_replay_finds_one_fault_once_where_it_is(bad, tmp_path):
    make(tmp_path, bad)
    reports = list(run_suite(load_workspace(tmp_path), Selection()))
    assert places(finding for report in reports for finding in report.all_findings) == bad.found


def test_every_code_is_raised_by_a_test():
    here = {code for bad in (*LINTED, *REPLAYED) for code, *_ in bad.found}
    missing = CODES.keys() - here - ELSEWHERE.keys()
    assert not missing, f"add a smallest bad workspace for {missing}, or name in ELSEWHERE the test file that raises it"
    assert here | ELSEWHERE.keys() <= CODES.keys()
    assert not here & ELSEWHERE.keys()
    for code, file in ELSEWHERE.items():
        assert code in (TESTS / file).read_text(encoding="utf-8"), f"{file} does not test {code}"


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.id)
def test_every_code_explains_itself(code):
    assert re.fullmatch("[A-Z]{3}[0-9]{3}", code.id)
    text = code.explanation.strip()
    assert text[-1] in ".`"
    assert len(text.split()) >= 8
    assert re.search(FIXES, text), "the explanation has no fix"
    assert code.title[0].islower() or code.title[:4].strip() in ("YAML", "JSON", "HAR")
    assert find_code(code.id.lower()) is code


FIXES = re.compile(
    r"\b(add|check|save|keep|write|split|remove|needs|list|declare|record|name|delete|put|give|use|try|run|convert|set|"
    r"export|quote|look|rename|rewrite|correct|conn|accept|point|log|auth|leave|repeat|lower|supply|map)\b",
    re.IGNORECASE,
)
"""Words of which each explanation has one: it says what to do."""
