"""Where an override sets a field of a mapping, or gets a new one: in the form that the document already uses."""

from typing import Any

import pytest

from conn_engine.config import MISSING
from conn_engine.config.override_places import find_override_place
from conn_engine.documents import parse

PATH = ("unified", "crm", "contacts", "response_mapping", "email")
DOTTED = "crm.contacts.response_mapping.email"
NEW = [
    ("{}", (DOTTED,)),
    ("{timeout_seconds: 5}", (DOTTED,)),
    ("{resources: {people: {list: {query: {a: 1}}}}}", (DOTTED,)),
    ("{crm.deals.response_mapping.name: x}", (DOTTED,)),
    ("{crm.deals.response_mapping.name: x, unified: {crm: {contacts: {list: {each: page}}}}}", (DOTTED,)),
    ("{unified: {crm: {deals: {response_mapping: {name: x}}}}}", PATH),
    ("{unified: {}}", PATH),
    ("{crm: {contacts: {list: {each: page}}}}", PATH[1:]),
    ("{crm.contacts.response_mapping: {name: x}}", ("crm.contacts.response_mapping", "email")),
    ("{crm.contacts: {response_mapping: {name: x}}}", ("crm.contacts", "response_mapping", "email")),
    ("{crm.contacts.response_mapping: {replace: {id: x}}}", ("crm.contacts.response_mapping", "replace", "email")),
    ("{unified.crm.contacts.response_mapping: {id: x}}", ("unified.crm.contacts.response_mapping", "email")),
]
PRESENT = [
    (f"{{{DOTTED}: x}}", (DOTTED,)),
    ("{unified: {crm: {contacts: {response_mapping: {email: x}}}}}", PATH),
    ("{crm.contacts.response_mapping: {email: x}}", ("crm.contacts.response_mapping", "email")),
    ("{crm: {contacts: {response_mapping: {replace: {email: x}}}}}", (*PATH[1:4], "replace", "email")),
]
BLOCKED = [
    ("{crm.contacts.response_mapping: response}", ("crm.contacts.response_mapping",)),
    ("{unified: {crm: {contacts: null}}}", PATH[:3]),
    ("{crm.deals.list.each: page, crm: {contacts: {response_mapping: {replace: x}}}}", (*PATH[1:4], "replace")),
]


def find(text: str) -> Any:
    return find_override_place(parse(text, "a.yaml").data, PATH)


@pytest.mark.parametrize(("text", "expected"), NEW)
def test_a_new_field_is_written_in_the_form_of_the_document(text: str, expected: Any) -> None:
    found = find(text)
    assert (found.path, found.value, found.blocking, found.inner) == (expected, MISSING, None, ())


@pytest.mark.parametrize(("text", "expected"), PRESENT)
def test_a_field_is_found_in_every_form(text: str, expected: Any) -> None:
    assert (find(text).path, find(text).value) == (expected, "x")


@pytest.mark.parametrize(("text", "expected"), BLOCKED)
def test_a_single_value_above_a_field_is_found(text: str, expected: Any) -> None:
    assert find(text).blocking == expected


def test_parts_with_places_of_their_own_are_found() -> None:
    found = find(f"{{{DOTTED}.work: x, {DOTTED}.home: y}}")
    assert (found.value, found.inner) == (MISSING, ("work", "home"))
