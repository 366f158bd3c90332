"""The token request: an ordinary request that returns a token, with the requests that come before it.

Every preset that gets a token builds on it. The presets decide what is stored and when a token is requested.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from msgspec import Meta
from msgspec import field as setting

from conn_engine.auth.expiry import ABSOLUTE_UNITS, ExpiryUnit, read_token_expiry, to_timestamp
from conn_engine.auth.secret_request import (
    AssertionSetting,
    BodyFormatSetting,
    BodySetting,
    HeadersSetting,
    MethodSetting,
    QuerySetting,
    ResponseFormatSetting,
    SecretRequest,
    SignatureSetting,
    UrlSetting,
    build_redactor,
    endpoint_of,
    evaluate_on_response,
    null_if_undefined,
    send_secret_request,
)
from conn_engine.auth.token_errors import build_expired_token_error, build_missing_token_error
from conn_engine.conditions import conditions_of
from conn_engine.roles import expression_over
from conn_engine.secrets import Redactor, is_secret_name
from conn_engine.settings import Answer, Scope, Settings
from conn_engine.wire import Clock, Flow, Headers

__all__ = ["Grant", "TokenReading", "TokenRequest", "TokenStep", "remove_secrets", "request_token"]


class TokenReading(Settings, frozen=True, kw_only=True):
    """How the token and its expiry are read from the response."""

    response: Annotated[
        str | None,
        Meta(
            description="What is stored as the token: an object with `access_token`, or the token's text. It sees "
            "response (the decoded body), headers, status, cookies (by name), `cookie` (all of them, as a "
            "Cookie header lists them), before and callback. Default: the complete body.",
            extra=expression_over("token_answer"),
        ),
    ] = None
    expires: Annotated[
        str | None,
        Meta(
            description="When the token expires. Default: `response.expires_in`.",
            extra=expression_over("token_answer"),
        ),
    ] = None
    expires_unit: Annotated[
        ExpiryUnit, Meta(description="Unit of `expires`: a time to live, or (epoch, iso8601) a point in time.")
    ] = "seconds"
    lifetime_seconds: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(
            description="Time to live when the response has no expiry, in seconds. Default: until the vendor "
            "refuses the token."
        ),
    ] = None
    buffer_seconds: Annotated[
        float,
        Meta(
            ge=0, description="How long before its expiry a token is renewed, in seconds; at most half of its lifetime."
        ),
    ] = 60.0
    capture: Annotated[
        dict[str, str],
        Meta(
            description="Values to store with the token, by name: expressions over the same names as `response`. "
            "They are not secret: an account's `context` has them (`{{context.instance_url}}`), and "
            "`base_url` can use them. A value that a later response does not return is kept.",
            extra=expression_over("token_answer"),
        ),
    ] = setting(default_factory=dict)


class TokenStep(SecretRequest, frozen=True, kw_only=True):
    """A request before the token request. Its result is `before.<name>` in later requests."""

    name: Annotated[str, Meta(description="Name of the result in later requests.", pattern="^[a-z][a-z0-9_]*$")]
    response: Annotated[
        str | None,
        Meta(
            description="The result. Default: the complete body.",
            extra=expression_over("token_answer"),
        ),
    ] = None


class TokenRequest(TokenReading, frozen=True, kw_only=True):
    """One request for a token. Templates see the stored document's keys, `env`, `context`, `before`, and `timestamp`
    (seconds), `timestamp_ms`, `date` (RFC 3339) and `nonce`, which stay the same throughout one request."""

    method: MethodSetting = "post"
    url: UrlSetting
    headers: HeadersSetting = setting(default_factory=dict)
    query: QuerySetting = setting(default_factory=dict)
    body: BodySetting = None
    body_format: BodyFormatSetting = "form"
    response_format: ResponseFormatSetting = "json"
    assertion: AssertionSetting = None
    signature: SignatureSetting = None
    before: Annotated[
        tuple[TokenStep, ...],
        Meta(description="Requests to send first, in this order. Their results are `before.<name>`."),
    ] = ()
    keeps_token: Annotated[
        bool,
        Meta(description="For a refresh: whether the response may have no token because the stored one stays valid."),
    ] = False


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """The granted token (`access_token`, and `expires_at` in Unix seconds when its expiry is known), and the values
    that `capture` found in the response."""

    token: dict[str, Any]
    captured: dict[str, Any] = field(default_factory=dict)


def request_token(
    settings: TokenRequest, names: Scope, hosts: tuple[str, ...], clock: Clock, absent: frozenset[str] = frozenset()
) -> Flow[Grant]:
    """Request a token. Yields the requests of `before` and then its own; returns the Grant. Entries that use an
    `absent` part of the credential are left out.

    Raises CredentialError when the vendor refuses or returns no token, and VendorError (vendor_unavailable,
    rate_limited) when the endpoint is unavailable. No message contains a value of the credential.
    """
    redactor = build_redactor(names)
    before: dict[str, Any] = {}
    names = names | {"before": before}
    for step in settings.before:
        answer = yield from send_secret_request(
            step, names, hosts, clock, redactor, step.name, absent=absent, with_retries=True
        )
        before[step.name] = result = (
            answer.body if step.response is None else null_if_undefined(evaluate_on_response(answer, step.response))
        )
        redactor.add_document(result)
    answer = yield from send_secret_request(settings, names, hosts, clock, redactor, absent=absent, with_retries=True)
    result = answer.body if settings.response is None else evaluate_on_response(answer, settings.response)
    token = {"access_token": result} if isinstance(result, str) else result
    fields: dict[str, Any] = token if isinstance(token, dict) else {}
    has_token = isinstance(fields.get("access_token"), str) and bool(fields["access_token"])
    if not has_token and not settings.keeps_token:
        raise build_missing_token_error(settings.response, answer.body, endpoint_of(answer.request, redactor), redactor)
    expires_at = _read_expiry(settings, answer, fields, clock.now())
    if expires_at is not None and expires_at <= clock.now() and _has_absolute_expiry(settings, fields):
        raise build_expired_token_error(endpoint_of(answer.request, redactor), expires_at, answer.response, clock.now())
    stored = {name: value for name, value in fields.items() if has_token and name not in ("expires_at", "obtained_at")}
    if expires_at is not None:
        stored.update(expires_at=expires_at, obtained_at=clock.now())
    secrets = [str(value) for name, value in fields.items() if is_secret_name(name) and value]
    visible = remove_secrets(answer, secrets) if settings.capture else answer
    captured = {name: null_if_undefined(evaluate_on_response(visible, text)) for name, text in settings.capture.items()}
    return Grant(stored, {name: value for name, value in captured.items() if value is not None})


def remove_secrets(answer: Answer, secrets: Iterable[str]) -> Answer:
    """Return the response that `capture` may read. Captured values are never secret, whoever wrote the expression."""
    redactor = Redactor(text for text in secrets if text)
    headers = [
        (name, redactor.text(value)) for name, value in answer.response.headers.pairs if not is_secret_name(name)
    ]
    return replace(
        answer,
        body=redactor.data(answer.body),
        response=replace(answer.response, headers=Headers(headers)),
        scope=Scope(
            {"before": redactor.data(answer.scope["before"]), "callback": answer.scope["callback"]},
            conditions_of(answer.scope),
        ),
    )


def _read_expiry(settings: TokenReading, answer: Answer, token: Mapping[str, Any], now: float) -> float | None:
    """Return when the token expires, in Unix seconds."""
    if settings.expires is not None:
        expires_at = to_timestamp(evaluate_on_response(answer, settings.expires), settings.expires_unit, now)
    else:
        expires_at = read_token_expiry(token, settings.expires_unit, now)
    if expires_at is None and settings.lifetime_seconds is not None:
        expires_at = now + settings.lifetime_seconds
    return expires_at


def _has_absolute_expiry(settings: TokenReading, token: Mapping[str, Any]) -> bool:
    """Return whether the response gives a point in time instead of a time to live: it then depends on this machine's
    clock."""
    if settings.expires is not None:
        return settings.expires_unit in ABSOLUTE_UNITS
    return (
        to_timestamp(token.get("expires_in"), settings.expires_unit, 0.0) is None
        or settings.expires_unit in ABSOLUTE_UNITS
    )
