"""What environments and accounts override of a sync: listed level by level, and compared on recordings."""

from pathlib import Path
from typing import Any

import pytest
from sync_shop import DOCUMENT, SYNC, write_shop

from conn_engine.analysis.field_overrides import FieldOverride, draft_override
from conn_engine.analysis.sync_overrides import SyncOverrideDraft, draft_sync_override
from conn_engine.config import Workspace, format_place
from conn_engine.errors import UsageError
from conn_engine.runtime.variants import up_to
from conn_engine.testing.effects import OverrideReport, override_report
from conn_engine.testing.syncs.cases import sync_name
from conn_engine.testing.syncs.places import find_settings
from conn_engine.wire import FrozenClock

CLOCK = FrozenClock()
ACME = "accounts/acme.yaml"
OVERRIDE = """\
connector: shop
syncs:
  people:
    schedule: "@hourly"
    lookback: PT10M
    transform: { plan: record.plan, email: $uppercase(record.email) }
"""
STEPS = """\
steps:
- { action: fetch_resource, resource: crm.people, params: { since: x }, filter: record.age > 1 }
- { action: transform, transform: { id: record.id, email: record.email } }
- { action: deliver_webhook, event: person.changed }
"""
PAGE = "source: {resource: crm.people}\ntransform: |\n  results.{'id': id}\n"


def report(tmp_path: Path, files: dict[str, str | None]) -> OverrideReport:
    workspace = write_shop(tmp_path, files)
    return override_report(workspace, workspace.effective(account="acme"), [], syncs=[sync_name("people")])


def test_changes_name_what_they_replace(tmp_path: Path) -> None:
    found = report(tmp_path, {ACME: OVERRIDE, "environments/production.yaml": "syncs: {people: {lookback: PT1H}}\n"})
    rows = [
        (change.level, change.path, change.below, change.below_at and change.below_at.file) for change in found.changes
    ]
    assert rows == [
        ("environment", "syncs.people.lookback", "PT10M", SYNC),
        ("account", "syncs.people.schedule", "@daily", SYNC),
        ("account", "syncs.people.lookback", "PT1H", "environments/production.yaml"),
        ("account", "syncs.people.transform.plan", None, None),
        ("account", "syncs.people.transform.email", "record.email", SYNC),
    ]
    assert found.dead == ()


def test_effects_are_on_events(tmp_path: Path) -> None:
    [effect] = report(tmp_path, {ACME: OVERRIDE}).effects
    assert effect.fields == {("data.email", "changed"): 3, ("data.plan", "added"): 3}
    assert (effect.records, effect.failures, effect.unknown) == (3, {}, False)


def test_a_mapping_override_has_an_effect_on_the_sync(tmp_path: Path) -> None:
    text = "connector: shop\noverride: {crm.people.response_mapping.email: \"'x'\"}\n"
    [effect] = report(tmp_path, {ACME: text}).effects
    assert effect.fields == {("data.email", "changed"): 3}


def test_a_draft_shows_the_syncs_that_it_changes(tmp_path: Path) -> None:
    workspace = write_shop(tmp_path)
    changed = draft_override(workspace, FieldOverride("acme", "people", "email", "$uppercase(response.mail)"))
    assert [(effect.name.text, effect.fields) for effect in changed.effects] == [
        ("crm.people.list", {("email", "changed"): 3}),
        ("sync:people", {("data.email", "changed"): 3}),
    ]
    other = draft_override(workspace, FieldOverride("acme", "people", "plan", "$uppercase(response.plan)"))
    assert [effect.name.text for effect in other.effects] == ["crm.people.list"], "the sync does not deliver it"


def test_an_override_that_equals_the_level_below_is_dead(tmp_path: Path) -> None:
    found = report(tmp_path, {ACME: "connector: shop\nsyncs: {people: {lookback: PT10M}}\n"})
    assert [change.path for change in found.dead] == ["syncs.people.lookback"]


