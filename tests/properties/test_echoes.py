"""Whatever the credential, and however an answer spells it: once decoded, nothing that reads the answer finds it."""

import contextlib
import csv
import gzip
import html
import io
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, unquote_plus

from evaluating import usual
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conn_engine.bodies import ResponseOptions, decode, read_body
from conn_engine.errors import VendorError
from conn_engine.secrets import REDACTED, Redactor
from conn_engine.settings import Answer
from conn_engine.webhooks import Delivery
from conn_engine.wire import Headers, Request, Response

tokens = st.text("abcXYZ0189-_.~+/=", min_size=8, max_size=40)
passwords = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=8, max_size=24)
secrets = st.one_of(tokens, tokens, passwords).filter(
    lambda secret: len(set(secret)) > 4 and secret == secret.strip() and REDACTED not in secret
)
BASIC = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def in_json(character: str) -> list[str]:
    units = [character.encode("utf-16-be").hex()[at : at + 4] for at in range(0, 4 * (1 + (character > "\uffff")), 4)]
    plain = json.dumps(character, ensure_ascii=False)[1:-1]
    return [plain, plain, "".join(f"\\u{u}" for u in units), "".join(f"\\u{u.upper()}" for u in units)] + (
        ["\\/"] if character == "/" else []
    )


def in_xml(character: str) -> list[str]:
    section = f"<![CDATA[{character}]]>"
    plain = html.escape(character, quote=False)
    return [
        plain,
        plain,
        f"&#{ord(character)};",
        f"&#x{ord(character):02X};",
        section,
        f"<!-- a -->{plain}",
        f"<?b c?>{plain}",
    ]


def in_html(character: str) -> list[str]:
    return [html.escape(character), f"&#{ord(character)};", f"&#x{ord(character):x};", f"&#0{ord(character)};"]


def in_percent(character: str) -> list[str]:
    packed = "".join(f"%{byte:02X}" for byte in character.encode())
    return [character if character.isalnum() and character.isascii() else packed, packed, packed.lower()]


@st.composite
def spelled(draw: Any, secret: str, spelling: Any) -> str:
    """The secret, each character in one of its spellings."""
    return "".join(draw(st.sampled_from(spelling(character))) for character in secret)


def texts(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from (*texts(key), *texts(value))
    elif isinstance(data, list):
        for value in data:
            yield from texts(value)
    elif isinstance(data, str):
        yield data


def readings(text: str) -> Iterator[str]:
    """What an expression makes of a text without knowing what to look for."""
    yield from (
        text,
        unquote(text),
        unquote_plus(unquote(text)),
        html.unescape(text),
        html.unescape(html.unescape(text)),
    )
    yield re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text).replace("\\/", "/")
    yield re.sub(r"<!\[CDATA\[|\]\]>|<!--.*?-->|<\?.*?\?>", "", text)


def nothing_of(secret: str, data: Any) -> None:
    for text in texts(data):
        for reading in readings(text):
            assert secret not in reading.replace(REDACTED, "\0"), reading


def came(redactor: Redactor, raw: bytes, kind: str = "application/json", status: int = 200) -> Response:
    """An answer as the live transport hands it on."""
    return Response(status, Headers({"content-type": kind}), redactor.without_echo(raw), echoes=redactor)


def read_it_all(secret: str, response: Response, form: str, options: ResponseOptions | None = None) -> Any:
    """Everything that an expression can read of an answer, without the secret."""
    try:
        data: Any = decode(response, form, options)
    except VendorError as problem:
        data = problem.message
    nothing_of(secret, data)
    nothing_of(secret, Answer(Request("GET", "https://a.b"), response, None, scope=usual()).text())
    return data


@given(data=st.data(), secret=secrets, status=st.sampled_from([200, 200, 422]))
@BASIC
def test_json(data: Any, secret: str, status: int) -> None:
    redactor = Redactor([secret])
    one = data.draw(spelled(secret, in_json))
    inner = data.draw(spelled(secret, data.draw(st.sampled_from([in_html, in_percent, in_json]))))
    text = f'{{"{one}": 1, "a": ["x {one} y"], "b": {json.dumps(f"<{inner}>")}, "n": 1}}'
    found = read_it_all(secret, came(redactor, text.encode(), status=status), "json")
    assert isinstance(found, str) or found["n"] == 1
    packed = gzip.compress(text.encode())
    read_it_all(secret, came(redactor, packed, "application/gzip"), "json")
    read_it_all(secret, came(redactor, text.encode("utf-16")), "json")
    lines = (text + "\n") * 2
    read_it_all(secret, came(redactor, lines.encode(), "application/x-ndjson"), "jsonl")
    delivery = Delivery("POST", f"https://h.example/?q={inner}", Headers({"x-echo": one}), text.encode())
    assert delivery.data["n"] == 1
    seen = delivery.clean(redactor)
    nothing_of(secret, [seen.data, {**seen.plain, "body_sha256": ""}])


