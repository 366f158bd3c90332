from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from evaluating import usual

from conn_engine.errors import ExpressionError
from conn_engine.responses.failures import (
    Fail,
    RateLimited,
    Retry,
    Rule,
    Then,
    classify,
    default_kind,
    find_vendor_message,
)
from conn_engine.settings import Answer
from conn_engine.wire import Headers, Request, Response


@dataclass(frozen=True)
class State:
    """What is known of the rate limit."""

    limited: bool = False
    retry_after: float | None = None
    longest_wait: float | str | None = None


def answer(status: int, body: Any = None, headers: dict[str, str] | None = None, **scope: Any) -> Answer:
    request = Request("GET", "https://api.example.com/v1/things/9?token=s3cret")
    return Answer(request, Response(status, Headers(headers or {})), body, scope=usual(scope))


@pytest.mark.parametrize(
    ("status", "action", "kind"),
    [
        (200, "ok", None),
        (201, "ok", None),
        (204, "ok", None),
        (301, "fail", "bad_response"),
        (304, "fail", "bad_response"),
        (400, "fail", "invalid_request"),
        (401, "refresh_credentials", "unauthorized"),
        (402, "fail", "forbidden"),
        (403, "fail", "forbidden"),
        (404, "fail", "not_found"),
        (405, "fail", "invalid_request"),
        (408, "retry", "vendor_unavailable"),
        (409, "fail", "conflict"),
        (410, "fail", "not_found"),
        (412, "fail", "conflict"),
        (422, "fail", "invalid_request"),
        (429, "rate_limited", "rate_limited"),
        (451, "fail", "forbidden"),
        (500, "retry", "vendor_unavailable"),
        (501, "fail", "vendor_unavailable"),
        (503, "retry", "vendor_unavailable"),
        (529, "retry", "vendor_unavailable"),
    ],
)
def test_defaults(status: int, action: str, kind: str | None) -> None:
    verdict = classify((), answer(status))
    assert (verdict.action, verdict.kind) == (action, kind)
    if kind not in (None, "vendor_unavailable"):
        assert default_kind(status) == kind


def test_the_first_rule_that_holds_wins_and_sees_fine_answers_too() -> None:
    rules = [
        Rule(when="body.ok = true", then="ok"),
        Rule(when="status = 200 and body.error = 'ratelimited'", then="rate_limited"),
        Rule(
            when="status = 200 and body.ok = false",
            then=Then(fail=Fail(kind="forbidden", message="'no: ' & body.error")),
        ),
    ]
    assert classify(rules, answer(200, {"ok": True})).action == "ok"
    assert classify(rules, answer(200, {"ok": False, "error": "ratelimited"})).action == "rate_limited"
    refused = classify(rules, answer(200, {"ok": False, "error": "not_in_channel"}))
    assert (refused.kind, refused.message) == ("forbidden", "no: not_in_channel")
    assert classify(rules, answer(404)).kind == "not_found"


def test_rules_see_headers_the_request_and_the_call() -> None:
    rules = [
        Rule(when="status = 403 and headers.'x-ratelimit-remaining' = '0'", then="rate_limited"),
        Rule(when="status = 404 and context.lenient", then="skip"),
        Rule(when="status = 400 and $contains(body, 'too old')", then="empty"),
    ]
    assert classify(rules, answer(403, None, {"X-RateLimit-Remaining": "0"})).action == "rate_limited"
    assert classify(rules, answer(403, None, {"X-RateLimit-Remaining": "9"})).kind == "forbidden"
    assert classify(rules, answer(404, None, context={"lenient": True})).action == "skip"
    assert classify(rules, answer(400, "date too old")).action == "empty"


