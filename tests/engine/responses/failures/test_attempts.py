"""`attempt`, driven by hand: its effects are compared one by one."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from evaluating import usual

from conn_engine.errors import CredentialError, TransportError, VendorError
from conn_engine.responses.failures import Policy, ResponseClassification, Retry, Rule, Then, attempt
from conn_engine.settings import Answer
from conn_engine.wire import Flow, FrozenClock, Headers, Request, Response, Wait


class State:
    """A rate limit that reads Retry-After alone."""

    def __init__(self, answer: Answer) -> None:
        self.limited = answer.response.status == 429
        told = answer.response.headers.get("retry-after")
        self.retry_after = float(told) if told else None
        self.longest_wait = None


class Run:
    """One attempt and what it does with scripted answers. `effects` are what it yielded, requests as their
    bearer."""

    def __init__(
        self,
        script: list[Response | TransportError],
        rules: list[Rule] | None = None,
        *,
        policy: Policy | None = None,
        renewable: bool = True,
        idempotent: bool = True,
        seconds_each: float = 0.0,
    ) -> None:
        self.token = "t1"
        self.effects: list[Any] = []
        clock = FrozenClock(1000.0)

        def make() -> Request:
            headers = Headers({"Authorization": f"Bearer {self.token}"})
            return Request("GET", "https://api.example.com/v1/things?key=s3cret", headers, idempotent=idempotent)

        def decode(request: Request, response: Response | TransportError) -> Answer:
            if isinstance(response, TransportError):
                return Answer(request, Response(0), None, scope=usual(), problem=response)
            body = json.loads(response.body) if response.body else None
            return Answer(request, response, body, [1, 2] if response.status == 200 else [], scope=usual())

        def renew() -> Flow[None]:
            self.effects.append("renewed")
            self.token = "t2"
            return
            yield

        flow = attempt(
            make,
            decode,
            rules or [],
            rate=State,
            clock=clock,
            renew=renew if renewable else None,
            policy=policy,
        )
        step: Callable[[], Any] = lambda: next(flow)  # noqa: E731
        while True:
            try:
                effect = step()
            except StopIteration as end:
                self.answer, self.verdict = end.value
                return
            if isinstance(effect, Wait):
                self.effects.append(effect.seconds)
                clock.sleep(effect.seconds)
                step = lambda: flow.send(None)  # noqa: E731
                continue
            assert isinstance(effect, Request)
            self.effects.append(effect.headers["authorization"].split()[1])
            clock.sleep(seconds_each)
            reply = script.pop(0)
            step = (
                (lambda r=reply: flow.throw(r)) if isinstance(reply, TransportError) else (lambda r=reply: flow.send(r))
            )

    answer: Answer
    verdict: ResponseClassification


def reply(status: int, body: Any = None, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, Headers(named), b"" if body is None else json.dumps(body).encode())


def test_a_fine_answer() -> None:
    run = Run([reply(200, {"a": 1})])
    assert (run.effects, run.answer.body, run.verdict.action) == (["t1"], {"a": 1}, "ok")


def test_401_renews_once_and_makes_the_request_again() -> None:
    run = Run([reply(401), reply(200, {})])
    assert (run.effects, run.verdict.action) == (["t1", "renewed", "t2"], "ok")


def test_401_after_the_renewal_is_a_credential_error() -> None:
    with pytest.raises(CredentialError, match="even after it was renewed: 401 from GET /v1/things: expired") as raised:
        Run([reply(401), reply(401, {"message": "expired"})])
    assert "s3cret" not in str(raised.value)
    assert "conn auth login" in raised.value.hint


def test_401_without_a_renewable_credential() -> None:
    with pytest.raises(CredentialError, match="refused the account's credential: 401"):
        Run([reply(401)], renewable=False)


def test_a_rule_that_says_unauthorized_is_a_credential_error_too() -> None:

    rules = msgspec.convert([{"when": "body.ok = false", "then": {"fail": {"kind": "unauthorized"}}}], list[Rule])
    with pytest.raises(CredentialError):
        Run([reply(200, {"ok": False})], rules)


def test_a_rule_can_ask_for_the_renewal() -> None:
    rules = [Rule(when="body.code = 'INVALID_SESSION'", then="refresh_credentials")]
    assert Run([reply(400, {"code": "INVALID_SESSION"}), reply(200, {})], rules).effects == [
        "t1",
        "renewed",
        "t2",
    ]


def test_5xx_is_retried_twice_then_the_vendor_is_unavailable() -> None:
    run = Run([reply(500), reply(502), reply(200, {})])
    assert run.effects == ["t1", 1.0, "t1", 2.0, "t1"]
    with pytest.raises(VendorError, match=r"503 from GET /v1/things: busy \(sent 3 times\)") as raised:
        Run([reply(503, {"message": "busy"})] * 3)
    assert (raised.value.kind, raised.value.status) == ("vendor_unavailable", 503)


@pytest.mark.parametrize(("retries", "sent"), [(0, 1), (1, 2), (9, 3)])
def test_a_policy_limits_what_the_rules_send_again(retries: int, sent: int) -> None:
    script: list[Response | TransportError] = [reply(503)] * 4
    with pytest.raises(VendorError) as raised:
        Run(script, policy=Policy(retries=retries))
    assert raised.value.kind == "vendor_unavailable"
    assert 4 - len(script) == sent


def test_what_may_not_be_sent_again_is_not() -> None:
    for script in ([reply(500)], [TransportError("reset")]):
        with pytest.raises(VendorError) as raised:
            Run(list(script), idempotent=False)
        assert raised.value.kind == "vendor_unavailable"


def test_a_short_retry_after_is_kept_and_a_long_one_is_raised() -> None:
    assert Run([reply(503, retry_after="4"), reply(200, {})]).effects == ["t1", 4.0, "t1"]
    with pytest.raises(VendorError) as raised:
        Run([reply(503, retry_after="120")])
    assert raised.value.retry_after == 120
    assert Run([reply(503, retry_after="120"), reply(200, {})], policy=Policy(wait=True)).effects == [
        "t1",
        120.0,
        "t1",
    ]


def test_429_is_the_callers() -> None:
    with pytest.raises(VendorError, match="429 from GET /v1/things: slow down") as raised:
        Run([reply(429, {"message": "slow down"}, retry_after="30")])
    assert (raised.value.kind, raised.value.retry_after) == ("rate_limited", 30)
    assert raised.value.details == {"message": "slow down"}


def test_429_is_waited_out_when_the_policy_says_so_even_for_a_write() -> None:
    policy = Policy(wait=True, max_wait_seconds=100)
    script = [reply(429, retry_after="30"), reply(429, retry_after="60"), reply(200, {})]
    assert Run(script, policy=policy, idempotent=False).effects == ["t1", 30.0, "t1", 60.0, "t1"]


def test_the_waits_are_bounded_together() -> None:
    policy = Policy(wait=True, max_wait_seconds=100)
    with pytest.raises(VendorError) as raised:
        Run([reply(429, retry_after="30"), reply(429, retry_after="80")], policy=policy)
    assert raised.value.retry_after == 80
    with pytest.raises(VendorError):
        Run([reply(429, retry_after="0")] * 200, policy=policy)


def test_faults_in_transit_are_tried_again_quickly() -> None:
    run = Run([TransportError("reset"), TransportError("reset"), reply(200, {})])
    assert run.effects == ["t1", 0.5, "t1", 1.0, "t1"]
    with pytest.raises(TransportError, match="third"):
        Run([TransportError("first"), TransportError("second"), TransportError("third")])


def test_a_fault_that_cannot_mend_or_took_long_is_not_tried_again() -> None:
    with pytest.raises(TransportError, match="unknown host"):
        Run([TransportError("unknown host", retryable=False)])
    with pytest.raises(TransportError, match="timed out"):
        Run([TransportError("timed out")], seconds_each=4.0)


def test_empty_and_skip_have_no_records() -> None:
    for action in ("empty", "skip"):
        run = Run([reply(200, {"x": 1})], [Rule(when="true", then=action)])  # type: ignore[arg-type]
        assert (run.verdict.action, run.answer.body, run.answer.records) == (action, None, [])


def test_ok_makes_an_error_answer_fine() -> None:
    run = Run([reply(409, {"id": 7})], [Rule(when="status = 409", then="ok")])
    assert (run.verdict.action, run.answer.body) == ("ok", {"id": 7})


@pytest.mark.parametrize("then", ["skip", "empty", "ok"])
def test_retry_then(then: Any) -> None:
    rules = [Rule(when="status = 400", then=Then(retry=Retry(times=1, backoff_seconds=3, then=then)))]
    run = Run([reply(400, {"x": 1}), reply(400, {"x": 1})], rules)
    assert (run.effects, run.verdict.action) == (["t1", 3.0, "t1"], then)


def test_retry_wait_from_the_answer() -> None:
    rules = [Rule(when="status = 400", then=Then(retry=Retry(wait="body.s")))]
    assert Run([reply(400, {"s": 2}), reply(200, {})], rules).effects == ["t1", 2.0, "t1"]


def test_no_message_has_the_query_or_a_header() -> None:
    for status in (400, 403, 404, 409, 429, 301):
        with pytest.raises(VendorError) as raised:
            Run([reply(status)])
        assert "s3cret" not in str(raised.value)
        assert "t1" not in str(raised.value)
