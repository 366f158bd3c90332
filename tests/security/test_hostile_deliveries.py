"""Hostile deliveries are answered quickly and in little memory; only the receipt reports them."""

import gzip
import resource
from typing import Any

import pytest
from attack import World
from inbox import ADDRESS, HOOK, NOW, Inbox, plain, signed, webhooks
from measuring import cpu_limit

from conn_engine.expressions.functions import FUNCTIONS, Function
from conn_engine.webhooks import MAX_DELIVERY_BYTES, Delivery
from conn_engine.webhooks.form_parts import read_form_parts
from conn_engine.wire import Headers

MIB = 2**20
ANY_TYPE = {"events": {"each": "body", "type": "'x'", "record": "item"}}
PARTS = ("content-type", "multipart/form-data; boundary=b")
XML = ("content-type", "text/xml")
NESTED = b"".join(b"--b%d\r\ncontent-type: multipart/mixed; boundary=b%d\r\n\r\n" % (at, at + 1) for at in range(2000))
LONG_NAME = b'--b\r\ncontent-disposition: form-data; name="' + b"a*0=;" * 100_000 + b'"\r\n\r\nx\r\n--b--'
LAUGHS = b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'"><!ENTITY c "' + b"&b;" * 1000 + b'">]><a>' + b"&c;" * 1000
FILE = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
MANY_IN_HEAD = "multipart/form-data; " + "a=b;" * 20_000 + "boundary=b"


@pytest.fixture
def inbox(world: World) -> Inbox:
    return Inbox(world)


@pytest.fixture(autouse=True)
def _bounds() -> Any:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with cpu_limit(30):
        yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 800 * 1024  # KiB


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x" * MAX_DELIVERY_BYTES, ()),
        (b"[" * 5_000_000, ()),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, ()),
        (b'{"a": 1e400}', ()),
        (b'{"a": ' + b"9" * 900 + b"}", ()),
        (b'{"a": "\\ud800"}', ()),
        (b"\xff\xfe\x00", ()),
        (b"", ()),
        (b"1\n" * 2_000_000, [("content-type", "application/x-ndjson")]),
        (b"a=1&" * 1_000_000, [("content-type", "application/x-www-form-urlencoded")]),
        (b"--b\r\n\r\n\r\n" * 500_000 + b"--b--", [PARTS]),
        (NESTED, [("content-type", "multipart/form-data; boundary=b0")]),
        (LONG_NAME, [PARTS]),
        (b"--b\r\n" + b"a" * 20 * MIB, [PARTS]),
        (b"--b--", [("content-type", MANY_IN_HEAD)]),
        (b"--b--", [("content-type", 'multipart/form-data; boundary="' + "(\\" * 30_000)]),
        (LAUGHS, [XML]),
        (FILE, [XML]),
        (b"<a>" * 1_000_000, [XML]),
        (gzip.compress(b'{"a": "' + b"x" * 50 * MIB + b'"}'), [("content-encoding", "gzip")]),
        (b"PK\x03\x04" + b"\0" * 1000, [("content-type", "application/zip")]),
        (b"{}", [("content-type", "application/json; charset=utf-7")]),
        (b"{}", [("content-type", "application/json; charset=zlib_codec")]),
        (b"{}", [(f"x-{at}", "v") for at in range(100_000)]),
        (b"{}", [("x-a", "v" * 50) for _ in range(100_000)]),
    ],
    ids=["long", "deep", "deep-objects", "infinite", "digits", "half-a-letter", "no-text", "empty", "lines", "form",
         "parts", "parts-in-parts", "name-of-part", "part-without-head", "type-of-many", "type-of-quotes", "entities",
         "file", "deep-xml", "gzip", "zip", "utf-7", "codec", "headers", "same-header"],
)  # fmt: skip
def test_a_body_is_data_or_text_soon(inbox: Inbox, body: bytes, headers: list[tuple[str, str]]) -> None:
    receipt = inbox.lay_out(webhooks(**ANY_TYPE)).receive(signed(body, headers=headers))
    assert (receipt.reply.status, receipt.verified_by) == (200, "hmac")
    assert "root:" not in inbox.shown(receipt)


def test_one_byte_more_is_not_read(inbox: Inbox) -> None:
    receipt = inbox.lay_out(webhooks()).receive(signed(b"x" * (MAX_DELIVERY_BYTES + 1)))
    assert (receipt.reply.status, receipt.verified_by) == (413, "")


@pytest.mark.parametrize(
    "url",
    [
        "https://[/x",
        "https://h\u2100st/x",
        "https://hooks.example.com:abc/x",
        "nonsense",
        "",
        "?",
        "//",
        "\r\n\0",
        "\ud800",
    ],
)
def test_an_address_that_is_none(inbox: Inbox, url: str) -> None:
    """A driver makes it of the Host header, in which anybody may write anything."""
    receipt = inbox.lay_out(webhooks(**ANY_TYPE)).receive(signed(url=url))
    assert receipt.verified_by == "hmac"


