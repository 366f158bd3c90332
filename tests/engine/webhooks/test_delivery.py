"""What expressions see of a delivery: its exact text, its body as data, and what came with it."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.conditions import DEFAULT_LIMITS, USUAL, Scope
from conn_engine.webhooks import NAMES, Delivery
from conn_engine.webhooks.verifier import VerificationContext, VerificationError, evaluate_on_delivery
from conn_engine.wire import FrozenClock, Headers


def came(body=b"", content_type=None, url="https://h.example.com/in", **headers):
    pairs = ([("Content-Type", content_type)] if content_type is not None else []) + list(headers.items())
    return Delivery("post", url, Headers(pairs), body)


@given(body=st.binary(max_size=300))
def test_the_text_is_the_exact_body(body):
    delivery = came(body)
    assert delivery.encode_exactly(delivery.text) == body


@given(body=st.text(max_size=100))
def test_utf_8_text_is_decoded(body):
    assert came(body.encode()).text == body


@pytest.mark.parametrize(
    ("content_type", "body", "data"),
    [
        ("application/json", b'{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}),
        ("application/json; charset=utf-8", b"[]", []),
        ("application/vnd.vendor.v1+json", b' {"a": "\xc3\xab"}', {"a": "ë"}),
        ("APPLICATION/JSON", b"7", 7),
        ("text/plain", b'{"a": 1}', {"a": 1}),
        (None, b"[1]", [1]),
        (None, b'"text"', "text"),
        ("text/plain", b"plain", "plain"),
        ("application/json", b"{not json", "{not json"),
        ("application/json", b"", None),
        ("application/json", b" \r\n", None),
        (None, b"", None),
        ("application/x-ndjson", b'{"a": 1}\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        ("application/jsonlines", b'{"a": 1}', [{"a": 1}]),
        ("application/x-www-form-urlencoded", b"a=1&b=x+y%26&c=&d", {"a": "1", "b": "x y&", "c": "", "d": ""}),
        ("application/x-www-form-urlencoded;charset=UTF-8", b"m=b&m=a&m=a", {"m": ["b", "a", "a"]}),
        ("application/x-www-form-urlencoded", b"n=Zo%C3%AB&data%5Bid%5D=7", {"n": "Zoë", "data[id]": "7"}),
        ("application/xml", b"<a><b>1</b><b>2</b></a>", {"a": {"b": ["1", "2"]}}),
        ("text/xml; charset=utf-8", b'<a x="1">t</a>', {"a": {"@x": "1", "#text": "t"}}),
        ("application/soap+xml", b"<a/>", {"a": None}),
        ("text/xml", b"<a>", "<a>"),
        ("application/octet-stream", b"\xff\xfe", "ÿþ"),
    ],
)
def test_the_body_is_read_by_its_kind(content_type, body, data):
    assert came(body, content_type).data == data


MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="json"\r\n\r\n{"a": "\xc3\xab"}\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.txt"\r\nContent-Type: text/plain\r\n\r\n'
    b"line\r\nline\r\n"
    b'--b\r\nContent-Disposition: form-data; name="m"\r\n\r\n1\r\n'
    b'--b\r\nContent-Disposition: form-data; name="m"\r\n\r\n2\r\n--b--\r\n'
)


def test_a_form_in_parts_is_its_fields():
    data = came(MULTIPART, "multipart/form-data; boundary=b").data
    assert data == {"json": '{"a": "ë"}', "f": "line\r\nline", "m": ["1", "2"]}


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=other", "multipart/form-data; boundary="]
)
def test_a_form_in_parts_without_its_boundary_has_no_fields(content_type):
    assert came(MULTIPART, content_type).data == {}


def test_a_form_has_so_many_fields_and_no_more():
    fields = b"&".join(b"n%d=1" % number for number in range(10_000))
    assert len(came(fields, "application/x-www-form-urlencoded").data) == 10_000
    assert came(fields + b"&more=1", "application/x-www-form-urlencoded").data == {}


def test_only_the_used_names_are_built():
    delivery = Delivery(
        "post",
        "https://h.example.com:8443/in/a%20b?x=1&x=2&y=%C3%AB",
        Headers([("X-One", " 1 "), ("X-Two", "a"), ("x-two", "b")]),
        b'{"a": 1}',
    )
    names = delivery.build_names("body", {"secret": "s", "method": "hidden"})
    assert names.pop("body_sha256") == "f9d86028c6e0d64e225186f96acb69338b2c59764df79162107f5c4bb34d1310"
    assert names == {
        "secret": "s",
        "method": "POST",
        "url": "https://h.example.com:8443/in/a%20b?x=1&x=2&y=%C3%AB",
        "host": "h.example.com:8443",
        "path": "/in/a%20b",
        "target": "/in/a%20b?x=1&x=2&y=%C3%AB",
        "query": {"x": ["1", "2"], "y": "ë"},
        "headers": {"x-one": "1", "x-two": ["a", "b"]},
        "text": '{"a": 1}',
        "body": {"a": 1},
    }
    assert {*names, "body_sha256"} - {"secret"} == NAMES


def test_the_body_is_read_when_it_is_named():
    delivery = came(b"{}")
    for told in ("text", ["headers.x", {"a": "query.y"}], "{{text}}"):
        assert "body" not in delivery.build_names(told, {})
    for told in ("body.a", "*", "$$.x", ["x", {"a": "{{body}}"}]):
        assert delivery.build_names(told, {})["body"] == {}


def test_what_came_more_than_once_is_known():
    delivery = came(url="https://h.example.com/?a=1&b=2&a=3", x="1", y="2", X="3")
    assert delivery.repeated_names == {"x", "a"}
    assert came(url="https://h.example.com/?a=1", a="1").repeated_names == {"a"}  # a header and a parameter of one name
    assert came(x="1").repeated_names == frozenset()


@given(url=st.text(max_size=60))
def test_any_address_can_be_read(url):
    names = came(url=url).build_names("body", {})
    assert names["url"] == url
    assert isinstance(names["host"] + names["path"] + names["target"], str)


def test_an_address_without_a_path_is_that_of_the_root():
    names = came(url="https://h.example.com").plain
    assert (names["path"], names["target"], names["query"]) == ("/", "/", {})


def test_nothing_of_it_is_in_its_repr():
    delivery = came(b"secret body", "text/plain", url="https://h.example.com/in?token=secret", authorization="secret")
    assert "secret" not in repr(delivery)


DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=5), part, max_size=4),
    max_leaves=20,
)


@given(data=DATA, plain=st.booleans())
def test_json_is_read_as_it_was_written(data, plain):
    assert came(json.dumps(data, ensure_ascii=plain).encode(), "application/json").data == data


def test_the_limits_of_a_deployment_hold_for_what_is_signed() -> None:
    scope = Scope({"env": {}, "context": {}}, replace(USUAL, limits=replace(DEFAULT_LIMITS, array_items=5)))
    verification = VerificationContext(Delivery("POST", "https://hooks.example.com/in"), scope, FrozenClock(0))
    assert evaluate_on_delivery("$count([1..3])", verification, whole=True) == 3
    with pytest.raises(VerificationError, match="fails on this delivery"):
        evaluate_on_delivery("$count([1..10])", verification, whole=True)
