"""Credentials in files of which nothing is known: by names in any kind of text, and by their looks."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measuring import cpu_limit

from conn_engine.secrets import Redactor, remove_numbers
from conn_engine.secrets.names import is_credential_name
from conn_engine.secrets.shapes import find_shapes, is_random, locate_shapes
from conn_engine.secrets.wary_redaction import WaryRedactor

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEvQIBADAN\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('{"a": {"password": "x y"}}', '{"a": {"password": "[redacted]"}}'),
        ("{'apiKey':'x'}", "{'apiKey':'[redacted]'}"),
        (r'{"in": "{\"token\": \"a\\\"b\", \"n\": 1}"}', r'{"in": "{\"token\": \"[redacted]\", \"n\": 1}"}'),
        ('login(email: "a", password: "x", apiKey: $k)', 'login(email: "a", password: "[redacted]", apiKey: $k)'),
        ('<o:Password Type="t">x</o:Password>', '<o:Password Type="t">[redacted]</o:Password>'),
        ("<ApiKey><![CDATA[x]]></ApiKey>", "<ApiKey><![CDATA[[redacted]]]></ApiKey>"),
        ('<user apiKey="x" name="n"/>', '<user apiKey="[redacted]" name="n"/>'),
        ("grant_type=password&password=x&a=1", "grant_type=password&password=[redacted]&a=1"),
        ("GET /\r\nX-Shop-Key: x y\r\nAccept: a", "GET /\r\nX-Shop-Key: [redacted]\r\nAccept: a"),
        (f"see {JWT}.", "see [redacted]."),
        (f"a\n{PEM}\nb", "a\n[redacted]\nb"),
        ("Bearer abc.def-12345678 is it", "Bearer [redacted] is it"),
        ("Basic functions, bearer of news", "Basic functions, bearer of news"),
        ("the token is what it is: a token", "the token is what it is: a token"),
        ("notes: no secret, key=no", "notes: no secret, key=no"),
        ("[redacted].3.", "[redacted]"),
    ],
)
def test_texts(text, clean):
    redactor = WaryRedactor()
    once = redactor.text(text)
    assert remove_numbers(once) == clean
    assert redactor.text(once) == once
    assert redactor.find(once) == []


def test_equal_values_have_equal_numbers_wherever_they_stand():
    redactor = WaryRedactor()
    data = redactor.data(
        {"token": "p2", "next": "https://a.b/?token=p2&x=1", "text": '{"token": "p2", "secret": "p3"}'}
    )
    assert data == {
        "token": "[redacted].1.",
        "next": "https://a.b/?token=[redacted].1.&x=1",
        "text": '{"token": "[redacted].1.", "secret": "[redacted].2."}',
    }


def test_private_keys_as_data_and_codes_of_a_grant():
    redactor = WaryRedactor()
    key = redactor.data({"kty": "EC", "crv": "P-256", "x": "1", "d": "2"})
    assert (key["x"], remove_numbers(key["d"])) == ("1", "[redacted]")
    asked = redactor.parameters({"grant_type": "authorization_code", "code": "c"})
    assert (asked["grant_type"], remove_numbers(asked["code"])) == ("authorization_code", "[redacted]")
    assert redactor.parameters({"code": "DE"}) == {"code": "DE"}


def test_doubtful_parameters_are_told_by_their_values():
    query = {"key": "AbCd1234EfGh5678Ij", "sid": "2026-01-01T00:00:00Z", "state": "open"}
    clean = WaryRedactor(parameters=["who"]).parameters({**query, "Who": "x"})
    assert {name: remove_numbers(value) for name, value in clean.items()} == {
        **query,
        "key": "[redacted]",
        "Who": "[redacted]",
    }


def test_it_knows_what_the_redactor_knows_and_names_what_it_finds():
    known = Redactor()
    known.add("hunter22", "the password")
    redactor = WaryRedactor(known)
    assert redactor.find(f"hunter22 {PEM} {JWT}") == [
        "the password",
        "a token with a well-known form",
        "a private key",
    ]
    assert redactor.text("%68unter22") == "[redacted]"


@pytest.mark.parametrize(
    "name", ["page_token", "nextToken", "sync-token", "tokens", "key", "author", "idempotency-key"]
)
@pytest.mark.parametrize("place", ["parameter", "field"])
def test_names_of_other_things(name, place):
    assert not is_credential_name(name, place)


def test_names_of_headers_go_by_their_last_word():
    assert is_credential_name("X-Shop-Key", "header")
    assert not is_credential_name("X-Shop-Key", "field")
    assert not is_credential_name("Idempotency-Key", "header")
    assert not is_credential_name("X-Request-Id", "header")


def test_looks():
    assert is_random("AbCd1234EfGh5678")
    assert not any(map(is_random, ["2026-01-01T00:00:00Z", "abcdefghijklmnopqrst", "12345678901234567890", "short1"]))
    assert find_shapes("nothing, Basic functions") == []
    text = f"{JWT} and {JWT}"
    assert [text[start:end] for start, end in locate_shapes(text)] == [JWT, JWT]


@given(st.text(max_size=300), st.sampled_from(["", '"password": "', "key=", "<token>", "Bearer ", "eyJ", "\\"]))
@settings(max_examples=200, deadline=None)
def test_redaction_is_idempotent(text, before):
    redactor = WaryRedactor()
    once = redactor.text(before + text)
    assert redactor.text(once) == once
    data = redactor.data(json.loads(json.dumps({"a": [text], "b": before + text})))
    assert redactor.data(data) == data


def test_time_is_linear_in_the_text():
    redactor = WaryRedactor()
    for part in (
        "a",
        '"',
        "token:",
        'key="',
        "<key>",
        "key='\\",
        PEM[:30],
        "eyJ",
        "-eyJ-",
        "Bearer ",
        "key:\n",
        '\\"key',
    ):
        text = part * (300_000 // len(part))
        with cpu_limit(10):
            redactor.text(text)
            redactor.find(text)
