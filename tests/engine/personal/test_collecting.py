"""What is taken for a person's value: by shape anywhere, by the name of the field that has it, by a model's marks."""

import base64
import json
from typing import Any

import pytest

from conn_engine.config import compile_schema
from conn_engine.documents.locate import find_packaged
from conn_engine.errors import ConfigurationError
from conn_engine.expressions import UNDEFINED
from conn_engine.personal import PersonalMarks, PersonalValues, collect, collect_mapped
from conn_engine.schema_keywords import PERSONAL, PERSONAL_MARKS


def found(data: Any, named: frozenset[str] = frozenset()) -> dict[str, str]:
    values = PersonalValues(named)
    collect(data, values)
    values.settle()
    return {text: kind for kind, text in values.found.values()}


@pytest.mark.parametrize(
    "text",
    [
        "ada@acme.com",
        "mail to <ada@acme.com>, or call",
        "https://x.example/p?mail=ada%40acme.com&x=1",
        "mail=ada%40acme.com",
        json.dumps({"to": "ada@acme.com"}),
        json.dumps(json.dumps({"to": "ada@acme.com"})),
        base64.b64encode(b'{"after": "ada@acme.com"}').decode(),
        base64.urlsafe_b64encode(b"ada@acme.com|7").decode().rstrip("="),
        '<a href="mailto:ada@acme.com">write</a>',
        "<p>ada&#64;acme.com</p>",
        '{"a": 1}\n{"to": "ada@acme.com"}',
    ],
)
def test_an_address_is_found_in_whichever_form_it_travels(text: str) -> None:
    assert found([text]) == {"ada@acme.com": "email"}


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ({"iban": "DE89 3704 0044 0532 0130 00"}, {"DE89 3704 0044 0532 0130 00": "iban"}),
        ({"text": "pay DE89370400440532013000 now"}, {"DE89370400440532013000": "iban"}),
        ({"text": "DE89370400440532013001"}, {}),
        ({"text": "call +49 170 1234567."}, {"+49 170 1234567": "phone"}),
        ({"text": "(415) 555-2671"}, {"(415) 555-2671": "phone"}),
        ({"at": "2026-01-01T00:00:00+0200", "n": "12345678901"}, {}),
        ({"id": "550e8400-e29b-41d4-a716-446655440000"}, {}),
        ({"FirstName": "Ada", "last-name": "Lovelace"}, {"Ada": "name", "Lovelace": "name"}),
        ({"name": {"first": "Ada", "last": "Lovelace"}}, {"Ada": "name", "Lovelace": "name"}),
        ({"name": "Acme", "fileName": "ada.pdf", "full_name": "acme/website"}, {}),
        ({"properties": [{"name": "firstname", "value": "Ada"}]}, {"Ada": "name"}),
        ({"from": '"Lovelace, Ada" <ada@acme.com>'}, {"ada@acme.com": "email", "Lovelace, Ada": "name"}),
        ({"from": "Re: Ada King <ada@acme.com>"}, {"ada@acme.com": "email", "Ada King": "name"}),
        ("first_name;x\n" + "A" * 200_000, {}),
        ({"phone": "n/a", "home_address": "unknown", "last_name": "Null"}, {"Null": "name"}),
        ({"phone": "0170 1234567", "phone_type": "12345 x"}, {"0170 1234567": "phone"}),
        ({"phones": [{"value": "0170 1234567", "label": "work"}]}, {"0170 1234567": "phone"}),
        ({"mobile": 491701234567}, {"491701234567": "phone"}),
        ({"Birth-Date": "1990-05-01"}, {"1990-05-01": "birth_date"}),
        (
            {"address": {"street": "12 Row", "city": "London", "zip": "10115"}},
            {"12 Row": "address", "London": "address", "10115": "address"},
        ),
        ({"emailAddress": "x", "ip_address": "10.0.0.1"}, {}),
        ({"first_name": "J", "zip": "1010"}, {}),
        ({"first_name": "[redacted]"}, {}),
        ("<r><FirstName>Ada</FirstName><x:city>London</x:city></r>", {"Ada": "name", "London": "address"}),
        ("first_name,age\nAda,36\nGrace,40\n", {"Ada": "name", "Grace": "name"}),
        ("first_name=Ada+K&x=1", {"Ada K": "name"}),
    ],
)
def test_values_are_found_by_shape_and_by_field(data: Any, values: dict[str, str]) -> None:
    assert found(data) == values


def test_what_the_connector_names_and_what_is_an_id_is_left_alone() -> None:
    values = PersonalValues(frozenset({"support"}))
    collect({"first_name": "Support", "last_name": "jo7", "user_id": "JO7", "owner_id": "a@b.example"}, values)
    values.settle()
    assert values.found == {"a@b.example": ("email", "a@b.example")}
    assert values.left == {"support": ("named", "Support"), "jo7": ("id", "jo7")}
    values.add("online_id", "jo7")
    values.settle()
    assert set(values.found) == {"a@b.example", "jo7"}  # a user name is somebody's also where it identifies


def test_a_long_text_costs_no_more_than_its_length() -> None:
    for text in ("a" * 400_000, "a." * 200_000, "+" * 400_000, "<" * 400_000, "%4" * 200_000, "@" * 400_000):
        assert found(text) == {}


