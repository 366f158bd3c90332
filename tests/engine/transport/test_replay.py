"""Replay: the right answer to the right request, in order, and a miss that says what differs."""

import asyncio
import json

import pytest

from conn_engine.errors import MissingRecording
from conn_engine.recordings.exchanges import exchange_of
from conn_engine.recordings.files import Recording
from conn_engine.recordings.matching import is_same
from conn_engine.recordings.replay import Replay
from conn_engine.secrets import Redactor
from conn_engine.wire import Headers, Request, Response

BASE = "https://api.example.com/v1"


def get(path, base=BASE, **more):
    return Request("GET", f"{base}{path}", **more)


def post(path, data, base=BASE, kind="application/json"):
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return Request("POST", f"{base}{path}", Headers({"Content-Type": kind}), raw)


def recording(*pairs, base=BASE):
    exchanges = [exchange_of(request, Response(200, body=answer.encode())) for request, answer in pairs]
    return Recording(
        connector="c",
        operation="o",
        source="live",
        recorded_at="2026-01-01T00:00:00Z",
        base_url=base,
        exchanges=exchanges,
    )


def miss(replay, request):
    with pytest.raises(MissingRecording) as caught:
        replay.send(request)
    assert "\n" not in caught.value.message
    assert caught.value.findings[0].code == "REC003"
    return caught.value


def test_same_request_twice_gets_its_two_answers_in_order():
    replay = Replay(recording((get("/a"), "one"), (get("/b"), "b"), (get("/a"), "two")))
    assert [replay.send(get(path)).body for path in ("/a", "/a", "/b")] == [b"one", b"two", b"b"]
    error = miss(replay, get("/a"))
    assert error.message == "GET /a is recorded 2 times, but was sent again"
    assert [request.url for request in replay.requests] == [f"{BASE}{path}" for path in ("/a", "/a", "/b", "/a")]


def test_unused_exchanges_are_known():
    replay = Replay(recording((get("/a"), "one"), (get("/b"), "b")))
    assert len(replay.unused) == 2
    replay.send(get("/b"))
    assert [exchange.request.url for exchange in replay.unused] == [f"{BASE}/a"]


def test_query_order_and_form_encoding_do_not_matter_and_repeats_do():
    replay = Replay(recording((get("/a?x=1&y=a%20b&y=c"), "ok"), (get("/a?y=c&y=a+b&x=1"), "turned")))
    assert replay.send(get("/a?y=a+b&y=c&x=1")).body == b"ok"
    assert replay.send(get("/a?y=c&y=a%20b&x=1")).body == b"turned"


def test_base_url_of_the_configuration_stands_for_the_recorded_one():
    recorded = recording((get("/a?page=1"), "1"), (get("/a?page=2"), "2"))
    replay = Replay(recorded, base_url="http://127.0.0.1:8080/hub/")
    assert replay.send(get("/a?page=1", "http://127.0.0.1:8080/hub")).body == b"1"
    assert replay.send(get("/a?page=2")).body == b"2", "a next link in the recorded answer has the recorded base"
    assert (
        "path: recorded /a, sent https://other.example.com/a"
        in miss(replay, get("/a", "https://other.example.com")).hint
    )


def test_base_url_is_not_a_mere_text_prefix():
    replay = Replay(recording((get("/a"), "1")))
    miss(replay, Request("GET", "https://api.example.com/v10/a"))


def test_numbers_and_booleans_written_by_hand():
    data = recording((get("/a"), "1"))
    by_hand = Recording(
        connector="c",
        operation="o",
        source="contract",
        recorded_at="x",
        base_url=BASE,
        exchanges=[
            type(data.exchanges[0])(
                request=type(data.exchanges[0].request)(
                    method="get", url=f"{BASE}/a", query={"n": 2, "t": True, "l": [1, "b"]}
                ),
                response=data.exchanges[0].response,
            )
        ],
    )
    assert Replay(by_hand).send(get("/a?l=1&l=b&t=true&n=2")).status == 200


