"""URLs that templates make: no value ends the part of the URL that it stands in."""

import pytest
from evaluating import usual

from conn_engine.conditions import Scope
from conn_engine.errors import ConfigurationError
from conn_engine.transport.url_templates import check_url_values, fill_base_url, split_url


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("https://a.b/c?d", ("https://a.b", "/c?d")),
        ("https://{{x.y}}.b:1/c/{{ {'a': {}} }}", ("https://{{x.y}}.b:1", "/c/{{ {'a': {}} }}")),
        ("{{context.url}}/c", ("{{context.url}}", "/c")),
        ("https://a{{b}}", ("https://a{{b}}", "")),
        ("/c", ("", "/c")),
        ("//a/c", ("", "//a/c")),
    ],
)
def test_split_url(text: str, parts: tuple[str, str]) -> None:
    assert split_url(text) == parts


def scope(value: str) -> Scope:
    return usual({"context": {"v": value}, "before": {"v": value}})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("https://{{context.v}}.example.com/token", "a.example.com/notes?x="),
        ("https://{{context.v}}.example.com/token", "a#"),
        ("https://{{context.v}}.example.com/token", "a\\"),
        ("https://x.example.com/{{context.v}}/token", "notes?x="),
        ("https://x.example.com/{{context.v}}/token", "notes#"),
        ("https://x.example.com/{{context.v}}/token", "a/../../notes"),
        ("https://x.example.com/{{context.v}}/token", "a/%2e%2e/notes"),
        ("https://x.example.com/{{context.v}}/token", "a\\..\\notes"),
        ("https://x.example.com/{{$uppercase(context.v)}}/token", "NOTES?"),
        ("https://x.example.com/{{$string($)}}/token", "?"),
        ("{{context.v}}/token", "https://x.example.com/notes?x="),
        ("{{context.v}}/token", "https://x.example.com/notes#"),
    ],
)
def test_a_value_that_leads_elsewhere(text: str, value: str) -> None:
    with pytest.raises(ConfigurationError):
        check_url_values(text, scope(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("https://{{context.v}}/token", "login.example.com:8443"),
        ("https://x.example.com/{{context.v}}/token", "tenant-1/v2"),
        ("{{context.v}}/token", "https://x.example.com/base"),
        ("{{context.v}}", "https://x.example.com/token?a=b"),
        ("https://x.example.com/token?a={{context.v}}", "b?c"),
        ("https://x.example.com{{before.v}}", "/token?state=1"),
    ],
)
def test_a_value_that_fits(text: str, value: str) -> None:
    check_url_values(text, scope(value))


@pytest.mark.parametrize("value", ["a/%2e%2e/b", "a/..%2fb", "%252e%252e", "{token}"])
def test_a_base_url_does_not_climb(value: str) -> None:
    with pytest.raises(ConfigurationError):
        fill_base_url("https://x.example.com/v1/{{context.v}}", scope(value))
