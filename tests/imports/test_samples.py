"""Samples of an import: invented values, pages that lead to each other, and the errors that a document describes."""

from typing import Any

import pytest

from conn_engine.analysis.drift.contract import Shape
from conn_import.inventing import invent_value, vary_record

TEXT = {"type": "string"}
CONTACT = {
    "type": "object",
    "required": ["id", "email"],
    "properties": {
        "id": {"type": "integer"},
        "email": TEXT,
        "first_name": {"type": ["string", "null"]},
        "state": {"type": "string", "enum": ["new", "old"]},
        "created_at": TEXT,
        "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "secret": {"type": "string", "writeOnly": True},
        "total": {"type": "integer", "readOnly": True, "minimum": 50},
    },
}
PAGE = {"type": "object", "properties": {"data": {"type": "array", "items": CONTACT}, "next_cursor": TEXT}}
CURSOR = {"name": "cursor", "in": "query", "schema": TEXT}


def responses(schema: dict[str, Any], *failures: str) -> dict[str, Any]:
    problem = {"type": "object", "properties": {"message": {"type": "string", "example": "No."}}}

    def build(found: dict[str, Any]) -> dict[str, Any]:
        return {"description": "", "content": {"application/json": {"schema": found}}}

    return {"200": build(schema), **{code: build(problem) for code in failures}}


@pytest.fixture
def made(imported, api):
    one = {"parameters": [{"name": "id", "in": "path", "required": True, "schema": TEXT}]}
    body = {"content": {"application/json": {"schema": CONTACT}}}
    paths = {
        "/contacts": {
            "get": {"parameters": [CURSOR], "responses": responses(PAGE, "429")},
            "post": {"requestBody": body, "responses": responses(CONTACT)},
        },
        "/contacts/{id}": {
            "get": {**one, "responses": responses(CONTACT, "4XX")},
            "delete": {**one, "responses": {"204": {"description": ""}}},
        },
        "/quiet/{id}": {"get": {**one, "responses": {"200": {"description": ""}}}},
    }
    return imported(api(paths), samples=True, models={"crm": {}}).imported


def test_an_invented_record_fits_its_schema_and_each_variant_is_another_one() -> None:
    shape = Shape.from_node(CONTACT)
    first, second = invent_value(shape), invent_value(shape, 1)
    assert "secret" not in first and first["total"] == 50 and first["code"] == "AAA"
    assert first["email"].endswith("@example.com") and first["created_at"].startswith("2026-01-01T")
    assert len(set(map(str, first.values()))) == len(first), "no two fields can be confused"
    assert all(first[name] != second[name] for name in ("id", "email", "first_name", "state"))


def test_a_sparse_record_has_what_is_required_and_null() -> None:
    assert invent_value(Shape.from_node(CONTACT), sparse=True) == {
        "id": 1001,
        "email": "nora@example.com",
        "first_name": None,
    }


def test_a_limit_beyond_every_number_and_an_identifier_of_odd_digits_are_taken_as_text() -> None:
    limits = {"minimum": 10**400, "maximum": float("inf")}
    huge = {"properties": {"id": {"type": "string", "example": "\u00b2"}, "size": {"type": "integer", **limits}}}
    assert invent_value(Shape.from_node(huge), 1) == {"id": "\u00b21", "size": 2}


def test_what_is_sent_has_nothing_that_only_a_response_has() -> None:
    sent = invent_value(Shape.from_node(CONTACT), sent=True)
    assert "total" not in sent and "secret" in sent


def test_the_records_of_an_example_get_other_identifiers() -> None:
    record = {"id": 7, "uuid": "ab3f", "name": "Birch"}
    assert vary_record(record, 1) == {"id": 8, "uuid": "ab30", "name": "Birch"}
    assert vary_record(record, 0) == record


def test_a_sample_has_the_account_value_of_its_path_in_the_context(imported, api) -> None:
    account = {"name": "accountId", "in": "path", "required": True, "schema": TEXT, "example": "A 1"}
    names = ("contacts", "notes", "tags", "hooks", "lists")
    read = {"get": {"parameters": [account], "responses": responses(PAGE)}}
    made = imported(api({f"/accounts/{{accountId}}/{name}": read for name in names}), samples=True).imported
    found = [one for one in made.recordings if one.operation.endswith("contacts.list")]
    assert [(one.context, one.exchanges[0].request.url, one.call.params) for one in found] == [
        ({"account_id": "A 1"}, "https://api.t.example/accounts/A%201/contacts", {})
    ]


def test_a_sample_has_no_value_of_a_secret_in_its_path(imported, api) -> None:
    token = {"name": "token", "in": "path", "required": True, "schema": TEXT, "example": "open-sesame"}
    read = {"get": {"parameters": [token], "responses": responses(PAGE)}}
    (found,) = imported(api({"/bot{token}/contacts": read}), samples=True).imported.recordings
    assert found.call.params == {"token": "[redacted]"}
    assert found.exchanges[0].request.url == "https://api.t.example/bot[redacted]/contacts"


def test_every_operation_that_is_described_has_a_sample(made) -> None:
    found = {one.operation: one.exchanges[-1] for one in made.recordings}
    assert set(found) == {"contacts.list", "contacts.create", "contacts.get", "contacts.delete"}
    assert found["contacts.delete"].response.status == 204
    assert found["contacts.create"].request.body["email"] == "nora@example.com"


def test_pages_lead_to_each_other_and_the_last_one_leads_nowhere(made) -> None:
    rows = {(one.operation, one.scenario): one.responses for one in made.scenarios}
    pages = [page.body for page in rows["contacts.list", "several_pages"]]
    assert [page["next_cursor"] for page in pages] == ["page-2", "page-3", None]
    assert len({page["data"][0]["id"] for page in pages}) == 3
    assert rows["contacts.list", "empty"][0].body["data"] == []


def test_only_errors_that_the_document_describes_are_made(made) -> None:
    failures = {
        (one.operation, one.scenario): one.responses[0] for one in made.scenarios if one.responses[0].status >= 400
    }
    assert {key: response.status for key, response in failures.items()} == {
        ("contacts.list", "rate_limited"): 429,
        ("contacts.get", "not_found"): 404,
    }
    assert failures["contacts.list", "rate_limited"].body == {"message": "No."}


@pytest.mark.parametrize(
    ("name", "mapped"),
    [("updated_since", True), ("filter[modified_after]", True), ("minUpdatedAt", True), ("created_after", False)],
)
def test_a_parameter_of_the_earliest_change_is_proposed(imported, api, name: str, mapped: bool) -> None:
    models = {"crm": {"contact": {"type": "object", "properties": dict.fromkeys(("id", "email", "created_at"), TEXT)}}}
    parameter = {"name": name, "in": "query", "schema": TEXT}
    paths = {"/contacts": {"get": {"parameters": [parameter], "responses": responses(PAGE, "429")}}}
    made = imported(api(paths), models=models)
    assert (f"{name}" in made.imported.files["unified/crm.yaml"]) is mapped
    assert made.data["rate_limit"] == {"limited_when": "status = 429"}


def test_a_parameter_that_most_operations_require_is_the_accounts(imported, api) -> None:
    parameters = [{"name": "login", "in": "query", "required": True, "schema": TEXT}]
    paths = {f"/things{n}": {"get": {"parameters": parameters, "responses": responses(PAGE)}} for n in range(5)}
    made = imported(api(paths), samples=True)
    assert made.data["fields"] == [{"name": "login", "description": "Sent as login"}]
    assert made.imported.recordings[0].exchanges[0].request.query == {"login": "example"}
    paths.popitem()
    assert "fields" not in imported(api(paths)).data
