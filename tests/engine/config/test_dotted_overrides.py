"""Overrides with dotted places in a workspace: the result, the lines of values and findings, and what is refused."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from conn_engine.config import Effective, Workspace, parse_place, validate
from conn_engine.documents import parse
from conn_engine.errors import ConfigurationError

Make = Callable[[Mapping[str, str | None]], Workspace]
EMAIL = ("unified", "crm", "contacts", "list", "response_mapping", "email")


def acme(make: Make, *lines: str) -> Effective:
    text = "\n".join(["connector: hubspot", "override:", *(f"  {line}" for line in lines), ""])
    return make({"accounts/acme.yaml": text}).effective(account="acme")


def refused(make: Make, *lines: str) -> list[tuple[str, int, str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        acme(make, *lines).check()
    return [(one.code, one.span.line, one.path, one.hint) for one in caught.value.findings if one.span]


def findings(text: str, kind: str = "account") -> list[tuple[str, int, str, str]]:
    found = validate(parse(text, "x.yaml"), kind)
    return [(one.code, one.span.line if one.span else 0, one.path, one.hint) for one in found]


def test_two_lines_change_a_field_of_every_operation(make: Make) -> None:
    effective = acme(make, "crm.contacts.response_mapping.score: $number(response.properties.score)")
    assert effective.data["unified"]["crm"]["contacts"]["list"]["response_mapping"] == {
        "id": "response.id",
        "email": "response.properties.email",
        "first_name": "response.properties.firstname",
        "score": "$number(response.properties.score)",
    }
    origin = effective.origins((*EMAIL[:-1], "score"))[0]
    assert (origin.level, origin.span.line, origin.span.column) == ("account", 3, 40)
    assert origin.key_span.line == 3
    effective.check()


def test_each_of_several_places_has_its_own_line(make: Make) -> None:
    mapping = "crm.contacts.response_mapping"
    effective = acme(make, f"{mapping}.a: response.a", f"{mapping}.b:", "  c: response.c", "crm:", "  contacts:",
                     "    response_mapping: { d: response.d }", "    list: { each: record }")  # fmt: skip
    lines = {name: effective.span((*EMAIL[:-1], *name.split("."))) for name in ("a", "b.c", "d")}
    assert {name: span.line for name, span in lines.items() if span} == {"a": 3, "b.c": 5, "d": 8}
    each = effective.span(("unified", "crm", "contacts", "list", "each"))
    assert each is not None and each.line == 9


def test_an_expression_is_located_by_its_characters(make: Make) -> None:
    layer = acme(make, "crm.contacts.response_mapping.score: $number(response.x)").expanded[-2]
    source = layer.source((*EMAIL[:-1], "score"))
    assert source.document.position(source.place((*EMAIL[:-1], "score")), 8) == (3, 48)


def test_strategies_and_dotted_places_are_expanded_together(make: Make) -> None:
    effective = acme(make, "pagination.limit_param: per_page", "headers.X-A: a", "authorization: basic")
    assert effective.data["pagination"]["config"]["size_param"] == "per_page"
    assert effective.data["headers"] == {"x-env": "production", "X-A": "a"}
    assert effective.data["authorization"] == {"format": "basic"}
    span = effective.span(("pagination", "config", "size_param"))
    assert span is not None and span.line == 3


def test_an_environment_can_use_places(make: Make) -> None:
    text = "connectors:\n  hubspot:\n    headers.x-env: staging\n    crm.contacts.list.each: page\n"
    effective = make({"environments/production.yaml": text}).effective(account="acme")
    assert effective.data["headers"]["x-env"] == "staging"
    assert effective.data["unified"]["crm"]["contacts"]["list"]["each"] == "page"


def test_keys_with_dots_inside_objects_keep_their_meaning(make: Make) -> None:
    effective = acme(make, 'headers: { "X.Trace.Id": "1" }', 'headers."Y.Z": "2"', 'query: { "filter.a": b }')
    assert effective.data["headers"].items() >= {"X.Trace.Id": "1", "Y.Z": "2"}.items()
    assert effective.data["query"] == {"filter.a": "b"}


TWICE = ("crm.contacts.response_mapping.score: response.a", "unified:", "  crm:", "    contacts:",
         "      response_mapping: { score: response.b }")  # fmt: skip


def test_a_value_that_is_set_twice_stops_a_run_with_both_lines(make: Make) -> None:
    with pytest.raises(ConfigurationError) as caught:
        acme(make, *TWICE)
    (finding,) = caught.value.findings
    assert (finding.code, finding.message) == ("CFG106", '"crm.contacts.response_mapping.score" is set twice')
    assert finding.span is not None and finding.span.line == 7
    assert [(span.line, note) for span, note in finding.related] == [(3, "first here")]
    assert finding.hint == "remove one of them"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["errors[0].when: status = 404"],
         ("CFG101", 3, 'errors[0].when', "an override sets a list as a whole: errors: [ … ]")),
        (["pagintion.size: 3"], ("CFG101", 3, "pagintion", 'did you mean "pagination"?')),
        (["pagintion: { format: page }"], ("CFG101", 3, "pagintion", 'did you mean "pagination"?')),
        (["auth.format: bearer"], ("CFG101", 3, "auth", 'did you mean "authorization"?')),
        (["pagination.format: pag"], ("CFG105", 3, "pagination.format", 'did you mean "page"?')),
        (["resources.contacts.list.respons_path: data"],
         ("CFG101", 3, "resources.contacts.list.respons_path", 'did you mean "response_path"?')),
        (["crm.contacts.respons_mapping: { a: response.a }"],
         ("CFG101", 3, "crm.contacts.respons_mapping", 'did you mean "response_mapping"?')),
        (["crm.contacts.list.eech: page"], ("CFG101", 3, "crm.contacts.list.eech", 'did you mean "each"?')),
        (["crm.contacts.list.each: pages"], ("CFG104", 3, "crm.contacts.list.each", 'did you mean "page"?')),
        (["crm: { contacts: { list: { eech: page } } }"],
         ("CFG101", 3, "crm.contacts.list.eech", 'did you mean "each"?')),
        (["reports.x: y"],
         ("CFG102", 3, "reports.x",
          '"reports" is not a key of a connector, so it is taken for a model; a model has resources')),
        (["timeout_seconds: soon"], ("CFG102", 3, "timeout_seconds", "")),
    ],
)  # fmt: skip
def test_a_fault_is_reported_on_the_dotted_line(lines: list[str], expected: Any) -> None:
    text = "\n".join(["connector: hubspot", "override:", *(f"  {line}" for line in lines)])
    assert findings(text) == [expected]
    environment = "\n".join(["connectors:", "  hubspot:", *(f"    {line}" for line in lines)])
    assert findings(environment, "environment") == [expected]


def test_a_fault_in_a_dotted_place_stops_a_run_on_its_line(make: Make) -> None:
    assert refused(make, "crm.contacts.list.each: pages") == [
        ("CFG104", 3, "crm.contacts.list.each", 'did you mean "page"?')
    ]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("base_url", "https://evil.example"),
        ("credentials.config.token_url", "https://evil.example/token"),
        ("resources.contacts.list.authorization.config.path", "oauth.token.refresh_token"),
        ("crm.contacts.list.before", "[{name: a, request: {method: get, path: /../../x}}]"),
        ("hosts", "[evil.example]"),
    ],
)
def test_a_dotted_place_gives_no_authority(make: Make, place: str, value: str) -> None:
    dotted = acme(make, f"{place}: {value}").find_widening()
    keys = list(map(str, parse_place(place)))
    lines = [f"{'  ' * depth}{key}:" for depth, key in enumerate(keys)]
    nested = acme(make, *lines[:-1], f"{lines[-1]} {value}").find_widening()
    assert [(one.code, one.path, one.message) for one in dotted] == [
        (one.code, one.path, one.message) for one in nested
    ]
    assert dotted and dotted[0].span and dotted[0].span.line == 3
