"""Recording files: reading with the place of a fault, writing without secrets, the published form."""

import base64
import json

import pytest
from msgspec.structs import replace

from conn_engine.documents import dump_yaml
from conn_engine.errors import ConfigurationError
from conn_engine.recordings.exchanges import response_of, to_recorded_request, to_response
from conn_engine.recordings.files import Recording, load_recording, save_recording
from conn_engine.secrets import Redactor
from conn_engine.webhooks.recorded import load_delivery
from conn_engine.wire import Headers, Request, Response

EXAMPLE = {
    "$schema": "https://conn.dev/schemas/recording.schema.json",
    "format": 1,
    "connector": "acme",
    "operation": "crm.contacts.list",
    "scenario": "default",
    "source": "contract",
    "recorded_at": "2026-11-25T00:00:00Z",
    "note": "Made from the published contract.",
    "base_url": "https://api.example.com",
    "call": {"query": {"limit": 2}},
    "exchanges": [
        {
            "request": {"method": "GET", "url": "https://api.example.com/contacts", "query": {"limit": "2"}},
            "response": {
                "status": 200,
                "headers": {"content-type": "application/json"},
                "body": {"results": [{"id": 12345678901234567890123, "n": None, "é": "\U0001f511"}]},
            },
        }
    ],
}


def written(tmp_path, data):
    path = tmp_path / "r.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data, indent=2), encoding="utf-8")
    return path


def test_what_is_read_is_written_again_the_same(tmp_path):
    recording = load_recording(written(tmp_path, EXAMPLE))
    save_recording(tmp_path / "again.json", recording, Redactor())
    assert json.loads((tmp_path / "again.json").read_text(encoding="utf-8")) == EXAMPLE
    assert list(json.loads((tmp_path / "again.json").read_text())) == list(EXAMPLE)
    assert load_recording(tmp_path / "again.json") == recording


def test_byte_order_mark_and_yaml_are_taken(tmp_path):
    path = tmp_path / "r.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(EXAMPLE).encode())
    assert load_recording(path).connector == "acme"
    path = tmp_path / "r.yaml"
    path.write_text(dump_yaml(EXAMPLE), encoding="utf-8")
    assert load_recording(path).operation == "crm.contacts.list"


@pytest.mark.parametrize(
    ("change", "words", "where"),
    [
        (lambda d: d.pop("connector"), "connector", ""),
        (lambda d: d.update(format=2), "invalid enum value 2", "format"),
        (lambda d: d.update(source="dream"), "invalid enum value", "source"),
        (lambda d: d.update(colour=1), "unknown field `colour`", ""),
        (lambda d: d["exchanges"][0].pop("response"), "response", "exchanges.0"),
        (
            lambda d: d["exchanges"][0]["response"].update(status="200"),
            "expected `int`",
            "exchanges.0.response.status",
        ),
        (lambda d: d["exchanges"][0]["response"].update(status=99), ">= 100", "exchanges.0.response.status"),
        (
            lambda d: d["exchanges"][0]["response"].update(text="x"),
            "one of body, text",
            "exchanges.0.response",
        ),
        (
            lambda d: d["exchanges"][0]["request"].update(text="x", form={}),
            "one of body, form",
            "exchanges.0.request",
        ),
        (
            lambda d: d["exchanges"][0]["request"].update(base64="?"),
            "invalid base64",
            "exchanges.0.request.base64",
        ),
    ],
)
def test_faults_name_their_place(tmp_path, change, words, where):
    data = json.loads(json.dumps(EXAMPLE))
    change(data)
    with pytest.raises(ConfigurationError) as caught:
        load_recording(written(tmp_path, data), "recordings/r.json")
    (finding,) = caught.value.findings
    assert finding.code == "REC001"
    assert words in finding.message
    assert finding.path == where
    assert finding.span.file == "recordings/r.json"
    if where:
        assert finding.span.line > 1


@pytest.mark.parametrize("text", ["", "{", "[1, 2", "null", "[]", "42", "\x00", "{" * 5000])
def test_what_is_no_recording(tmp_path, text):
    with pytest.raises(ConfigurationError) as caught:
        load_recording(written(tmp_path, text))
    assert caught.value.findings


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            load_recording(path)


def exchange(request_body, response_body, **more):
    data = json.loads(json.dumps(EXAMPLE))
    data["exchanges"][0]["request"].update({"method": "POST", **request_body})
    data["exchanges"][0]["response"] = {"status": 200, **response_body}
    data.update(more)
    return data


