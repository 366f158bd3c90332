"""Properties of redaction: whatever the secret and the document, nothing of it reaches a saved recording."""

import base64
import html
import json
import tempfile
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from conn_engine.errors import ConfigurationError
from conn_engine.recordings.files import load_recording, save_recording
from conn_engine.recordings.record import Recorder
from conn_engine.recordings.replay import Replay
from conn_engine.secrets import REDACTED, Redactor
from conn_engine.transport.faults import Faults
from conn_engine.wire import Headers, Request, Response

letters = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=4, max_size=30)
tokens = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~+/=", min_size=8, max_size=60)
values = st.one_of(tokens, letters).filter(lambda s: REDACTED not in s and s.strip() and s not in REDACTED)

encodings = st.sampled_from(
    [
        lambda s: s,
        lambda s: quote(s, safe=""),
        quote_plus,
        lambda s: quote(quote(s, safe=""), safe=""),
        json.dumps,
        lambda s: json.dumps({"inner": s}, ensure_ascii=False),
        lambda s: json.dumps(json.dumps(s)),
        html.escape,
        lambda s: html.escape(html.escape(s, quote=False)),
        lambda s: "".join(c if c.isascii() and c.isalnum() else f"&#x{ord(c):02X};" for c in s),
        lambda s: base64.b64encode(s.encode()).decode(),
        lambda s: base64.b64encode(f"user:{s}".encode()).decode(),
        lambda s: base64.urlsafe_b64encode(f"{s}:x".encode()).decode(),
        lambda s: base64.b64encode(json.dumps([s]).encode()).decode(),
    ]
)


@st.composite
def documents(draw, secret):
    """JSON-like data in which the secret stands anywhere, in any encoding, whole or within a text."""
    spelled = st.builds(
        lambda before, encode, after: f"{before}{encode(secret)}{after}",
        st.sampled_from(["", "a ", "Bearer ", "https://h.example/x?q=", "%", "\\", "é"]),
        encodings,
        st.sampled_from(["", " z", "&b=1", "==", "é", '"']),
    )
    leaves = st.one_of(spelled, st.text(max_size=8), st.integers(), st.booleans(), st.none())
    keys = st.one_of(st.sampled_from(["id", "token", "note", "name", "value"]), spelled)
    return draw(
        st.recursive(
            leaves,
            lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
            max_leaves=8,
        )
    )


def spelled_forms(secret: str) -> list[str]:
    """The forms in which the secret must not be in a file; short base64 may be there by chance."""
    raw = secret.encode()
    packed = [base64.b64encode(b"\0" * n + raw).decode()[(0, 2, 3)[n] : -4] for n in range(3)]
    return [
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
        quote_plus(secret),
        *(form for form in packed if len(form) >= 8),
    ]


@given(data=st.data(), secret=values)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_saved_recording_never_holds_a_secret(data, secret):
    body = data.draw(documents(secret))
    answer = data.draw(documents(secret))
    kind = data.draw(st.sampled_from(["application/json", "text/plain", "application/octet-stream"]))
    request = Request(
        "POST",
        f"https://h.example/{quote(secret, safe='')}?key={quote_plus(secret)}&api_key=other",
        Headers({"Authorization": f"Bearer {secret}", "X-Tenant": secret, "Content-Type": kind}),
        json.dumps(body).encode(),
    )
    response = Response(
        200,
        Headers({"Set-Cookie": f"s={secret}", "X-Echo": secret, "Content-Type": kind}),
        json.dumps(answer).encode(),
    )
    recorder = Recorder(Faults([response]))
    recorder.send(request)
    recording = recorder.to_recording(
        connector="c",
        operation="o.list",
        recorded_at="2026-01-01T00:00:00Z",
        note=f"seen {secret}",
        context={"k": secret},
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.json"
        redactor = Redactor([secret])
        try:
            save_recording(path, recording, redactor)
        except ConfigurationError as error:
            # The secret is an ordinary word of every recording, such as "2026": then there is no file.
            assert error.findings[0].code == "REC002"
            assert not path.exists()
            return
        text = path.read_text()
        outside = "\0".join(text.split(REDACTED))
        for form in spelled_forms(secret):
            assert form not in outside, form
        assert redactor.find(text) == []
        assert Replay(load_recording(path), redactor=redactor).send(request).status == 200


@given(first=tokens, second=tokens, encode=encodings)
@settings(max_examples=100, deadline=None)
def test_recording_made_with_one_secret_replays_with_another(first, second, encode):
    assume(first not in second and second not in first)

    def ask(secret: str) -> Request:
        return Request(
            "POST",
            f"https://h.example/{quote(secret, safe='')}/?api_key={secret[0]}&q={quote_plus(encode(secret))}",
            Headers({"Content-Type": "application/json"}),
            json.dumps({"password": secret, "list": [encode(secret), 1], "n": None}).encode(),
        )

    recorder = Recorder(Faults([Response(200, body=b"ok")]))
    recorder.send(ask(first))
    recording = recorder.to_recording(connector="c", operation="o.list", recorded_at="2026-01-01T00:00:00Z")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.json"
        save_recording(path, recording, Redactor([first]))
        replay = Replay(load_recording(path), redactor=Redactor([second]))
        assert replay.send(ask(second)).body == b"ok"


@pytest.mark.slow
@given(data=st.data(), secret=values)
@settings(max_examples=100, deadline=None)
def test_redaction_is_idempotent(data, secret):
    redactor = Redactor([secret])
    document = data.draw(documents(secret))
    once = redactor.data(document)
    assert redactor.data(once) == once
    text = json.dumps(document)
    assert redactor.text(redactor.text(text)) == redactor.text(text)


@given(secrets=st.lists(values, min_size=1, max_size=6), noise=st.text(max_size=40), order=st.randoms())
@settings(max_examples=100, deadline=None)
def test_several_secrets_at_once(secrets, noise, order):
    redactor = Redactor(secrets)
    parts = [noise, *secrets, noise]
    order.shuffle(parts)
    clean = redactor.text(" ".join(parts))
    assert redactor.find(clean) == []
    pieces = clean.split(REDACTED)
    assert not any(secret in piece for secret in secrets for piece in pieces)


@given(text=st.text(max_size=200), secret=values)
@settings(max_examples=100, deadline=None)
def test_text_without_the_secret_is_left_alone(text, secret):
    redactor = Redactor([secret])
    if not redactor.find(text):
        assert redactor.text(text) == text
