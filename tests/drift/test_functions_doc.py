"""The page about the functions is what their registry says."""

from pathlib import Path

import pytest

from conn_engine.documents.locate import find_packaged
from conn_engine.expressions.functions import FUNCTIONS
from conn_engine.expressions.functions.__main__ import run
from conn_engine.expressions.functions.reference import page


def test_the_committed_page_is_generated(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["--check"], find_packaged("docs", "reference"))
    assert (code, capsys.readouterr().out) == (0, ""), "run `python -m conn_engine.expressions.functions`"


def test_drift_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--check"], tmp_path) == 1
    assert list(tmp_path.iterdir()) == []
    assert run([], tmp_path) == 0
    assert run(["--check"], tmp_path) == 0
    (tmp_path / "functions.md").write_text("", encoding="utf-8")
    capsys.readouterr()
    assert run(["--check"], tmp_path) == 1
    assert capsys.readouterr().out == "differs: functions.md\n"
    assert run(["--force"], tmp_path) == 2


def test_every_function_and_every_departure_is_on_the_page() -> None:
    text = page()
    for row in FUNCTIONS.values():
        assert f"### ${row.name}\n" in text
        assert row.example in text
    for case in ("join-null", "removeEmpty-obj", "xml2js-nc", "sql-or-key"):
        assert f"`{case}`" in text
