"""Decide whether to accept a delivery: verify it, reply to challenges, and find its events.

It is a generator, like an operation, because keys may have to be fetched. `receiver` finds the accounts of the events.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from conn_engine.auth.secret_request import SecretRequest, build_redactor, send_secret_request
from conn_engine.config import Effective
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

__all__ = ["Acceptance", "accept", "refuse", "require_webhooks"]

_UNAUTHORIZED = 401
_FORBIDDEN = 403
_MOST_UNVERIFIED = 100  # each event may fetch a record, so anyone could use up the vendor's rate limit
_UNFIT = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_LONGEST_HEADER = 8 * 1024
_LONGEST_CHALLENGE = 256 * 1024
_INERT = frozenset({"text/plain", "application/json"})  # content that a browser never runs


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The reply to a delivery, and its events.

    `verified_by` is the label of the method that verified it (`hmac`, `rsa`, `none` …; "" for a challenge that needs no
    verification). `challenge` is the index of the matching challenge, or None. `refusal` says why it is not accepted.
    `captured` has the values that the vendor sent for the credential. `delivery` is the delivery as mappings see it,
    without secrets.
    """

    reply: Response
    verified_by: str = ""
    challenge: int | None = None
    refusal: VerificationError | None = None
    events: list[VendorEvent] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=dict)
    captured: dict[str, str] = field(default_factory=dict, repr=False)
    delivery: Delivery | None = None


def accept(run: Run, delivery: Delivery, cache: KeyCache | None = None, *, pairing: bool = False) -> Flow[Acceptance]:
    """Verify a delivery and find its events. With `pairing`, a secret in the delivery replaces the account's secret.

    Raises ConfigurationError (ExpressionError) for a mistake in the connector, CredentialError when the account has no
    secret, and VendorError when a key cannot be fetched. A delivery that cannot be verified is not an exception: see
    `refusal`.
    """
    effective, session = run.effective, run.session
    settings = require_webhooks(effective)
    secrets = authorization_scope(run)
    context = VerificationContext(delivery, secrets, session.clock, effective.hosts, cache or KeyCache())
    try:
        number = _challenge(settings, context)
        if number is not None and not settings.challenge[number].verified:
            return (
                yield from _answer_challenge(settings.challenge[number], number, context, session, "", pairing=pairing)
            )
        yield from _verify(settings, context)
        way = settings.verify.label
        if number is not None:
            return (
                yield from _answer_challenge(
                    settings.challenge[number], number, context, session, str(way), pairing=pairing
                )
            )
    except VerificationError as error:
        return refuse(error)
    visible = delivery.clean(build_redactor(secrets))
    events = vendor_events(effective, visible, context.claims, session.conditions)
    if not context.is_verified and len(events) > _MOST_UNVERIFIED:
        return refuse(VerificationError("too_many", f"it has {len(events)} events, but is not verified"))
    if not context.is_verified:
        way = "none"
    return Acceptance(_reply(settings.reply, context), str(way), events=events, claims=context.claims, delivery=visible)


def require_webhooks(effective: Effective) -> Webhooks:
    """Return the settings of webhooks. Raises ConfigurationError if the connector does not declare any."""
    if effective.webhooks is None:
        raise ConfigurationError(
            f'connector "{effective.connector_name}" does not declare webhooks',
            hint=f"add `webhooks` to connectors/{effective.connector_name}/connector.yaml; "
            "conn webhook scheme lists known vendors",
        )
    return effective.webhooks


def refuse(error: VerificationError) -> Acceptance:
    """Return the reply to a delivery that is not accepted. It gives no reason, because the sender may be anyone."""
    status = _FORBIDDEN if error.code == "forbidden" else _UNAUTHORIZED
    reply = Response(status, Headers({"content-type": "application/json"}), b'{"error":"the delivery is not accepted"}')
    return Acceptance(reply, refusal=error)


def _challenge(settings: Webhooks, context: VerificationContext) -> int | None:
    if len(context.delivery.body) > _LONGEST_CHALLENGE:
        return None  # a condition that reads the body would parse it before it is verified
    for number, challenge in enumerate(settings.challenge):
        try:
            if is_condition_met(challenge.when, context):
                return number
        except VerificationError:
            continue  # a condition that fails does not match
    return None