def test_secrets_leave_by_value_by_name_and_as_cookies(tmp_path):
    secret = "hunter22/+="
    data = exchange(
        {
            "url": "https://api.example.com/x?api_key=unknown1&a=hunter22%2F%2B%3D",
            "headers": {"authorization": "Bearer x", "cookie": "a=b", "x-tenant": secret},
            "form": {"client_secret": "unknown2", "user": secret},
        },
        {
            "headers": {"set-cookie": "s=1", "location": f"https://a.b/?token={secret}", "x-request": "1"},
            "text": '{"access_token": "unknown3", "x": "y"}',
        },
        note=f"with {secret}",
        context={"tenant": secret, "password": "unknown4"},
        call={"query": {"q": secret}, "headers": {"X-Api-Key": "unknown5", "X-A": "b"}},
    )
    source = load_recording(written(tmp_path, data))
    path = tmp_path / "saved.json"
    clean = save_recording(path, source, Redactor([secret]))
    text = path.read_text()
    assert "unknown" not in text
    assert "hunter22" not in text
    saved = json.loads(text)["exchanges"][0]
    assert saved["request"]["headers"] == {"x-tenant": "[redacted]"}
    assert set(saved["response"]["headers"]) == {"location", "x-request"}
    assert json.loads(saved["response"]["text"])["access_token"].startswith("[redacted]")
    assert load_recording(path) == clean
    save_recording(path, clean, Redactor([secret]))
    assert path.read_text() == text


def test_page_tokens_are_told_apart_and_still_chain(tmp_path):
    base = "https://api.example.com/x"
    data = json.loads(json.dumps(EXAMPLE))
    data["exchanges"] = [
        {
            "request": {"method": "GET", "url": base, "query": {} if token is None else {"_token": token}},
            "response": {"status": 200, "body": {"next": f"{base}?_token={following}", "token": following}},
        }
        for token, following in ((None, "secretPage1"), ("secretPage1", "secretPage2"), ("secretPage2", "secretPage1"))
    ]
    path = tmp_path / "saved.json"
    save_recording(path, load_recording(written(tmp_path, data)), Redactor())
    assert "secretPage" not in path.read_text()
    rows = json.loads(path.read_text())["exchanges"]
    links = [row["response"]["body"]["next"].partition("_token=")[2] for row in rows]
    assert rows[1]["request"]["query"]["_token"] == links[0] == links[2]
    assert rows[2]["request"]["query"]["_token"] == links[1] != links[0]


def test_binary_body_with_a_secret_goes_as_a_whole(tmp_path):
    packed = base64.b64encode(b"\xff\x00hunter22\xfe").decode()
    source = load_recording(written(tmp_path, exchange({"base64": packed}, {"base64": packed})))
    save_recording(tmp_path / "s.json", source, Redactor(["hunter22"]))
    saved = json.loads((tmp_path / "s.json").read_text())["exchanges"][0]
    assert saved["request"]["text"] == saved["response"]["text"] == "[redacted]"
    save_recording(tmp_path / "s.json", source, Redactor(["other-secret"]))
    assert json.loads((tmp_path / "s.json").read_text())["exchanges"][0]["request"]["base64"] == packed


def test_secret_that_is_a_word_of_the_file_keeps_it_from_being_written(tmp_path):
    source = load_recording(written(tmp_path, EXAMPLE))
    path = tmp_path / "kept.json"
    save_recording(path, source, Redactor())
    before = path.read_text()
    with pytest.raises(ConfigurationError) as caught:
        save_recording(path, source, Redactor(["exchanges"]))
    assert caught.value.findings[0].code == "REC002"
    assert path.read_text() == before
    with pytest.raises(ConfigurationError):
        save_recording(tmp_path / "new.json", source, Redactor(["exchanges"]))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept.json", "r.json"]


def test_file_that_turns_out_to_hold_a_secret_is_deleted(tmp_path, monkeypatch):
    """A file system or editor hook could still put one in: the finished file is read again."""
    from conn_engine.recordings import files as recordings

    def write_more(path, text):
        path.write_text(text + "hunter22")

    monkeypatch.setattr(recordings, "write_whole", write_more)
    with pytest.raises(ConfigurationError, match="was not saved"):
        save_recording(tmp_path / "s.json", load_recording(written(tmp_path, EXAMPLE)), Redactor(["hunter22"]))
    assert not (tmp_path / "s.json").exists()


