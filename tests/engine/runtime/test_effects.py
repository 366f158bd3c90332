"""`override_report`: what each override leaf sets and overrides, and what the overrides do on the recordings.
`compare_configurations`: the effect between any two configurations, record by record."""

from collections.abc import Callable
from typing import Any

import pytest

from conn_engine.analysis.impact import impact
from conn_engine.config import Workspace
from conn_engine.testing.compare import FieldChange
from conn_engine.testing.effects import OverrideReport, override_report
from conn_engine.testing.recorded_effects import OperationEffect, compare_configurations

LIST = "connectors/shop/recordings/crm.contacts.list.json"
PAGE = {"items": [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bo"}]}

STAGING = """\
connectors:
  shop:
    headers: { x-stage: staging }
    unified: { crm: { contacts: { list: { response_mapping: { first_name: $lowercase(response.name) } } } } }
"""
ACME = """\
connector: shop
environment: staging
context: { region: eu }
override:
  headers: { x-stage: acme }
  resources:
    people:
      list: { response_path: items }
  unified:
    crm:
      contacts:
        list:
          response_mapping:
            first_name: $uppercase(response.name)
            email: response.mail
"""


def report(workspace: Workspace, *operations: str) -> OverrideReport:
    effective = workspace.effective(account="acme")
    names = [effective.resolve(text) for text in operations] or effective.operations()
    return override_report(workspace, effective, names)


def test_each_leaf_stands_with_its_level_and_what_it_overrides(make: Callable[..., Workspace]) -> None:
    made = report(make({"environments/staging.yaml": STAGING, "accounts/acme.yaml": ACME}))
    rows = [(change.level, change.path, change.span.line, change.below) for change in made.changes]
    first_name = "crm.contacts.list.response_mapping.first_name"
    assert ("environment", "headers.x-stage", 3, None) in rows
    assert ("account", "headers.x-stage", 5, "staging") in rows
    assert ("environment", first_name, 4, "response.name") in rows
    assert ("account", first_name, 14, "$lowercase(response.name)") in rows
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)  # environment, then account
    [dead] = made.dead
    assert (dead.level, dead.path, dead.span.line) == ("account", "resources.people.list.response_path", 8)


def test_the_effect_on_recordings_is_counted_by_field(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    files = {
        "environments/staging.yaml": STAGING,
        "accounts/acme.yaml": ACME,
        LIST: recorded("crm.contacts.list", [("GET", "/people", PAGE)]),
    }
    made = report(make(files), "contacts.list", "contacts.get")
    listed, got = made.effects
    assert (listed.records, listed.fields) == (2, {("first_name", "changed"): 2})
    assert listed.changes
    assert not listed.unknown
    assert (got.unknown, got.reason, got.changes) == (True, "no recording", False)


def test_a_request_that_is_not_recorded_makes_the_effect_unknown(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    override = {"unified": {"crm": {"contacts": {"list": {"query_mapping": {"active": "true"}}}}}}
    files = {
        "accounts/acme.yaml": {"connector": "shop", "override": override},
        LIST: recorded("crm.contacts.list", [("GET", "/people", PAGE)]),
    }
    [effect] = report(make(files), "contacts.list").effects
    assert effect.unknown
    assert "/people?active=true" in effect.reason
    assert [(change.part, change.after) for change in effect.requests] == [("url", "/people?active=true")]


def test_another_error_is_an_effect(make: Callable[..., Workspace], recorded: Callable[..., Any]) -> None:
    override = {"errors": [{"when": "status = 200", "then": {"fail": {"kind": "conflict", "message": "'odd'"}}}]}
    files = {
        "accounts/acme.yaml": {"connector": "shop", "override": override},
        LIST: recorded("crm.contacts.list", [("GET", "/people", PAGE)]),
    }
    [effect] = report(make(files), "contacts.list").effects
    assert effect.errors == ["no error -> conflict: odd"]
    assert effect.gone == 2


@pytest.mark.parametrize("mapping", ["$uppercase(response.id)", "$uppercase("])
def test_an_override_that_fails_has_its_place_and_no_other_effect(
    mapping: str, make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    override = {"unified": {"crm": {"contacts": {"list": {"response_mapping": {"first_name": mapping}}}}}}
    files = {
        "accounts/acme.yaml": {"connector": "shop", "override": override},
        LIST: recorded("crm.contacts.list", [("GET", "/people", PAGE)]),
        LIST.replace("list", "list.again"): recorded("crm.contacts.list", [("GET", "/people", PAGE)], scenario="again"),
    }
    made = report(make(files), "contacts.list")
    [(name, finding)] = made.failures
    assert (name.text, finding.span and finding.span.file) == ("crm.contacts.list", "accounts/acme.yaml")
    [effect] = made.effects
    assert effect.changes
    assert (effect.errors, effect.gone, effect.requests) == ([], 0, [])
    assert finding.code == ("EXP301" if mapping.endswith("(") else "MAP204")


def test_a_mapping_that_does_not_parse_fails_without_a_recording_too(make: Callable[..., Workspace]) -> None:
    override = {"unified": {"crm": {"contacts": {"get": {"response_mapping": {"email": "$uppercase("}}}}}}
    made = report(make({"accounts/acme.yaml": {"connector": "shop", "override": override}}), "contacts.get")
    [(name, finding)] = made.failures
    assert (name.text, finding.span and finding.span.file) == ("crm.contacts.get", "accounts/acme.yaml")


def test_a_body_that_only_the_account_takes_is_recorded_for_it(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    override = {"unified": {"crm": {"contacts": {"create": {"request_body_mapping": {"badge": "body.badge"}}}}}}
    tape = recorded("crm.contacts.create", [("POST", "/people", {"id": 1})], call={"body": {"badge": 7}})
    files = {
        "accounts/acme.yaml": {"connector": "shop", "override": override},
        "connectors/shop/recordings/acme/crm.contacts.create.json": tape,
    }
    [effect] = report(make(files), "contacts.create").effects
    assert (effect.unknown, effect.errors) == (True, [])
    assert effect.reason == "recorded only with the overrides: there is no result without them to compare with"


def test_an_operation_only_the_account_has_is_all_new(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    own = {"resource": "people", "method": "list", "response_mapping": {"id": "$string(response.id)"}}
    override = {"unified": {"crm": {"contacts": {"mine": own}}}}
    files = {
        "accounts/acme.yaml": {"connector": "shop", "override": override},
        "connectors/shop/recordings/acme/crm.contacts.mine.json": recorded(
            "crm.contacts.mine", [("GET", "/people", PAGE)]
        ),
    }
    [effect] = report(make(files), "contacts.mine").effects
    assert (effect.new, effect.unknown) == (2, False)


def test_without_overrides_nothing_changes(make: Callable[..., Workspace], recorded: Callable[..., Any]) -> None:
    files = {LIST: recorded("crm.contacts.list", [("GET", "/people", PAGE)])}
    made = report(make(files), "contacts.list")
    assert (made.changes, made.dead) == ((), ())
    assert not made.effects[0].changes


def draft(workspace: Workspace, field: str) -> Workspace:
    """The workspace with an override of one field of `contacts.list` for `acme`, not saved."""
    text = f"connector: shop\noverride: {{ crm.contacts.list.response_mapping.{field} }}\n"
    return workspace.with_texts({"accounts/acme.yaml": text})


def effect_of_draft(workspace: Workspace, first: str, second: str) -> OperationEffect:
    """The effect on `contacts.list` between two drafts."""
    before, after = (draft(workspace, text).effective(account="acme") for text in (first, second))
    [effect] = compare_configurations(workspace, before, after, [after.resolve("contacts.list")])
    return effect


def test_two_drafts_of_one_folder_are_compared_record_by_record(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    made = make({LIST: recorded("crm.contacts.list", [("GET", "/people", PAGE)])})
    effect = effect_of_draft(made, "first_name: response.name", "first_name: 'response.id = 1 ? \"A\" : response.name'")
    [case] = effect.cases
    [changed] = case.comparison.changed
    assert (case.case.path.name, changed.key) == ("crm.contacts.list.json", "1")
    assert changed.fields == (FieldChange("first_name", "changed", "Ada", "A"),)
    assert (effect.records, effect.unknown) == (2, False)
    assert not effect_of_draft(made, "first_name: response.name", "first_name: $base.first_name").changes


@pytest.mark.parametrize(
    ("text", "kind"), [("null", "missing"), ("response.id", "type_changed"), ('"\\"x\\""', "changed")]
)
def test_each_kind_of_change_between_drafts_is_seen_by_both_comparisons(
    text: str, kind: str, make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    made = make({LIST: recorded("crm.contacts.list", [("GET", "/people", PAGE)])})
    assert effect_of_draft(made, "first_name: $base.first_name", f"first_name: {text}").fields == {
        ("first_name", kind): 2
    }
    before, after = (draft(made, f"first_name: {one}") for one in ("$base.first_name", text))
    [account] = impact(before, after, processes=1).accounts
    assert account.status == "changed"


def test_a_value_that_the_model_does_not_allow_is_a_failure_only_if_it_is_new(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    made = make({LIST: recorded("crm.contacts.list", [("GET", "/people", PAGE)])})
    effect = effect_of_draft(made, "first_name: response.name", "first_name: response.id")
    [finding] = effect.failures.values()
    assert (finding.code, finding.span and finding.span.file) == ("MAP301", "accounts/acme.yaml")
    assert effect_of_draft(made, "first_name: response.id", "first_name: response.id + 1").failures == {}
