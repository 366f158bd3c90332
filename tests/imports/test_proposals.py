"""Proposals for unified mappings: what names, types, formats, descriptions and values tell, and how it is written."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from evaluating import usual

from conn_engine.diagnostics import Severity
from conn_engine.documents import parse
from conn_engine.expressions import expression
from conn_engine.lint import lint_paths
from conn_engine.lint.models import load_models
from conn_import import Options, import_source, read_source
from conn_import.proposals import (
    VendorField,
    VendorResource,
    list_record_fields,
    propose_fields,
    propose_resources,
)

CHOICE = {"type": "string", "enum": ["open", "won"]}
STRING, INTEGER, BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
CRM = load_models(())["crm"]


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def schema(**properties: Any) -> dict[str, Any]:
    return obj(id={"type": "string"}, **properties) | {"required": ["id"]}


def field(path: str, kind: str = "string", **more: Any) -> VendorField:
    return VendorField(tuple(path.split(".")), kind, **more)


def propose_one(target: dict[str, Any], *fields: VendorField, name: str = "x") -> tuple[str, float] | None:
    found = {one.field: one for one in propose_fields(fields, obj(**{name: target}), frozenset({"contact"}))}
    return (found[name].expression, found[name].confidence) if name in found else None


PERSON = obj(
    id=INTEGER,
    firstName=STRING,
    surname={"type": "string", "description": "Family name."},
    emailAddresses={"type": "array", "items": obj(value={"type": "string", "format": "email"}, label=STRING)},
    phone=STRING,
    contact_owner={"type": "object", "properties": {"id": INTEGER, "name": STRING}},
    createdOn={"type": "integer", "description": "Unix time in seconds."},
    modified={"type": "string", "format": "date-time"},
    address=obj(line1=STRING, city=STRING, zip=INTEGER, country_code=STRING),
    labels={"type": "array", "items": obj(id=INTEGER, name=STRING)},
    archived=BOOLEAN,
)
RECORD = {
    "id": 7, "firstName": "Ada", "surname": "Byron", "emailAddresses": [{"value": "ada@example.com", "label": "work"}],
    "phone": "+44 1", "contact_owner": {"id": 3, "name": "Bo"}, "createdOn": 1700000000,
    "modified": "2026-01-01T09:00:00Z", "address": {"line1": "1 Row", "city": "Ely", "zip": 12, "country_code": "GB"},
    "labels": [{"id": 1, "name": "vip"}], "archived": False,
}  # fmt: skip


@pytest.fixture
def document(api, answers) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": obj(firstName=STRING, surname=STRING,
            read={"type": "string", "readOnly": True}, owner_id=INTEGER, address=obj(city=STRING))}}}  # fmt: skip
    return api({
        "/people": {
            "get": {"responses": answers(obj(people={"type": "array", "items": PERSON}), example={"people": [RECORD]})},
            "post": {"requestBody": body, "responses": answers(PERSON)},
        },
        "/people/{id}": {"get": {"responses": answers(PERSON)}, "delete": {"responses": {"204": {}}}},
        "/notes": {"get": {"responses": answers({"type": "array", "items": obj(id=STRING, text=STRING)})}},
    })  # fmt: skip


def write(folder: Path, document: dict[str, Any], **options: Any) -> Any:
    (folder / "document.json").write_text(json.dumps(document))
    return import_source(read_source(folder / "document.json"), Options("vendor", **options))


def test_an_import_proposes_nothing_unless_it_is_asked_to(tmp_path: Path, document) -> None:
    made = write(tmp_path, document)
    assert not [name for name in made.files if name.startswith("unified/")] and made.proposed == {}


def test_an_import_with_a_model_has_the_operations_that_the_mapping_uses(tmp_path: Path, document) -> None:
    document["paths"]["/me"] = {"get": {"responses": {"200": {"description": ""}}}}
    document["paths"]["/files"] = {"post": {"requestBody": {"content": {"multipart/mixed": {}}}, "responses": {}}}
    made = write(tmp_path, document, models={"crm": CRM})
    data = parse(made.files["connector.yaml"], "connector.yaml").data
    assert list(data["resources"]) == ["people", "me"] and data["verify"] == "me.get"
    assert made.unused == [("notes.list", "GET /notes")] and made.left == 0
    assert "# 1 operation left out: the mapping to crm does not use them." in made.files["connector.yaml"]
    assert "| `notes` | `list` |" in made.files["README.md"]
    assert "- `--only people --only me --only notes`, with" in made.files["README.md"]
    assert made.losses == [("authorization: the document has no security scheme", [])]


@pytest.mark.parametrize("options", [{"only": ("*",), "models": {"crm": CRM}}, {"models": {}}, {"models": {"crm": {}}}])
def test_an_import_has_every_operation_if_that_is_chosen_or_no_mapping_is_proposed(
    tmp_path: Path, document, options: dict[str, Any]
) -> None:
    made = write(tmp_path, document, **options)
    assert list(parse(made.files["connector.yaml"], "").data["resources"]) == ["people", "notes"]
    assert made.unused == [] and "Left out" not in made.files["README.md"]


def test_the_proposal_of_an_import_lints_and_its_records_fit_the_model(tmp_path: Path, document) -> None:
    made = write(tmp_path, document, models={"crm": CRM})
    text = made.files["unified/crm.yaml"]
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    made.write(tmp_path / "connectors" / "vendor")
    assert [one for one in lint_paths(tmp_path, []).findings if one.severity is Severity.ERROR] == []
    contacts = parse(text, "crm.yaml").data["resources"]["contacts"]
    mappings = {"response_mapping", "request_body_mapping"}
    assert set(contacts) == {"list", "get", "create", "delete"} | mappings and contacts["list"]["resource"] == "people"
    mapping = contacts["response_mapping"]
    record = {name: expression(said).evaluate(usual({"response": RECORD})) for name, said in mapping.items()}
    assert record == {
        "id": "7", "first_name": "Ada", "last_name": "Byron", "name": "Ada Byron", "email": "ada@example.com",
        "emails": [{"email": "ada@example.com", "type": "work"}], "phone_numbers": [{"number": "+44 1"}],
        "addresses": [{"street_1": "1 Row", "city": "Ely", "postal_code": "12", "country": "GB"}], "owner_id": "3",
        "tags": ["vip"], "created_at": "2023-11-14T22:13:20.000Z", "updated_at": "2026-01-01T09:00:00Z",
        "deleted": False,
    }  # fmt: skip
    jsonschema.validate(record, CRM["contact"])
    body = contacts["request_body_mapping"]
    assert body["firstName"] == "body.first_name" and body["surname"] == "body.last_name" and "read" not in body
    assert expression(body["owner_id"]).evaluate(usual({"body": {"owner_id": "12"}})) == 12
    assert contacts["delete"]["response_mapping"] == {"id": "id", "deleted": "true"} | {"deleted": True}
    assert "first_name: response.firstName # 0.92: name firstName; type\n" in text
    assert "# Not found: title, department" in text


def test_an_update_without_a_record_replaces_the_mapping_and_sends_a_required_id(tmp_path: Path, document, api) -> None:
    body = {"schema": obj(id=INTEGER, firstName=STRING) | {"required": ["id"]}}
    request = {"required": True, "content": {"application/json": body}}
    document["paths"]["/people/{id}"]["put"] = {"requestBody": request, "responses": {"204": {"description": ""}}}
    text = write(tmp_path, document, models={"crm": CRM}).files["unified/crm.yaml"]
    contacts = parse(text, "crm.yaml").data["resources"]["contacts"]
    assert contacts["update"]["response_mapping"] == {"replace": {"id": "id"}}
    sent = contacts["update"]["request_body_mapping"]
    assert sent == {"id": "$number(id)", "firstName": "body.first_name"}
    assert "id" not in contacts["create"]["request_body_mapping"]


def test_the_same_document_gives_the_same_proposal(tmp_path: Path, document) -> None:
    once = write(tmp_path, document, models={"crm": CRM}).files["unified/crm.yaml"]
    document["paths"] = dict(reversed(document["paths"].items()))
    assert write(tmp_path, document, models={"crm": CRM}).files["unified/crm.yaml"] == once


@pytest.mark.parametrize(
    ("name", "target", "source", "expected"),
    [
        ("email", STRING, field("email"), "response.email"),
        ("email", STRING, field("attributes.contact_email"), "response.attributes.contact_email"),
        ("email", STRING, field("owner.email"), None),
        ("email", STRING, field("cf_12", format="email"), "response.cf_12"),
        ("email", STRING, field("cf_12", values=("ada@example.com", "bo@example.com")), "response.cf_12"),
        ("email", STRING, field("email", "boolean"), None),
        ("owner_id", STRING, field("owner.id", "integer"),
         "response.owner.id != null ? $string(response.owner.id) : response.owner.id"),
        ("amount", {"type": "number"}, field("value"),
         "response.value != null and response.value != '' ? $number(response.value) : null"),
        ("created_at", {"type": "string", "format": "date-time"}, field("created", "integer", values=(1700000000000,)),
         "response.created ? $fromEpoch(response.created, 'milliseconds') : null"),
        ("close_date", {"type": "string", "format": "date"}, field("close_date", format="date-time"),
         "response.close_date ? $substring(response.close_date, 0, 10) : response.close_date"),
        ("created_at", {"type": "string", "format": "date-time"}, field("created", "boolean"), None),
        ("status", CHOICE, field("state", values=("Open", "Won", "x"), closed=True),
         "$lookup({'Open': 'open', 'Won': 'won'}, $string(response.state))"),
        ("status", CHOICE, field("status", values=("a", "b"), closed=True), None),
        ("status", CHOICE, field("status"),
         "$lowercase($string(response.status)) in ['open', 'won'] ? $lowercase($string(response.status))"),
        ("tags", {"type": "array", "items": STRING}, field("label_ids", "array", item_kind="integer"),
         "[response.label_ids.$string($)]"),
        ("email", STRING, field("emails", "array", item_kind="object", inner=(field("value"), field("type"))),
         "response.emails[0].value"),
        ("email", STRING, field("emails", "array", item_kind="string"), "response.emails[0]"),
        ("email", STRING, field("emails", "array", item_kind="object", inner=(field("id"),)), None),
        ("my_field", STRING, field("myField"), "response.myField"),
        ("my_field", STRING, field("other"), None),
        ("my_field_id", STRING, field("myFieldTypeId"), None),
        ("is_active", BOOLEAN, field("active", "boolean"), "response.active"),
    ],
)  # fmt: skip
def test_a_field(name: str, target: dict[str, Any], source: VendorField, expected: str | None) -> None:
    found = propose_one(target, source, name=name)
    assert (found[0] if found else None) == expected


def test_what_adds_to_the_confidence() -> None:
    plain = propose_one({"type": "string", "description": "The primary e-mail address."}, field("mail"), name="email")
    better = [
        propose_one({"type": "string", "description": "The primary e-mail address."}, one, name="email")
        for one in (
            field("mail", description="Primary address."),
            field("mail", values=("a@b.example",)),
            field("email"),
        )
    ]
    assert plain and all(one and one[1] > plain[1] for one in better)
    number = {"type": "number", "maximum": 1}
    scaled, sure = (
        propose_one(number, field("probability", "number"), name="probability"),
        propose_one({"type": "number"}, field("probability", "number"), name="probability"),
    )
    assert scaled and sure and scaled[1] < sure[1]


def test_records_that_were_seen_are_enough() -> None:
    fields = list_record_fields([{"id": 1, "mail": None, "name": "Ada"}, {"id": 2, "mail": "bo@example.com"}])
    found = {one.field: one for one in propose_fields(fields, CRM["contact"], frozenset({"contact"}))}
    assert {"id", "name", "email"} <= found.keys()
    assert "values look like it" in found["email"].evidence


def evaluate_contact(record: dict[str, Any], fields: list[VendorField] | None = None) -> dict[str, Any]:
    """The proposed values of a contact for a vendor's record."""
    found = propose_fields(fields or list_record_fields([record]), CRM["contact"], frozenset({"contact"}))
    values = {one.field: expression(one.expression).evaluate(usual({"response": record})) for one in found}
    jsonschema.validate({"id": "1", **values}, CRM["contact"])
    return values