def test_an_override_that_fails_on_records_fails(tmp_path: Path) -> None:
    found = report(tmp_path, {ACME: OVERRIDE.replace("record.email", "record.age")})
    [(name, finding)] = found.failures
    assert (name.text, finding.code) == ("sync:people", "SYN120")
    assert finding.span is not None and finding.span.file == ACME


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        (DOCUMENT, ("transform", "email"), [("account", 6, False), ("base", 6, True)]),
        (DOCUMENT, ("params", "since"), [("base", 3, False)]),
        (DOCUMENT, ("transform", "age"), [("base", 7, False)]),
        (DOCUMENT, ("transform", "nothing"), []),
        (STEPS, ("transform", "email"), [("account", 6, False), ("base", 3, True)]),
        (STEPS, ("params", "since"), [("base", 2, False)]),
        (STEPS, ("filter",), [("base", 2, False)]),
        (STEPS, ("emit",), [("base", 4, False)]),
        (PAGE, ("transform", "id"), [("base", 2, False)]),
    ],
)
def test_the_places_of_a_setting(tmp_path: Path, text: str, path: tuple[str, ...], expected: list[object]) -> None:
    workspace = write_shop(tmp_path, {SYNC: text, ACME: OVERRIDE})
    effective = workspace.effective(account="acme")
    origins = list(find_settings(workspace, effective, "people", path))
    assert [(origin.level, origin.span.line, origin.overridden) for origin in origins] == expected
    assert all(format_place(origin.path) == ".".join(("syncs", "people", *path)) for origin in origins)
    below = find_settings(workspace, up_to(effective, "base"), "people", path)
    assert [origin.level for origin in below] == ["base"] * bool([row for row in expected if row[0] == "base"])  # type: ignore[index]


def draft(workspace: Workspace, field: str, value: str = "", **options: Any) -> SyncOverrideDraft:
    made = draft_sync_override(workspace, FieldOverride("acme", "sync:people", field, value, **options), CLOCK)
    assert isinstance(made, SyncOverrideDraft)
    return made


def list_settings(made: SyncOverrideDraft) -> list[tuple[str, Any, Any]]:
    return [(change.field, change.before, change.after) for change in made.settings]


@pytest.mark.parametrize(
    ("field", "value", "stored", "changes"),
    [
        ("schedule", "@hourly", "@hourly", [("schedule", "@daily", "@hourly"), ("runs_per_day", 1, 24)]),
        ("enabled", "false", False, [("enabled", None, False), ("runs_per_day", 1, 0)]),
        ("timezone", "Europe/Vienna", "Europe/Vienna", [("timezone", None, "Europe/Vienna")]),
        ("priority", "7", 7, [("priority", None, 7)]),
        ("params.since", "{{ context.from }}", {"since": "{{ context.from }}"}, [
            ("params.since", "{{last_run_at}}", "{{ context.from }}")
        ]),
        ("params.since", "null", {"since": None}, [("params.since", "{{last_run_at}}", None)]),
        ("params.since", '"7"', {"since": "7"}, [("params.since", "{{last_run_at}}", "7")]),
    ],
)  # fmt: skip
def test_a_setting_is_written_with_its_type_and_shows_what_it_changes(
    tmp_path: Path, field: str, value: str, stored: Any, changes: list[tuple[str, Any, Any]]
) -> None:
    made = draft(write_shop(tmp_path), field, value)
    assert made.document.data["syncs"] == {"people": {field.partition(".")[0]: stored}}
    assert (made.errors, made.effects, list_settings(made)) == ([], (), changes)
    assert made.affected_accounts == []
    removed = draft(made.workspace, field, action="remove")
    assert "syncs" not in removed.document.data
    assert list_settings(removed) == [(name, after, before) for name, before, after in changes]


def test_an_expression_shows_the_events_that_it_changes(tmp_path: Path) -> None:
    workspace = write_shop(tmp_path, {ACME: OVERRIDE})
    changed = draft(workspace, "transform.email", "$base.email & '!'")
    [effect] = changed.effects
    assert (effect.fields, list_settings(changed)) == ({("data.email", "changed"): 3}, [])
    assert changed.document.text == OVERRIDE.replace("$uppercase(record.email)", "\"$base.email & '!'\"")
    [effect] = draft(workspace, "filter", "record.age > 30").effects
    assert effect.gone == 1
    [effect] = draft(workspace, "transform", "{'id': record.id}", action="remove").effects
    assert effect.fields == {("data.email", "changed"): 3, ("data.plan", "missing"): 3}