def test_waits_from_the_rule_the_state_and_the_default() -> None:
    rule = Rule(when="status = 403", then=Then(rate_limited=RateLimited(wait="body.seconds")))
    assert classify([rule], answer(403, {"seconds": 7}), State(True, 50)).wait == 7
    assert classify([rule], answer(403, {"seconds": "8"})).wait == 8
    assert classify([rule], answer(403, {"seconds": "soon"}), State(True, 50)).wait == 50
    assert classify([], answer(403), State(True, 12)).wait == 12
    assert classify([], answer(429, None, {"Retry-After": "9"})).wait == 9
    assert classify([], answer(429)).wait == 60
    assert classify([Rule(when="true", then=Then(rate_limited=RateLimited(wait="60")))], answer(403)).wait == 60


def test_a_limit_told_by_the_rate_limit_comes_after_the_rules() -> None:
    rule = Rule(when="status = 403 and body.code = 'perm'", then=Then(fail=Fail(kind="forbidden")))
    assert classify([rule], answer(403, {"code": "perm"}), State(True, 5)).action == "fail"
    assert classify([rule], answer(403, {"code": "rate"}), State(True, 5)).action == "rate_limited"


def test_retries() -> None:
    rule = Rule(when="status = 400", then=Then(retry=Retry(times=3, backoff_seconds=2, then="skip")))
    verdict = classify([rule], answer(400))
    assert (verdict.action, verdict.times, verdict.backoff, verdict.otherwise) == (
        "retry",
        3,
        (2, 4, 8),
        "skip",
    )
    constant = Rule(
        when="true", then=Then(retry=Retry(backoff="constant", backoff_seconds=1, then=Fail(kind="conflict")))
    )
    verdict = classify([constant], answer(400))
    assert (verdict.backoff, verdict.otherwise, verdict.kind) == ((1, 1), "fail", "conflict")


def test_a_failing_expression_is_the_authors_error() -> None:
    with pytest.raises(ExpressionError):
        classify([Rule(when="$number(body)", then="ok")], answer(200, "abc"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"message": "No"}, "No"),
        ({"error": {"message": "No", "code": 3}}, "No"),
        ({"error": "invalid_grant", "error_description": "Expired"}, "Expired"),
        ({"errors": [{"message": "a"}, {"message": "b"}]}, "a"),
        ({"errors": [{"detail": "d"}]}, "d"),
        ({"errors": [{"title": "t"}]}, "t"),
        ({"error": "No"}, "No"),
        ([{"message": "m", "errorCode": "X"}], "m"),
        ({"errors": {"email": ["is taken"]}}, "email: is taken"),
        ({"error": {"code": "E1"}}, "E1"),
        ({"fault": {"faultstring": "f"}}, "f"),
        ({"error": {"errors": [{"reason": "r"}]}}, "r"),
        ("plain  text\n here", "plain text here"),
        ("<!DOCTYPE html><html>…", "an HTML page"),
        ({"status": 4}, ""),
        (None, ""),
        ([], ""),
        (5, ""),
        ({"message": ""}, ""),
        ({"message": {"a": 1}}, ""),
        ({"message": "a\x1b[31mb\u202e"}, "a [31mb"),
    ],
)
def test_the_vendors_words(body: Any, message: str) -> None:
    assert find_vendor_message(body) == message


def test_the_vendors_words_are_bounded() -> None:
    assert len(find_vendor_message({"message": "x" * 10_000})) == 300
    nested: Any = "deep"
    for _ in range(100):
        nested = {"error": nested}
    assert find_vendor_message(nested) == ""


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"when": "true", "then": "explode"}, "explode"),
        ({"when": "true", "then": {"fail": {}, "retry": {}}}, "exactly one"),
        ({"when": "true", "then": {}}, "exactly one"),
        ({"when": "true", "then": {"retry": {"times": 0}}}, ">= 1"),
        ({"when": "true", "then": {"fail": {"kind": "sad"}}}, "sad"),
        ({"then": "ok"}, "when"),
    ],
)
def test_wrong_rules_are_refused(data: dict[str, Any], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(data, Rule)