def test_numbers_in_fields_of_their_own_are_one_list() -> None:
    record = {
        "fax": "9", "extraPhone1": "8", "mobilePhone": "7", "Tel2": "6", "contact_phone": "5", "phoneType": "home",
        "work_phone_verified": True,
    }  # fmt: skip
    assert evaluate_contact(record)["phone_numbers"] == [
        {"number": "6"},
        {"number": "5"},
        {"number": "7", "type": "mobile"},
        {"number": "8"},
        {"number": "9", "type": "fax"},
    ]
    fields = list_record_fields([record])
    sparse = {"Tel2": "6", "fax": None, "mobilePhone": ""}
    assert evaluate_contact(sparse, fields)["phone_numbers"] == [{"number": "6"}]
    assert evaluate_contact({"fax": None}, fields)["phone_numbers"] == []


def test_a_list_of_numbers_is_taken_instead_of_single_ones() -> None:
    record = {"phones": [{"number": "1"}], "work_phone": "2", "home_phone": "3"}
    assert evaluate_contact(record)["phone_numbers"] == [{"number": "1"}]


@pytest.mark.parametrize(
    ("record", "addresses"),
    [
        (
            {"BillingAddress": "all", "BillingAddressLine": "1 Row", "BillingCity": "Ely", "ShippingPostCode": "X1",
             "BillingCountryCode": "GB", "State": "new"},
            [{"type": "billing", "street_1": "1 Row", "city": "Ely", "country": "GB"},
             {"type": "shipping", "postal_code": "X1"}],
        ),
        ({"address_1": "1 Row", "address_2": "B", "zip": "2"},
         [{"street_1": "1 Row", "street_2": "B", "postal_code": "2"}]),
        ({"zipcode": "1"}, [{"postal_code": "1"}]),
        ({"state": "new", "country": "GB"}, None),
        ({"billing {address": {"city": "Ely", "post`code": "1"}, "home` address": {"city": "Rye"}},
         [{"type": "billing", "city": "Ely", "postal_code": "1"}, {"type": "home", "city": "Rye"}]),
        ({"billing_address": {"city": "Ely", "postal": "1"}, "home_address": {"city": "Rye"}, "ip_address": "::1"},
         [{"type": "billing", "city": "Ely", "postal_code": "1"}, {"type": "home", "city": "Rye"}]),
    ],
)  # fmt: skip
def test_parts_of_addresses_are_addresses(record: dict[str, Any], addresses: list[dict[str, str]] | None) -> None:
    assert evaluate_contact(record).get("addresses") == addresses


