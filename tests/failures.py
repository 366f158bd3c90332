"""A plugin of pytest that writes which tests failed, for `.ci/steps.py`, which runs a few of them again alone."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

__all__ = ["VARIABLE", "FailureFile", "pytest_configure"]

VARIABLE = "CONN_TEST_FAILURES"
"""The path of the file: `{"status": exit status of pytest, "failures": {ID of a test: the line that says why}}`."""
WIDTH = 160


class FailureFile:
    """Collects the failures of a run, and writes them at its end: without an end, there is no file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._failures: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failures.setdefault(report.nodeid, _find_reason(report))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        text = json.dumps({"status": int(exitstatus), "failures": self._failures})
        self._path.write_text(text, encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    path = os.environ.get(VARIABLE)
    if path and not hasattr(config, "workerinput"):  # the process that starts the workers has their reports
        config.pluginmanager.register(FailureFile(Path(path)))


def _find_reason(report: pytest.TestReport) -> str:
    """Return where it failed, and the first line of the error."""
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        lines = [line for line in report.longreprtext.splitlines() if line.strip()]
        return (lines or ["no reason is known"])[-1].strip()[:WIDTH]
    where = f"{Path(crash.path).name}:{crash.lineno}"
    return f"{where}: {(crash.message.splitlines() or [''])[0]}"[:WIDTH]
