"""What a tool returns: bounded in size, without signs that a reader does not see, and errors in the form of reports."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from conn_engine.command_reports import ErrorReport
from conn_engine.errors import ConnError
from conn_engine.reports import describe_finding
from conn_service.agent_text import cut_data, escape_unseen

__all__ = ["describe_error", "describe_problem", "format_result"]

MOST_CHARACTERS = 24_000
_LENGTHS = ((200, 4_000), (50, 1_000), (20, 400), (8, 200), (3, 100), (1, 40))
"""The items of a list and the characters of a string that stay, from the longest form to the shortest."""


def describe_problem(code: str, message: str, fix: str, *, path: str = "", exit_code: int = 2) -> dict[str, Any]:
    """Return an error as data, in the form of the commands' errors."""
    return ErrorReport(
        code=code, message=message, fix=fix, exit_code=exit_code, span=None, path=path, offset=None, findings=[]
    ).data()


def describe_error(error: ConnError) -> dict[str, Any]:
    """Return the error of a file as data."""
    findings = [describe_finding(finding) for finding in error.findings]
    if not findings:
        code = "usage" if error.exit_code == 2 else "configuration"
        return describe_problem(code, error.message, error.hint, exit_code=error.exit_code)
    first = findings[0]
    return ErrorReport(
        code=first.code,
        message=first.message,
        fix=first.fix or f"see: explain {first.code}",
        exit_code=error.exit_code,
        span=first.span,
        path=first.path,
        offset=None,
        findings=findings,
    ).data()


def format_result(data: Any, clean: Callable[[str], str] = str) -> str:
    """Return data as JSON text of at most `MOST_CHARACTERS`, cleaned of secrets. Longer lists and strings are cut, and
    the result says so."""
    if isinstance(data, dict) and data.get("kind") == "test":
        data = _focus_on_failures(data)
    text = _to_text(data, clean)
    for items, characters in _LENGTHS:
        if len(text) <= MOST_CHARACTERS:
            return text
        hint = "cut: name an operation, an account, a path or a line for more"
        text = _to_text({"shortened": hint, "result": cut_data(data, items, characters)}, clean)
    if len(text) <= MOST_CHARACTERS:
        return text
    message = "the result is too long to be shown, even in its shortest form"
    return _to_text(describe_problem("size", message, "name an operation, an account or a path"), clean)


def _focus_on_failures(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report of a test with the failures and findings in full, and only the names of what passed."""
    operations = report.get("operations", [])
    shown = [one for one in operations if one["findings"] or not one["passed"]]
    passed = [" · ".join(filter(None, (one["operation"], one["account"]))) for one in operations if one["passed"]]
    rows = sorted(shown, key=lambda one: one["passed"])
    return {**report, "operations": rows, "passed": passed}


def _to_text(data: Any, clean: Callable[[str], str]) -> str:
    return escape_unseen(clean(json.dumps(data, ensure_ascii=False, separators=(",", ":"))))