@given(data=st.data(), secret=secrets)
@BASIC
def test_xml(data: Any, secret: str) -> None:
    redactor = Redactor([secret])
    one = data.draw(spelled(secret, in_xml))
    other = html.escape(data.draw(spelled(secret, in_percent)))
    text = f'<?xml version="1.0"?><r><a>x {one} y</a><b c="{other}">{one}</b><n>1</n></r>'
    found = read_it_all(secret, came(redactor, text.encode(), "application/xml"), "xml")
    assert isinstance(found, str) or found["r"]["n"] == "1"
    read_it_all(secret, came(redactor, text.encode(), "application/xml", 500), "xml")


@given(data=st.data(), secret=secrets, quote=st.sampled_from(['"', "'"]))
@BASIC
def test_tables_and_events(data: Any, secret: str, quote: str) -> None:
    redactor = Redactor([secret])
    table = io.StringIO()
    writer = csv.writer(table, quotechar=quote, quoting=csv.QUOTE_ALL)
    inner = data.draw(spelled(secret, in_percent))
    writer.writerows([["a", "b"], [f"x {secret}", inner], ["1", "2"]])
    options = ResponseOptions(quote=quote)
    rows = read_it_all(secret, came(redactor, table.getvalue().encode(), "text/csv"), "csv", options)
    assert isinstance(rows, str) or rows[1] == {"a": "1", "b": "2"}
    event = f"event: {inner}\ndata: x\ndata: {data.draw(spelled(secret, in_json))}\n\ndata: end\n\n"
    events = read_it_all(secret, came(redactor, event.encode(), "text/event-stream"), "sse")
    assert events[-1]["data"] == "end"


@given(data=st.data(), secret=secrets)
@BASIC
def test_parts_and_files(data: Any, secret: str) -> None:
    redactor = Redactor([secret])
    part = data.draw(spelled(secret, data.draw(st.sampled_from([in_json, in_xml, in_html, in_percent]))))
    text = f"--b\r\nContent-Type: application/json\r\n\r\n{{}} {part}\r\n--b--\r\n"
    kind = "multipart/related; boundary=b"
    read_it_all(secret, came(redactor, text.encode(), kind), "text")
    record = read_it_all(secret, came(redactor, text.encode(), kind), "binary")
    nothing_of(secret, b64decode(record["base64"]).decode())
    packed = redactor.without_echo(gzip.compress(text.encode()))
    with contextlib.suppress(VendorError):  # a secret that is stored in it as it is leaves no archive
        content = read_body(
            Response(200, body=packed, echoes=redactor), "binary", ResponseOptions(unpack="gzip")
        ).content
        assert content is not None
        nothing_of(secret, content.read().decode())


@given(data=st.data(), secret=secrets, cut=st.integers(1, 90))
@BASIC
def test_however_the_bytes_come_in(data: Any, secret: str, cut: int) -> None:
    redactor = Redactor([secret])
    raw = "".join(data.draw(spelled(secret, in_percent)) + data.draw(st.text(max_size=20)) for _ in range(3)).encode()
    cleaner = redactor.echo_cleaner()
    pieces = [cleaner.feed(raw[at : at + cut]) for at in range(0, len(raw), cut)]
    assert b"".join([*pieces, cleaner.finish()]) == redactor.without_echo(raw)


@given(data=st.data(), secret=secrets, answer=st.text(max_size=300))
@BASIC
def test_other_answers_are_left_alone(data: Any, secret: str, answer: str) -> None:
    redactor = Redactor([secret])
    if secret in answer or redactor.find(answer):
        return
    raw = json.dumps({"a": answer, answer: [answer]}, ensure_ascii=data.draw(st.booleans())).encode()
    assert redactor.without_echo(raw) is raw
    found = json.loads(raw)
    assert redactor.data_without_echo(found) is found or redactor.data_without_echo(found) == found