def test_a_transformation_is_replaced_extended_and_never_overwritten(tmp_path: Path) -> None:
    workspace = write_shop(tmp_path, {ACME: "connector: shop\n", SYNC: f"each: record\n{DOCUMENT}"})
    replaced = draft(workspace, "transform", '{"id": record.id}', action="replace")
    assert replaced.document.data["syncs"] == {"people": {"transform": {"replace": '{"id": record.id}'}}}
    [effect] = replaced.effects
    assert effect.fields == {("data.email", "missing"): 3, ("data.age", "missing"): 3}
    extended = draft(replaced.workspace, "transform.plan", "record.plan")
    [effect] = extended.effects
    assert effect.fields == {("data.plan", "added"): 3}
    with pytest.raises(UsageError, match="with one expression"):
        draft(extended.workspace, "transform.plan", "record.age")
    with pytest.raises(UsageError, match="overrides parts of transform: plan and email"):
        draft(write_shop(tmp_path, {ACME: OVERRIDE}), "transform", "record")


def test_an_environment_overrides_its_accounts(tmp_path: Path) -> None:
    workspace = write_shop(tmp_path, {"environments/production.yaml": "", "accounts/globex.yaml": "connector: shop\n"})
    made = draft(workspace, "transform.email", "'x'", environment="production")
    assert made.document.data == {"syncs": {"people": {"transform": {"email": "'x'"}}}}
    assert [effect.fields for effect in made.effects] == [{("data.email", "changed"): 3}]
    assert made.other_effects == {"changed": 1}


def test_a_transformation_that_cannot_run_is_a_failure(tmp_path: Path) -> None:
    workspace = write_shop(tmp_path, {SYNC: PAGE})
    made = draft(workspace, "transform.email", "record.email")
    assert made.failures[0][1].code == "SYN120"
    assert draft(workspace, "lookback", "soon").errors[0].code == "SYN102"


@pytest.mark.parametrize(
    ("field", "value", "options", "message"),
    [
        ("emit.to", "x", {}, '"emit" of a sync cannot be overridden'),
        ("key", "record.x", {}, '"key" of a sync cannot be overridden'),
        ("", "x", {}, "FIELD is empty"),
        ("schedule.x", "@daily", {}, "schedule has no parts"),
        ("filter", "null", {}, "null does not change filter"),
        ("filter", "true", {"action": "replace"}, "--replace needs the complete transformation"),
        ("filter", "", {"action": "remove"}, "accounts/acme.yaml does not override syncs.people.filter"),
    ],
)
def test_a_setting_that_cannot_be_overridden_is_refused(
    tmp_path: Path, field: str, value: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as refused:
        draft(write_shop(tmp_path), field, value, **options)
    assert message in refused.value.message


@pytest.mark.parametrize(("trigger", "shown"), [("manual", "the trigger manual"), ("{ webhook: x }", "of an event")])
def test_a_schedule_of_a_sync_that_something_else_starts_is_refused(tmp_path: Path, trigger: str, shown: str) -> None:
    triggered = write_shop(tmp_path, {SYNC: f"trigger: {trigger}\n{DOCUMENT}"})
    with pytest.raises(UsageError, match=shown) as refused:
        draft(triggered, "schedule", "@hourly")
    assert refused.value.hint == "remove trigger from syncs/people.yaml first"
    assert draft(triggered, "priority", "7").errors == []


def test_a_disabled_sync_can_be_enabled_and_one_of_others_cannot_be_overridden(tmp_path: Path) -> None:
    disabled = write_shop(tmp_path, {SYNC: f"enabled: false\n{DOCUMENT}"})
    assert list_settings(draft(disabled, "enabled", "true")) == [("enabled", False, True), ("runs_per_day", 0, 1)]
    with pytest.raises(UsageError, match='does not run for the account "acme"'):
        draft(write_shop(tmp_path, {SYNC: f"accounts: []\n{DOCUMENT}"}), "schedule", "@hourly")
