"""Answers that cannot be read, and missing ones: what error rules may decide about them."""

import json
from typing import Any

import msgspec
import pytest
from evaluating import usual

from conn_engine.errors import TransportError, VendorError
from conn_engine.responses.failures import Policy, ResponseClassification, Rule, attempt
from conn_engine.settings import Answer
from conn_engine.wire import Flow, FrozenClock, Headers, Request, Response, Wait


class Quiet:
    """A rate limit that says nothing."""

    limited = False
    retry_after = None
    longest_wait = None


class Run:
    """One attempt against scripted answers and faults; `waits` are its pauses, `sent` counts requests."""

    answer: Answer
    verdict: ResponseClassification

    def __init__(self, script: list[Any], rules: list[dict[str, Any]], *, idempotent: bool = True, **more: Any) -> None:
        self.waits: list[float] = []
        self.sent = 0
        self.scope = usual(more.pop("scope", {}))
        clock = FrozenClock(1_760_000_000.0)
        request = Request("GET", "https://api.example.com/v1/things", idempotent=idempotent)
        flow: Flow[Any] = attempt(
            lambda: request,
            self.decode,
            msgspec.convert(rules, list[Rule]),
            rate=lambda answer: Quiet(),
            clock=clock,
            **more,
        )
        result: Any = None
        fault: TransportError | None = None
        while True:
            try:
                effect = flow.throw(fault) if fault else flow.send(result)
            except StopIteration as end:
                self.answer, self.verdict = end.value
                return
            result, fault = None, None
            if isinstance(effect, Wait):
                self.waits.append(effect.seconds)
                clock.sleep(effect.seconds)
                continue
            self.sent += 1
            step = script.pop(0)
            result, fault = (None, step) if isinstance(step, TransportError) else (step, None)

    def decode(self, request: Request, got: Response | TransportError) -> Answer:
        if isinstance(got, TransportError):
            return Answer(request, Response(0), None, scope=self.scope, problem=got)
        try:
            return Answer(request, got, json.loads(got.body), [1], scope=self.scope)
        except ValueError:
            problem = VendorError("the answer is not JSON", kind="bad_response", response=got)
            return Answer(request, got, None, scope=self.scope, problem=problem)


def page(text: str, status: int = 200) -> Response:
    return Response(status, Headers({"content-type": "text/html"}), text.encode())


def lost(kind: Any, *, retryable: bool = True) -> TransportError:
    return TransportError(f"it failed: {kind}", fault=kind, retryable=retryable)


FINE = Response(200, body=b"{}")


class TestUnreadable:
    def test_without_a_rule_it_is_the_error_it_was(self) -> None:
        with pytest.raises(VendorError, match=r"^200 from GET /v1/things: the answer is not JSON") as raised:
            Run([page("<html>Oops")], [])
        assert (raised.value.kind, raised.value.vendor_message) == ("bad_response", "the answer is not JSON")

    def test_an_html_404_is_empty_by_a_rule(self) -> None:
        rule = {"when": "status = 404 and $contains(text, 'No such')", "then": "empty"}
        run = Run([page("<html>No such list", 404)], [rule])
        assert (run.verdict.action, run.answer.records) == ("empty", [])

    def test_truncated_json_is_sent_for_again_then_left_out(self) -> None:
        rule = {"when": "fault = 'body'", "then": {"retry": {"times": 2, "backoff_seconds": 1, "then": "skip"}}}
        run = Run([page('{"a": [1, 2')] * 3, [rule])
        assert (run.waits, run.sent, run.verdict.action) == ([1, 2], 3, "skip")
        assert Run([page('{"a": ['), FINE], [rule]).answer.body == {}

    def test_the_body_is_undefined_and_the_status_and_headers_are_there(self) -> None:
        when = "$not($exists(body)) and status = 200 and headers.'content-type' = 'text/html' and text = '<b>'"
        assert Run([page("<b>")], [{"when": when, "then": "empty"}]).verdict.action == "empty"

    def test_a_rule_cannot_make_data_of_it(self) -> None:
        with pytest.raises(VendorError, match="the answer is not JSON"):
            Run([page("<b>")], [{"when": "status = 200", "then": "ok"}])

    def test_a_rule_gives_it_a_message(self) -> None:
        rule = {"when": "fault", "then": {"fail": {"kind": "not_found", "message": "'down: ' & text"}}}
        with pytest.raises(VendorError, match="200 from GET /v1/things: down: <b>") as raised:
            Run([page("<b>")], [rule])
        assert raised.value.kind == "not_found"