@pytest.mark.parametrize(
    ("kind", "raw", "part"),
    [
        ("application/json", b'{"a": [1, 2.5, null]}', {"body": {"a": [1, 2.5, None]}}),
        ("application/hal+json; charset=utf-8", b"null", {"body": None}),
        ("", b'{"a":1}', {"body": {"a": 1}}),
        ("application/json", b'{"a": tru', {"text": '{"a": tru'}),
        ("application/json", b'{"a": NaN}', {"text": '{"a": NaN}'}),
        ("application/json", b"[" * 100_000, {"text": "[" * 100_000}),
        (
            "application/x-www-form-urlencoded",
            b"a=1&a=2&b=%C3%A9&c=",
            {"form": {"a": ["1", "2"], "b": "é", "c": ""}},
        ),
        ("text/csv", "é;1".encode(), {"text": "é;1"}),
        ("text/csv; charset=iso-8859-1", "é;1".encode("latin-1"), {"text": "é;1"}),
        ("text/plain; charset=nonsense", b"abc", {"base64": "YWJj"}),
        ("image/png", b"\x89PNG\xff", {"base64": "iVBORyB/"[:0] + base64.b64encode(b"\x89PNG\xff").decode()}),
        ("text/plain", b"a\x00b", {"base64": "YQBi"}),
        ("text/plain", b"", {}),
    ],
)
def test_bodies_are_kept_in_their_most_readable_form(kind, raw, part):
    request = to_recorded_request(Request("POST", "https://a.b/x?q=1&q=2&r=%2F", Headers({"content-type": kind}), raw))
    assert request.query == {"q": ["1", "2"], "r": "/"}
    kept = {k: getattr(request, k) for k in ("body", "form", "text", "base64")}
    given = {k: v for k, v in kept.items() if v is not None or k in part}
    given = {k: v for k, v in given.items() if "UNSET" not in repr(v)}
    assert given == part
    if "form" not in kind:
        again = to_response(response_of(Response(200, Headers({"content-type": kind}), raw)))
        if "charset=iso" in kind:
            assert again.body.decode("utf-8-sig") == raw.decode("latin-1")
            assert again.headers["content-type"] == "text/csv; charset=utf-8"
        elif "body" in part:
            assert json.loads(again.body) == json.loads(raw)
        else:
            assert again.body == raw


def test_headers_worth_keeping():
    kept = response_of(
        Response(
            200,
            Headers(
                [
                    ("Link", "<a>"),
                    ("Link", "<b>"),
                    ("Server", "x"),
                    ("Set-Cookie", "a"),
                    ("X-RateLimit-Reset", "5"),
                    ("CF-Ray", "1"),
                ]
            ),
        )
    )
    assert kept.headers == {"link": "<a>, <b>", "x-ratelimit-reset": "5"}


def test_every_field_is_documented():
    import msgspec

    schema = msgspec.json.schema(Recording)
    for name, model in schema["$defs"].items():
        for field, about in model["properties"].items():
            assert "description" in about or "anyOf" in about or "allOf" in about, (name, field)


def test_a_context_in_the_place_of_the_other_kind_of_file_has_a_fix(tmp_path):
    recording = {**EXAMPLE, "account": {"context": {"region": "eu"}}}
    with pytest.raises(ConfigurationError) as caught:
        load_recording(written(tmp_path, recording), "recordings/r.json")
    assert caught.value.hint == 'write "context": … at the top of a recording; `account` is a name'
    delivery = {"received_at": "2026-11-25T00:00:00Z", "url": "https://hooks.example.com", "context": {"region": "eu"}}
    with pytest.raises(ConfigurationError) as caught:
        load_delivery(written(tmp_path, delivery), "deliveries/d.json")
    assert caught.value.hint == 'write it below `account`: "account": {"context": …}'
    assert caught.value.findings[0].hint == caught.value.hint


@pytest.mark.parametrize(("source", "kept"), [("contract", True), ("live", False)])
def test_what_an_author_has_written_stays_when_the_same_source_is_recorded_again(tmp_path, source, kept):
    path = written(tmp_path, EXAMPLE | {"license": "MIT"})
    before = load_recording(path)
    again = replace(before, note="", license="", source=source, recorded_at="2027-01-01T00:00:00Z", exchanges=[])
    saved = save_recording(path, again, Redactor())
    assert (saved.note, saved.license) == ((before.note, "MIT") if kept else ("", ""))
    assert load_recording(path) == saved
