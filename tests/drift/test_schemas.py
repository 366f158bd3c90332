"""The published schemas are what the models say."""

from pathlib import Path

import pytest

from conn_engine.documents.locate import packaged
from conn_engine.schemas import MODELS, texts
from conn_engine.schemas.__main__ import run


def test_the_committed_schemas_are_generated(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["--check"], packaged("schemas"))
    assert (code, capsys.readouterr().out) == (0, ""), "run `python -m conn_engine.schemas`"


def test_drift_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--check"], tmp_path) == 1
    assert list(tmp_path.iterdir()) == []
    assert run([], tmp_path) == 0
    assert run(["--check"], tmp_path) == 0
    (tmp_path / "connector.schema.json").write_text("{}", encoding="utf-8")
    capsys.readouterr()
    assert run(["--check"], tmp_path) == 1
    assert capsys.readouterr().out == "differs: connector.schema.json\n"
    assert run(["--force"], tmp_path) == 2


def test_every_kind_is_published() -> None:
    assert sorted(texts()) == sorted(f"{kind}.schema.json" for kind in MODELS)
