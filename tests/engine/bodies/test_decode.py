import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measuring import cpu_limit

from conn_engine.bodies import MAX_BYTES, MAX_DEPTH, decode
from conn_engine.errors import ConfigurationError, VendorError
from conn_engine.wire import Headers, Response


def response(body: bytes, content_type: str = "application/json", status: int = 200) -> Response:
    return Response(status, Headers({"Content-Type": content_type}), body)


def refusal(body: bytes, content_type: str = "application/json") -> str:
    with pytest.raises(VendorError) as raised:
        decode(response(body, content_type))
    assert raised.value.kind == "bad_response"
    return raised.value.message


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_nothing(body: bytes) -> None:
    assert decode(response(body)) is None
    assert decode(response(b"ignored", status=204)) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740992", 9007199254740992),
        ("9007199254740993", "9007199254740993"),
        ("-9007199254740993", "-9007199254740993"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        (
            '{"id": 12345678901234567, "n": [1, {"id": 98765432109876543}]}',
            {"id": "12345678901234567", "n": [1, {"id": "98765432109876543"}]},
        ),
        ('{"id": "12345678901234567", "x": 5}', {"id": "12345678901234567", "x": 5}),
        ("1.2345678901234567", 1.2345678901234567),
        ("1e20", 1e20),
        ("-0.5", -0.5),
        ("true", True),
        ("null", None),
        ('"\\u00fc"', "ü"),
        ('{"a":1,"a":2}', {"a": 2}),
        ('["\\ud83d\\ude00"]', ["😀"]),
        (
            '["\\ud83d", "\\uDE00x", "\\ud83d\\u0041", "\\ud83d\\ud83d\\ude00"]',
            ["\ufffd", "\ufffdx", "\ufffdA", "\ufffd😀"],
        ),
        ('{"\\ud83d": "\\\\ud83d \\\\\\ud83d"}', {"\ufffd": "\\ud83d \\\ufffd"}),
        ('["\\udb00", 12345678901234567]', ["\ufffd", "12345678901234567"]),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert decode(response(text.encode())) == value


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        '{"a": NaN}',
        "[Infinity]",
        "[1,]",
        "{'a': 1}",
        "[1] x",
        '{"a"',
        "[1e999]",
        "// c\n1",
        '"\x01"',
        "[01]",
        "9" * 5000,
        "[" + "9" * 5000 + "]",
    ],
)
def test_what_is_not_json_is_refused(text: str) -> None:
    assert "not JSON" in refusal(text.encode())


def test_character_sets() -> None:
    text = '{"name": "Zoë"}'
    expected = {"name": "Zoë"}
    for body, content_type in (
        (text.encode(), "application/json"),
        (b"\xef\xbb\xbf" + text.encode(), "application/json"),
        (text.encode("latin-1"), "application/json; charset=ISO-8859-1"),
        (text.encode("cp1252"), 'application/json; charset="windows-1252"'),
        (text.encode("utf-16"), "application/json"),
        (text.encode("utf-16-le"), "application/json; charset=utf-16le"),
        (text.encode("utf-32"), "application/json"),
    ):
        assert decode(response(body, content_type)) == expected


@pytest.mark.parametrize("charset", ["rot13", "zip", "idna", "unicode_escape", "klingon", "utf-7"])
def test_names_that_are_no_text_encoding_are_refused(charset: str) -> None:
    assert "is unknown" in refusal(b"{}", f"application/json; charset={charset}")


def test_bytes_that_do_not_fit_their_character_set() -> None:
    assert "not JSON (byte 1 is not UTF-8" in refusal(b'"\xff\xfe\xfd"')
    assert "not valid in" in refusal(b"\xff\xfea", "application/json; charset=utf-16")


def test_depth() -> None:
    assert decode(response(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)) is not None
    for depth in (MAX_DEPTH + 1, 1_000, 100_000):
        assert "nested deeper than 200" in refusal(b"[" * depth + b"]" * depth)
    assert "nested deeper" in refusal(b'{"a":' * 201 + b"1" + b"}" * 201)


def test_size() -> None:
    assert "larger than 64 MiB" in refusal(b" " * MAX_BYTES + b"1")


def test_an_html_page_is_named() -> None:
    page = b"<!DOCTYPE html><html><head><title>Sign in\n to Example</title></head><body>...</body></html>"
    assert refusal(page, "text/html") == (
        "the vendor responded with an HTML page titled “Sign in to Example” instead of JSON"
    )
    assert "HTML page instead" in refusal(b"  <HTML><body>hi", "application/json")


def test_an_excerpt_is_short_and_printable() -> None:
    message = refusal(b"oops\x00\x1b[31m " + b"x" * 5_000, "text/plain")
    assert "declared as text/plain" in message
    assert message.isprintable()
    assert len(message) < 300


def test_an_error_answer_that_is_no_json_is_text() -> None:
    page = response(b"<html>Bad Gateway</html>", "text/html", 502)
    assert decode(page) == "<html>Bad Gateway</html>"
    assert decode(response(b'{"error": 1}', status=400)) == {"error": 1}
    assert len(decode(response(b"x" * 50_000, "text/plain", 500))) == 10_000
    assert decode(response(b"caf\xe9", "text/plain; charset=klingon", 500)) == "caf\ufffd"


def test_text() -> None:
    assert decode(response("Zoë".encode("latin-1"), "text/plain; charset=latin1"), "text") == "Zoë"
    with pytest.raises(ConfigurationError, match="is not a response format"):
        decode(response(b"1"), "yaml")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def exact(value: Any) -> Any:
    """The model: integers that a double cannot hold become text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) <= 2**53 else str(value)
    if isinstance(value, list):
        return [exact(item) for item in value]
    return {key: exact(item) for key, item in value.items()} if isinstance(value, dict) else value


@given(values)
def test_any_json_value_is_read_exactly(value: Any) -> None:
    assert decode(response(json.dumps(value).encode())) == exact(value)


@given(
    st.binary(max_size=200),
    st.sampled_from(["application/json", "text/html; charset=utf-16", "x; charset=big5"]),
)
def test_no_bytes_break_the_reading(body: bytes, content_type: str) -> None:
    try:
        decode(response(body, content_type))
    except VendorError as error:
        assert error.kind == "bad_response"
        assert error.message.isprintable()


def test_a_wide_body_is_read_in_reasonable_time() -> None:
    body = json.dumps([{"id": str(n), "v": {"a": [n] * 5}} for n in range(20_000)]).encode()
    with cpu_limit(10):
        decode(response(body))
