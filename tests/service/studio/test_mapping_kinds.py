"""Every kind of mapping, in every form of a document: it is a row that can be edited, or read with a reason."""

from pathlib import Path
from typing import Any

import pytest
from studio_bench import ask, write_shop

from conn_engine.config import MAPPINGS
from conn_engine.documents.dump import dump_yaml
from conn_service.studio.session import StudioSession

FORMS: dict[str, tuple[Any, str]] = {
    "a field": ({"message": "'x'"}, ".message"),
    "one expression": ("{ 'message': 'x' }", ""),
    "a replacement": ({"replace": {"message": "'x'"}}, ".message"),
    "a replacement by one expression": ({"replace": "{ 'message': 'x' }"}, ""),
    "nothing": ({"message": None}, ".message"),
    "an inner field": ({"details": {"message": "'x'"}}, ".details.message"),
    "an inner expression": ({"details": "{ 'message': 'x' }"}, ".details"),
    "a list": ({"message": ["'x'"]}, ".message"),
    "a constant": ({"message": 4}, ".message"),
}
BASE = "{ message: \"'base'\" }"


def open_session(root: Path, key: str, value: Any) -> tuple[StudioSession, list[dict[str, Any]]]:
    """Return a session of a workspace whose account overrides one mapping, and the rows of that mapping."""
    write_shop(root)
    unified = root / "connectors/shop/unified/crm.yaml"
    unified.write_text(unified.read_text().replace("{ resource: people }", f"{{ resource: people, {key}: {BASE} }}"))
    document = {"connector": "shop", "override": {f"crm.contacts.list.{key}": value}}
    (root / "accounts/acme.yaml").write_text(dump_yaml(document))
    session = StudioSession(root)
    answer = ask(session, "operation", account="acme", operation="crm.contacts.list")
    return session, [row for row in [*answer["rows"], *answer["others"]] if row["mapping"] == key]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("key", sorted(MAPPINGS))
def test_a_mapping_is_a_row_with_its_place_that_can_be_edited_or_says_why_not(
    tmp_path: Path, key: str, form: str
) -> None:
    value, inside = FORMS[form]
    session, rows = open_session(tmp_path, key, value)
    field = inside.lstrip(".") if key == "response_mapping" and inside else f"{key}{inside}"
    row = next(row for row in rows if row["field"] == field)
    level = next(level for level in row["levels"] if level["level"] == "account")
    assert level["place"]["file"] == "accounts/acme.yaml"
    assert level["place"]["line"] > 1
    if not row["editable"]:
        assert row["reason"] and row["hint"]
        assert form in ("a list", "a constant")
        assert level["expression"] is not None
        return
    edit = {"operation": "crm.contacts.list", "field": field, "scope": row["scope"], "expression": "'changed'"}
    action = "replace" if row["replace"] else "set"
    plan = ask(session, "plan", account="acme", edits=[{**edit, "action": action}])
    assert any(line["kind"] == "+" and "'changed'" in line["text"] for line in plan["diff"]), plan["diff"]
