"""`{{…}}`: where an expression ends, what a string renders to, and what may stand in a path."""

from typing import Any

import pytest
from evaluating import render, render_path, template

from conn_engine.errors import ExpressionError

SCOPE: dict[str, Any] = {
    "id": "51",
    "n": 7,
    "half": 0.5,
    "whole": 2.0,
    "yes": True,
    "nothing": None,
    "list": [1, "a"],
    "object": {"a": None},
    "env": {"CLIENT_ID": "c-1"},
    "slash": "a/b c?é",
    "braces": "{{id}}",
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain { } text", "plain { } text"),
        ("", ""),
        ("{{id}}", "51"),
        ("{{ n }}", 7),
        ("{{half}}", 0.5),
        ("{{yes}}", True),
        ("{{nothing}}", None),
        ("{{list}}", [1, "a"]),
        ("{{object}}", {"a": None}),
        (" {{n}}", " 7"),
        ("{{n}}{{n}}", "77"),
        ("a{{half}}b{{yes}}c{{whole}}", "a0.5btruec2"),
        ('{{ {"a": {"b": 1}} }}', {"a": {"b": 1}}),
        ('{{{"a":{"b":1}}}}', {"a": {"b": 1}}),
        ("{{ {'a': {'b': id}}.a.b }}!", "51!"),
        ("{{ '}}' }}", "}}"),
        ('{{ "}}" & "{{" }}x', "}}{{x"),
        ("{{ id /* }} */ }}", "51"),
        ("{{ $replace(id, /\\}\\}/, '') }}", "51"),
        ("{{ $replace('a}}b', /\\}{2}/, '-') }}", "a-b"),
        ("{{ n / 2 }}/{{ n /2}}", "3.5/3.5"),
        ("{{ `id` }}", "51"),
        ("{{ `}}` ?: 'd' }}", "d"),
        ("{{ $map([1,2], function($x){ {'v': $x} }).v }}", [1, 2]),
        ("{{ list[$type($) = 'string'] }}", "a"),
        ("{{ object ~> |$|{'b': 2}| }}", {"a": None, "b": 2}),
        ("{{query.limit ? query.limit : 100}}", 100),
        ("{{braces}}", "{{id}}"),
        ("Bearer {{env.CLIENT_ID}}", "Bearer c-1"),
        ("}} {{id}} }}", "}} 51 }}"),
        ("{{\n  id\n}}", "51"),
    ],
)
def test_render(evaluator: str, text: str, value: Any) -> None:
    rendered = template(text).render(SCOPE)
    assert rendered == value
    assert type(rendered) is type(value)


@pytest.mark.parametrize(
    ("text", "code", "offset", "token"),
    [
        ("{{zzz}}", "unresolved", 2, "zzz"),
        ("a {{ env.MISSING }} b", "unresolved", 5, "env.MISSING"),
        ("x{{nothing}}", "unresolved", 3, "nothing"),
        ("x{{list}}", "not_text", 3, "list"),
        ("x{{ object }}", "not_text", 4, "object"),
        ("é {{ n + 'x' }}", "T2002", 7, "+"),
        ("{{id}}{{ $uppercase(n) }}", "T0410", 9, "$uppercase"),
        ("{{id}} {{ $uppercas(id) }}", "unknown_function", 10, "$uppercas"),
    ],
)
def test_a_value_that_cannot_be_had_is_an_error_with_its_place(
    evaluator: str, text: str, code: str, offset: int, token: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        template(text).render(SCOPE)
    error = caught.value
    assert (error.code, error.offset, error.token, error.text) == (code, offset, token, text)


@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ("{{", "unclosed", 0),
        ("ab {{id", "unclosed", 3),
        ("{{ (id }}", "unclosed", 3),
        ("{{ [id }}", "unclosed", 3),
        ("{{ id } }", "unclosed", 6),
        ("{{ 'id }}", "S0101", 3),
        ("{{ `id }}", "S0105", 3),
        ("{{ /* id }}", "S0106", 3),
        ("{{ $match(id, /x }}", "S0302", 14),
        ("{{ id ) }}", "S0201", 6),
        ("x {{ id + }}", "S0207", 10),
        ("x {{}}", "S0207", 4),
        ("x {{ id id }}", "S0201", 8),
        ("{{ $eval('1') }}", "disabled", 3),
    ],
)
def test_a_template_that_does_not_parse_is_an_error_with_its_place(
    evaluator: str, text: str, code: str, offset: int
) -> None:
    template.cache_clear()
    with pytest.raises(ExpressionError) as caught:
        template(text)
    assert (caught.value.code, caught.value.offset, caught.value.text) == (code, offset, text)