@pytest.mark.parametrize(
    ("record", "names"),
    [
        ({"name": "Ada", "surname": "Byron"}, ("Ada", "Byron", "Ada Byron")),
        ({"name": "Ada Byron"}, (None, None, "Ada Byron")),
        ({"name": "A. Byron", "firstName": "Ada", "surname": "Byron"}, ("Ada", "Byron", "A. Byron")),
    ],
)
def test_a_name_next_to_a_surname_is_the_first_name(record: dict[str, str], names: tuple[str | None, ...]) -> None:
    found = evaluate_contact(record)
    assert tuple(found.get(name) for name in ("first_name", "last_name", "name")) == names


@pytest.mark.parametrize(
    ("record", "custom_fields"),
    [
        (
            {"additional_fields": [{"field": {"label": "VIP", "value": "yes"}}, {"field": {"label": None}}]},
            {"VIP": "yes"},
        ),
        ({"custom_fields": [{"name": "a", "value": 1}, {"name": "b", "value": 2}]}, {"a": 1, "b": 2}),
        ({"properties": {}}, {}),
        ({"properties": {"email": "a@example.com"}}, None),  # it groups the fields of the record
        ({"additional_fields": [{"id": 1}]}, None),
    ],
)
def test_pairs_of_name_and_value_are_custom_fields(
    record: dict[str, Any], custom_fields: dict[str, Any] | None
) -> None:
    assert evaluate_contact(record).get("custom_fields") == custom_fields


