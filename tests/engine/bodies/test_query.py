from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.bodies import QueryFormat, encode, encode_query
from conn_engine.errors import ConfigurationError


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ("repeat", "a=1&a=2&b=x"),
        ("comma", "a=1,2&b=x"),
        ("brackets", "a%5B%5D=1&a%5B%5D=2&b=x"),
        ("indices", "a%5B0%5D=1&a%5B1%5D=2&b=x"),
    ],
)
def test_lists(arrays: Any, text: str) -> None:
    assert encode_query([("a", [1, 2]), ("b", "x")], QueryFormat(arrays=arrays)) == text


def test_a_comma_within_a_value_is_not_a_separator() -> None:
    assert encode_query([("a", ["x,y", "z"])], QueryFormat(arrays="comma")) == "a=x%2Cy,z"


def test_objects() -> None:
    pairs = [("f", {"a": 1, "b": {"c": [True, None]}})]
    assert encode_query(pairs, QueryFormat(raw="[]")) == "f[a]=1&f[b][c]=true"
    assert encode_query(pairs, QueryFormat(objects="dots")) == "f.a=1&f.b.c=true"
    assert encode_query(pairs, QueryFormat(objects="json", raw='{}[]":,')) == 'f={"a":1,"b":{"c":[true,null]}}'


def test_raw_characters_stay_but_never_the_syntax() -> None:
    text = encode_query([("q", "(a:b,c%d&e=f#g+h i)")], QueryFormat(raw="():,%&=#+"))
    assert text == "q=(a:b,c%25d%26e%3Df%23g%2Bh%20i)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "a=true"),
        (False, "a=false"),
        (None, ""),
        (100.0, "a=100"),
        (1.5, "a=1.5"),
        (10**20, f"a={10**20}"),
        ("", "a="),
        ("ü€", "a=%C3%BC%E2%82%AC"),
        ([], ""),
        ([None], ""),
        ({}, ""),
        ("~-._", "a=~-._"),
    ],
)
def test_values(value: Any, text: str) -> None:
    assert encode_query([("a", value)]) == text


def test_booleans_as_numbers() -> None:
    assert encode_query([("a", [True, False])], QueryFormat(booleans="one_zero")) == "a=1&a=0"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes"])
def test_what_is_no_data_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match='"a" cannot be sent'):
        encode_query([("a", value)])


def test_depth_is_bounded() -> None:
    value: Any = 1
    for _ in range(50):
        value = {"x": value}
    with pytest.raises(ConfigurationError, match="deeper than"):
        encode_query([("a", value)])


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=12)), max_size=6),
    st.text(max_size=6),
)
def test_what_is_written_is_read(pairs: list[tuple[str, str]], raw: str) -> None:
    assert parse_qsl(encode_query(pairs, QueryFormat(raw=raw)), keep_blank_values=True) == pairs


def test_forms() -> None:
    data = {"a b": "c d&e", "list": [1, 2], "deep": {"x": True}, "none": None}
    assert encode("form", data) == (
        b"a+b=c+d%26e&list=1&list=2&deep%5Bx%5D=true",
        "application/x-www-form-urlencoded",
    )
    assert encode("form", {"l": [1, 2]}, QueryFormat(arrays="brackets"))[0] == b"l%5B%5D=1&l%5B%5D=2"
    with pytest.raises(ConfigurationError, match="object of fields"):
        encode("form", [1])


def test_json() -> None:
    assert encode("json", {"a": [1, None, "ü"]}) == ('{"a":[1,null,"ü"]}'.encode(), "application/json")
    for value in (float("nan"), {"a": {1, 2}}, {"a": "\ud800"}):
        with pytest.raises(ConfigurationError, match="not JSON data"):
            encode("json", value)


def test_an_unknown_format_names_the_known() -> None:
    with pytest.raises(ConfigurationError, match="is not a body format") as raised:
        encode("yaml", {})
    assert "json, form" in raised.value.hint