@pytest.mark.parametrize("count", [10_000, 100_000])
def test_a_query_of_many(inbox: Inbox, count: int) -> None:
    query = "&".join(f"a{at % (count // 2)}=1" for at in range(count))
    assert inbox.lay_out(webhooks()).receive(signed(url=f"{ADDRESS}?{query}")).verified_by == "hmac"


@pytest.mark.parametrize(
    "token",
    [
        b'"\\ud800"',
        b'"\\udc80"',
        b'["a"]',
        b"1",
        b"null",
        b"true",
        b'{"a": 1}',
        b'""',
        b'"' + b"x" * MIB + b'"',
        b'"\\u0000"',
    ],
)
def test_a_token_that_is_none(inbox: Inbox, token: bytes) -> None:
    verify = {"format": "token", "config": {"token": "body.token"}}
    receipt = inbox.lay_out(webhooks(verify=verify)).receive(plain(b'{"token":' + token + b"}"))
    assert (receipt.reply.status, receipt.verified_by) == (401, "")


@pytest.mark.parametrize(
    ("verify", "delivery"),
    [
        ({"format": "token", "config": {"each": "body.a", "token": "item.t"}},
         plain(b'{"a":[' + f'{{"t":"{HOOK}"}},'.encode() * 300_000 + b"1]}")),
        ({"format": "hmac", "config": {"signature": "body.s", "separator": ","}}, plain({"s": "aa," * 5_000_000})),
        ({"format": "hmac", "config": {"signature": "body.s", "separator": ",", "pair": "=", "take": "v"}},
         plain({"s": "v=aa," * 1_000_000})),
        ({"format": "hmac", "config": {"signature": "body.s", "content": "body.c"}},
         plain({"s": ["aa"] * 10_000, "c": ["b" * 1000] * 10_000})),
        ({"format": "basic"}, plain(headers=[("authorization", "Basic " + "A" * MIB)])),
        ({"format": "jwt", "config": {"algorithms": ["HS256"]}},
         plain(headers=[("authorization", "Bearer " + "A." * 30_000)])),
        ({"format": "standard_webhooks"},
         plain(headers=[("webhook-id", "a"), ("webhook-timestamp", str(NOW)), ("webhook-signature", "v1,a " * 9_000)])),
    ],
    ids=["each", "signatures", "pairs", "contents", "basic", "jwt", "standard"],
)  # fmt: skip
def test_proofs_of_many_are_refused(inbox: Inbox, verify: dict[str, Any], delivery: Delivery) -> None:
    receipt = inbox.lay_out(webhooks(verify=verify)).receive(delivery)
    assert (receipt.reply.status, receipt.verified_by) == (401, "")


def test_a_part_of_a_signature_is_not_repeated_in_a_message(inbox: Inbox) -> None:
    config = {"signature": "headers.'x-signature'", "separator": ",", "pair": "=", "take": "v1"}
    said = "\x1b[31mred=1,\x1b[31mred=2,v1=aa"
    inbox.lay_out(webhooks(verify={"format": "hmac", "config": config}))
    receipt = inbox.receive(plain(headers=[("x-signature", said)]))
    assert receipt.refusal is not None and "\x1b" not in inbox.shown(receipt)


def test_a_form_in_parts_is_read() -> None:
    body = (
        b'preamble\r\n--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b"--b\r\ncontent-type: text/plain\r\n"
        b'content-disposition: form-data; name="gr\xc3\xbc\xc3\x9fe"; filename="f"\r\n\r\ntwo\r\nlines\r\n'
        b"--b\r\ncontent-disposition: form-data; name*=utf-8''%C3%A9\r\n\r\n\r\n"
        b"--b\r\n\r\nnameless\r\n--b--\r\nx"
    )
    fields = {"a": "1", "grüße": "two\r\nlines", "é": ""}
    assert read_form_parts("multipart/form-data; boundary=b", body, 10) == list(fields.items())
    assert read_form_parts("multipart/form-data; boundary=b", body, 3) == []
    assert read_form_parts("multipart/form-data", body, 10) == []
    assert Delivery("POST", ADDRESS, Headers([PARTS]), body).data == fields


def test_an_evaluator_that_breaks_off_is_an_answer_too(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A panic of Rust is no `Exception`: nothing that catches those would see it."""

    def broken(*_arguments: Any) -> Any:
        raise type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})("index out of bounds")

    monkeypatch.setitem(FUNCTIONS, "broken", Function("broken", broken, "<x:x>", "", "", None))
    events = {"each": "body", "type": "$broken(item.type)", "record": "item"}
    receipt = inbox.lay_out(webhooks(events=events)).receive(signed())
    assert receipt.reply.status == 503
    assert receipt.error is not None and "the evaluator crashes" in receipt.error.message
