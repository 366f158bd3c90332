"""Lint finds the typical first mistakes, and each fix, applied as it is written, leaves nothing to find."""

from pathlib import Path

import pytest
from first_mistakes import MISTAKES, Mistake, write_workspace

from conn_engine.diagnostics import Severity
from conn_engine.lint import lint_paths

FOUND = [mistake for mistake in MISTAKES if mistake.is_found]


def lint(folder: Path) -> list[tuple[str, str]]:
    findings = lint_paths(folder, []).findings
    return [(finding.code, finding.hint) for finding in findings if finding.severity is not Severity.INFO]


def name_mistake(mistake: Mistake) -> str:
    return f"{mistake.habit} {mistake.wrong.strip()[:50]}"


@pytest.mark.parametrize("mistake", MISTAKES, ids=name_mistake)
def test_lint_finds_the_mistake_once_and_names_its_fix(mistake: Mistake, tmp_path: Path) -> None:
    found = lint(write_workspace(tmp_path, mistake))
    assert found == ([(mistake.code, mistake.fix)] if mistake.is_found else [])


@pytest.mark.parametrize("mistake", FOUND, ids=name_mistake)
def test_the_fix_is_all_that_is_needed(mistake: Mistake, tmp_path: Path) -> None:
    assert mistake.read_fix() != mistake.wrong
    assert lint(write_workspace(tmp_path, mistake, fixed=True)) == []


def test_lint_alone_finds_nearly_all_of_them() -> None:
    assert (len(FOUND), len(MISTAKES)) == (38, 42)
    assert len({(mistake.wrong, mistake.good) for mistake in MISTAKES}) == len(MISTAKES)