SCHEMA = {
    "$defs": {"place": {"properties": {"city": {}, "kind": {"x-personal": False}}}},
    "properties": {
        "id": {},
        "name": {"x-personal": "name"},
        "sex": {"x-personal": "demographic", "enum": ["male", "female"]},
        "note": {"x-personal": "free_text"},
        "mails": {"x-personal": "email", "items": {"properties": {"at": {}, "kind": {"x-personal": False}}}},
        "home": {"x-personal": "address", "$ref": "#/$defs/place"},
    },
}


def test_a_mark_holds_below_it_unless_that_has_its_own() -> None:
    record = {
        "id": "7",
        "name": "Ada",
        "sex": "female",
        "mails": [{"at": "a@b.example", "kind": "work"}],
        "home": {"city": "London", "kind": "main"},
    }
    marked = [(kind, text) for kind, text in PersonalMarks(SCHEMA).find_texts(record) if kind is not None]
    assert marked == [("name", "Ada"), ("email", "a@b.example"), ("address", "London")]
    assert PersonalMarks(SCHEMA).find_enumerated() == {"male", "female"}


def traced(reads: dict[str, Any], rows: list[tuple[Any, Any]], named: frozenset[str] = frozenset()) -> PersonalValues:
    values = PersonalValues(named)
    scopes = [{"response": response} for response, _ in rows]
    collect_mapped(PersonalMarks(SCHEMA), reads, scopes, [result for _, result in rows], values)
    return values


def test_the_values_that_a_marked_field_reads_are_collected_also_where_they_do_not_come_out() -> None:
    reads = {"id": [("response", "id")], "name": [("response", "who"), ("response", "nick")]}
    values = traced(
        reads, [({"id": "7", "who": "Ada Lovelace", "nick": "Countess"}, {"id": "7", "name": "Ada Lovelace"})]
    )
    assert values.found == {"ada lovelace": ("name", "Ada Lovelace"), "countess": ("name", "Countess")}


def test_what_tells_values_apart_is_no_value() -> None:
    response = {"mails": [{"at": "a@b.example", "kind": "work"}, {"at": "c@d.example", "kind": "home"}]}
    reads = {"name": [("response", "mails", "at"), ("response", "mails", "kind")]}
    values = traced(reads, [(response, {"name": "a@b.example"})], frozenset({"work"}))
    assert set(values.found) == {"a@b.example", "c@d.example"}
    assert set(values.left) == {"work", "home"}


def test_a_kind_that_is_a_word_of_a_user_name_is_no_value() -> None:
    rows = [
        ({"login": "kiln-bot", "type": "Bot"}, {"name": "kiln-bot"}),
        ({"login": "ines", "type": "User"}, {"name": "ines"}),
    ]
    values = traced({"name": [("response", "login"), ("response", "type")]}, rows, frozenset({"user"}))
    assert set(values.found) == {"kiln-bot", "ines"}
    assert set(values.left) == {"bot", "user"}


def test_one_expression_for_a_whole_record_is_followed_by_its_values() -> None:
    response = {"who": "Ada", "kind": "lead", "at": "work"}
    values = traced({"": [("response", "who"), ("response", "kind")]}, [(response, {"id": "1", "name": "Ada"})])
    assert set(values.found) == {"ada"}


def test_a_mapping_that_was_not_run_is_followed_by_its_paths() -> None:
    values = traced(
        {"name": [("response", "who")], "id": [("response", "id")]}, [({"who": "Ada", "id": "x1"}, UNDEFINED)]
    )
    assert set(values.found) == {"ada"}


def test_the_bundled_models_mark_who_somebody_is() -> None:
    marked: dict[str, dict[str, Any]] = {}
    for path in sorted(find_packaged("schemas", "models").glob("*/*.schema.json")):
        properties = json.loads(path.read_text())["properties"]
        marked[path.name.partition(".")[0]] = {
            name: part[PERSONAL] for name, part in properties.items() if part.get(PERSONAL, "free_text") != "free_text"
        }
        assert properties["remote_data"][PERSONAL] == properties["custom_fields"][PERSONAL] == "free_text"
    assert marked["contact"] == {
        "first_name": "name", "last_name": "name", "name": "name", "title": "employment", "department": "employment",
        "email": "email", "emails": "email", "phone_numbers": "phone", "addresses": "address",
    }  # fmt: skip
    assert marked["company"] == {"phone_numbers": "phone", "addresses": "address"}
    assert marked["user"] == {
        "name": "name", "username": "online_id", "email": "email", "phone": "phone", "avatar_url": "photo",
        "time_zone": "location", "locale": "location",
    }  # fmt: skip
    assert (marked["deal"], marked["ticket"], marked["comment"]) == ({}, {}, {"author_name": "name"})


@pytest.mark.parametrize(
    ("mark", "hint"), [("emial", 'did you mean "email"?'), ("x", f"use one of: {', '.join(PERSONAL_MARKS)}")]
)
def test_an_unknown_mark_is_found_where_it_stands(tmp_path: Any, mark: str, hint: str) -> None:
    path = tmp_path / "person.schema.json"
    path.write_text(json.dumps({"properties": {"mail": {PERSONAL: mark}, "x": {PERSONAL: False}}}, indent=1))
    with pytest.raises(ConfigurationError, match=f'marks personal data by "{mark}"') as raised:
        compile_schema(path, "models/hr/person.schema.json")
    [finding] = raised.value.findings
    assert (finding.code, finding.hint) == ("CFG104", hint)
    assert finding.span is not None
    assert (finding.span.file, finding.span.line) == ("models/hr/person.schema.json", 4)
