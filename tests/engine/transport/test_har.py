"""HAR files: as browsers write them, as we write them, and round trips."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conn_engine.errors import ConfigurationError
from conn_engine.recordings.files import Exchange, RecordedRequest, RecordedResponse, Recording
from conn_engine.recordings.har import export_har, import_har
from conn_engine.recordings.matching import is_same
from conn_engine.secrets import Redactor, remove_numbers
from conn_engine.secrets.wary_redaction import WaryRedactor

PNG = b"\x89PNG\r\n\xff\x00"


def entry(url, *, method="GET", status=200, content=None, post=None, headers=(), answer_headers=(), **more):
    request = {
        "method": method,
        "url": url,
        "httpVersion": "http/2.0",
        "cookies": [{"name": "sid", "value": "c00kie"}],
        "headers": [{"name": n, "value": v} for n, v in headers],
        "queryString": [],
        "headersSize": -1,
        "bodySize": 0,
        **more,
    }
    if post:
        request["postData"] = post
    return {
        "startedDateTime": "2026-01-01T00:00:00.000Z",
        "time": 12.5,
        "_initiator": {"type": "script"},
        "request": request,
        "response": {
            "status": status,
            "statusText": "",
            "httpVersion": "http/2.0",
            "cookies": [],
            "headers": [{"name": n, "value": v} for n, v in answer_headers],
            "content": content or {"size": 0, "mimeType": "application/json", "text": "{}"},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        },
        "cache": {},
        "timings": {"send": 0, "wait": 1, "receive": 2},
    }


def har(*entries):
    return json.dumps(
        {
            "log": {
                "version": "1.2",
                "creator": {"name": "browser", "version": "1"},
                "pages": [],
                "entries": list(entries),
            }
        }
    )


def test_what_a_browser_exports():
    text = har(
        entry(
            "https://api.example.com/v1/contacts?limit=2&x=%C3%A9#top",
            headers=[
                (":authority", "api.example.com"),
                ("Authorization", "Bearer abc"),
                ("Cookie", "sid=c00kie"),
                ("sec-ch-ua", "x"),
                ("X-App", "1"),
            ],
            answer_headers=[
                ("content-type", "application/json; charset=utf-8"),
                ("set-cookie", "sid=c00kie"),
                ("link", "<x>; rel=next"),
            ],
            content={"size": 9, "mimeType": "application/json; charset=utf-8", "text": '{"a": [1]}'},
        ),
        entry(
            "https://api.example.com/v1/contacts",
            method="POST",
            status=201,
            post={"mimeType": "application/json", "text": '{"name": "é"}'},
            content={
                "size": 9,
                "mimeType": "application/json",
                "text": base64.b64encode(b'{"id": 7}').decode(),
                "encoding": "base64",
            },
        ),
        entry(
            "https://login.example.com/token",
            method="POST",
            post={
                "mimeType": "application/x-www-form-urlencoded",
                "params": [{"name": "client_secret", "value": "s"}, {"name": "a", "value": "b c"}],
            },
        ),
        entry(
            "https://cdn.example.com/i.png",
            content={
                "size": 8,
                "mimeType": "image/png",
                "text": base64.b64encode(PNG).decode(),
                "encoding": "base64",
            },
        ),
        entry(
            "https://api.example.com/v1/legacy",
            content={"size": 1, "mimeType": "text/csv; charset=iso-8859-1", "text": "é"},
        ),
        entry("https://api.example.com/aborted", status=0),
        entry("https://api.example.com/v1/contacts", method="OPTIONS", status=204),
    )
    one, two, token, image, legacy = import_har("\ufeff" + text)
    assert one.request == RecordedRequest(
        method="GET",
        url="https://api.example.com/v1/contacts",
        query={"limit": "2", "x": "é"},
    )
    assert one.response == RecordedResponse(
        status=200,
        headers={"content-type": "application/json; charset=utf-8", "link": "<x>; rel=next"},
        body={"a": [1]},
    )
    assert (two.request.body, two.response.body) == ({"name": "é"}, {"id": 7})
    assert token.request.form == {"client_secret": "[redacted].1.", "a": "b c"}
    assert base64.b64decode(image.response.base64) == PNG
    assert (legacy.response.text, legacy.response.headers["content-type"]) == ("é", "text/csv")
    assert [e.request.url for e in import_har(text, hosts=["*.example.com"])] == [
        e.request.url for e in (one, two, token, image, legacy)
    ]
    assert len(import_har(text, hosts=["API.example.com"])) == 3
    assert "c00kie" not in repr(import_har(text))


def test_a_request_without_an_answer_is_skipped_and_named():
    silent = entry("https://a.b/y?token=hunter22", method="POST")
    nothing = {"request": json.loads(har(silent))["log"]["entries"][0]["request"]}
    entries = [entry("https://a.b/x"), nothing, {**nothing, "response": None}, entry("https://a.b/z", status=0)]
    unanswered = []
    (found,) = import_har(har(*entries), unanswered=unanswered)
    assert found.request.url == "https://a.b/x"
    assert unanswered == ["POST https://a.b/y", "POST https://a.b/y", "GET https://a.b/z"]


def test_secrets_leave_on_import():
    text = har(
        entry(
            "https://a.b/x?k=hunter22&token=q",
            content={"mimeType": "application/json", "text": '{"echo": "hunter22"}'},
        )
    )
    (found,) = import_har(text, redactor=Redactor(["hunter22"]))
    assert found.request.query == {"k": "[redacted]", "token": "[redacted].1."}
    assert found.response.body == {"echo": "[redacted]"}


def test_query_that_stands_apart_only():
    text = har(entry("https://a.b/x", queryString=[{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]))
    assert import_har(text)[0].request.query == {"a": ["1", "2"]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{" * 9999, "not JSON"),
        ("[]", "log.entries is missing"),
        ('{"log": {"entries": {}}}', "log.entries is missing"),
        ('{"log": {"entries": [1]}}', "log.entries is missing"),
        ('{"log": {"entries": []}}', "no usable request has a response"),
        ('{"log": {"entries": [{"request": {}}]}}', "entry 1 is not valid HAR 1.2"),
        ('{"log": {"entries": [{"request": {"method": "GET", "url": "https://a.b/"}}]}}', "no usable request"),
        (har(entry("https://a.b/", content={"text": "!!", "encoding": "base64"})), "entry 1"),
        (har(entry("https://a.b/", headers=[])).replace('"headers": []', '"headers": 5'), "entry 1"),
        (har(entry("https://a.b/", status=0)), "no usable request has a response"),
    ],
)
def test_what_is_no_har(text, words):
    with pytest.raises(ConfigurationError, match="HAR") as caught:
        import_har(text)
    assert words in caught.value.message
    assert caught.value.findings[0].code == "REC004"


def test_nothing_left_names_the_hosts_there_are():
    with pytest.raises(ConfigurationError) as caught:
        import_har(har(entry("https://a.b/"), entry("https://c.d/")), hosts=["x.y"])
    assert caught.value.hint == "check the hosts in the file: a.b, c.d"


plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
data = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63),
        st.floats(allow_nan=False, allow_infinity=False),
        plain,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(plain, inner, max_size=3)),
    max_leaves=8,
)
names = plain.filter(lambda s: s != "")
values = st.dictionaries(names, st.one_of(plain, st.lists(plain, min_size=2, max_size=3)), max_size=3)
binary = st.binary(min_size=1, max_size=20).map(lambda b: base64.b64encode(b"\xff\x00" + b).decode())
request_bodies = st.one_of(
    st.just({}),
    data.map(lambda d: {"body": d, "headers": {"content-type": "application/json"}}),
    values.filter(bool).map(lambda v: {"form": v, "headers": {"content-type": "application/x-www-form-urlencoded"}}),
    plain.filter(bool).map(lambda t: {"text": t, "headers": {"content-type": "text/plain"}}),
    binary.map(lambda b: {"base64": b, "headers": {"content-type": "application/octet-stream"}}),
)
response_bodies = st.one_of(
    st.just({}),
    data.map(lambda d: {"body": d, "headers": {"content-type": "application/json", "x-a": "b"}}),
    plain.filter(bool).map(lambda t: {"text": t, "headers": {"content-type": "text/plain"}}),
    binary.map(lambda b: {"base64": b, "headers": {"content-type": "image/png"}}),
)
exchanges = st.builds(
    lambda method, query, asked, status, answered: Exchange(
        request=RecordedRequest(method=method, url="https://a.b/c/d", query=query, **asked),
        response=RecordedResponse(status=status, **answered),
    ),
    st.sampled_from(["GET", "POST", "PATCH"]),
    values,
    request_bodies,
    st.integers(200, 599),
    response_bodies,
)


@given(st.lists(exchanges, min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_export_and_import_give_the_same_exchanges(given_exchanges):
    recording = Recording(
        connector="c",
        operation="o",
        source="live",
        recorded_at="2026-01-01T00:00:00Z",
        exchanges=given_exchanges,
    )
    text = json.dumps(export_har(recording))
    again = import_har(text)
    assert len(again) == len(given_exchanges)
    for before, after in zip(given_exchanges, again, strict=True):
        assert alike(after.request.query, WaryRedactor().parameters(before.request.query))
        assert before.request.form is None or alike(after.request.form, WaryRedactor().parameters(before.request.form))
        assert (after.request.text, after.request.base64) == (before.request.text, before.request.base64)
        assert alike(WaryRedactor().data(plain_body(before.request.body)), plain_body(after.request.body))
        assert after.response.status == before.response.status
        assert after.response.headers == before.response.headers
        assert (after.response.text, after.response.base64) == (before.response.text, before.response.base64)
        assert alike(WaryRedactor().data(plain_body(before.response.body)), plain_body(after.response.body))


def alike(one, other):
    """The same, whatever the numbers of what is hidden."""
    return is_same(*(json.loads(remove_numbers(json.dumps(each))) for each in (one, other)))


def plain_body(body):
    return "(none)" if "UNSET" in repr(body) and not isinstance(body, (str, dict, list)) else body
