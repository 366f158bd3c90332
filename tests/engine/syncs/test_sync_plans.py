"""Documents of syncs: both forms load as they stand, compile to the same plan, and are merged like everything else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evaluating import usual

from conn_engine.config import Workspace, load_workspace
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.syncs import (
    DeliverStep,
    FetchStep,
    FilterStep,
    LoopStep,
    SyncPlan,
    TransformStep,
    apply_filter,
    apply_transform,
    build_event,
    compile_sync,
    compute_event_id,
    find_accounts,
    find_candidates,
    load_sync,
)

INCREMENTAL = """\
name: hubspot_contacts_incremental
schedule: "*/15 * * * *"
source:
  integration: hubspot
  resource: contacts
  params:
    updatedAfter: "{{ last_run_at }}"
  pagination:
    type: cursor
    cursor_path: paging.next.after
transform: |
  $.results.{
    "id": id,
    "email": properties.email,
    "updated_at": $fromMillis(properties.lastmodifieddate)
  }
emit:
  type: webhook
  event: contact.updated
"""

HISTORICAL = """\
{
  "name": "Sync Historical CRM Deals",
  "trigger": "manual",
  "steps": [
    { "action": "fetch_resource", "resource": "crm.deals", "pagination": "auto",
      "transform": "$map(results, function($v) { { 'id': $v.id, 'value': $v.amount } })" },
    { "action": "deliver_webhook", "endpoint": "https://api.yoursaas.com/ingest/deals" }
  ]
}
"""

FILES = {
    "conn.yaml": "version: 1\n",
    "connectors/hubspot/connector.yaml": """\
base_url: https://api.hubapi.com
resources:
  contacts:
    list: { path: /crm/v3/objects/contacts, response_path: results }
    get: { path: "/crm/v3/objects/contacts/{{id}}" }
    search: { path: /crm/v3/objects/contacts/search, response_path: results }
  deals:
    list: { path: /crm/v3/objects/deals, response_path: results }
""",
    "connectors/hubspot/unified/crm.yaml": """\
resources:
  deals:
    list: { response_mapping: { id: response.id, amount: response.properties.amount } }
