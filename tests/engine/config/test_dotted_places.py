"""Dotted places at the top of an override: what they expand to, where each value is written, and what is refused."""

import pytest

from conn_engine.config.dotted_places import expand_places, format_place, parse_place
from conn_engine.documents.limits import MAX_DEPTH, MAX_NODES
from conn_engine.errors import UsageError


def test_a_dotted_place_is_put_below_unified_and_keeps_where_it_is_written():
    override = {"crm.contacts.response_mapping.score": "response.score"}
    expanded = expand_places(override)
    assert expanded.data == {"unified": {"crm": {"contacts": {"response_mapping": {"score": "response.score"}}}}}
    assert expanded.find_written(("unified", "crm", "contacts", "response_mapping", "score")) == tuple(override)
    assert expanded.find_written(("unified", "crm")) == tuple(override)
    assert not expanded.faults


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("pagination.config.size", ("pagination", "config", "size")),
        ("resources.contacts.list.query.limit", ("resources", "contacts", "list", "query", "limit")),
        ("unified.crm.contacts.list", ("unified", "crm", "contacts", "list")),
        ('headers."X.Trace"', ("headers", "X.Trace")),
        ("contacts.people.list.each", ("unified", "contacts", "people", "list", "each")),
    ],
)
def test_a_place_is_read_as_an_override_reads_it(key, path):
    expected: object = "x"
    for name in reversed(path):
        expected = {name: expected}
    assert expand_places({key: "x"}).data == expected
    assert parse_place(key) == path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("unified", "crm", "contacts", "list"), "crm.contacts.list"),
        (("unified", "fields", "contacts"), "unified.fields.contacts"),
        (("unified", "feilds", "contacts"), "unified.feilds.contacts"),
        (("unified",), "unified"),
        (("headers", "a.b"), 'headers."a.b"'),
        (("errors", 0, "when"), "errors[0].when"),
        ((), ""),
    ],
)
def test_a_place_that_is_printed_is_read_back(path, text):
    assert format_place(path) == text
    assert parse_place(text) == path


def test_dotted_places_cannot_have_more_objects_than_a_document():
    names = ".".join(["a"] * 90)
    expanded = expand_places({f"crm.contacts.field{number}.{names}": 1 for number in range(4_000)})
    assert len(expanded.moves) <= MAX_NODES
    assert {fault.code for fault in expanded.faults} == {"CFG101"}
    assert "same beginning" in expanded.faults[0].hint


def test_a_model_at_the_top_needs_no_dots():
    resources = {"contacts": {"list": {"each": "page"}}}
    expanded = expand_places({"crm": resources})
    assert expanded.data == {"unified": {"crm": resources}}
    assert expanded.find_written(("unified", "crm", "contacts", "list")) == ("crm", "contacts", "list")


@pytest.mark.parametrize(
    "override",
    [
        {"headers": {"X.Trace": "1", "a.b.c": "2"}, "hosts": ["api.example.com"], "query": {"a.b": 1}},
        {"paginaton": {"config": {"size": 3}}, "base_urll": "https://api.example.com"},
        {"unified": {"crm": {"contacts": {"response_mapping": {"a.b": "response.a"}}}}},
        {"reports": {"format": "page"}, "notes": "text", "Not a model!": {"contacts": {}}, "auth": {"a": {}}},
    ],
)
def test_an_override_without_places_is_unchanged(override):
    expanded = expand_places(override)
    assert (expanded.data, expanded.moves, expanded.faults) == (override, {}, [])


def test_places_and_objects_are_joined_without_a_change_to_the_input():
    nested = {"crm": {"contacts": {"response_mapping": {"email": "response.mail"}, "list": {"each": "page"}}}}
    override = {
        "crm.contacts.response_mapping.score": "response.score",
        "unified": nested,
        "crm.contacts.response_mapping": {"name": "response.name"},
        "crm": {"leads": {"record": "lead"}},
    }
    expanded = expand_places(override)
    contacts = expanded.data["unified"]["crm"]["contacts"]
    assert contacts["response_mapping"] == {
        "score": "response.score",
        "email": "response.mail",
        "name": "response.name",
    }
    assert expanded.data["unified"]["crm"]["leads"] == {"record": "lead"}
    assert not expanded.faults
    assert nested == {"crm": {"contacts": {"response_mapping": {"email": "response.mail"}, "list": {"each": "page"}}}}
    mapping = ("unified", "crm", "contacts", "response_mapping")
    assert expanded.find_written((*mapping, "email")) == (*mapping, "email")
    assert expanded.find_written((*mapping, "name")) == ("crm.contacts.response_mapping", "name")
    assert expanded.find_written(("unified", "crm", "leads", "record")) == ("crm", "leads", "record")


SCORE = "crm.contacts.response_mapping.score"
NESTED = {"crm": {"contacts": {"response_mapping": {"score": "2"}}}}


@pytest.mark.parametrize(
    ("override", "place", "path", "first"),
    [
        ({"unified": NESTED, SCORE: "1"}, SCORE, (SCORE,), ("unified", *SCORE.split("."))),
        ({SCORE: "1", "unified": NESTED}, SCORE, ("unified", *SCORE.split(".")), (SCORE,)),
        ({SCORE: "1", f"unified.{SCORE}": "1"}, SCORE, (f"unified.{SCORE}",), (SCORE,)),
        ({"crm.contacts.response_mapping": "{}", SCORE: "1"}, SCORE[:29], (SCORE,), (SCORE[:29],)),
        ({SCORE: "1", "crm.contacts.response_mapping": None}, SCORE[:29], (SCORE[:29],), (SCORE,)),
        ({"headers": None, "headers.X-A": "1"}, "headers", ("headers.X-A",), ("headers",)),
        ({"crm": NESTED["crm"], "unified": NESTED}, SCORE, ("unified", *SCORE.split(".")), tuple(SCORE.split("."))),
    ],
)
def test_a_place_that_is_set_twice_is_a_fault_at_both_places(override, place, path, first):
    faults = expand_places(override).faults
    assert [(fault.code, fault.message, fault.path, fault.first) for fault in faults] == [
        ("CFG106", f'"{place}" is set twice', path, first)
    ]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("errors[0].when", "an override sets a list as a whole: errors: [ … ]"),
        ("crm.contacts.list.after[1].transform", "an override sets a list as a whole: crm.contacts.list.after: [ … ]"),
        ("[0].when", "begin with a key of a connector"),
        (
            "crm..contacts",
            'write it as resources.contacts.list or errors[0].when; quote a key with dots: headers."a.b"',
        ),
        (
            "crm.contacts.",
            'write it as resources.contacts.list or errors[0].when; quote a key with dots: headers."a.b"',
        ),
        (".".join(["a"] * (MAX_DEPTH + 1)), f"a place has at most {MAX_DEPTH} names"),
    ],
)
def test_a_key_that_is_not_a_place_is_a_fault_with_the_fix(key, hint):
    expanded = expand_places({key: "1", "name": "x"})
    assert expanded.data == {"name": "x"}
    assert [(fault.path, fault.hint) for fault in expanded.faults] == [((key,), hint)]


def test_a_text_that_is_not_a_place_is_refused():
    with pytest.raises(UsageError):
        parse_place("crm contacts")
