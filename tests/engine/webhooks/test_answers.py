"""What is answered to a delivery, and what it may not be made to say."""

import json

import pytest
from desk import SMALLEST, Vendor, effective, judged, post
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conn_engine.errors import ConfigurationError
from conn_engine.wire import Headers, Response

NONE = {"format": "none"}
ECHO = {"when": "$exists(query.challenge)", "verified": False}


def answered(root, challenge, came, kept=None, **more):
    return judged(effective(root, {"verify": NONE, "challenge": [challenge]}), came, kept, **more)


def asking(text):
    from urllib.parse import quote

    return post(url=f"https://hooks.example.com/in?challenge={quote(text)}")


def test_a_connector_without_webhooks_receives_none(tmp_path):
    from desk import workspace

    told = workspace(tmp_path, {"vendor": SMALLEST}).effective(account=None, connector="vendor")
    with pytest.raises(ConfigurationError, match="does not declare webhooks"):
        judged(told, post())


def test_an_accepted_delivery_gets_the_configured_reply(tmp_path):
    assert judged(effective(tmp_path / "a", {"verify": NONE}), post()).reply == Response(200)
    told = {"verify": NONE, "reply": {"status": 202, "headers": {"X-Id": "{{headers.id}}"}, "body": {"ok": True}}}
    reply = judged(effective(tmp_path / "b", told), post(headers={"id": "7"})).reply
    assert (reply.status, reply.headers["x-id"], json.loads(reply.body)) == (202, "7", {"ok": True})
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize("body", ["{{query.challenge}}", {"challenge": "{{query.challenge}}"}])
@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}, {"Content-Type": "text/html"}])
def test_what_an_answer_repeats_is_never_guessed_to_be_a_page(tmp_path, body, headers):
    reply = answered(tmp_path, {**ECHO, "reply": {"body": body, "headers": headers}}, asking("<script>")).reply
    assert b"<script>" in reply.body
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert headers or reply.headers["content-type"] in ("text/plain; charset=utf-8", "application/json")


@pytest.mark.parametrize("text", ["a\r\nset-cookie: b", "a\nb", "\0", "漢", "\x7f", "\x1b[2J", "\u2028"])
def test_an_answer_has_no_header_that_is_none(tmp_path, text):
    accepted = answered(tmp_path, {**ECHO, "reply": {"headers": {"x-echo": "{{query.challenge}}"}}}, asking(text))
    assert (accepted.reply.status, accepted.refusal.code) == (403, "forbidden")
    assert "x-echo" not in accepted.reply.headers


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=50))
def test_an_answer_repeats_text_exactly_or_refuses_it(tmp_path, text):
    made = tmp_path / "same"
    reply = answered(made, {**ECHO, "reply": {"body": "{{query.challenge}}"}}, asking(text)).reply
    assert reply.status == 200
    assert reply.body.decode() == text


def test_what_an_answer_needs_and_the_delivery_lacks_refuses_it(tmp_path):
    accepted = answered(tmp_path, {**ECHO, "reply": {"body": "{{query.other}}"}}, asking("x"))
    assert (accepted.reply.status, accepted.refusal.code) == (403, "forbidden")


def test_the_first_challenge_that_fits_answers_and_one_that_fails_does_not_fit(tmp_path):
    challenges = [
        {"when": "$number(body.a) = 1", "verified": False, "reply": {"body": "first"}},
        {"when": 'body.a = "x"', "verified": False, "reply": {"body": "second"}},
        {"when": "true", "verified": False, "reply": {"body": "third"}},
    ]
    told = effective(tmp_path, {"verify": NONE, "challenge": challenges})
    for said, answer in ((b'{"a": "1"}', b"first"), (b'{"a": "x"}', b"second"), (b'{"a": []}', b"third")):
        assert judged(told, post(said)).reply.body == answer


def test_a_condition_that_does_not_hold_refuses_it_without_saying_why(tmp_path):
    challenge = {**ECHO, "expect": "query.challenge = secret", "reply": {"body": "{{secret}}"}}
    assert answered(tmp_path, challenge, asking("right"), {"secret": "right"}).reply.body == b"right"
    accepted = answered(tmp_path, challenge, asking("wrong"), {"secret": "right"})
    assert (accepted.reply.status, accepted.reply.body) == (403, b'{"error":"the delivery is not accepted"}')
    assert answered(tmp_path, challenge, asking("right")).reply.status == 403


@pytest.mark.parametrize(
    "body", [b"{}", b'{"token": ""}', b'{"token": 7}', b'{"token": ["x"]}', b"", b'{"token": "%s"}' % (b"x" * 9000)]
)
def test_a_value_that_is_not_a_secret_is_not_stored(tmp_path, body):
    challenge = {"when": "true", "verified": False, "capture": {"webhook_secret": "body.token"}}
    accepted = answered(tmp_path, challenge, post(body))
    assert (accepted.reply.status, accepted.captured) == (403, {})


def test_a_challenge_is_answered_by_a_request_to_the_vendors_hosts(tmp_path):
    challenge = {
        "when": "true",
        "request": {"url": "{{body.url}}", "response_format": "text"},
        "hosts": ["*.vendor.example"],
    }
    vendor = Vendor(lambda request: Response(200, Headers({"content-type": "text/plain"}), b"ok"))
    good = answered(tmp_path, challenge, post(b'{"url": "https://api.vendor.example/confirm"}'), vendor=vendor)
    assert (good.reply.status, len(vendor.asked)) == (200, 1)
    for url in (
        '"https://evil.example/"',
        '"http://api.vendor.example/"',
        '"//x"',
        '""',
        "null",
        "7",
        '["https://a.vendor.example"]',
    ):
        accepted = answered(tmp_path, challenge, post(b'{"url": %s}' % url.encode()), vendor=vendor)
        assert (accepted.reply.status, len(vendor.asked)) == (403, 1)
