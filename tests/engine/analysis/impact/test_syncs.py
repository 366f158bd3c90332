"""What a change of a sync, or of something that it uses, does to its events and its runs, per account."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
from sync_shop import DOCUMENT, FILES, HTTP, MAPPING, RECORDING, SYNC, find_enriched_files, write_shop

from conn_engine.analysis.checks.reach import find_reach
from conn_engine.analysis.coverage import measure_coverage
from conn_engine.analysis.impact import Impact, impact
from conn_engine.analysis.impact.accepted import accept_failing, add_accepted
from conn_engine.analysis.impact.sync_plans import ELSEWHERE, compare_syncs
from conn_engine.analysis.population import Digests, Slicer, cut_syncs
from conn_engine.config import OperationName, load_workspace
from conn_engine.syncs import SyncPlan
from conn_engine.testing.syncs.cases import sync_name

ACME = "accounts/acme.yaml"
CONN = """\
version: 1
models: [models]
env: [KEY, OTHER]
endpoints: { default: { url: "https://a.test/in", secret: "{{env.KEY}}", events: ["person.*"] } }
"""


def compare(tmp_path: Path, after: dict[str, str | None], before: dict[str, str | None] | None = None) -> Impact:
    base = {**(before or {})}
    return impact(write_shop(tmp_path / "before", base), write_shop(tmp_path / "after", {**base, **after}), processes=1)


def rows(found: Impact, operation: str = "sync:people") -> list[tuple[str, str, int, int, bool]]:
    return [
        (row.field, row.kind, row.accounts, row.records, row.breaking)
        for row in found.fields
        if row.operation == operation
    ]


def swap(old: str, new: str) -> dict[str, str | None]:
    assert old in DOCUMENT
    return {SYNC: DOCUMENT.replace(old, new)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(swap("  age: record.age\n", ""), [("data.age", "missing", 2, 6, True)], id="column removed"),
        pytest.param(
            swap("record.age", "$string(record.age)"), [("data.age", "type_changed", 2, 6, True)], id="other type"
        ),
        pytest.param(
            swap("record.email", "$uppercase(record.email)"), [("data.email", "value_changed", 2, 6, False)], id="value"
        ),
        pytest.param(swap("emit:", "  plan: record.plan\nemit:"), [("data.plan", "added", 2, 6, False)], id="column"),
        pytest.param(
            swap("emit:", "filter: record.plan = 'paid'\nemit:"), [("", "missing", 2, 2, True)], id="events dropped"
        ),
        pytest.param(swap("emit:", "key: email\nemit:"), [("key", "key_changed", 2, 6, True)], id="key"),
        pytest.param(
            swap("id: record.id", "id: \"'p' & record.id\""),
            [("key", "key_changed", 2, 6, True), ("data.id", "value_changed", 2, 6, False)],
            id="what the key is made of",
        ),
        pytest.param(
            swap("type: webhook", "type: webhook, endpoint: other"),
            [("emit.endpoint", "destination_changed", 2, 0, True)],
            id="endpoint",
        ),
        pytest.param(
            swap("person.changed", "person.updated"),
            [("emit.event", "destination_changed", 2, 0, True)],
            id="type of events",
        ),
        pytest.param(
            swap("person.changed", "person.changed, batch: 10"), [("data", "type_changed", 2, 0, True)], id="batches"
        ),
        pytest.param(swap("@daily", "@hourly"), [("schedule", "run_changed", 2, 0, False)], id="schedule"),
        pytest.param(swap("PT10M", "PT5M"), [("lookback", "may_be_missed", 2, 0, True)], id="shorter lookback"),
        pytest.param(swap("PT10M", "PT1H"), [("lookback", "sent_again", 2, 0, False)], id="longer lookback"),
        pytest.param(
            swap("since:", "from:"),
            [("params.from", "may_be_missed", 2, 0, True), ("params.since", "sent_again", 2, 0, False)],
            id="cursor parameter",
        ),
        pytest.param({SYNC: None}, [("", "operation_missing", 2, 6, True)], id="sync removed"),
        pytest.param(
            swap("\nsource:", "\naccounts: {tags: [eu]}\nsource:"),
            [("", "operation_missing", 1, 3, True)],
            id="fewer accounts",
        ),
        pytest.param(
            swap("record.email", "$uppercase(record.age)"), [("", "now_failing", 2, 6, True)], id="records that fail"
        ),
        pytest.param(
            {"environments/production.yaml": "connectors: {}\nsyncs: {people: {schedule: '@hourly'}}\n"},
            [("schedule", "run_changed", 2, 0, False)],
            id="environment",
        ),
        pytest.param(
            {MAPPING: FILES[MAPPING].replace(", age: response.age", "")},
            [("data.age", "missing", 2, 6, True)],
            id="the mapping that it uses",
        ),
        pytest.param(
            {"conn.yaml": CONN.replace("a.test/in", "b.test/in")},
            [("endpoint.url", "destination_changed", 2, 0, True)],
            id="URL of the endpoint",
        ),
        pytest.param(
            {"conn.yaml": CONN.replace("env.KEY", "env.OTHER")},
            [("endpoint.secret", "credential_changed", 2, 0, True)],
            id="secret of the endpoint",
        ),
        pytest.param(
            {"conn.yaml": CONN.replace("person.*", "company.*")},
            [("endpoint.events", "destination_changed", 2, 0, True)],
            id="events of the endpoint",
        ),
        pytest.param(
            {"environments/production.yaml": "endpoints: {default: {url: 'https://c.test/in'}}\n"},
            [("endpoint.url", "destination_changed", 2, 0, True)],
            id="endpoint of the environment",
        ),
        pytest.param(
            swap("emit:", "on_error: skip\nemit:"), [("on_error", "may_be_missed", 2, 0, True)], id="skipped records"
        ),
        pytest.param(
            swap("emit:", "concurrency: 1\nemit:"), [("concurrency", "run_changed", 2, 0, False)], id="how it runs"
        ),
        pytest.param(swap("schedule:", "description: why\nschedule:"), [], id="a remark"),
    ],
)
def test_what_a_change_does(tmp_path: Path, change: dict[str, str | None], expected: list[object]) -> None:
    assert rows(compare(tmp_path, change, {"conn.yaml": CONN})) == expected


DRIFT = "kind: drift\ndrift: {pages: 1}\nfilter: record.verdict = 'breaks'\nemit: {event: vendor.drift}\n"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(("pages: 1", "pages: 2"), [("drift", "may_be_missed", 2, 0, True)], id="what is compared"),
        pytest.param(("'breaks'", "'touches'"), [("filter", "may_be_missed", 2, 0, True)], id="filter"),
        pytest.param(
            ("emit:", "transform: { id: record.id }\nemit:"), [("transform", "value_changed", 2, 0, False)], id="value"
        ),
        pytest.param(("emit:", "schedule: '@daily'\nemit:"), [("schedule", "run_changed", 2, 0, False)], id="schedule"),
        pytest.param(
            ("vendor.drift", "vendor.changed"), [("emit.event", "destination_changed", 2, 0, True)], id="type of events"
        ),
    ],
)
def test_what_a_change_of_a_check_of_drift_does(
    tmp_path: Path, change: tuple[str, str], expected: list[object]
) -> None:
    found = compare(tmp_path, {SYNC: DRIFT.replace(*change)}, {"conn.yaml": CONN, SYNC: DRIFT})
    assert rows(found) == expected


def test_a_sync_that_becomes_a_check_of_drift_delivers_no_records(tmp_path: Path) -> None:
    found = rows(compare(tmp_path, {SYNC: DRIFT}))
    assert ("kind", "may_be_missed", 2, 0, True) in found


def test_the_operations_of_enrich_steps_are_part_of_a_sync(tmp_path: Path) -> None:
    before = find_enriched_files("1", "2", "3")
    after = {HTTP: before[HTTP].replace('{{id}}"', '{{id}}", response_path: city')}
    assert rows(compare(tmp_path, after, before)) == [("data.city", "missing", 2, 6, True)]
    [row] = [row for row in measure_coverage(load_workspace(tmp_path / "before")) if row.operation == "sync:people"]
    assert [(one.field, one.records) for one in row.fields] == [("city", 3), ("id", 3)]


def test_tasks_of_operations_and_syncs_are_sorted_together() -> None:
    """Several processes divide them by size and name."""
    names = [sync_name("people"), OperationName("unified", "crm", "contacts", "list"), sync_name("companies")]
    assert [name.text for name in sorted(names)] == ["crm.contacts.list", "sync:companies", "sync:people"]
    assert sync_name("people") != OperationName("vendor", "", "sync", "people")


def test_every_part_of_a_plan_is_compared(tmp_path: Path) -> None:
    workspace = write_shop(tmp_path)
    effective = workspace.effective(account="acme")
    [cut] = cut_syncs(Slicer(Digests()), workspace, effective, ["people"]).values()
    for part in fields(SyncPlan):
        changed = replace(cut, plan=replace(cut.plan, **{part.name: ("other",)}))
        if part.name not in ELSEWHERE:
            assert compare_syncs(cut, changed), part.name


class TestAccounts:
    def test_an_accounts_own_override_is_its_own_intention(self, tmp_path: Path) -> None:
        own = "connector: shop\ntags: [eu]\nsyncs: {people: {transform: {age: $string(record.age)}, lookback: PT1M}}\n"
        found = compare(tmp_path, {ACME: own})
        assert rows(found) == [("data.age", "type_changed", 1, 3, False), ("lookback", "may_be_missed", 1, 0, False)]
        assert {account.name: account.status for account in found.accounts} == {
            "acme": "changed", "globex": "unchanged",
        }  # fmt: skip

    def test_an_override_shields_from_a_change_of_the_sync(self, tmp_path: Path) -> None:
        own = "connector: shop\ntags: [eu]\nsyncs: {people: {transform: {age: \"'x'\"}}}\n"
        found = compare(tmp_path, swap("record.age", "$string(record.age)"), {ACME: own})
        assert rows(found) == [("data.age", "type_changed", 1, 3, True)]
        assert {account.name: account.status for account in found.accounts} == {
            "acme": "shielded", "globex": "changed",
        }  # fmt: skip

    def test_an_own_override_does_not_hide_a_change_of_the_destination(self, tmp_path: Path) -> None:
        own = "connector: shop\ntags: [eu]\nsyncs: {people: {transform: {age: $string(record.age)}}}\n"
        found = compare(tmp_path, {ACME: own, **swap("person.changed", "person.updated")})
        assert ("emit.event", "destination_changed", 2, 0, True) in rows(found)
        assert {account.name: account.breaking for account in found.accounts} == {"acme": True, "globex": True}

    def test_accounts_with_other_context_are_not_one_group(self, tmp_path: Path) -> None:
        read = {SYNC: DOCUMENT.replace("record.age", "\"context.unit = 'm' ? record.age * 12 : record.age\"")}
        accounts = {
            name: f"connector: shop\ncontext: {{unit: {unit}}}\n"
            for name, unit in ((ACME, "m"), ("accounts/globex.yaml", "y"))
        }
        assert rows(compare(tmp_path, {**read, **accounts}, accounts)) == [("data.age", "value_changed", 1, 3, False)]


def test_without_a_recording_settings_are_known_and_events_are_not(tmp_path: Path) -> None:
    change = {SYNC: DOCUMENT.replace("@daily", "@hourly").replace("record.email", "record.plan")}
    found = compare(tmp_path, change, {RECORDING: None})
    assert rows(found) == [("schedule", "run_changed", 2, 0, False)]
    assert [(row.operation, row.reason, row.accounts) for row in found.unknown] == [("sync:people", "no recording", 2)]


def test_the_changed_settings_have_their_lines(tmp_path: Path) -> None:
    found = compare(tmp_path, swap("PT10M", "PT5M"))
    assert [(row.path, row.note, row.before, row.after, row.span and row.span.line) for row in found.statements] == [
        ("syncs.people.lookback", "changed", "PT10M", "PT5M", 2)
    ]


def test_what_an_account_overrides_is_listed_too(tmp_path: Path) -> None:
    found = compare(tmp_path, {ACME: "connector: shop\ntags: [eu]\nsyncs: {people: {lookback: PT5M}}\n"})
    assert [(row.level, row.account, row.path, row.note) for row in found.statements] == [
        ("account", "acme", "syncs.people.lookback", "added")
    ]


def test_an_accepted_change_of_a_destination_is_only_that_change(tmp_path: Path) -> None:
    before = write_shop(tmp_path / "before")
    after = write_shop(tmp_path / "after", swap("person.changed", "person.updated"))
    path, _ = accept_failing(after, before, impact(before, after, processes=1), "renamed", "breaking")
    assert path is not None
    after = load_workspace(tmp_path / "after")
    assert impact(before, after, processes=1).find_failures("breaking") == []
    (tmp_path / "after" / SYNC).write_text(DOCUMENT.replace("person.changed", "person.removed"))
    after = load_workspace(tmp_path / "after")
    assert add_accepted(impact(before, after, processes=1), before, after).find_failures("breaking") != []


def test_nothing_is_evaluated_for_a_change_of_the_schedule(tmp_path: Path) -> None:
    assert compare(tmp_path, swap("@daily", "@hourly")).pairs == 0


def test_a_changed_sync_reaches_the_accounts_that_it_runs_for(tmp_path: Path) -> None:
    workspace = write_shop(tmp_path, swap("\nsource:", "\naccounts: {tags: [eu]}\nsource:"))
    assert find_reach(workspace, [SYNC]).accounts == ("acme",)
    golden = "connectors/shop/expected/syncs/people/{}crm.people.list.json"
    assert find_reach(workspace, [golden.format("globex/")]).accounts == ("globex",)
    assert find_reach(workspace, [golden.format("")]).accounts == ("acme", "globex")
