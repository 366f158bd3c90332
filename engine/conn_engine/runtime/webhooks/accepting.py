"""Whether a delivery is accepted: is it the vendor's, does it want an answer of its own, which events does it hold.

A generator, as an operation is: keys may have to be fetched. Whose the events are is `receiver`'s.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from conn_engine.auth.secret_request import SecretRequest, build_redactor, send_secret_request
from conn_engine.errors import ConfigurationError, CredentialError, ExpressionError
from conn_engine.expressions import UNDEFINED
from conn_engine.runtime.call import Run, Session
from conn_engine.runtime.request import authorization_scope
from conn_engine.runtime.webhooks.events import VendorEvent, vendor_events
from conn_engine.settings import Scope, ask, fill_templates
from conn_engine.transport.gateway import is_permitted, parse_target
from conn_engine.transport.hosts import granted_hosts, rebind_hosts
from conn_engine.webhooks import (
    Challenge,
    Delivery,
    KeyCache,
    Reply,
    VerificationContext,
    VerificationError,
    Webhooks,
    is_condition_met,
    uses_credential,
    uses_delivery,
)
from conn_engine.wire import Flow, Headers, Request, Response

__all__ = ["Acceptance", "accept", "refusal"]

_UNAUTHORIZED = 401
_FORBIDDEN = 403
_MOST_UNPROVED = 100  # each may be a record to fetch: anybody could have the vendor's limits used up
_UNFIT = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_LONGEST_HEADER = 8 * 1024
_INERT = frozenset({"text/plain", "application/json"})  # a browser runs nothing that is in them


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What is to be answered, and what the delivery holds.

    `proved` is the way by which it was (`hmac`, `none` …; "" for a challenge that needs none), `challenge` the number
    of the challenge that it is (from 0; None: it is none). `refused` says why it is not accepted. `captured` is what
    the vendor handed over for the credential. `delivery` is the delivery as mappings may see it, without secrets.
    """

    reply: Response
    proved: str = ""
    challenge: int | None = None
    refused: VerificationError | None = None
    events: list[VendorEvent] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=dict)
    captured: dict[str, str] = field(default_factory=dict, repr=False)
    delivery: Delivery | None = None


def accept(run: Run, delivery: Delivery, cache: KeyCache | None = None, *, pairing: bool = False) -> Flow[Acceptance]:
    """Judge a delivery. `pairing`: a secret that the vendor hands over replaces the one that the account has.

    Raises ConfigurationError (ExpressionError) for what the connector says wrongly, CredentialError when the account
    lacks the secret, VendorError when a key cannot be had. A delivery that is not the vendor's is no exception: it is
    what `refused` says.
    """
    effective, session = run.effective, run.session
    told = effective.webhooks
    if told is None:
        raise ConfigurationError(
            f'the connector "{effective.connector_name}" says nothing of webhooks',
            hint="say `webhooks` in connector.yaml: how a delivery is proved, and which events it holds",
        )
    secrets = authorization_scope(run)
    proving = VerificationContext(delivery, secrets, session.clock, effective.hosts, cache or KeyCache())
    try:
        number = _challenge(told, proving)
        if number is not None and not told.challenge[number].verified:
            return (yield from _answer_challenge(told.challenge[number], number, proving, session, "", pairing=pairing))
        yield from _verify(told, proving)
        way = type(told.verify).__struct_config__.tag
        if number is not None:
            return (
                yield from _answer_challenge(
                    told.challenge[number], number, proving, session, str(way), pairing=pairing
                )
            )
    except VerificationError as error:
        return refusal(error)
    seen = delivery.clean(build_redactor(secrets))
    events = vendor_events(effective, seen, proving.claims, session.conditions)
    if not proving.is_verified and len(events) > _MOST_UNPROVED:
        return refusal(VerificationError("too_many", f"it has {len(events)} events, and nothing proves it"))
    return Acceptance(_reply(told.reply, proving), str(way), events=events, claims=proving.claims, delivery=seen)


def refusal(error: VerificationError) -> Acceptance:
    """The answer to a delivery that is not accepted. It does not say more than that: who asks may be anybody."""
    status = _FORBIDDEN if error.code == "forbidden" else _UNAUTHORIZED
    reply = Response(status, Headers({"content-type": "application/json"}), b'{"error":"the delivery is not accepted"}')
    return Acceptance(reply, refused=error)


