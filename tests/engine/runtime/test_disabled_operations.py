"""`enabled: false`: an operation cannot be called, whatever lists operations knows it, and events keep working."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conn_engine.analysis.coverage import measure_coverage
from conn_engine.analysis.mutants import Bench
from conn_engine.config import Workspace
from conn_engine.diagnostics import Severity
from conn_engine.errors import DisabledError
from conn_engine.lint import lint_paths
from conn_engine.runtime.call import Call
from conn_engine.runtime.unified import mapped_record
from conn_engine.testing.suite import Selection, run_suite

CRM = "connectors/shop/unified/crm.yaml"
ACME = "accounts/acme.yaml"


def disable(path: str, *, enabled: bool = False) -> dict[str, Any]:
    """An account that disables, or enables, the operation at a dotted place."""
    override: dict[str, Any] = {"enabled": enabled}
    for key in reversed(path.split(".")):
        override = {key: override}
    return {ACME: {"connector": "shop", "override": override}}


def add_step(**condition: str) -> dict[str, Any]:
    """A unified operation with a step that calls people.get."""
    step = {"name": "found", "request": {"resource": "people", "method": "get", "id": "1"}, **condition}
    operation = {"resource": "people", "response_mapping": {"id": "response.id"}, "after": [step]}
    return {CRM: {"resources": {"contacts": {"create": operation}}}}


def test_a_disabled_unified_operation_sends_nothing(make: Callable[..., Workspace], run: Callable[..., Any]) -> None:
    workspace = make(disable("unified.crm.contacts.create"))
    with pytest.raises(DisabledError) as refused:
        run(workspace, "contacts.create", [], Call(body={"first_name": "Ada"}))
    assert refused.value.message == "crm.contacts.create is disabled by accounts/acme.yaml:1"
    assert refused.value.disabled == "crm.contacts.create"
    assert [(one.code, one.path) for one in refused.value.findings] == [("REF140", "crm.contacts.create.enabled")]
    assert run(workspace, "shop:people.create", [{"id": 1}], Call(body={})).records == [{"id": 1}]


@pytest.mark.parametrize("operation", ["contacts.get", "shop:people.get"])
def test_a_disabled_vendor_operation_disables_the_unified_one(
    make: Callable[..., Workspace], run: Callable[..., Any], operation: str
) -> None:
    with pytest.raises(DisabledError, match=r"people\.get.* disabled by accounts/acme\.yaml:1") as refused:
        run(make(disable("resources.people.get")), operation, [], Call(id="1"))
    assert refused.value.disabled == "people.get"
    assert refused.value.exit_code == 3


def test_the_line_of_the_level_that_disables_is_named(make: Callable[..., Workspace]) -> None:
    account = "connector: shop\noverride:\n  resources:\n    people:\n      get:\n        enabled: false\n"
    effective = make({ACME: account}).effective(account="acme")
    finding = effective.explain_disabled(effective.resolve("people.get"))
    assert finding is not None
    assert finding.message == "people.get is disabled by accounts/acme.yaml:6"
    assert finding.hint == "to enable it, remove this line"


def test_an_account_enables_what_the_connector_disables(
    make: Callable[..., Workspace], run: Callable[..., Any]
) -> None:
    preview = (
        "base_url: https://api.example.com/v1\ncredentials: { format: bearer }\nauthorization: { format: bearer }\n"
        "resources:\n  people:\n    get: { method: get, path: '/people/{{id}}', enabled: false }\n"
    )
    files = {"connectors/shop/connector.yaml": preview, CRM: None}
    effective = make(files).effective(account="acme")
    finding = effective.explain_disabled(effective.resolve("people.get"))
    assert finding is not None
    assert finding.message == "people.get is disabled by connectors/shop/connector.yaml:6"
    assert finding.hint == (
        "to enable it, remove this line, or set resources.people.get.enabled to true in the override of "
        "accounts/acme.yaml"
    )
    workspace = make({**files, **disable("resources.people.get", enabled=True)})
    assert run(workspace, "people.get", [{"id": 7}], Call(id="7")).records == [{"id": 7}]


def test_a_write_is_not_sent_if_its_step_cannot_run(make: Callable[..., Workspace], run: Callable[..., Any]) -> None:
    workspace = make(add_step() | disable("resources.people.get"))
    with pytest.raises(DisabledError, match=r"crm\.contacts\.create calls people\.get, which is disabled"):
        run(workspace, "contacts.create", [], Call(body={}))


@pytest.mark.parametrize("key", ["when", "run_if"])
def test_a_step_that_does_not_run_needs_nothing(
    make: Callable[..., Workspace], run: Callable[..., Any], key: str
) -> None:
    disabled = disable("resources.people.get")
    skipped = make(add_step(**{key: "false"}) | disabled)
    assert run(skipped, "contacts.create", [{"id": 1}], Call(body={})).records
    with pytest.raises(DisabledError, match=r"^people\.get is disabled"):
        run(make(add_step(**{key: "true"}) | disabled), "contacts.create", [{"id": 1}], Call(body={}))


def test_a_route_that_only_a_run_knows_is_refused_before_it_is_sent(
    make: Callable[..., Workspace], run: Callable[..., Any]
) -> None:
    route = {CRM: {"resources": {"contacts": {"list": {"resource": "people", "method": "{{query.by}}"}}}}}
    workspace = make(route | disable("resources.people.get"))
    assert run(workspace, "contacts.list", [{"items": []}], Call(query={"by": "list"})).requests
    with pytest.raises(DisabledError):
        run(workspace, "contacts.list", [], Call(query={"by": "get"}, id="1"))


def test_events_keep_the_mapping_of_a_disabled_operation(make: Callable[..., Workspace]) -> None:
    from conn_engine.runtime.call import Run, Session

    effective = make(disable("unified.crm.contacts.get")).effective(account="acme")
    name = effective.resolve("contacts.get")
    mapped = mapped_record(Run(effective, Session("acme")), name, {"id": 5, "name": "Ada"})
    assert mapped == ([{"id": "5", "first_name": "Ada"}], ())


# --- what lists operations ---


def recording(operation: str, url: str, body: Any, **call: Any) -> dict[str, Any]:
    exchange = {
        "request": {"method": "GET", "url": f"https://api.example.com/v1/{url}"},
        "response": {"status": 200, "body": body},
    }
    return {
        "connector": "shop", "operation": operation, "source": "sample", "recorded_at": "2026-01-03T00:00:00Z",
        "base_url": "https://api.example.com/v1", "call": call, "exchanges": [exchange],
    }  # fmt: skip


@pytest.fixture
def shop(make: Callable[..., Workspace]) -> Callable[..., Workspace]:
    """The shop with two recorded operations, and these files."""

    def build(files: dict[str, Any] | None = None) -> Workspace:
        recordings = "connectors/shop/recordings"
        person = {"id": 1, "name": "Ada"}
        mapped = {
            "resource": "people",
            "response_mapping": {"id": "$string(response.id)", "first_name": "response.name"},
        }
        return make(
            {
                CRM: {"resources": {"contacts": {"list": mapped, "get": mapped}}},
                f"{recordings}/crm.contacts.list.json": recording("crm.contacts.list", "people", {"items": [person]}),
                f"{recordings}/crm.contacts.get.json": recording("crm.contacts.get", "people/1", person, id="1"),
                **(files or {}),
            }
        )

    return build


def statuses(workspace: Workspace, *operations: str) -> dict[str, tuple[bool, list[str]]]:
    reports = run_suite(workspace, Selection(operations=operations))
    return {
        report.name.text: (report.enabled, [f.code for f in report.all_findings if f.code.startswith("REF")])
        for report in reports
    }


def test_a_suite_skips_what_is_disabled_and_says_so(shop: Callable[..., Workspace]) -> None:
    workspace = shop(disable("resources.people.get"))
    assert statuses(workspace) == {"crm.contacts.list": (True, []), "crm.contacts.get": (False, ["REF140"])}
    report = next(report for report in run_suite(workspace, Selection()) if not report.enabled)
    assert [finding.severity for finding in report.all_findings] == [Severity.INFO]
    assert not report.failed
    assert report.judgements == []


def test_a_suite_of_nothing_but_disabled_operations_is_an_error(shop: Callable[..., Workspace]) -> None:
    workspace = shop(disable("resources.people.get"))
    with pytest.raises(DisabledError):
        statuses(workspace, "contacts.get")
    assert statuses(workspace, "contacts.get", "contacts.list")["crm.contacts.get"] == (False, ["REF140"])
    workspace = shop({**disable("resources.people.get"), "accounts/bolt.yaml": "connector: shop\n"})
    assert len(list(run_suite(workspace, Selection(operations=("contacts.get",))))) == 2


def test_coverage_leaves_out_what_is_disabled(shop: Callable[..., Workspace]) -> None:
    workspace = shop(disable("unified.crm.contacts.get"))
    assert {row.operation for row in measure_coverage(workspace)} == {"crm.contacts.list"}
    with pytest.raises(DisabledError):
        list(measure_coverage(workspace, operation="contacts.get"))


def test_mutants_leave_out_what_is_disabled(shop: Callable[..., Workspace]) -> None:
    def changed(**get: Any) -> set[str]:
        mapping = {"id": "$string(response.id)"}
        operations = {"list": {"resource": "people", "response_mapping": mapping}}
        operations["get"] = {
            "resource": "people",
            "response_mapping": mapping,
            "query_mapping": {"a": "query.b"},
            **get,
        }
        bench = Bench(shop({CRM: {"resources": {"contacts": operations}}}), "shop")
        return {m.path for m in bench.mutants() if m.path.startswith("crm.contacts.get")}

    assert "crm.contacts.get.query_mapping.a" in changed()
    assert changed(enabled=False) == set()


def test_lint_reports_what_needs_a_disabled_operation(shop: Callable[..., Workspace], tmp_path: Path) -> None:
    def found(files: dict[str, Any]) -> list[tuple[str, str]]:
        shop(files)
        return [(f.path, f.message) for f in lint_paths(tmp_path, []).findings if f.code == "REF141"]

    disabled = "which is disabled by accounts/acme.yaml:1"
    place = "resources.people.get.enabled"
    assert found(disable("resources.people.get")) == [(place, f"crm.contacts.get calls people.get, {disabled}")]
    both = disable("resources.people.get")
    both[ACME]["override"]["unified"] = {"crm": {"contacts": {"get": {"enabled": False}}}}
    assert found(both) == []
    using = {
        "verify": "people.get",
        "resources": {
            "people": {"pets": {"method": "get", "path": "/p", "parents": {"from": "people.get", "as": "person"}}}
        },
    }
    both[ACME]["override"] |= {"verify": "people.get"}
    both[ACME]["override"]["resources"]["people"] |= using["resources"]["people"]
    assert found(both) == [
        (place, f"resources.people.pets.parents.from calls people.get, {disabled}"),
        (place, f"verify calls people.get, {disabled}"),
    ]


def test_lint_does_not_ask_for_recordings_of_a_disabled_operation(
    shop: Callable[..., Workspace], tmp_path: Path
) -> None:
    def found(**settings: Any) -> list[str]:
        operation = {"resource": "people", "method": "get", "response_mapping": {"id": "response.id"}, **settings}
        shop({CRM: {"resources": {"contacts": {"get": operation}}}, **recordings})
        return [finding.code for finding in lint_paths(tmp_path, []).findings]

    recordings = dict.fromkeys(f"connectors/shop/recordings/crm.contacts.{name}.json" for name in ("get", "list"))
    assert found() == ["REC101"]
    assert found(enabled=False) == []
