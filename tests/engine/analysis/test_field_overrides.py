"""An override of one field as a draft: where it is written, what it changes, and what must not be saved."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from conn_engine.analysis.field_overrides import FieldOverride, OverrideDraft, draft_override
from conn_engine.config import Workspace, load_workspace
from conn_engine.documents.edits import SharedTextError
from conn_engine.errors import ConfigurationError, UsageError

ITEMS = [{"id": 1, "name": "Ada", "score": "7"}, {"id": 2, "name": "Bo", "score": "high"}]
CONNECTOR = """\
base_url: https://shop.example
pagination: none
resources:
  people:
    list: { path: /people, response_path: items }
    get: { path: "/people/{{id}}" }
"""
MAPPING = """\
resources:
  contacts:
    response_mapping: { id: $string(response.id), name: response.name }
    list: { resource: people }
    get: { resource: people }
"""
ACME = """\
# Acme
connector: shop # ours
override:
  # their names
  crm.contacts.response_mapping.name:   $uppercase(response.name)
"""
PLACE = "crm.contacts.response_mapping"


def record(operation: str, url: str, body: Any, **call: Any) -> dict[str, Any]:
    request = {"method": "GET", "url": f"https://shop.example{url}"}
    exchanges = [{"request": request, "response": {"status": 200, "headers": {}, "body": body}}]
    return {
        "format": 1, "connector": "shop", "operation": operation, "source": "sample", "call": call,
        "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://shop.example", "exchanges": exchanges,
    }  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    files = {
        "conn.yaml": "version: 1\n",
        "connectors/shop/connector.yaml": CONNECTOR,
        "connectors/shop/unified/crm.yaml": MAPPING,
        "connectors/shop/recordings/crm.contacts.list.json": record("crm.contacts.list", "/people", {"items": ITEMS}),
        "connectors/shop/recordings/crm.contacts.get.json": record("crm.contacts.get", "/people/1", ITEMS[0], id="1"),
        "environments/production.yaml": "connectors: {}\n",
        "accounts/acme.yaml": ACME,
        "accounts/globex.yaml": "connector: shop\n",
        "accounts/initech.yaml": "connector: shop\nenvironment: production\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return load_workspace(tmp_path)


def draft(workspace: Workspace, field: str, expression: str = "", **options: Any) -> OverrideDraft:
    options = {"account": "acme", "resource": "contacts", **options}
    return draft_override(workspace, FieldOverride(field=field, expression=expression, **options))


def list_changes(made: OverrideDraft) -> list[tuple[str, str, str, str, Any, Any]]:
    return [
        (effect.name.method, record.key, change.field, change.kind, change.before, change.after)
        for effect in made.effects
        for case in effect.cases
        for record in case.comparison.changed
        for change in record.fields
    ]


def test_only_the_line_of_the_field_changes_and_each_record_is_compared(workspace: Workspace) -> None:
    made = draft(workspace, "name", 'response.id = 1 ? "x" : $base.name')
    assert made.document.text == ACME.replace("  $uppercase(response.name)", "'response.id = 1 ? \"x\" : $base.name'")
    assert list_changes(made) == [
        ("list", "1", "name", "changed", "ADA", "x"),
        ("list", "2", "name", "changed", "BO", "Bo"),
        ("get", "1", "name", "changed", "ADA", "x"),
    ]
    assert (made.errors, made.failures, made.count_untouched(), made.affected_accounts) == ([], [], 2, [])
    assert (workspace.root / "accounts/acme.yaml").read_text() == ACME
    made.save()
    assert (workspace.root / "accounts/acme.yaml").read_text() == made.document.text


def test_an_override_of_one_operation_is_compared_there_only(workspace: Workspace) -> None:
    made = draft(workspace, "custom_fields.tier", '"gold"', resource="crm.contacts.get", account="globex")
    assert made.document.data["override"] == {"crm.contacts.get.response_mapping.custom_fields.tier": '"gold"'}
    assert list_changes(made) == [("get", "1", "custom_fields.tier", "added", None, "gold")]
    assert [finding.code for finding in made.findings] == ["CFG150"]


def test_null_removes_the_field_and_removing_the_override_restores_it(workspace: Workspace) -> None:
    made = draft(workspace, "name", "null")
    assert made.document.data["override"] == {f"{PLACE}.name": None}
    assert {change[3:] for change in list_changes(made)} == {("missing", "ADA", None), ("missing", "BO", None)}
    removed = draft(workspace, "name", action="remove")
    assert removed.document.text == "# Acme\nconnector: shop # ours\n"
    assert ("list", "1", "name", "changed", "ADA", "Ada") in list_changes(removed)


def test_a_mapping_can_be_replaced_and_gets_further_fields_inside(workspace: Workspace) -> None:
    account = {"account": "globex", "resource": "contacts"}
    made = draft(workspace, "response_mapping", '{ "id": $string(response.id) }', action="replace", **account)
    assert made.document.data["override"] == {PLACE: {"replace": '{ "id": $string(response.id) }'}}
    assert {change[2:4] for change in list_changes(made)} == {("name", "missing")}
    again = draft(made.workspace, "response_mapping", '{ "id": "x" }', action="replace", **account)
    assert again.document.data["override"] == {PLACE: {"replace": '{ "id": "x" }'}}
    text = f"connector: shop\noverride: {{ {PLACE}: {{ replace: {{ id: $string(response.id) }} }} }}\n"
    inside = draft(workspace.with_texts({"accounts/globex.yaml": text}), "name", "response.name", account="globex")
    assert inside.document.data["override"][PLACE]["replace"] == {"id": "$string(response.id)", "name": "response.name"}


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"account": "amce"}, 'no account "amce" in the workspace', 'did you mean "acme"?'),
        ({"environment": "prodution"}, 'no environment "prodution"', 'did you mean "production"?'),
        ({"resource": "contcts"}, 'no unified resource "contcts"', 'did you mean "contacts"?'),
        ({"resource": "contacts.lst"}, 'no unified operation "contacts.lst"', 'did you mean "contacts.list"?'),
        ({"field": "nmae"}, 'crm.contact has no field "nmae"', 'did you mean "name"?'),
        ({"field": "vip"}, 'crm.contact has no field "vip"', "use custom_fields.vip, or a field that the model has"),
        ({"field": "emails[0]"}, '"emails[0]" names an item of a list', "set the complete list: emails"),
        ({"field": ""}, "FIELD is empty", "name a field of the record"),
        ({"field": "a b"}, "'a b' is not a path", 'custom_fields."a b"'),
        ({"field": "query_mapping.a"}, "query_mapping is set for single operations", "contacts.list"),
        ({"action": "replace"}, "--replace needs a complete mapping", "response_mapping EXPRESSION --replace"),
        ({"field": "email", "action": "remove"}, f"does not override {PLACE}.email", "conn diff-override"),
        ({"resource": "contacts.list", "action": "remove"}, "does not override", "acme crm.contacts name --remove"),
        ({"field": "name.first"}, "accounts/acme.yaml:5 sets", "add the field to this expression"),
        ({"field": "response_mapping"}, "overrides parts of response_mapping: name", "response_mapping.name"),
    ],
)
def test_what_cannot_be_overridden_is_refused_with_a_fix(
    options: dict[str, Any], message: str, hint: str, workspace: Workspace
) -> None:
    options = {"field": "name", "expression": "response.name", **options}
    with pytest.raises(UsageError) as refused:
        draft(workspace, **options)
    assert message in refused.value.message
    assert hint in refused.value.hint


def test_a_mapping_that_is_one_expression_takes_fields_for_single_operations(workspace: Workspace) -> None:
    text = f'connector: shop\noverride:\n  {PLACE}: \'{{ "name": "x" }}\'\n'
    one = workspace.with_texts({"accounts/acme.yaml": text})
    with pytest.raises(UsageError) as refused:
        draft(one, "name", "response.name")
    assert "conn override acme contacts.list name EXPRESSION" in refused.value.hint
    made = draft(one, "name", "response.name", resource="contacts.list")
    assert list_changes(made) == [
        ("list", "1", "name", "changed", "x", "Ada"),
        ("list", "2", "name", "changed", "x", "Bo"),
    ]


EXPRESSION = f"""\
connector: shop
override:
  {PLACE}:
    # $base is the record below
    custom_fields: |
      $merge([$base.custom_fields, {{
        "tier": response.id
      }}]) /* theirs */
    name: response.name