def test_bodies_are_compared_as_data():
    replay = Replay(
        recording(
            (post("/a", {"x": 1, "y": [True, None]}), "ok"),
            (post("/f", b"a=1&b=2", kind="application/x-www-form-urlencoded"), "form"),
        )
    )
    assert "body /y/0: recorded true, sent 1" in miss(replay, post("/a", {"x": 1, "y": [1, None]})).hint
    assert "body /z: not recorded, sent 3" in miss(replay, post("/a", {"x": 1, "y": [True, None], "z": 3})).hint
    assert replay.send(post("/a", b'{"y":[true,null], "x":1.0}')).body == b"ok"
    assert replay.send(post("/f", b"b=2&a=1", kind="application/x-www-form-urlencoded")).body == b"form"


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        (get("/contacts?limit=100"), 'query limit: recorded "2", sent "100"'),
        (get("/contacts"), 'query limit: recorded "2", not sent'),
        (get("/contacts?limit=2&after=7"), 'query after: not recorded, sent "7"'),
        (get("/contact?limit=2"), "path: recorded /contacts, sent /contact"),
        (Request("DELETE", f"{BASE}/contacts?limit=2"), "method: recorded GET, sent DELETE"),
        (get("/contacts?limit=2&limit=3"), 'query limit: recorded "2", sent ["2", "3"]'),
    ],
)
def test_miss_names_the_nearest_and_what_differs(asked, hint):
    replay = Replay(recording((post("/deals", {"a": 1}), "x"), (get("/contacts?limit=2"), "y"), (get("/x/y/z"), "z")))
    error = miss(replay, asked)
    assert error.message.startswith("no response is recorded for ")
    assert error.hint == f"compare it with the nearest exchange, number 2: GET /contacts?limit=2 ({hint})"


def test_miss_is_bounded():
    replay = Replay(recording((post("/a", {f"k{n}": "x" * 500 for n in range(50)}), "x")))
    error = miss(replay, post("/a", {f"k{n}": "y" * 500 for n in range(50)}))
    assert len(error.hint) < 1500
    assert error.hint.endswith("and 44 more)")


def test_empty_recording():
    assert miss(Replay([]), get("/a")).hint == "record the operation again: the recording has no exchanges"


def test_miss_does_not_show_secrets():
    replay = Replay(recording((get("/a?x=1"), "1")), redactor=Redactor(["hunter22"]))
    error = miss(replay, get("/a?x=hunter22&api_key=unknown"))
    assert "hunter22" not in error.message + error.hint
    assert "unknown" not in error.message.replace("no response is recorded", "") + error.hint.replace("recorded", "")


def test_several_recordings_and_async():
    replay = Replay(
        [
            recording((get("/a"), "1")),
            recording((get("/b", "https://b.example"), "2"), base="https://b.example"),
        ]
    )
    assert asyncio.run(replay.asend(get("/b", "https://b.example"))).body == b"2"
    assert replay.send(get("/a")).body == b"1"


def test_answer_has_the_url_that_was_asked():
    assert Replay(recording((get("/a"), "1"))).send(get("/a#x")).url == f"{BASE}/a#x"


@pytest.mark.parametrize(
    ("recorded", "asked", "equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        (True, True, True),
        (None, None, True),
        (0, False, False),
        (None, 0, False),
        ("[redacted]", "anything", True),
        ("[redacted]", 5, True),
        ("[redacted]", None, False),
        ("[redacted]", [], False),
        ("a[redacted]z", "a..z", True),
        ("a[redacted]z", "az", True),
        ("a[redacted]z", "a", False),
        ("ab[redacted]bc", "abc", False),
        ("[redacted]x[redacted]", "1x2", True),
        ("[redacted]x[redacted]x", "1x", False),
        ("x", "[redacted]", False),
        ([1], [1, 2], False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": [1]}, {"a": [1.0]}, True),
        ("1", 1, False),
    ],
)
def test_equality(recorded, asked, equal):
    assert is_same(recorded, asked) is equal
