"""`run_suite` on small workspaces: what is judged, which code says it, and on which line."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.diagnostics import Severity
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.lint import lint_paths
from conn_engine.secrets import Redactor
from conn_engine.testing.goldens import update_golden
from conn_engine.testing.suite import OperationReport, Selection, run_suite

EMPTY = "base_url: https://api.example.com\nresources: {}\n"
LIST = "connectors/shop/recordings/crm.contacts.list.json"
GOLDEN = "connectors/shop/expected/crm.contacts.list.json"
RAW = "connectors/shop/recordings/people.list.json"
RAW_GOLDEN = "connectors/shop/expected/people.list.json"
CONNECTOR = "connectors/shop/connector.yaml"
CRM_FILE = "connectors/shop/unified/crm.yaml"
ROWS = {
    "next": None,
    "items": [{"id": 1, "name": "Ada", "mail": "a@x.org"}, {"id": 2, "name": "Bo", "mail": "b@x.org"}],
}


def suite(workspace: Workspace, *operations: str, update: bool = False, **selection: Any) -> list[OperationReport]:
    reports = list(run_suite(workspace, Selection(operations=operations, **selection)))
    if update:
        for report in reports:
            for judgement in report.judgements:
                update_golden(judgement, Redactor())
    return reports


def said(reports: list[OperationReport]) -> list[tuple[str, str]]:
    """Code and place (`file:line`) of every finding."""
    return [
        (finding.code, f"{finding.span.file}:{finding.span.line}" if finding.span else "")
        for report in reports
        for finding in report.all_findings
    ]


@pytest.fixture
def listing(recorded: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return recorded("crm.contacts.list", [("GET", "/people", copy.deepcopy(ROWS))])


def changed(old: str, new: str) -> str:
    """The mappings with one text changed."""
    from_file = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    crm = from_file.split('CRM = """\\\n')[1].split('"""')[0]
    assert old in crm
    return crm.replace(old, new, 1)


def test_a_case_with_its_golden_passes(make: Callable[..., Workspace], listing: Any) -> None:
    workspace = make({LIST: listing})
    first = suite(workspace, "contacts.list")
    assert said(first) == [("TST103", f"{LIST}:1")]
    suite(workspace, "contacts.list", update=True)
    again = suite(workspace, "contacts.list")
    assert said(again) == []
    assert again[0].judgements[0].golden == "same"
    golden = json.loads((workspace.root / GOLDEN).read_text())
    assert golden == {
        "operation": "crm.contacts.list",
        "scenario": "default",
        "requests": [{"method": "GET", "url": "/people", "credentials": {"authorization": "Bearer [credential]"}}],
        "records": [{"id": "1", "first_name": "Ada"}, {"id": "2", "first_name": "Bo"}],
    }


def test_a_changed_field_is_reported_on_the_line_that_sets_it(make: Callable[..., Workspace], listing: Any) -> None:
    suite(make({LIST: listing}), "contacts.list", update=True)
    workspace = make({CRM_FILE: changed("first_name: response.name", "first_name: $uppercase(response.name)")})
    reports = suite(workspace, "contacts.list")
    assert said(reports) == [("TST101", f"{CRM_FILE}:8")]
    finding = reports[0].all_findings[0]
    assert finding.path == "crm.contacts.list.response_mapping.first_name"
    assert finding.message == "first_name changed in 2 records"
    assert [span.file for span, _ in finding.related] == [GOLDEN]


@pytest.mark.parametrize(
    "change", [{**ROWS, "items": [ROWS["items"][0]]}, {**ROWS, "items": [*reversed(ROWS["items"])]}]
)
def test_other_records_are_reported_at_the_golden(
    make: Callable[..., Workspace], listing: Any, recorded: Callable[..., Any], change: Any
) -> None:
    suite(make({LIST: listing}), "contacts.list", update=True)
    workspace = make({LIST: recorded("crm.contacts.list", [("GET", "/people", change)])})
    assert said(suite(workspace, "contacts.list")) == [("TST101", f"{GOLDEN}:1")]


def test_another_request_is_reported(make: Callable[..., Workspace], listing: Any) -> None:
    suite(make({LIST: listing}), "contacts.list", update=True)
    listing["exchanges"][0]["request"]["query"] = {"size": "9"}
    workspace = make({LIST: {**listing, "call": {"query": {"limit": 9}}}})
    reports = suite(workspace, "contacts.list")
    assert said(reports) == [("TST102", f"{GOLDEN}:1")]
    assert "/people?size=9" in reports[0].all_findings[0].message


def test_where_a_page_leads_back_is_kept_and_compared(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    def workspace(more: str) -> Workspace:
        config = f"{{ cursor_field: next, cursor_param: after{more} }}"
        people = f"people: {{ list: {{ method: get, path: /people, response_path: items, {paging(config)} }} }}"
        connector = f"base_url: https://api.example.com/v1\nresources:\n  {people}\n"
        rows = [{**ROWS, "next": "n2", "back": "b0"}, {"items": [{"id": 3}], "back": "b1"}]
        exchanges = [("GET", "/people", rows[0]), ("GET", "/people?after=n2", rows[1])]
        return make({CONNECTOR: connector, CRM_FILE: None, RAW: recorded("people.list", exchanges)})

    def paging(config: str) -> str:
        return f"pagination: {{ format: cursor, config: {config} }}"

    back = ", prev_cursor_field: \"back != 'b0' ? back\""
    suite(workspace(back), "people.list", update=True)
    golden = json.loads((workspace(back).root / RAW_GOLDEN).read_text())
    assert golden["previous"] == [None, "b1"]
    assert said(suite(workspace(back), "people.list")) == []
    for other in ("", ", prev_cursor_field: back"):
        reports = suite(workspace(other), "people.list")
        assert said(reports) == [("TST106", f"{RAW_GOLDEN}:1")]
    assert reports[0].all_findings[0].message == 'prev_cursor of page 1 is "b0", but null in the golden'
    suite(workspace(""), "people.list", update=True)
    assert "previous" not in json.loads((workspace("").root / RAW_GOLDEN).read_text())


def test_headers_that_a_mapping_makes_are_kept_and_compared(make: Callable[..., Workspace], listing: Any) -> None:
    listing["call"] = {"query": {"page": 3}}
    mapped = "request_header_mapping: { X-Pages: query.page, X-Api-Key: query.page, X-None: query.none }"

    def workspace(mapping: str) -> Workspace:
        return make({LIST: listing, CRM_FILE: changed("response_mapping:", f"{mapping}\n      response_mapping:")})

    suite(workspace(mapped), "contacts.list", update=True)
    golden = json.loads((workspace(mapped).root / GOLDEN).read_text())
    [request] = golden["requests"]
    assert request["headers"] == {"x-pages": "3"}
    assert request["credentials"] == {"authorization": "Bearer [credential]", "x-api-key": "[not shown]"}
    assert said(suite(workspace(mapped), "contacts.list")) == []
    reports = suite(workspace(mapped.replace("query.page", "query.page + 1", 1)), "contacts.list")
    assert said(reports) == [("TST102", f"{GOLDEN}:1")]
    assert 'headers is {"x-pages": "4"}, but {"x-pages": "3"} in the golden' in reports[0].all_findings[0].message


def test_declared_headers_are_kept_and_compared_but_not_a_credentials(
    make: Callable[..., Workspace], listing: Any
) -> None:
    text = (make({}).root / "connectors/shop/connector.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("path: /people, ", "path: /people, headers: { X-Fields: all, X-Tenant: '{{context.region}}' }, "),
        ("authorization: { format: bearer }", "authorization: { format: header, config: { name: X-Key, value: '7' } }"),
        ("resources:", "headers: { x-version: '1', X-Secret: open, x-key: replaced, X-Id: '{{$uuid()}}' }\nresources:"),
    ):
        text = text.replace(old, new, 1)
    mapped = """request_header_mapping: "{'X-Day': $now()}"\n      response_mapping:"""
    files = {LIST: {**listing, "context": {"region": "eu"}}, CRM_FILE: changed("response_mapping:", mapped)}
    files["connectors/shop/connector.yaml"] = text
    workspace = make(files)
    suite(workspace, "contacts.list", update=True)
    golden = json.loads((workspace.root / GOLDEN).read_text())
    headers = golden["requests"][0]["headers"]
    assert {**headers, "x-id": ""} == {
        "x-day": "2026-01-02T03:04:05.000Z", "x-fields": "all", "x-id": "", "x-tenant": "eu", "x-version": "1",
    }  # fmt: skip
    assert said(suite(workspace, "contacts.list")) == []
    more = files[CRM_FILE].replace("list:", "list:\n      path_mapping: { more: \"'1'\" }", 1)
    assert said(suite(make({**files, CRM_FILE: more}), "contacts.list")) == []  # another mapping leaves chance alone
    files["connectors/shop/connector.yaml"] = text.replace("x-version: '1'", "x-version: '2'")
    assert said(suite(make(files), "contacts.list")) == [("TST102", f"{GOLDEN}:1")]


def test_a_recorded_vendor_error_is_a_result_like_any_other(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    answer = (404, {"message": "no people"})
    workspace = make({LIST: recorded("crm.contacts.list", [("GET", "/people", answer)])})
    reports = suite(workspace, "contacts.list")
    assert said(reports) == [("RUN101", f"{LIST}:1")]
    [finding] = reports[0].all_findings
    assert finding.hint == "if this error is the expected result, save it: conn test crm.contacts.list --update"
    suite(workspace, "contacts.list", update=True)
    assert json.loads((workspace.root / GOLDEN).read_text())["error"] == {
        "kind": "not_found",
        "message": "no people",
        "status": 404,
    }
    assert said(suite(workspace, "contacts.list")) == []
    make({LIST: recorded("crm.contacts.list", [("GET", "/people", (409, {"message": "busy"}))])})
    assert said(suite(workspace, "contacts.list")) == [("TST104", f"{GOLDEN}:1")]


def test_a_recorded_refusal_is_accepted_like_any_other_error(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    """No login changes what a recording contains."""
    workspace = make({LIST: recorded("crm.contacts.list", [("GET", "/people", (401, {"message": "no"}))])})
    [finding] = suite(workspace, "contacts.list")[0].all_findings
    assert (finding.code, "conn test crm.contacts.list --update" in finding.hint) == ("RUN201", True)
    assert "log" not in finding.hint
    suite(workspace, "contacts.list", update=True)
    assert said(suite(workspace, "contacts.list")) == []


def test_a_field_without_a_value_is_reported_with_the_fields_of_the_response(
    make: Callable[..., Workspace], listing: Any
) -> None:
    mapped = "first_name: response.name\n        email: response.email"
    workspace = make({LIST: listing, CRM_FILE: changed("first_name: response.name", mapped)})
    reports = suite(workspace, "contacts.list")
    assert ("MAP201", f"{CRM_FILE}:9") in said(reports)
    finding = next(f for f in reports[0].all_findings if f.code == "MAP201")
    assert finding.message == "email is empty in 2 of 2 records"
    assert 'it reads response.email (did you mean "mail"?), but the response has id, name, mail' in finding.hint


def test_a_field_that_an_override_removes_is_not_reported_as_empty(
    make: Callable[..., Workspace], listing: Any
) -> None:
    workspace = make({LIST: listing})
    suite(workspace, "contacts.list", update=True)
    removed = "{unified: {crm: {contacts: {list: {response_mapping: {first_name: null}}}}}}"
    workspace = make({LIST: listing, "accounts/acme.yaml": f"connector: shop\noverride: {removed}\n"})
    assert said(suite(workspace, "contacts.list", accounts=("acme",))) == []


def test_an_account_with_other_requests_is_advised_to_record_its_own(
    make: Callable[..., Workspace], listing: Any
) -> None:
    asks = "{resources: {people: {list: {query: {tier: gold}}}}}"
    workspace = make({LIST: listing, "accounts/acme.yaml": f"connector: shop\noverride: {asks}\n"})
    reports = suite(workspace, "contacts.list", accounts=("acme",))
    hint = next(f for f in reports[0].all_findings if f.code == "REC003").hint
    assert hint.endswith("record its own: conn record crm.contacts.list --account acme --own")


def test_a_record_that_violates_its_model_is_reported_on_the_line_of_the_field(
    make: Callable[..., Workspace], listing: Any
) -> None:
    workspace = make({LIST: listing, CRM_FILE: changed("id: $string(response.id)", "id: response.id")})
    reports = suite(workspace, "contacts.list")
    assert ("MAP301", f"{CRM_FILE}:7") in said(reports)
    unknown = changed("first_name: response.name", "given: response.name")
    reports = suite(make({CRM_FILE: unknown}), "contacts.list")
    assert "MAP301" in [code for code, _ in said(reports)]


@pytest.mark.parametrize(
    ("field", "severity", "code"),
    [("score", Severity.INFO, ""), ("emial", Severity.ERROR, "MAP301"), ("frist_name", Severity.ERROR, "MAP301")],
)
@pytest.mark.parametrize("level", ["account", "environment"])
def test_a_field_that_only_an_override_adds_is_no_fault_of_its_records(
    make: Callable[..., Workspace], listing: Any, *, field: str, severity: Severity, code: str, level: str
) -> None:
    override = f"{{ crm.contacts.response_mapping.{field}: response.mail }}"
    at_account, at_environment = (override, "{}") if level == "account" else ("{}", override)
    workspace = make(
        {
            LIST: listing,
            "accounts/acme.yaml": f"connector: shop\noverride: {at_account}\n",
            "environments/production.yaml": f"connectors: {{ shop: {at_environment} }}\n",
        }
    )
    [report] = suite(workspace, "contacts.list", accounts=("acme",))
    records = [record for judgement in report.judgements for record in judgement.outcome.records]
    assert [record[field] for record in records] == ["a@x.org", "b@x.org"]
    assert {finding.code for finding in report.all_findings} & {"MAP301"} == ({code} if code else set())
    unknown = [one for one in lint_paths(workspace.root, []).findings if one.code == "MAP303"]
    assert {one.severity for one in unknown} == {severity}
    expected = "to keep to the model, set crm.contacts.response_mapping.custom_fields.score instead"
    assert {one.hint == expected for one in unknown} == {severity is Severity.INFO}


def test_a_record_without_a_model_is_reported(make: Callable[..., Workspace], recorded: Callable[..., Any]) -> None:
    crm = {"resources": {"gadgets": {"list": {"resource": "people", "response_mapping": {"id": "response.id"}}}}}
    file = "connectors/shop/recordings/crm.gadgets.list.json"
    workspace = make({CRM_FILE: crm, file: recorded("crm.gadgets.list", [("GET", "/people", ROWS)])})
    assert ("MAP302", f"{file}:1") in said(suite(workspace, "gadgets.list"))


def test_an_own_model_of_the_workspace_is_used(make: Callable[..., Workspace], recorded: Callable[..., Any]) -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"id": {"type": "string"}},
    }
    crm = {"resources": {"gadgets": {"list": {"resource": "people", "response_mapping": {"id": "response.id"}}}}}
    file = "connectors/shop/recordings/crm.gadgets.list.json"
    files = {
        CRM_FILE: crm,
        file: recorded("crm.gadgets.list", [("GET", "/people", ROWS)]),
        "models/crm/gadget.schema.json": schema,
    }
    reports = suite(make(files), "gadgets.list")
    assert [f.message for f in reports[0].all_findings if f.code == "MAP301"] == [
        "id is not of type string (2 of 2 records, first id=1)"
    ]


@pytest.mark.parametrize(
    ("answer", "is_named"), [({"data": {"id": "1"}}, True), ({"id": 1}, False), ({"id": "1"}, False)]
)
def test_a_record_below_the_key_that_only_lists_look_in_is_explained(
    make: Callable[..., Workspace], recorded: Callable[..., Any], answer: Any, *, is_named: bool
) -> None:
    """A list inherits `response_path` of the connector, and get does not."""
    gadgets = {"list": {"path": "/gadgets"}, "get": {"path": "/gadgets/{{id}}"}}
    files = {
        CONNECTOR: {
            "base_url": "https://api.example.com/v1",
            "response_path": "data",
            "resources": {"gadgets": gadgets},
        },
        CRM_FILE: {"resources": {"gadgets": {"get": {"response_mapping": {"id": "response.id"}}}}},
        "connectors/shop/recordings/crm.gadgets.get.json": {
            **recorded("crm.gadgets.get", [("GET", "/gadgets/1", answer)]),
            "call": {"id": "1"},
        },
        "models/crm/gadget.schema.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"id": {"type": "string"}},
            "required": ["id"],
        },
    }
    reports = suite(make(files), "crm.gadgets.get")
    hints = [finding.hint for finding in reports[0].all_findings if finding.code == "MAP301"]
    expected = "set response_path of gadgets.get: only lists inherit the connector's, which is data"
    assert any(hint.endswith(expected) for hint in hints) == is_named


def test_a_response_path_without_a_match_is_reported_on_its_line(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    workspace = make({LIST: recorded("crm.contacts.list", [("GET", "/people", {"itms": []})])})
    assert said(suite(workspace, "contacts.list")) == [("MAP101", "connectors/shop/connector.yaml:7")]


def test_a_failing_expression_is_reported_where_it_fails(make: Callable[..., Workspace], listing: Any) -> None:
    failing = "first_name: $number(response.name)"
    workspace = make({LIST: listing, CRM_FILE: changed("first_name: response.name", failing)})
    reports = suite(workspace, "contacts.list")
    [finding] = [finding for finding in reports[0].all_findings if finding.code == "MAP204"]
    assert (finding.span and finding.span.file, finding.span and finding.span.line) == (CRM_FILE, 8)
    assert finding.path == "crm.contacts.list.response_mapping.first_name"
    assert finding.severity is Severity.ERROR
    assert "first_name fails on" in finding.message
    assert "MAP201" not in [code for code, _ in said(reports)]  # it fails on every record


def test_an_id_that_fails_fails_the_operation(make: Callable[..., Workspace], listing: Any) -> None:
    workspace = make({LIST: listing, CRM_FILE: changed("id: $string(response.id)", "id: $number(response.name)")})
    assert said(suite(workspace, "contacts.list")) == [("EXP301", f"{CRM_FILE}:7")]


def test_an_unresolved_template_is_reported_at_its_place(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    file = "connectors/shop/recordings/crm.contacts.get.json"
    workspace = make({file: recorded("crm.contacts.get", [("GET", "/people/1", {"id": 1})])})
    reports = suite(workspace, "contacts.get")
    assert said(reports) == [("EXP302", "connectors/shop/connector.yaml:8")]
    span = reports[0].all_findings[0].span
    assert span is not None
    line = (workspace.root / span.file).read_text().splitlines()[span.line - 1]
    assert line[span.column - 1 :].startswith("id}}")


def test_an_unrecorded_request_is_reported_with_the_nearest_recorded_one(
    make: Callable[..., Workspace], listing: Any
) -> None:
    workspace = make({LIST: {**listing, "call": {"query": {"limit": 3}}}})
    reports = suite(workspace, "contacts.list")
    assert said(reports) == [("REC003", f"{LIST}:1")]
    assert "size" in reports[0].all_findings[0].hint


def test_unused_exchanges_are_reported(make: Callable[..., Workspace], recorded: Callable[..., Any]) -> None:
    more = recorded("crm.contacts.list", [("GET", "/people", ROWS), ("GET", "/people?after=2", ROWS)])
    assert ("REC103", f"{LIST}:1") in said(suite(make({LIST: more}), "contacts.list"))


def test_an_operation_without_a_recording_is_reported_on_its_line(make: Callable[..., Workspace]) -> None:
    reports = suite(make(), "contacts.list")
    assert said(reports) == [("REC101", f"{CRM_FILE}:4")]
    assert not reports[0].recorded


def test_a_broken_golden_is_reported_and_can_be_written_again(make: Callable[..., Workspace], listing: Any) -> None:
    for text in ("<<<<<<< ours\n", "[]", '{"records": {"a": 1}}', '{"requests": ["x"]}'):
        workspace = make({LIST: listing, GOLDEN: text})
        reports = suite(workspace, "contacts.list", update=True)
        assert [code for code, _ in said(reports)] == []
        assert said(suite(workspace, "contacts.list")) == []
        make({GOLDEN: text})
        assert [code for code, _ in said(suite(workspace, "contacts.list"))] == ["TST101"]


def test_an_operation_with_a_fault_fails_alone(make: Callable[..., Workspace], recorded: Callable[..., Any]) -> None:
    listing = recorded("crm.contacts.list", [("GET", "/people", ROWS)])
    override = "connector: shop\noverride: { resources: { people: { get: { metod: post } } } }\n"
    workspace = make({LIST: listing, "accounts/acme.yaml": override})
    suite(workspace, "contacts.list", update=True)
    reports = {report.name.text: report for report in suite(workspace, accounts=("acme",))}
    assert [finding.code for finding in reports["people.get"].all_findings] == ["CFG101"]
    assert reports["people.get"].failed
    assert not reports["crm.contacts.list"].failed


def test_nothing_to_test_and_unknown_names_are_usage_errors(make: Callable[..., Workspace]) -> None:
    workspace = make()
    with pytest.raises(UsageError, match="contact"):
        suite(workspace, "contact.list")
    with pytest.raises(UsageError):
        suite(workspace, accounts=("nobody",))
    with pytest.raises(UsageError, match="no operation to test"):
        suite(make({CRM_FILE: "resources: {}\n", "connectors/shop/connector.yaml": EMPTY}))


# --- three levels ---


def test_an_overridden_result_is_told_apart_from_a_changed_one(make: Callable[..., Workspace], listing: Any) -> None:
    suite(make({LIST: listing}), "contacts.list", update=True)
    override = "connector: shop\noverride:\n  unified:\n    crm:\n      contacts:\n        list:\n"
    override += "          response_mapping:\n            first_name: $uppercase(response.name)\n"
    workspace = make({"accounts/acme.yaml": override})
    [report] = suite(workspace, "contacts.list", accounts=("acme",))
    assert report.judgements[0].golden == "overridden"
    assert report.judgements[0].places == {"first_name": "accounts/acme.yaml:8"}
    assert said([report]) == []
    # A change below is not the override's doing.
    workspace = make({CRM_FILE: changed("id: $string(response.id)", "id: '\"x\" & response.id'")})
    [report] = suite(workspace, "contacts.list", accounts=("acme",))
    assert report.judgements[0].golden == "changed"
    assert "TST101" in [code for code, _ in said([report])]


def test_an_expression_over_a_whole_mapping_is_named_as_the_place(make: Callable[..., Workspace], listing: Any) -> None:
    suite(make({LIST: listing}), "contacts.list", update=True)
    override = "connector: shop\noverride:\n  unified:\n    crm:\n      contacts:\n        list:\n"
    override += "          response_mapping: |\n            { 'email': response.mail }\n"
    [report] = suite(make({"accounts/acme.yaml": override}), "contacts.list", accounts=("acme",))
    assert report.judgements[0].places == {"email": "accounts/acme.yaml:7"}
    assert report.judgements[0].golden == "overridden"


def test_a_golden_of_an_account_is_kept_only_where_it_differs(make: Callable[..., Workspace], listing: Any) -> None:
    workspace = make({LIST: listing, "accounts/plain.yaml": "connector: shop\n"})
    suite(workspace, "contacts.list", accounts=("plain",), update=True)
    suite(workspace, "contacts.list", accounts=("acme",), update=True)
    expected = workspace.root / "connectors/shop/expected"

    def written() -> list[str]:
        return sorted(path.relative_to(expected).as_posix() for path in expected.rglob("*.json"))

    assert written() == ["crm.contacts.list.json"]
    mapped = {"response_mapping": {"email": "response.mail"}}
    override = {"unified": {"crm": {"contacts": {"list": mapped}}}}
    workspace = make({"accounts/acme.yaml": {"connector": "shop", "override": override}})
    suite(workspace, "contacts.list", accounts=("acme", "plain"), update=True)
    assert written() == ["acme/crm.contacts.list.json", "crm.contacts.list.json"]
    workspace = make({"accounts/acme.yaml": "connector: shop\n"})
    suite(workspace, "contacts.list", accounts=("acme",), update=True)
    assert written() == ["crm.contacts.list.json"]


def test_updating_hides_no_fault_of_the_author(
    make: Callable[..., Workspace], listing: Any, recorded: Callable[..., Any]
) -> None:
    faults = [
        {CRM_FILE: changed("first_name: response.name", "first_name: $number(response.name)")},
        {CRM_FILE: changed("id: $string(response.id)", "id: response.id")},
        {LIST: recorded("crm.contacts.list", [("GET", "/people", {"itms": []})])},
        {LIST: {**listing, "call": {"query": {"limit": 3}}}},
    ]
    for fault in faults:
        workspace = make({LIST: listing, CRM_FILE: changed("id:", "id:"), **fault})
        reports = suite(workspace, "contacts.list", update=True)
        assert reports[0].failed
        assert not (workspace.root / GOLDEN).exists()


def test_a_golden_never_holds_a_secret(make: Callable[..., Workspace], listing: Any) -> None:
    redactor = Redactor()
    redactor.add("Ada-the-secret")
    listing["exchanges"][0]["response"]["body"]["items"][0]["name"] = "Ada-the-secret"
    [report] = suite(make({LIST: listing}), "contacts.list")
    with pytest.raises(ConfigurationError, match="secret"):
        update_golden(report.judgements[0], redactor)
    assert not report.judgements[0].case.golden.exists()


@pytest.mark.parametrize(
    ("expression", "place"),
    [
        ("$formatNumber(12.345, '#.00')", f"{CRM_FILE}:8"),  # they round differently
        ("$replace(response.name, /x*/, '-') = 'x' ? 'a' : 'b'", f"{CRM_FILE}:8"),  # one refuses the empty match
        ("$parseInteger(response.name, '0')[$]", f"{CRM_FILE}:8"),  # one fails, the other has no value
    ],
)
def test_a_mapping_that_is_not_portable_is_reported_on_request(
    make: Callable[..., Workspace], listing: Any, expression: str, place: str
) -> None:
    workspace = make({LIST: listing})
    assert "MAP401" not in [code for code, _ in said(suite(workspace, "contacts.list", cross_check=True))]
    workspace = make({CRM_FILE: changed("first_name: response.name", f'first_name: "{expression}"')})
    assert ("MAP401", place) in said(suite(workspace, "contacts.list", cross_check=True))
    assert "MAP401" not in [code for code, _ in said(suite(workspace, "contacts.list"))]


def test_an_environment_never_makes_the_shared_golden(make: Callable[..., Workspace], listing: Any) -> None:
    mapped = {"unified": {"crm": {"contacts": {"list": {"response_mapping": {"email": "response.mail"}}}}}}
    files = {LIST: listing, "environments/staging.yaml": {"connectors": {"shop": mapped}}}
    workspace = make({**files, "accounts/acme.yaml": None})
    (workspace.root / "accounts").mkdir(exist_ok=True)
    reports = suite(workspace, "contacts.list", connector="shop", environment="staging", update=True)
    assert [f.code for report in reports for f in report.all_findings] == []
    assert "email" not in json.loads((workspace.root / GOLDEN).read_text())["records"][0]
    [report] = suite(workspace, "contacts.list", connector="shop", environment="staging")
    assert report.judgements[0].golden == "overridden"


def test_a_shared_golden_holds_nothing_of_the_accounts(make: Callable[..., Workspace], listing: Any) -> None:
    """Accounts with different context do not write the shared golden in turn."""
    files = {
        LIST: listing,
        CRM_FILE: changed("first_name: response.name", "first_name: response.name & context.region"),
        "accounts/us.yaml": "connector: shop\ncontext: { region: us }\n",
    }
    workspace = make(files)
    suite(workspace, "contacts.list", update=True)
    assert json.loads((workspace.root / GOLDEN).read_text())["records"][0]["first_name"] == "Ada"
    expected = workspace.root / "connectors/shop/expected"
    assert sorted(path.parent.name for path in expected.rglob("*.json")) == ["acme", "expected", "us"]
    assert said(suite(workspace, "contacts.list")) == []


def test_a_change_below_reaches_the_shared_golden_when_it_is_updated(
    make: Callable[..., Workspace], listing: Any
) -> None:
    workspace = make({LIST: listing, "accounts/plain.yaml": "connector: shop\n"})
    suite(workspace, "contacts.list", update=True)
    workspace = make({CRM_FILE: changed("first_name: response.name", "first_name: $uppercase(response.name)")})
    assert len(said(suite(workspace, "contacts.list"))) == 2
    suite(workspace, "contacts.list", update=True)
    expected = workspace.root / "connectors/shop/expected"
    assert [path.parent.name for path in expected.rglob("*.json")] == ["expected"]
    assert json.loads((workspace.root / GOLDEN).read_text())["records"][0]["first_name"] == "ADA"


def test_what_an_override_sets_is_not_laid_to_a_change_below(make: Callable[..., Workspace], listing: Any) -> None:
    suite(make({LIST: listing}), "contacts.list", update=True)
    override = "connector: shop\noverride:\n  unified:\n    crm:\n      contacts:\n        list:\n"
    override += "          response_mapping:\n            email: response.mail\n"
    text = changed("first_name: response.name", "first_name: $uppercase(response.name)")
    workspace = make({"accounts/acme.yaml": override, CRM_FILE: text})
    [report] = suite(workspace, "contacts.list", accounts=("acme",))
    assert [(finding.code, finding.message) for finding in report.all_findings] == [
        ("TST101", "first_name changed in 2 records")
    ]
    # An override that shields the field keeps the account's result as it was; the golden's is broken all the same.
    workspace = make({"accounts/acme.yaml": override + "            first_name: response.name\n", CRM_FILE: text})
    [report] = suite(workspace, "contacts.list", accounts=("acme",))
    assert report.judgements[0].golden == "overridden"
    assert said([report]) == [("TST101", f"{CRM_FILE}:8")]


def test_a_golden_holds_that_a_listing_is_incomplete(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    def workspace(total: int) -> Workspace:
        config = "{ cursor_field: next, cursor_param: after, total_field: total }"
        people = (
            "people: { list: { method: get, path: /people, response_path: items, "
            f"pagination: {{ format: cursor, config: {config} }} }} }}"
        )
        connector = f"base_url: https://api.example.com/v1\nresources:\n  {people}\n"
        answer = {**ROWS, "next": None, "total": total}
        return make({CONNECTOR: connector, CRM_FILE: None, RAW: recorded("people.list", [("GET", "/people", answer)])})

    suite(workspace(2), "people.list", update=True)
    assert "completeness" not in json.loads((workspace(2).root / RAW_GOLDEN).read_text())
    reports = suite(workspace(3), "people.list")
    assert said(reports) == [("TST107", f"{RAW_GOLDEN}:1")]
    finding = reports[0].all_findings[0]
    assert finding.message == "the listing is incomplete (2 of 3 records arrived), but complete in the golden"
    suite(workspace(3), "people.list", update=True)
    golden = json.loads((workspace(3).root / RAW_GOLDEN).read_text())
    assert golden["completeness"] == {"state": "incomplete", "reason": "2 of 3 records arrived"}
    [report] = suite(workspace(3), "people.list")  # accepted, but a live run ends the same way
    assert [(finding.code, finding.severity.name) for finding in report.all_findings] == [("PAG110", "WARNING")]
    assert said(suite(workspace(2), "people.list")) == [("TST107", f"{RAW_GOLDEN}:1")]


def test_a_golden_holds_that_max_pages_stopped_a_listing(
    make: Callable[..., Workspace], recorded: Callable[..., Any]
) -> None:
    config = "{ cursor_field: next, cursor_param: after, max_pages: 1 }"
    people = f"people: {{ list: {{ method: get, path: /people, pagination: {{ format: cursor, config: {config} }} }} }}"
    connector = f"base_url: https://api.example.com/v1\nresources:\n  {people}\n"
    connector = connector.replace("path: /people,", "path: /people, response_path: items,")
    raw = recorded("people.list", [("GET", "/people", {**ROWS, "next": "b"})])
    workspace = make({CONNECTOR: connector, CRM_FILE: None, RAW: raw})
    suite(workspace, "people.list", update=True)
    golden = json.loads((workspace.root / RAW_GOLDEN).read_text())
    assert golden["completeness"] == {"state": "stopped", "reason": "`max_pages` (1) was reached"}
    assert said(suite(workspace, "people.list")) == []


ARCHIVE = """\
base_url: https://api.example.com/v1
credentials: { format: bearer }
authorization: { format: bearer }
resources:
  people:
    list: { method: get, path: /people, response_path: items }
  archive:
    list: { method: get, path: /archive, response_path: items }
    old: { method: get, path: /old, response_path: items }