class TestMissing:
    RULE: dict[str, Any] = {  # noqa: RUF012
        "when": "fault = 'truncated' or fault = 'timeout'",
        "then": {"retry": {"times": 4, "backoff_seconds": 5, "backoff": "constant", "then": "skip"}},
    }

    def test_a_rule_retries_longer_than_the_default_and_then_leaves_out(self) -> None:
        run = Run([lost("timeout", retryable=False)] * 5, [self.RULE])
        assert (run.waits, run.sent, run.verdict.action) == ([5, 5, 5, 5], 5, "skip")

    def test_other_faults_keep_the_default(self) -> None:
        run = Run([lost("reset"), lost("reset"), FINE], [self.RULE])
        assert run.waits == [0.5, 1.0]

    def test_what_may_not_be_sent_again_is_not_whatever_a_rule_says(self) -> None:
        rule = {"when": "fault", "then": {"retry": {"times": 3}}}
        for kind in ("reset", "truncated", "dns", "connect", "timeout"):
            with pytest.raises(TransportError, match=kind):
                Run([lost(kind)], [rule], idempotent=False)

    def test_rules_about_answers_are_not_asked(self) -> None:
        rules = [{"when": "true", "then": "empty"}, {"when": "$not(status = 200)", "then": "skip"}]
        with pytest.raises(TransportError, match="dns"):
            Run([lost("dns", retryable=False)], rules)

    def test_a_retry_that_is_used_up_says_how_often_it_was_sent(self) -> None:
        rule = {"when": "fault = 'dns'", "then": {"retry": {"times": 1, "backoff_seconds": 0}}}
        with pytest.raises(TransportError, match=r"it failed: dns \(sent 2 times\)"):
            Run([lost("dns")] * 2, [rule])

    def test_a_rule_may_call_a_missing_answer_empty(self) -> None:
        run = Run([lost("refused", retryable=False)], [{"when": "fault = 'refused'", "then": "empty"}])
        assert (run.verdict.action, run.answer.records) == ("empty", [])


class TestScope:
    def test_the_number_of_the_attempt(self) -> None:
        rules = [
            {"when": "status = 500 and attempt < 3", "then": {"retry": {"times": 9, "backoff_seconds": 0}}},
            {"when": "status = 500", "then": {"fail": {"message": "'gave up after ' & attempt"}}},
        ]
        with pytest.raises(VendorError, match="gave up after 3"):
            Run([page("{}", 500)] * 5, rules)

    def test_the_partition_in_conditions_and_messages(self) -> None:
        rules = [
            {"when": "status = 403 and partition.team = 'locked'", "then": "skip"},
            {"when": "status = 403", "then": {"fail": {"message": "'no access to team ' & partition.team"}}},
        ]
        assert Run([page("{}", 403)], rules, scope={"partition": {"team": "locked"}}).verdict.action == "skip"
        with pytest.raises(VendorError, match="no access to team open"):
            Run([page("{}", 403)], rules, scope={"partition": {"team": "open"}})