def _verify(settings: Webhooks, context: VerificationContext) -> Flow[None]:
    if not settings.verify.is_applicable(context):
        raise VerificationError("unsigned", "it has no signature or token that `verify` could check")
    yield from settings.verify.verify(context)


def _answer_challenge(
    challenge: Challenge, number: int, context: VerificationContext, session: Session, way: str, *, pairing: bool
) -> Flow[Acceptance]:
    if challenge.expect is not None and not is_condition_met(challenge.expect, context):
        raise VerificationError("forbidden", f"the challenge's `expect` is not true: {challenge.expect}")
    captured = {name: _evaluate_capture(name, text, context) for name, text in challenge.capture.items()}
    for name, value in captured.items():
        if session.document.get(name) not in (None, "", value) and not pairing:
            raise VerificationError(
                "forbidden",
                f'it would replace the "{name}" of the account',
                hint="to accept the secret of a new subscription, receive it with --pair",
            )
    if challenge.request is not None:
        yield from _send_confirmation(challenge, challenge.request, context)
    return Acceptance(_reply(challenge.reply, context), way, number, claims=context.claims, captured=captured)


def _send_confirmation(challenge: Challenge, settings: SecretRequest, context: VerificationContext) -> Flow[None]:
    """Send the request that a challenge expects.

    Raises VerificationError if the request contains parts of the delivery and cannot be built, or is not allowed.
    """
    texts = [settings.url, settings.headers, settings.query, settings.body]
    names, hosts = context.build_names(texts), challenge.hosts or context.hosts
    hosts = rebind_hosts(hosts, context.hosts) if uses_credential(settings, context.secrets) else granted_hosts(hosts)
    redactor = build_redactor(context.secrets)

    def check_host(request: Request) -> Request:
        if not is_permitted(parse_target(request.url).origin, granted_hosts(hosts)):
            raise ConfigurationError("its host is not one of the vendor's", hint=f"use one of {', '.join(hosts)}")
        return request

    try:
        _check_said(settings.url, names)
        yield from send_secret_request(
            settings, names, hosts, context.clock, redactor, "challenge's request", finish=check_host
        )
    except ConfigurationError as error:
        if not uses_delivery(texts):
            raise
        raise VerificationError("forbidden", f"it requires a request that is not allowed: {error.message}") from None


def _check_said(url: str, names: Scope) -> None:
    try:
        fill_templates(url, names, purpose="the challenge's request")
    except CredentialError as error:
        if uses_delivery(url):
            raise VerificationError("forbidden", f"it has no URL for the challenge's request ({url})") from None
        raise error from None


def _evaluate_capture(name: str, text: str, context: VerificationContext) -> str:
    try:
        value = ask(text, context.build_names(text))
    except ExpressionError:
        value = UNDEFINED
    if not isinstance(value, str) or not value or len(value) > 8192:
        raise VerificationError("forbidden", f'the challenge does not contain the "{name}" ({text})')
    return value


def _reply(settings: Reply, context: VerificationContext) -> Response:
    """Build the reply. A browser must not run the parts of the delivery that it repeats."""
    if settings.body is None and not settings.headers:
        return Response(settings.status)
    names = context.build_names([settings.headers, settings.body])
    try:
        body = fill_templates(settings.body, names, purpose="the reply")
        headers = {
            name.lower(): str(fill_templates(text, names, purpose="the reply"))
            for name, text in settings.headers.items()
        }
    except (CredentialError, ExpressionError) as error:
        raise VerificationError("forbidden", error.message) from None
    if any(_UNFIT.search(value) or len(value) > _LONGEST_HEADER for value in headers.values()):
        raise VerificationError(
            "forbidden", "the reply would have a header with a line break, or another value that is not allowed"
        )
    if body is None:
        return Response(settings.status, Headers(headers))
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    kind = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
    safe = {"content-type": kind, "x-content-type-options": "nosniff"}
    if headers.get("content-type", kind).partition(";")[0].strip().lower() not in _INERT:
        safe["content-security-policy"] = "default-src 'none'; sandbox"
    headers = {**safe, **headers}
    return Response(settings.status, Headers(headers), text.encode("utf-8", "replace"))
