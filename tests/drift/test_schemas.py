"""The published schemas are what the models say."""

import json
import re
from pathlib import Path

import pytest

import conn_engine
from conn_engine.documents.locate import find_packaged
from conn_engine.schemas import MODELS, build_texts
from conn_engine.schemas.__main__ import run
from conn_engine.schemas.reports import REPORTS


def test_the_committed_schemas_are_generated(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["--check"], find_packaged("schemas"))
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
    published = [f"{kind}.schema.json" for kind in MODELS] + [f"reports/{kind}.schema.json" for kind in REPORTS]
    assert sorted(build_texts()) == sorted(published)


def test_every_class_of_reports_is_listed() -> None:
    sources = [path.read_text(encoding="utf-8") for path in Path(conn_engine.__file__).parent.rglob("*.py")]
    defined = [name for source in sources for name in re.findall(r"^class (\w+)\(Report\b", source, re.MULTILINE)]
    assert sorted(defined) == sorted(report.__name__ for report in REPORTS.values())


@pytest.mark.parametrize("kind", REPORTS)
def test_a_report_always_has_all_its_keys(kind: str) -> None:
    schemas = [schema := json.loads(build_texts()[f"reports/{kind}.schema.json"]), *schema.get("$defs", {}).values()]
    for one in schemas:
        assert one["required"] == list(one["properties"]), one["description"]
