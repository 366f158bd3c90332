"""An unknown key in a caller's body is an error before anything is sent."""

import json
from typing import Any

import pytest

from conn_engine.config import Effective, Workspace
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.runtime.body_keys import check_body
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.plans import plan_operation
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.testing.suite import Selection, run_suite
from conn_engine.transport.faults import Faults

MODEL = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "phones": {"type": "array", "items": {"properties": {"number": {}, "kind": {}}}},
        "custom": {"type": "object", "additionalProperties": True},
        "notes": {"type": "object", "additionalProperties": True},
    },
    "$defs": {"address": {"properties": {"street": {}, "city": {}}}},
}
MAPPING = {
    "label": "body.name",
    "tel": "body.phones[kind = 'work'][0].number",
    "score": "body.custom.score",
    "extra": "body.raw.x",
}
REQUEST = {
    "allOf": [{"properties": {"label": {}}}, {"$ref": "#/definitions/more"}],
    "definitions": {"more": {"properties": {"lines": {"items": {"properties": {"sku": {}}}}, "meta": {}}}},
}


def workspace(make: Any, mapping: Any = None, schema: Any = None, override: Any = None, **unified: Any) -> Workspace:
    """A workspace in which `hr.people.create` is over the vendor's `people.create`."""
    create = {"method": "post", "path": "/people", **({"request_schema": schema} if schema is not None else {})}
    operation = {**({"request_body_mapping": mapping} if mapping is not None else {}), **unified}
    made: Workspace = make(
        {
            "connectors/shop/connector.yaml": {
                "base_url": "https://api.example.com",
                "credentials": {"format": "bearer"},
                "authorization": {"format": "bearer"},
                "resources": {"people": {"create": create, "list": {"method": "get", "path": "/people"}}},
            },
            "connectors/shop/unified/crm.yaml": {"resources": {}},
            "connectors/shop/unified/hr.yaml": {"resources": {"people": {"record": "person", "create": operation}}},
            "connectors/shop/schemas/people.json": REQUEST,
            "models/hr/person.schema.json": MODEL,
            "accounts/acme.yaml": {"connector": "shop", "override": override or {}},
        }
    )
    return made


def shop(make: Any, *arguments: Any, **unified: Any) -> Effective:
    """The effective configuration of the account there."""
    return workspace(make, *arguments, **unified).effective(account="acme")


def unknown(
    effective: Effective, body: Any, operation: str = "hr.people.create", *, raw: bool = False
) -> dict[str, str]:
    """Path to fix of each unknown key."""
    try:
        check_body(effective, effective.resolve(operation, raw=raw), Call(body=body))
    except UsageError as error:
        assert {finding.code for finding in error.findings} == {"RUN130"}
        return {finding.path.removeprefix("body."): finding.hint for finding in error.findings}
    return {}


GOOD = {
    "name": "Ada",
    "address": {"city": "London"},  # of the model, although nothing reads it
    "phones": [{"number": "1", "kind": "work"}],
    "custom": {"score": 3},
    "notes": {"whatever": 1},  # the model takes any, and nothing reads one by name
    "raw": {"x": 1},  # only the mapping knows it
}


def test_fields_of_the_model_and_what_the_mapping_reads_are_known(make: Any) -> None:
    effective = shop(make, MAPPING)
    assert unknown(effective, GOOD) == {}
    assert unknown(effective, [GOOD, GOOD]) == {}
    assert unknown(effective, None) == unknown(effective, "text") == {}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"nmae": 1}, {"nmae": 'did you mean "name"?'}),
        ({"address": {"strete": 1}}, {"address.strete": 'did you mean "street"?'}),
        ({"phones": [{"number": 1}, {"nummer": 1}]}, {"phones[1].nummer": 'did you mean "number"?'}),
        ({"custom": {"scoer": 1}}, {"custom.scoer": 'did you mean "score"?'}),
        ({"raw": {"q": 1}}, {"raw.q": "remove it, or map it; body.raw can have x"}),
        ([{"name": 1}, {"nmae": 1}], {"[1].nmae": 'did you mean "name"?'}),
    ],
)
def test_another_key_is_an_error_with_a_suggestion(make: Any, body: Any, found: dict[str, str]) -> None:
    rows = unknown(shop(make, MAPPING), body)
    assert {path.removeprefix("body"): hint for path, hint in rows.items()} == found


def test_every_level_and_every_step_counts(make: Any) -> None:
    own = {"request_body_mapping": {"badge": "body.badge_number"}}
    step = {"name": "lookup", "request": {"resource": "people", "method": "list", "query": {"q": "{{body.team}}"}}}
    effective = shop(
        make,
        MAPPING,
        override={"unified": {"hr": {"people": {"create": own}}}},
        before=[step],
        path_mapping={"unit": "body.unit"},
    )
    assert unknown(effective, {"badge_number": 1, "team": 2, "unit": 3}) == {}
    assert set(unknown(effective, {"badge": 1})) == {"badge"}
    assert set(unknown(effective, {"teem": 1})) == {"teem"}