def test_a_misspelt_name_gets_a_suggestion() -> None:
    with pytest.raises(ExpressionError) as caught:
        template("{{env.CLIENT_IT}}").render(SCOPE)
    assert caught.value.hint == 'did you mean "CLIENT_ID"?'


def test_parts_of_a_template() -> None:
    parsed = template("/a/{{ id }}/{{n}}")
    assert parsed.expressions == [(" id ", 5), ("n", 14)]
    assert all(parsed.text[at : at + len(source)] == source for source, at in parsed.expressions)
    assert template("no braces").expressions == []


def test_render_goes_deep_and_names_the_place() -> None:
    data = {"a": ["{{n}}", {"b": "x{{id}}", "{{id}}": None}], "c": 1.5, "d": True}
    assert render(data, SCOPE) == {"a": [7, {"b": "x51", "{{id}}": None}], "c": 1.5, "d": True}
    assert data["a"] == ["{{n}}", {"b": "x{{id}}", "{{id}}": None}]
    with pytest.raises(ExpressionError) as caught:
        render({"a": ["ok", {"b": "{{zzz}}"}]}, SCOPE)
    assert caught.value.at == "a.1.b"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/contacts/{{id}}", "/contacts/51"),
        ("/contacts/{{slash}}/x", "/contacts/a%2Fb%20c%3F%C3%A9/x"),
        ("/v1.{{n}}/{{half}}/{{yes}}", "/v1.7/0.5/true"),
        ("/a b/%2e/é", "/a b/%2e/é"),
        ("/x/{{ '%2e%2ea' }}", "/x/%252e%252ea"),
        ("/x/{{ '...' }}", "/x/..."),
        ("/x/{{ 'a;b=c:d@e' }}", "/x/a%3Bb%3Dc%3Ad%40e"),
        ("/{{ yes ? ['boards', slash, n] : 'all' }}/x", "/boards/a%2Fb%20c%3F%C3%A9/7/x"),
    ],
)
def test_render_path(text: str, path: str) -> None:
    assert render_path(text, SCOPE) == path


@pytest.mark.parametrize(
    "value", ["", ".", "..", "%2e%2e", "a/../b", "..;a", "a\\..\\b", "a\nb", "\x00", "\x7f", "a\x85b"]
)
def test_what_may_not_stand_in_a_path(value: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        render_path("/x/{{v}}/y", {"v": value})
    assert (caught.value.code, caught.value.offset) == ("unsafe_path", 5)


@pytest.mark.parametrize("text", ["/{{ [] }}", "/{{ ['a', '..'] }}", "/{{ ['a', ''] }}"])
def test_no_item_of_a_list_may_climb_either(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        render_path(text, SCOPE)
    assert caught.value.code == "unsafe_path"


@pytest.mark.parametrize("text", ["/x/{{d}}{{d}}", "/x/.{{d}}/y", "/{{d}}."])
def test_values_may_not_add_up_to_a_climbing_segment(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        render_path(text.replace("{{d}}{{d}}", "{{e}}{{f}}"), {"d": ".", "e": ".", "f": "."})
    assert caught.value.code == "unsafe_path"


@pytest.mark.parametrize("text", ["/x/{{nothing}}", "/x/{{zzz}}", "/x/{{ ['a', {}] }}", "{{object}}"])
def test_only_text_numbers_and_booleans_stand_in_a_path(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        render_path(text, SCOPE)
    assert caught.value.code in ("unresolved", "not_text")