"""


def test_an_expression_that_makes_an_object_is_extended_by_a_field(workspace: Workspace) -> None:
    one = workspace.with_texts({"accounts/acme.yaml": EXPRESSION})
    made = draft(one, "custom_fields.vip", "response.score = '7'")
    assert (made.errors, made.failures) == ([], [])
    assert ("list", "1", "custom_fields.vip", "added", None, True) in list_changes(made)
    assert {change[2] for change in list_changes(made)} == {"custom_fields.vip"}
    kept = [
        line for line in EXPRESSION.splitlines() if "tier" not in line and "$merge" not in line and "}]" not in line
    ]
    assert [line for line in made.document.text.splitlines() if line in kept] == kept
    assert "/* theirs */" in made.document.text
    with pytest.raises(UsageError, match="with one expression"):
        draft(one, "custom_fields.tier", "response.name")
    again = draft(made.workspace, "custom_fields.more", '"x"')
    assert {change[2] for change in list_changes(again)} == {"custom_fields.more"}


def test_a_mapping_that_makes_an_object_is_extended_by_a_field(workspace: Workspace) -> None:
    text = f"connector: shop\noverride:\n  {PLACE}: '$merge([$base, {{}}])'\n"
    made = draft(workspace.with_texts({"accounts/acme.yaml": text}), "name", "$uppercase($base.name)")
    assert (made.errors, made.failures) == ([], [])
    assert ("list", "1", "name", "changed", "Ada", "ADA") in list_changes(made)
    inside = draft(made.workspace, "custom_fields.tier", "response.score")
    assert (inside.errors, inside.failures) == ([], [])
    assert ("list", "1", "custom_fields.tier", "added", None, "7") in list_changes(inside)
    more = draft(inside.workspace, "custom_fields.more", "response.score")
    assert {change[2] for change in list_changes(more)} == {"custom_fields.more"}


@pytest.mark.parametrize(
    ("expression", "code", "hint"),
    [
        ("$lowercase(", "EXP101", ""),
        ("unknown", "EXP103", """'"unknown"'"""),
        ("$lwercase(response.name)", "EXP102", "$lowercase"),
    ],
)
def test_an_expression_with_an_error_has_its_finding_and_no_effect(
    expression: str, code: str, hint: str, workspace: Workspace
) -> None:
    made = draft(workspace, "name", expression)
    [finding] = made.errors
    assert (finding.code, finding.span and finding.span.line, made.effects) == (code, 5, ())
    assert hint in finding.hint


@pytest.mark.parametrize(
    ("expression", "code"),
    [("$string($number(response.score))", "MAP204"), ("response.id", "MAP301"), ("response.nam", "MAP133")],
)
def test_an_expression_that_fails_on_a_record_is_a_failure(expression: str, code: str, workspace: Workspace) -> None:
    made = draft(workspace, "name", expression)
    assert (made.errors, made.failures[0][0].text, made.failures[0][1].code) == ([], "crm.contacts.list", code)


def test_a_new_field_that_no_record_has_is_a_warning_with_what_the_response_has(workspace: Workspace) -> None:
    made = draft(workspace, "custom_fields.points", "response.scor")
    assert (made.errors, made.failures) == ([], [])
    [finding] = made.empty_fields
    assert (finding.code, finding.span and finding.span.line) == ("MAP201", 6)
    assert 'did you mean "score"?' in finding.hint
    again = draft(made.workspace, "name", "response.name")
    assert again.empty_fields == []


def test_errors_that_the_saved_document_has_do_not_count(workspace: Workspace) -> None:
    broken = workspace.with_texts(
        {"accounts/acme.yaml": ACME + "  crm.contacts.get.response_mapping.email: $nope(1)\n"}
    )
    made = draft(broken, "name", "$lowercase(response.name)")
    assert (made.errors, [finding.code for finding in made.document_findings]) == ([], ["CFG150", "EXP102"])


def test_a_text_that_aliases_repeat_changes_only_as_chosen(workspace: Workspace) -> None:
    text = "connector: shop\noverride:\n  crm.contacts.list.response_mapping: &m\n    name: '\"x\"'\n"
    shared = workspace.with_texts({"accounts/acme.yaml": text + "  crm.contacts.get.response_mapping: *m\n"})
    with pytest.raises(SharedTextError):
        draft(shared, "name", '"y"', resource="contacts.get")
    both = draft(shared, "name", '"y"', resource="contacts.get", shared="change")
    assert [effect.name.method for effect in both.effects if effect.changes] == ["list", "get"]
    one = draft(shared, "name", '"y"', resource="contacts.get", shared="write out")
    assert [effect.name.method for effect in one.effects if effect.changes] == ["get"]


def test_an_environment_changes_its_other_accounts_too(workspace: Workspace) -> None:
    made = draft(workspace, "name", "$lowercase(response.name)", account="globex", environment="production")
    assert made.document.data == {"connectors": {"shop": {f"{PLACE}.name": "$lowercase(response.name)"}}}
    assert ("list", "1", "name", "changed", "Ada", "ada") in list_changes(made)
    assert (made.affected_accounts, made.count_untouched()) == (["acme", "initech"], 0)
    assert made.other_effects == {"changed": 1, "shielded": 1}


def test_a_document_that_is_read_only_or_changed_since_is_not_written(workspace: Workspace) -> None:
    path = workspace.root / "accounts/acme.yaml"
    made = draft(workspace, "name", "response.name")
    path.chmod(0o444)
    with pytest.raises(ConfigurationError, match="it is read-only"):
        made.save()
    path.chmod(0o644)
    path.write_text(ACME + "\n")
    with pytest.raises(ConfigurationError, match="in the meantime"):
        made.save()
    assert path.read_text() == ACME + "\n"


def test_two_commands_do_not_write_a_document_at_once(workspace: Workspace) -> None:
    fcntl = pytest.importorskip("fcntl")
    path, made, errors = workspace.root / "accounts/acme.yaml", draft(workspace, "name", "response.name"), []

    def save() -> None:
        try:
            made.save()
        except ConfigurationError as error:
            errors.append(error.message)

    other = os.open(workspace.root, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    thread = threading.Thread(target=save)
    thread.start()
    thread.join(0.3)  # without a reservation, it has written by now
    path.write_text(ACME + "\n")
    os.close(other)
    thread.join()
    assert errors == ["accounts/acme.yaml was changed by something else in the meantime"]
    assert path.read_text() == ACME + "\n"
