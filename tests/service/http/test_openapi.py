"""The OpenAPI document of an account: valid, exact, and what requests are checked against."""

import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, get_args

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from service_bench import CONNECTOR, Bench, open_bench

from conn_cli.console import App
from conn_cli.main import execute
from conn_cli.scaffold import copy_example
from conn_engine.config import load_workspace
from conn_service.http.openapi import build_openapi
from conn_service.http.problems import KINDS, STATUSES, ProblemKind
from conn_service.mcp.resource_descriptions import describe_resource

OVERRIDE = """\
override:
  resources: { people: { find: { method: get, path: /people, response_path: items } } }
  unified:
    crm:
      companies:
        get: { resource: people, method: find, response_mapping: { id: $string(response.id), name: response.name } }
      contacts:
        list: { query_mapping: { owner: query.owner } }
        get: { response_mapping: { vip: response.vip } }
        merge: { enabled: false }
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with open_bench(tmp_path_factory.mktemp("service"), override=OVERRIDE) as made:
        yield made


@pytest.fixture(scope="module")
def document(bench: Bench) -> Any:
    return bench.ask("GET", "/openapi.json").json()


def names(document: Any, operation: Any) -> list[str]:
    parameters = [
        document["components"]["parameters"][parameter["$ref"].rpartition("/")[2]] if "$ref" in parameter else parameter
        for parameter in operation["parameters"]
    ]
    return [parameter["name"] for parameter in parameters]


def test_the_documents_of_every_account_of_the_example_are_valid(tmp_path: Path) -> None:
    copy_example(tmp_path / "tour")
    workspace = load_workspace(tmp_path / "tour")
    versions = set()
    for account in workspace.accounts():
        document = build_openapi(workspace.effective(account=account), account)
        OpenAPIV31SpecValidator(document).validate()
        assert document == build_openapi(load_workspace(workspace.root).effective(account=account), account)
        versions.add(document["info"]["version"])
        identifiers = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
        assert len(identifiers) == len(set(identifiers)) > 5
    assert len(versions) == len(workspace.accounts())


def test_an_operation_whose_route_leads_nowhere_is_described(tmp_path: Path) -> None:
    target = "{{ query.kind = 'vip' ? 'people' : 'nobody' }}"
    route = f'resource: "{target}", response_mapping: {{ id: $string(response.id) }}'
    methods = {"list": "", "create": ", request_body_mapping: { name: body.first_name }", "merge": ""}
    resource = "".join(f"    {method}: {{ {route}{more} }}\n" for method, more in methods.items())
    files = {
        "conn.yaml": "version: 1\n",
        "connectors/shop/connector.yaml": CONNECTOR.format(url="https://shop.example", host="shop.example"),
        "connectors/shop/unified/crm.yaml": f"resources:\n  contacts:\n{resource}",
        "accounts/acme.yaml": "connector: shop\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    effective = load_workspace(tmp_path).effective(account="acme")
    document = build_openapi(effective, "acme")
    OpenAPIV31SpecValidator(document).validate()
    listing, merge = document["paths"].values()
    assert (list(listing), list(merge)) == (["get", "post"], ["post"])
    assert "kind" in names(document, listing["get"])
    described = json.loads(describe_resource(effective, "crm/contacts", list(methods)))
    assert [*described["operations"], *described["methods"]] == list(methods)


def test_an_operation_has_the_parameters_that_it_reads(document: Any) -> None:
    OpenAPIV31SpecValidator(document).validate()
    paths = document["paths"]
    assert list(paths) == ["/unified/crm/companies/{id}", "/unified/crm/contacts", "/unified/crm/contacts/{id}"]
    _, listing, single = paths.values()
    assert (list(listing), list(single)) == (["get", "post"], ["get", "patch", "delete"])
    own = ["fields", "remote_data"]
    assert names(document, listing["get"]) == ["Conn-Account", "limit", "cursor", *own, "owner", "updated_after"]
    assert names(document, listing["post"]) == ["Conn-Account", "Idempotency-Key", *own]
    assert names(document, single["get"]) == ["id", "Conn-Account", *own]
    assert listing["get"]["responses"].keys() >= {"200", "400", "401", "404", "424", "429", "502"}
    assert "409" not in listing["get"]["responses"]
    assert "application/x-ndjson" in listing["get"]["responses"]["200"]["content"]


def test_records_have_the_models_fields_and_the_accounts(document: Any) -> None:
    contact = document["components"]["schemas"]["CrmContact"]
    assert contact["properties"]["email"]["description"] == "The primary e-mail address."
    assert "vip" in contact["properties"]
    assert (contact["required"], contact["additionalProperties"]) == (["id"], False)
    written = document["components"]["schemas"]["CrmContactsCreate"]["properties"]
    assert "not sent" not in written["first_name"]["description"]
    assert "not sent" in written["last_name"]["description"]


def test_it_is_the_accounts_own(bench: Bench, document: Any) -> None:
    every = bench.issue(accounts=())
    other = bench.ask("GET", "/openapi.json", token=every, headers={"conn-account": "globex"}).json()
    assert "/unified/crm/contacts/{id}/-/merge" in other["paths"]
    assert other["components"]["parameters"]["Account"]["schema"]["enum"] == ["globex"]
    for headers in ({"conn-account": "globex"}, {"conn-account": "nobody"}):
        assert bench.ask("GET", "/openapi.json", headers=headers).status_code == 404
    assert bench.client.get("/openapi.json").status_code == 401
    assert bench.ask("POST", "/openapi.json").status_code == 405


def test_it_is_written_once_for_a_revision(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bench.ask("GET", "/openapi.json")
    monkeypatch.setattr("conn_service.http.documents.build_openapi", lambda *_, **__: pytest.fail("written again"))
    again = bench.ask("GET", "/openapi.json", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert bench.ask("GET", "/openapi.json").content == first.content


@pytest.mark.parametrize(
    ("method", "path", "body", "text"),
    [
        ("POST", "", None, "the body is missing"),
        ("POST", "", [], "type"),
        ("POST", "", {"first_name": 5}, "body.first_name"),
        ("POST", "", {"frst_name": "A"}, 'did you mean "first_name"?'),
        ("POST", "", {"first_name": "A", "created_at": "yesterday"}, "body.created_at"),
        ("PATCH", "/1", {"emails": [{"e": 1}]}, "body.emails[0]"),
        ("GET", "?fields=id,emial", None, 'did you mean "email"?'),
        ("GET", "/1?limit=1", None, "limit"),
        ("GET", "?updated_after=%C2%85", None, "control characters"),
    ],
)
def test_what_differs_from_the_document_is_refused(bench: Bench, method: str, path: str, body: Any, text: str) -> None:
    before = len(bench.vendor.arrived)
    response = bench.ask(method, f"/unified/crm/contacts{path}", body)
    assert (response.status_code, response.json()["kind"]) == (400, "invalid_request")
    assert text in json.dumps(response.json(), ensure_ascii=False).replace('\\"', '"')
    assert len(bench.vendor.arrived) == before


def test_every_kind_of_problem_is_described() -> None:
    known = {kind for part in get_args(ProblemKind) for kind in get_args(part)}
    assert known == KINDS.keys()
    assert {kind for _, kinds in STATUSES.values() for kind in kinds} == known


@pytest.mark.parametrize("path", ["/contacts/", "/contacts/%FF", "/contacts/%2E", "//contacts", "/contacts/a%0A"])
def test_a_path_is_read_strictly(bench: Bench, path: str) -> None:
    response = bench.ask("GET", f"/unified/crm{path}")
    assert (response.status_code, response.json()["kind"]) == (404, "unknown")


def test_it_changes_with_the_account(bench: Bench) -> None:
    every = bench.issue(accounts=())
    two, globex = ({"conn-account": name} for name in ("two", "globex"))
    document = "connector: shop\n"
    bench.ask("PUT", "/admin/accounts/two", {"document": document}, token=every, headers={"if-none-match": "*"})
    first = bench.ask("GET", "/openapi.json", token=every, headers=two)
    other = bench.ask("GET", "/openapi.json", token=every, headers=globex).headers["etag"]
    document += "override: { unified: { crm: { contacts: { list: { query_mapping: { owner: query.owner } } } } } }\n"
    tag = bench.ask("GET", "/admin/accounts/two", token=every).headers["etag"]
    changed = bench.ask("PUT", "/admin/accounts/two", {"document": document}, token=every, headers={"if-match": tag})
    assert changed.status_code == 200, changed.text
    second = bench.ask("GET", "/openapi.json", token=every, headers={**two, "if-none-match": first.headers["etag"]})
    listings = [answer.json()["paths"]["/unified/crm/contacts"]["get"] for answer in (first, second)]
    assert ["owner" in names(first.json(), listing) for listing in listings] == [False, True]
    assert bench.ask("GET", "/openapi.json", token=every, headers=globex).headers["etag"] == other


def test_every_record_keeps_what_its_schema_requires(bench: Bench) -> None:
    assert bench.ask("GET", "/unified/crm/contacts/1?fields=email").json()["result"] == {"id": "1", "email": None}
    data = bench.ask("GET", "/unified/crm/contacts/1?fields=email&remote_data=true").json()
    assert data["result"]["remote_data"] == {"id": 1, "name": "P1", "mail": None}


def test_one_record_is_never_a_list(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench.ask("GET", "/unified/crm/companies/1").json() == {"result": {"id": "1", "name": "P1"}}
    monkeypatch.setattr(bench.vendor, "answer", lambda _: {"items": []})
    response = bench.ask("GET", "/unified/crm/companies/1")
    assert (response.status_code, response.json()["kind"]) == (404, "not_found")


def test_the_page_about_clients_shows_what_the_command_prints(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/how-to/generate-a-client.md").read_text("utf-8")
    line, shown = re.findall(r"^\$ conn (openapi .*)\n(.*)$", page, re.MULTILINE)[0]
    copy_example(tmp_path / "tour")
    out = StringIO()
    app = App(folder=tmp_path / "tour", stdout=out, stderr=StringIO(), environ={"CONN_NO_KEYRING": "1"})
    assert (execute(line.split(), app), out.getvalue()) == (0, f"{shown}\n")
    document = json.loads((tmp_path / "tour/openapi.json").read_text("utf-8"))
    assert document["paths"]["/unified/crm/contacts"]["get"]["operationId"] == "crm_contacts_list"
    assert "crm_contacts_list.sync(client=client" in page