def test_levels_side_by_side_count_too(make: Any) -> None:
    own = {"request_body_mapping": '{"badge": body.badge_number}'}
    effective = shop(make, MAPPING, override={"unified": {"hr": {"people": {"create": own}}}})
    assert unknown(effective, {"badge_number": 1, "name": 2, "raw": {"x": 1}}) == {}
    assert set(unknown(effective, {"nmae": 1})) == {"nmae"}


@pytest.mark.parametrize("mapping", [None, "body", "$merge([body, {'a': 1}])", {"all": "$keys(body)"}, "$.body.*"])
def test_a_body_that_goes_whole_is_not_checked(make: Any, mapping: Any) -> None:
    assert unknown(shop(make, mapping), {"whatever": 1}) == {}


def test_a_mapping_that_reads_nothing_knows_no_key(make: Any) -> None:
    effective = shop(make, {"archived": True}, record="unmodelled")
    assert unknown(effective, {"name": 1}) == {"name": "remove it, or map it; the body can have no keys"}


@pytest.mark.parametrize("schema", [REQUEST, "schemas/people.json"])
@pytest.mark.parametrize(("operation", "mapping"), [("people.create", None), ("hr.people.create", "body")])
def test_the_schema_of_the_request_holds_for_what_is_sent_whole(
    make: Any, schema: Any, operation: str, mapping: Any
) -> None:
    effective = shop(make, mapping, schema)
    raw = operation.count(".") == 1
    assert unknown(effective, {"label": 1, "lines": [{"sku": 1}], "meta": {"any": 1}}, operation, raw=raw) == {}
    found = unknown(effective, {"lable": 1, "lines": [{"suk": 1}]}, operation, raw=raw)
    assert found == {"lable": 'did you mean "label"?', "lines[0].suk": 'did you mean "sku"?'}
    hint = unknown(effective, {"owner": 1}, operation, raw=raw).get("owner", "")
    assert hint.startswith("remove it, or add it to request_schema if the vendor accepts it; the body can have ")


def test_what_it_knows_is_known_beside_a_mapping(make: Any) -> None:
    assert unknown(shop(make, MAPPING, REQUEST), {"label": 1, "name": 2}) == {}


def test_what_the_vendor_allows_is_not_sent_by_a_mapping(make: Any) -> None:
    schema = {"properties": {"label": {}}, "additionalProperties": True}
    assert set(unknown(shop(make, MAPPING, schema), {"nmae": 1, "custom": {"scoer": 1}})) == {"nmae", "custom.scoer"}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"properties": {"a": {}}, "additionalProperties": True},
        {"properties": {"a": {}}, "patternProperties": {"^x": {}}},
        {"anyOf": [{"properties": {"a": {}}}, {"$ref": "other.json#/x"}]},
    ],
)
def test_a_schema_that_takes_any_key_refuses_none(make: Any, schema: Any) -> None:
    assert unknown(shop(make, None, schema), {"b": 1}, "people.create", raw=True) == {}


def test_schemas_that_refer_to_themselves_end(make: Any) -> None:
    schema = {"properties": {"child": {"$ref": "#"}}, "allOf": [{"$ref": "#"}]}
    effective = shop(make, None, schema)
    assert set(unknown(effective, {"child": {"child": {"x": 1}}}, "people.create", raw=True)) == {"child.child.x"}


def test_a_schema_that_is_not_there(make: Any) -> None:
    effective = shop(make, None, "schemas/poeple.json")
    with pytest.raises(ConfigurationError, match=r"schemas/poeple\.json"):
        unknown(effective, {"x": 1}, "people.create", raw=True)


def test_nothing_is_sent_by_the_library_or_in_a_plan(make: Any) -> None:
    step = {"name": "all", "request": {"resource": "people", "method": "list"}}
    vault = MemoryVault({"acme": {"token": "t-of-acme"}})
    wiring = wire_account(workspace(make, MAPPING, before=[step]), "acme", environ={}, vault=vault)
    call, name = Call(body={"nmae": 1}), wiring.effective.resolve("hr.people.create")
    vendor = Faults([])
    with pytest.raises(UsageError, match="nmae"):
        list(Connection(wiring, vendor).pages(name, call))
    with pytest.raises(UsageError, match="nmae"):
        plan_operation(wiring, name, call)
    assert vendor.requests == []


def test_the_body_of_a_recorded_call_is_checked(make: Any, recorded: Any) -> None:
    made = workspace(make, MAPPING)
    tape = recorded("hr.people.create", [("POST", "/people", {"id": 1})], call={"body": {"nmae": "x"}})
    place = made.root / "connectors/shop/recordings/hr.people.create.json"
    place.parent.mkdir()
    place.write_text(json.dumps(tape))
    [report] = run_suite(made, Selection(operations=("people.create",)))
    codes = [(finding.code, finding.span and finding.span.file) for finding in report.all_findings]
    assert ("RUN130", "connectors/shop/recordings/hr.people.create.json") in codes