def _challenge(told: Webhooks, proving: VerificationContext) -> int | None:
    for number, challenge in enumerate(told.challenge):
        try:
            if is_condition_met(challenge.when, proving):
                return number
        except VerificationError:
            continue  # the condition fails on this delivery: it is not the one
    return None


def _verify(told: Webhooks, proving: VerificationContext) -> Flow[None]:
    if not told.verify.is_applicable(proving):
        raise VerificationError("unsigned", "it lacks what the way to prove it looks for")
    yield from told.verify.verify(proving)


def _answer_challenge(
    challenge: Challenge, number: int, proving: VerificationContext, session: Session, way: str, *, pairing: bool
) -> Flow[Acceptance]:
    if challenge.require is not None and not is_condition_met(challenge.require, proving):
        raise VerificationError("forbidden", f"the challenge's `require` does not hold: {challenge.require}")
    captured = {name: _evaluate_capture(name, text, proving) for name, text in challenge.capture.items()}
    for name, value in captured.items():
        if session.document.get(name) not in (None, "", value) and not pairing:
            raise VerificationError(
                "forbidden",
                f'it would replace the "{name}" that the account has',
                hint="when a new subscription is being made, receive it with --pair",
            )
    if challenge.request is not None:
        yield from _send_confirmation(challenge, challenge.request, proving)
    return Acceptance(_reply(challenge.reply, proving), way, number, claims=proving.claims, captured=captured)


def _send_confirmation(challenge: Challenge, told: SecretRequest, proving: VerificationContext) -> Flow[None]:
    """Send the request by which a challenge is answered. One that cannot be made, or may not be sent, is the fault of
    the delivery where that has a word in it."""
    texts = [told.url, told.headers, told.query, told.body]
    names, hosts = proving.build_names(texts), challenge.hosts or proving.hosts
    hosts = rebind_hosts(hosts, proving.hosts) if uses_credential(told, proving.secrets) else granted_hosts(hosts)
    redactor = build_redactor(proving.secrets)

    def check_host(request: Request) -> Request:
        if not is_permitted(parse_target(request.url).origin, granted_hosts(hosts)):
            raise ConfigurationError("it does not go to one of the vendor's hosts", hint=f"they are {', '.join(hosts)}")
        return request

    try:
        _check_said(told.url, names)
        yield from send_secret_request(
            told, names, hosts, proving.clock, redactor, "challenge's request", finish=check_host
        )
    except ConfigurationError as error:
        if not uses_delivery(texts):
            raise
        raise VerificationError("forbidden", f"it asks for a request that may not be made: {error.message}") from None


def _check_said(url: str, names: Scope) -> None:
    try:
        fill_templates(url, names, purpose="the challenge's request")
    except CredentialError as error:
        if uses_delivery(url):
            raise VerificationError("forbidden", f"it does not say where the request goes ({url})") from None
        raise error from None


def _evaluate_capture(name: str, text: str, proving: VerificationContext) -> str:
    try:
        value = ask(text, proving.build_names(text))
    except ExpressionError:
        value = UNDEFINED
    if not isinstance(value, str) or not value or len(value) > 8192:
        raise VerificationError("forbidden", f'the challenge does not hand over the "{name}" ({text})')
    return value


def _reply(told: Reply, proving: VerificationContext) -> Response:
    """The answer, filled in. What it repeats of the delivery stays text: a browser must not run it."""
    if told.body is None and not told.headers:
        return Response(told.status)
    names = proving.build_names([told.headers, told.body])
    try:
        body = fill_templates(told.body, names, purpose="the answer")
        headers = {
            name.lower(): str(fill_templates(text, names, purpose="the answer")) for name, text in told.headers.items()
        }
    except (CredentialError, ExpressionError) as error:
        raise VerificationError("forbidden", error.message) from None
    if any(_UNFIT.search(value) or len(value) > _LONGEST_HEADER for value in headers.values()):
        raise VerificationError(
            "forbidden", "the answer would have a header with a line break, or what no header can carry"
        )
    if body is None:
        return Response(told.status, Headers(headers))
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    kind = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
    safe = {"content-type": kind, "x-content-type-options": "nosniff"}
    if headers.get("content-type", kind).partition(";")[0].strip().lower() not in _INERT:
        safe["content-security-policy"] = "default-src 'none'; sandbox"
    headers = {**safe, **headers}
    return Response(told.status, Headers(headers), text.encode("utf-8", "replace"))
