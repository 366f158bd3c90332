"""Whether a delivery is accepted: is it the vendor's, does it want an answer of its own, which events does it hold.

A generator, as an operation is: keys may have to be fetched. Whose the events are is `receiver`'s.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from conn_engine.auth.secret_request import asked, knowing
from conn_engine.config import Effective
from conn_engine.errors import ConfigurationError, CredentialError, ExpressionError
from conn_engine.expressions import UNDEFINED
from conn_engine.runtime.call import Session
from conn_engine.runtime.request import authorization_scope
from conn_engine.runtime.webhooks.events import VendorEvent, vendor_events
from conn_engine.strategies import Scope, ask, filled
from conn_engine.transport.door import permitted, target
from conn_engine.webhooks import Challenge, Delivery, KeyCache, Proving, Reply, Unproved, Webhooks, holds
from conn_engine.wire import Flow, Headers, Response

__all__ = ["Acceptance", "accept", "refusal"]

_UNAUTHORIZED = 401
_FORBIDDEN = 403
_HEADER_VALUE = re.compile(r"[\t -~\x80-\xff]*")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What is to be answered, and what the delivery holds.

    `proved` is the way by which it was (`hmac`, `none` …; "" for a challenge that needs none), `challenge` the number
    of the challenge that it is (from 0; None: it is none). `refused` says why it is not accepted. `captured` is what
    the vendor handed over for the credential.
    """

    reply: Response
    proved: str = ""
    challenge: int | None = None
    refused: Unproved | None = None
    events: list[VendorEvent] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=dict)
    captured: dict[str, str] = field(default_factory=dict)


def accept(
    effective: Effective, session: Session, delivery: Delivery, cache: KeyCache | None = None, *, pairing: bool = False
) -> Flow[Acceptance]:
    """Judge a delivery. `pairing`: a secret that the vendor hands over replaces the one that the account has.

    Raises ConfigurationError (ExpressionError) for what the connector says wrongly, CredentialError when the account
    lacks the secret, VendorError when a key cannot be had. A delivery that is not the vendor's is no exception: it is
    what `refused` says.
    """
    told = effective.webhooks
    if told is None:
        raise ConfigurationError(
            f'the connector "{effective.connector_name}" says nothing of webhooks',
            hint="say `webhooks` in connector.yaml: how a delivery is proved, and which events it holds",
        )
    secrets = authorization_scope(effective, session)
    proving = Proving(delivery, secrets, session.clock, effective.hosts, cache or KeyCache())
    try:
        number = _challenge(told, proving)
        if number is not None and not told.challenge[number].verified:
            return (yield from _answered(told.challenge[number], number, proving, session, "", pairing=pairing))
        yield from _proved(told, proving)
        way = type(told.verify).__struct_config__.tag
        if number is not None:
            return (yield from _answered(told.challenge[number], number, proving, session, str(way), pairing=pairing))
    except Unproved as error:
        return refusal(error)
    events = vendor_events(effective, delivery, proving.claims)
    return Acceptance(_reply(told.reply, proving), str(way), events=events, claims=proving.claims)


def refusal(error: Unproved) -> Acceptance:
    """The answer to a delivery that is not accepted. It does not say more than that: who asks may be anybody."""
    status = _FORBIDDEN if error.code == "forbidden" else _UNAUTHORIZED
    reply = Response(status, Headers({"content-type": "application/json"}), b'{"error":"the delivery is not accepted"}')
    return Acceptance(reply, refused=error)


def _challenge(told: Webhooks, proving: Proving) -> int | None:
    for number, challenge in enumerate(told.challenge):
        try:
            if holds(challenge.when, proving):
                return number
        except Unproved:
            continue  # the condition fails on this delivery: it is not the one
    return None


def _proved(told: Webhooks, proving: Proving) -> Flow[None]:
    if not told.verify.applies(proving):
        raise Unproved("unsigned", "it lacks what the way to prove it looks for")
    yield from told.verify.prove(proving)


def _answered(
    challenge: Challenge, number: int, proving: Proving, session: Session, way: str, *, pairing: bool
) -> Flow[Acceptance]:
    if challenge.require is not None and not holds(challenge.require, proving):
        raise Unproved("forbidden", f"the challenge's `require` does not hold: {challenge.require}")
    captured = {name: _captured(name, text, proving) for name, text in challenge.capture.items()}
    for name, value in captured.items():
        if session.document.get(name) not in (None, "", value) and not pairing:
            raise Unproved(
                "forbidden",
                f'it would replace the "{name}" that the account has',
                hint="when a new subscription is being made, receive it with --pair",
            )
    if challenge.request is not None:
        names = proving.names([challenge.request.url, challenge.request.query, challenge.request.body])
        hosts = challenge.hosts or proving.hosts
        _check_hosts(challenge.request.url, names, hosts)
        label = "challenge's request"
        yield from asked(challenge.request, names, hosts, proving.clock, knowing(dict(proving.secrets)), label)
    return Acceptance(_reply(challenge.reply, proving), way, number, claims=proving.claims, captured=captured)


def _check_hosts(url: str, names: Scope, hosts: tuple[str, ...]) -> None:
    try:
        allowed = permitted(target(str(filled(url, names, purpose="the request"))).origin, hosts)
    except (ConfigurationError, CredentialError, ExpressionError):  # most are said by the delivery
        allowed = False
    if not allowed:
        raise Unproved("forbidden", f"the request that answers it does not go to one of the vendor's hosts ({url})")


def _captured(name: str, text: str, proving: Proving) -> str:
    try:
        value = ask(text, proving.names(text))
    except ExpressionError:
        value = UNDEFINED
    if not isinstance(value, str) or not value or len(value) > 8192:
        raise Unproved("forbidden", f'the challenge does not hand over the "{name}" ({text})')
    return value


def _reply(told: Reply, proving: Proving) -> Response:
    """The answer, filled in. What it repeats of the delivery stays text: a browser must not run it."""
    names = proving.names([told.headers, told.body])
    try:
        body = filled(told.body, names, purpose="the answer")
        headers = {name.lower(): str(filled(text, names, purpose="the answer")) for name, text in told.headers.items()}
    except (CredentialError, ExpressionError) as error:
        raise Unproved("forbidden", error.message) from None
    if not all(_HEADER_VALUE.fullmatch(value) for value in headers.values()):
        raise Unproved("forbidden", "the answer would have a header with letters that none can have")
    if body is None:
        return Response(told.status, Headers(headers))
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    kind = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
    headers = {"content-type": kind, "x-content-type-options": "nosniff", **headers}
    return Response(told.status, Headers(headers), text.encode("utf-8", "replace"))