""",
    "connectors/other/connector.yaml": "base_url: https://other.test\nresources: {contacts: {list: {path: /c}}}\n",
    "accounts/acme.yaml": "connector: hubspot\ntags: [eu]\n",
    "accounts/globex.yaml": "connector: hubspot\n",
    "accounts/umbrella.yaml": "connector: other\n",
    "syncs/contacts.yaml": INCREMENTAL,
    "syncs/deals.json": HISTORICAL,
}


@pytest.fixture
def build(tmp_path: Path) -> Callable[[dict[str, str]], Workspace]:
    def write(changes: dict[str, str]) -> Workspace:
        for name, text in {**FILES, **changes}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return load_workspace(tmp_path)

    return write


def plan_of(workspace: Workspace, name: str, account: str = "acme") -> SyncPlan:
    return compile_sync(workspace, load_sync(workspace, name, account))


Build = Callable[[dict[str, str]], Workspace]


class TestBothForms:
    def test_the_form_with_a_source(self, build: Build) -> None:
        plan = plan_of(build({}), "contacts")
        fetch, transform, deliver = plan.steps
        assert isinstance(fetch, FetchStep)
        assert (fetch.operation.text, fetch.operation.kind) == ("contacts.list", "vendor")
        assert fetch.params == {"updatedAfter": "{{ last_run_at }}"}
        assert isinstance(transform, TransformStep) and transform.each == "page"
        assert deliver == DeliverStep("webhook", "default", "contact.updated", table="contacts")
        assert plan.schedule is not None and plan.schedule.text == "*/15 * * * *"

    def test_the_form_with_steps(self, build: Build) -> None:
        plan = plan_of(build({}), "deals")
        fetch, transform, deliver = plan.steps
        assert isinstance(fetch, FetchStep) and fetch.operation.text == "crm.deals.list"
        assert isinstance(transform, TransformStep) and transform.each == "page"
        assert isinstance(deliver, DeliverStep) and deliver.endpoint == "https://api.yoursaas.com/ingest/deals"
        assert (plan.schedule, plan.title) == (None, "Sync Historical CRM Deals")

    def test_they_compile_to_the_same_plan(self, build: Build) -> None:
        source = "source: { connector: hubspot, resource: contacts }\ntransform: { id: record.id }\nfilter: record.id\n"
        source += "emit: { event: c.updated, endpoint: main }\n"
        steps = (
            "steps:\n- {action: fetch_resource, resource: contacts, filter: record.id, transform: {id: record.id}}\n"
        )
        steps += "- { action: deliver_webhook, event: c.updated, endpoint: main }\n"
        workspace = build({"syncs/one.yaml": source, "syncs/two.yaml": steps})
        assert plan_of(workspace, "one").steps == plan_of(workspace, "two").steps

    @pytest.mark.parametrize(
        ("resource", "operation", "kind"),
        [
            ("contacts", "contacts.list", "vendor"),
            ("contacts.search", "contacts.search", "vendor"),
            ("deals", "deals.list", "vendor"),
            ("crm.deals", "crm.deals.list", "unified"),
            ("crm.deals.list", "crm.deals.list", "unified"),
        ],
    )
    def test_the_operation_of_a_resource(self, build: Build, resource: str, operation: str, kind: str) -> None:
        workspace = build({"syncs/x.yaml": f"source: {{ resource: {resource} }}\n"})
        found = plan_of(workspace, "x").fetch.operation
        assert (found.text, found.kind) == (operation, kind)

    def test_a_resource_that_does_not_exist_is_suggested(self, build: Build) -> None:
        workspace = build({"syncs/x.yaml": "source: { resource: contact }\n"})
        with pytest.raises(UsageError, match=r"contact\.list") as caught:
            plan_of(workspace, "x")
        assert "contacts.list" in caught.value.hint

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("schedule: '@daily'\n", "fetches nothing"),
            (
                "source: { resource: contacts }\nsteps: [{ action: fetch_resource, resource: deals }]\n",
                "both source and",
            ),
            ("steps: [{ action: deliver_webhook }]\n", "fetches 0 resources"),
            ("steps: [{ action: fetch_resource }]\n", "has no resource"),
            ("steps: [{ action: fetch_resource, resource: deals, endpoint: x }]\n", '"endpoint" is not a setting'),
            (
                "steps: [{ action: fetch_resource, resource: deals }, { action: for_each, ids: [1] }]\n",
                'step 2 of the sync "x" is in the wrong place',
            ),
            (
                "steps: [{ action: deliver }, { action: fetch_resource, resource: deals }]\n",
                "in the wrong place",
            ),
            (
                "steps: [{action: fetch_resource, resource: deals}, {action: deliver}, {action: filter, filter: x}]\n",
                "steps after its delivery",
            ),
            ("source: { resource: contacts }\nlookback: 10m\n", "lookback of the sync"),
            ("source: { resource: contacts }\ntrigger: schedule\n", "and no schedule"),
        ],
    )
    def test_what_cannot_run_is_refused(self, build: Build, text: str, message: str) -> None:
        workspace = build({"syncs/x.yaml": text})
        with pytest.raises(ConfigurationError) as caught:
            plan_of(workspace, "x")
        assert message in caught.value.message
        assert caught.value.hint


class TestAccounts:
    def test_every_account_of_the_connector(self, build: Build) -> None:
        assert find_accounts(build({}), "contacts") == ["acme", "globex"]

    def test_without_a_connector_those_that_have_the_resource(self, build: Build) -> None:
        workspace = build({"syncs/all.yaml": "source: { resource: contacts }\n"})
        assert find_accounts(workspace, "all") == ["acme", "globex", "umbrella"]
        assert find_accounts(workspace, "deals") == ["acme", "globex"]

    def test_by_name_and_by_tag(self, build: Build) -> None:
        source = "source: { connector: hubspot, resource: contacts }\n"
        changes = {
            "syncs/named.yaml": f"{source}accounts: [globex]\n",
            "syncs/tagged.yaml": f"{source}accounts: {{ tags: [eu, us] }}\n",
            "syncs/wrong.yaml": f"{source}accounts: [glbex]\n",
        }
        workspace = build(changes)
        assert find_accounts(workspace, "named") == ["globex"]
        assert find_accounts(workspace, "tagged") == ["acme"]
        with pytest.raises(ConfigurationError, match="glbex"):
            find_accounts(workspace, "wrong")

    def test_an_account_can_switch_it_off(self, build: Build) -> None:
        account = "connector: hubspot\nsyncs: { contacts: { enabled: false } }\n"
        assert find_accounts(build({"accounts/acme.yaml": account}), "contacts") == ["globex"]

    def test_a_disabled_account_is_left_out(self, build: Build) -> None:
        workspace = build({"accounts/acme.yaml": "connector: hubspot\nenabled: false\n"})
        assert find_accounts(workspace, "contacts") == ["globex"]
        assert [*find_candidates(workspace, "contacts")] == ["globex"]


class TestLevels:
    def test_the_environment_and_the_account_override(self, build: Build) -> None:
        changes = {
            "environments/staging.yaml": "syncs: {contacts: {schedule: '@hourly', params: {limit: 10, kind: s}}}\n",
            "accounts/acme.yaml": "connector: hubspot\nenvironment: staging\n"
            "syncs: { contacts: { params: { kind: a }, lookback: PT10M, on_error: set_aside } }\n",
        }
        workspace = build(changes)
        plan = plan_of(workspace, "contacts")
        assert plan.fetch.params == {"updatedAfter": "{{ last_run_at }}", "limit": 10, "kind": "a"}
        assert plan.schedule is not None and plan.schedule.text == "@hourly"
        assert (plan.lookback.total_seconds(), plan.on_error) == (600.0, "set_aside")
        assert plan_of(workspace, "contacts", "globex").fetch.params == {"updatedAfter": "{{ last_run_at }}"}

    def test_a_field_of_a_transformation_is_merged(self, build: Build) -> None:
        changes = {
            "syncs/x.yaml": "source: { resource: contacts }\ntransform: { id: record.id, name: record.name }\n",
            "accounts/acme.yaml": "connector: hubspot\nsyncs: {x: {transform: {name: $uppercase(record.name)}}}\n",
        }
        step = plan_of(build(changes), "x").steps[1]
        assert isinstance(step, TransformStep)
        assert apply_transform(step, [{"id": 1, "name": "ada"}], usual({})).results == [{"id": 1, "name": "ADA"}]

    def test_an_expression_sees_what_is_below_as_base(self, build: Build) -> None:
        changes = {
            "syncs/x.yaml": "source: { resource: contacts }\ntransform: { id: record.id }\n",
            "accounts/acme.yaml": "connector: hubspot\nsyncs: { x: { transform: '$merge([$base, {\"x\": 1}])' } }\n",
        }
        step = plan_of(build(changes), "x").steps[1]
        assert isinstance(step, TransformStep)
        assert apply_transform(step, [{"id": 1}], usual({})).results == [{"id": 1, "x": 1}]

    @pytest.mark.parametrize("key", ["emit: { event: x }", "source: { resource: deals }", "accounts: [acme]"])
    def test_where_records_come_from_and_go_is_not_overridden(self, build: Build, key: str) -> None:
        workspace = build({"accounts/acme.yaml": f"connector: hubspot\nsyncs: {{ contacts: {{ {key} }} }}\n"})
        with pytest.raises(ConfigurationError, match="unknown key"):
            plan_of(workspace, "contacts")


class TestTransforming:
    PAGE = TransformStep(('$.results.{"id": id, "at": $fromMillis(at)}',), "page")

    @pytest.mark.parametrize(
        ("records", "results"),
        [([], []), ([{"id": 1}], [{"id": 1}]), ([{"id": 1}, {"id": 2}], [{"id": 1}, {"id": 2}])],
    )
    def test_none_one_and_several_records_give_a_list(self, records: list[Any], results: list[Any]) -> None:
        assert apply_transform(self.PAGE, records, usual({})).results == results

    def test_a_record_that_fails_is_named_and_the_others_are_transformed(self) -> None:
        records = [{"id": 1, "at": 0}, {"id": 2, "at": "2025-01-01T00:00:00Z"}, {"id": 3}]
        done = apply_transform(self.PAGE, records, usual({}))
        assert [record["id"] for record in done.results] == [1, 3]
        assert [(fault.position, fault.record["id"]) for fault in done.faults] == [(1, 2)]
        assert "fromMillis" in done.faults[0].message

    def test_an_expression_over_the_page_sees_all_records_that_do_not_fail(self) -> None:
        step = TransformStep(('{"ids": [records.(at > 0 ? id : $error("no"))]}',), "page")
        assert apply_transform(step, [{"id": 1, "at": 1}, {"id": 2, "at": 0}], usual({})).results == [{"ids": [1]}]

    def test_an_expression_that_always_fails_takes_every_record(self) -> None:
        done = apply_transform(TransformStep(('$error("no")',), "page"), [{"id": 1}, {"id": 2}], usual({}))
        assert (done.results, len(done.faults)) == ([], 2)

    def test_a_filter(self) -> None:
        done = apply_filter("record.age > 17", [{"age": 20}, {"age": 3}, {"age": "x"}], usual({}))
        assert done.results == [{"age": 20}]
        assert [fault.position for fault in done.faults] == [2]

    def test_steps_in_a_plan(self, build: Build) -> None:
        text = """\