def test_tags_may_be_objects_in_objects() -> None:
    assert evaluate_contact({"tags": [{"tag": {"id": 1, "name": "vip"}}]})["tags"] == ["vip"]


def resource(name: str, *names: str, operations: tuple[str, ...] = ("list",)) -> VendorResource:
    return VendorResource(name, tuple(field(one) for one in ("id", *names)), operations=operations)


def test_which_resource_is_a_models() -> None:
    model = {"contact": CRM["contact"], "company": CRM["company"]}
    person = resource("people", "first_name", "last_name", "email")
    found = propose_resources(
        [
            resource("orders", "name", "email"),
            resource("deleted_people", "first_name", "last_name", "email"),
            person,
            resource("organizations", "name", "website", "industry", operations=("create",)),
            resource("accounts", "color", "shape"),
        ],
        model,
    )
    assert [(one.record, one.resource, one.vendor) for one in found] == [("contact", "contacts", person)]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"accounts": ("description", "accountType", "code")}, []),  # of a ledger
        ({"accounts": ("name", "website", "phone")}, [("company", "accounts")]),
        ({"customers": ("name", "surname", "email", "phone")}, [("contact", "customers")]),
        ({"customers": ("name", "phone", "website", "contact")}, [("company", "customers")]),
        ({"customers": ("name", "firstName", "lastName", "contacts", "phone")}, [("contact", "customers")]),
        (
            {"accounts": ("description", "type", "currency"), "customers": ("name", "phone", "website", "contactName")},
            [("company", "customers")],
        ),
    ],
)
def test_a_resource_whose_name_means_several_things_is_judged_by_its_fields(
    resources: dict[str, tuple[str, ...]], expected: list[tuple[str, str]]
) -> None:
    model = {"contact": CRM["contact"], "company": CRM["company"]}
    found = propose_resources([resource(name, *fields) for name, fields in resources.items()], model)
    assert [(one.record, one.vendor.name) for one in found] == expected


def test_a_model_of_the_workspaces_own() -> None:
    model = {"loyalty_card": schema(points=INTEGER, holder_name=STRING)}
    found = propose_resources([resource("loyalty_cards", "points", "holderName")], model)
    assert [one.resource for one in found] == ["loyalty_cards"]
    assert {one.field for one in found[0].fields} == {"id", "points", "holder_name"}