"""
ACCOUNT = "accounts/acme.yaml"
OWN = "connectors/shop/recordings/acme/crm.contacts.list.json"


class TestAnOverrideThatReroutes:
    """Findings are on the override's line: the base was written for another answer."""

    @pytest.fixture
    def findings(self, make: Callable[..., Workspace], recorded: Callable[..., Any]) -> Any:
        def go(override: str, path: str, answer: Any, status: int = 200) -> list[Any]:
            own = recorded("crm.contacts.list", [("GET", path, (status, answer))], account="acme")
            workspace = make(
                {
                    CONNECTOR: ARCHIVE,
                    ACCOUNT: f"connector: shop\noverride:\n  {override}\n",
                    OWN: own,
                }
            )
            [report] = suite(workspace, "contacts.list", accounts=("acme",))
            return [finding for finding in report.all_findings if finding.code not in ("TST103", "PAG104")]

        return go

    @pytest.mark.parametrize(
        ("override", "path"),
        [
            ("unified: { crm: { contacts: { list: { resource: archive } } } }", "/archive"),
            ("unified: { crm: { contacts: { list: { resource: archive, method: old } } } }", "/old"),
            ("resources: { people: { list: { path: /new } } }", "/new"),
        ],
    )
    @pytest.mark.parametrize(
        ("answer", "status", "code", "below"),
        [
            ({"rows": []}, 200, "MAP101", CONNECTOR),
            ({"message": "no"}, 404, "RUN101", OWN),
        ],
    )
    def test_it_is_blamed(  # noqa: PLR0917
        self, findings: Any, override: str, path: str, answer: Any, status: int, code: str, below: str
    ) -> None:
        found = findings(override, path, answer, status)
        [finding] = found
        assert (finding.code, finding.span.file, finding.span.line) == (code, ACCOUNT, 3)
        assert [span.file for span, _ in finding.related] == [below]

    def test_a_violation_of_the_model(self, findings: Any) -> None:
        reroute = "unified: { crm: { contacts: { list: { resource: archive } } } }"
        found = findings(reroute, "/archive", {"items": [{"ident": 1, "name": 7}]})
        assert {finding.code for finding in found} == {"MAP301", "MAP201"}
        assert {finding.span.file for finding in found} == {ACCOUNT}

    def test_a_route_that_leads_nowhere(self, findings: Any) -> None:
        nowhere = "unified: { crm: { contacts: { list: { resource: peoples } } } }"
        [finding] = findings(nowhere, "/people", {"items": []})
        assert (finding.code, finding.span.file, finding.path) == (
            "REF102",
            ACCOUNT,
            "crm.contacts.list.resource",
        )

    def test_a_request_that_nobody_recorded(self, findings: Any) -> None:
        [finding] = findings("resources: { people: { list: { query: { a: 1 } } } }", "/people", {"items": []})
        assert (finding.code, finding.span.file) == ("REC003", ACCOUNT)

    def test_what_fails_below_as_well_is_the_bases(
        self, make: Callable[..., Workspace], recorded: Callable[..., Any]
    ) -> None:
        override = "connector: shop\noverride: { unified: { crm: { contacts: { list: { method: list } } } } }\n"
        answer = recorded("crm.contacts.list", [("GET", "/people", {"rows": []})])
        workspace = make({ACCOUNT: override, LIST: answer})
        [report] = suite(workspace, "contacts.list", accounts=("acme",))
        [finding] = [finding for finding in report.all_findings if finding.code == "MAP101"]
        assert finding.span is not None and finding.span.file == CONNECTOR