steps:
- { action: for_each, resource: contacts, id: record.id }
- { action: fetch_resource, resource: deals, params: { contact: "{{id}}" } }
- { action: filter, filter: record.open }
- { action: enrich, resource: contacts, params: { id: "{{record.contact}}" }, into: person }
- { action: spool, event: deals.all }
- { action: deliver, type: duckdb, to: deals.duckdb }
"""
        steps = plan_of(build({"syncs/x.yaml": text}), "x").steps
        loop, fetch, keep = steps[:3]
        assert isinstance(loop, LoopStep) and loop.fetch is not None and loop.fetch.operation.text == "contacts.list"
        assert isinstance(fetch, FetchStep) and fetch.operation.text == "deals.list"
        assert keep == FilterStep("record.open")
        assert steps[-1] == DeliverStep("duckdb", event="deals.changed", to="deals.duckdb", table="deals")


class TestEvents:
    def test_the_id_depends_on_everything_that_makes_the_change(self) -> None:
        base = ["s", "a", "1", {"b": 1, "a": 2}, "v"]
        ids = {compute_event_id(*base)}
        for position, other in enumerate(["s2", "a2", "2", {"a": 2}, "v2"]):
            ids.add(compute_event_id(*[*base[:position], other, *base[position + 1 :]]))
        assert len(ids) == 6
        assert all(len(event_id) == 36 and event_id.startswith("evt_") for event_id in ids)
        assert compute_event_id("s", "a", "1", {"a": 2, "b": 1}, "v") in ids

    def test_large_numbers_and_other_keys_have_an_id(self) -> None:
        one, two = (compute_event_id("s", "a", "k", {"n": 2**60 + more, "x": 1.5}, "") for more in (0, 1))
        assert one != two

    def test_the_body(self) -> None:
        event = build_event(
            sync="s", account="acme", type_="contact.updated", key="1", data={"id": "1"}, version="", began=0.25
        )
        assert event.body == {
            "type": "contact.updated",
            "timestamp": "1970-01-01T00:00:00.250Z",
            "account": "acme",
            "data": {"id": "1"},
        }
        gone = build_event(
            sync="s", account="acme", type_="contact.updated", key="1", data=None, version="", began=0, change="delete"
        )
        assert gone.type == "contact.deleted"
        assert json.dumps(gone.body)
