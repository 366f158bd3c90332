"""What environments and accounts override of a sync: listed level by level, and compared on recordings."""

from pathlib import Path

import pytest
from sync_shop import DOCUMENT, SYNC, write_shop

from conn_engine.analysis.field_overrides import FieldOverride, draft_override
from conn_engine.config import format_place
from conn_engine.runtime.variants import up_to
from conn_engine.testing.effects import OverrideReport, override_report
from conn_engine.testing.syncs.cases import sync_name
from conn_engine.testing.syncs.places import find_settings

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