class TestWaits:
    NOW = "Thu, 09 Oct 2025 08:53:20 GMT"

    @pytest.mark.parametrize(
        ("wait", "seconds"),
        [
            ("headers.'x-wait'", 7),
            ({"header": "X-Wait"}, 7),
            ({"header": "X-Reset", "unit": "epoch"}, 60),
            ({"header": "X-Wait-Ms", "scale": 0.001}, 2.5),
            ({"header": "x-amzn-RateLimit-Limit", "inverse": True}, 60),
            ({"body": "body.error.wait"}, 9),
            ({"body": "text", "pattern": r"again in (\d+) seconds"}, 42),
            ({"at": "09:00"}, 400),
            ({"at": "00:00", "zone": "America/New_York"}, 68_800),
            ({"at": "00:00", "zone": "Asia/Kolkata"}, 34_600),
            ([{"header": "X-Wait"}, {"body": "body.error.wait"}, "3"], 9),
            ([{"header": "X-None"}, {"header": "X-Wait"}], 7),
        ],
    )
    def test_from_wherever_it_is_told(self, wait: Any, seconds: float) -> None:
        headers = {
            "x-wait": "7",
            "x-reset": "1760000060",
            "x-wait-ms": "2500",
            "x-amzn-ratelimit-limit": "0.016666666666666666",
            "date": self.NOW,
        }
        body = b'{"error": {"wait": 9, "message": "try again in 42 seconds"}}'
        rules = [{"when": "status = 403", "then": {"rate_limited": {"wait": wait}}}]
        policy = Policy(wait=True, max_wait_seconds=100_000)
        run = Run([Response(403, Headers(headers), body), FINE], rules, policy=policy)
        assert run.waits == [pytest.approx(seconds)]

    def test_a_time_of_day_across_the_change_of_the_clocks(self) -> None:
        rules = [{"when": "status = 403", "then": {"rate_limited": {"wait": {"at": "03:00", "zone": "Europe/Berlin"}}}}]
        late = Headers({"date": "Sat, 28 Mar 2026 22:00:00 GMT"})  # 23:00 in Berlin; the hour from 2 to 3 is left out
        run = Run([Response(403, late, b"{}"), FINE], rules, policy=Policy(wait=True, max_wait_seconds=100_000))
        assert run.waits == [3 * 3600]

    @pytest.mark.parametrize("longest", [600, "context.patience", "'600'"])
    def test_a_wait_above_the_cap_is_an_error_at_once(self, longest: Any) -> None:
        rules = [{"when": "status = 403", "then": {"rate_limited": {"wait": "601", "max_wait_seconds": longest}}}]
        more = {"policy": Policy(wait=True, max_wait_seconds=10_000), "scope": {"context": {"patience": 600}}}
        with pytest.raises(VendorError) as raised:
            Run([page("{}", 403)], rules, **more)
        assert (raised.value.kind, raised.value.retry_after) == ("rate_limited", 601)
        assert (
            raised.value.hint
            == "wait 601 s and run it again; to let the run wait, raise `max_wait_seconds`, which is 600"
        )
        rules[0]["then"]["rate_limited"]["wait"] = "600"
        assert Run([page("{}", 403), FINE], rules, **more).waits == [600]

    @pytest.mark.parametrize(
        ("source", "words"),
        [
            ({}, "exactly one of"),
            ({"header": "a", "at": "00:00"}, "exactly one of"),
            ({"at": "24:00"}, "time of day"),
            ({"at": "00:00", "zone": "Mars/Olympus"}, "not a time zone"),
            ({"header": "a", "pattern": "("}, "not a valid regular expression"),
            ({"header": "a", "pattern": "a"}, "no group 1"),
        ],
    )
    def test_wrong_sources(self, source: dict[str, Any], words: str) -> None:
        with pytest.raises(msgspec.ValidationError, match=words):
            msgspec.convert({"when": "true", "then": {"rate_limited": {"wait": source}}}, Rule)


class TestRestart:
    RULE: dict[str, Any] = {"when": "status = 500", "then": {"restart": {"times": 2, "wait_seconds": 60}}}  # noqa: RUF012

    def test_the_listing_is_told_to_begin_again(self) -> None:
        run = Run([page("{}", 500)], [self.RULE], restarts=1)
        assert (run.verdict.action, run.verdict.key, run.waits) == ("restart", "record.id", [60])

    def test_after_the_last_time_and_outside_of_a_listing_it_is_an_error(self) -> None:
        for restarts in (2, None):
            with pytest.raises(VendorError, match="500 from GET"):
                Run([page("{}", 500)], [self.RULE], restarts=restarts)
