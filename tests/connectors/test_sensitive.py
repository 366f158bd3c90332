"""Sensitive fields of people are neither requested nor mapped, unless the account's context says so."""

import json
import shutil
from pathlib import Path

import pytest

from conn_engine.config import load_workspace
from conn_engine.errors import ExpressionError
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.faults import Faults, json_answer

ROOT = Path(__file__).parents[2]
SENSITIVE = {"date_of_birth", "gender", "government_id"}


def test_results_have_none_by_default():
    seen = 0
    for path in sorted((ROOT / "connectors").glob("*/recordings/hris.employees.*.json")):
        if json.loads(path.read_text(encoding="utf-8")).get("context", {}).get("sensitive") == "read":
            continue
        golden = json.loads((path.parents[1] / "expected" / path.name).read_text(encoding="utf-8"))
        for record in golden.get("records", []):
            seen += 1
            assert not {field for field in SENSITIVE if record.get(field)}, path.name
    assert seen > 20


def test_compensation_is_refused_by_default(tmp_path):
    (tmp_path / "accounts").mkdir()
    account = {"connector": "bamboohr", "context": {"company": "nordlicht"}}
    (tmp_path / "accounts/me.yaml").write_text(json.dumps(account))
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    shutil.copytree(ROOT / "connectors/bamboohr", tmp_path / "connectors/bamboohr")
    faults = Faults([json_answer([])])
    wiring = wire_account(load_workspace(tmp_path), "me", environ={}, vault=MemoryVault({"me": {"api_key": "k"}}))
    with pytest.raises(ExpressionError, match="compensation is sensitive: set sensitive: read"):
        Connection(wiring, faults).list("hris.compensations.list", Call())
    assert faults.requests == []
