"""The token request: an ordinary request of the language whose answer holds a token, after the steps it needs.

All presets that get a token expand into it. What is stored, and when it is asked for, is theirs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from msgspec import Meta
from msgspec import field as setting

from conn_engine.auth.expiry import ABSOLUTE, ExpiryUnit, moment, said_by_token
from conn_engine.auth.refusal import ended_already, no_token
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
    plain,
    read,
    send_secret_request,
)
from conn_engine.conditions import conditions_of
from conn_engine.roles import expression_over
from conn_engine.secrets import Redactor, is_secret_name
from conn_engine.settings import Answer, Scope, Settings
from conn_engine.wire import Clock, Flow, Headers

__all__ = ["Grant", "TokenReading", "TokenRequest", "TokenStep", "open_part", "request_token"]


class TokenReading(Settings, frozen=True, kw_only=True):
    """How the token and its end are read from the answer."""

    response: Annotated[
        str | None,
        Meta(
            description="Expression over response (the decoded body), headers, status, cookies (by name), "
            "`cookie` (all of them, as a Cookie header has them), before and callback for what is "
            "stored as the token: an object with `access_token`, or the token's text. Default: the whole "
            "body.",
            extra=expression_over("token_answer"),
        ),
    ] = None
    expires: Annotated[
        str | None,
        Meta(
            description="Expression over the same names for when the token ends. Default: `response.expires_in`.",
            extra=expression_over("token_answer"),
        ),
    ] = None
    expires_unit: Annotated[
        ExpiryUnit, Meta(description="What `expires` means: a time to live, or (epoch, iso8601) a moment.")
    ] = "seconds"
    lifetime_seconds: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Time to live when the answer does not tell one. Default: until the vendor refuses it."),
    ] = None
    buffer_seconds: Annotated[
        float, Meta(ge=0, description="How long before its end a token is renewed; at most half of its life.")
    ] = 60.0
    capture: Annotated[
        dict[str, str],
        Meta(
            description="Values to keep beside the token, by name: expressions over the same names as `response`. They "
            "are no secrets: an account's `context` has them (`{{context.instance_url}}`), `base_url` may use them. "
            "What a later answer does not say again stays.",
            extra=expression_over("token_answer"),
        ),
    ] = setting(default_factory=dict)


class TokenStep(SecretRequest, frozen=True, kw_only=True):
    """A request before the one for the token. What it finds is `before.<name>` from then on."""

    name: Annotated[str, Meta(description="What later requests call its result.", pattern="^[a-z][a-z0-9_]*$")]
    response: Annotated[
        str | None,
        Meta(
            description="Expression over response, headers, status, cookies, cookie, before and callback for the "
            "result. Default: the whole body.",
            extra=expression_over("token_answer"),
        ),
    ] = None


class TokenRequest(TokenReading, frozen=True, kw_only=True):
    """One request for a token. Templates see the stored document's keys, `env`, `context`, `before`, and `timestamp`
    (seconds), `timestamp_ms`, `date` (RFC 3339) and `nonce`, which are the same throughout one request."""

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
        Meta(description="Requests to send first, in this order; their results are `before.<name>`."),
    ] = ()
    keeps_token: Annotated[
        bool,
        Meta(description="Of a refresh: whether the answer may bring no token, because the one there is goes on."),
    ] = False


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """What was got: the token (`access_token` in it, `expires_at` in Unix seconds when its end is known), and what
    `capture` named of the answer."""

    token: dict[str, Any]
    captured: dict[str, Any] = field(default_factory=dict)


def request_token(
    told: TokenRequest, names: Scope, hosts: tuple[str, ...], clock: Clock, absent: frozenset[str] = frozenset()
) -> Flow[Grant]:
    """Ask for a token. Yields the Requests of `before` and its own, one after another; returns the Grant. What would
    carry a part of the credential that is `absent` goes without it.

    Raises CredentialError when the vendor refuses or answers with something else than a token, VendorError
    (vendor_unavailable, rate_limited) when it is out of order. No message has a value of the credential in
    it.
    """
    redactor = build_redactor(names)
    before: dict[str, Any] = {}
    names = names | {"before": before}
    for step in told.before:
        answer = yield from send_secret_request(
            step, names, hosts, clock, redactor, step.name, absent=absent, patient=True
        )
        before[step.name] = found = answer.body if step.response is None else plain(read(answer, step.response))
        redactor.add_document(found)
    answer = yield from send_secret_request(told, names, hosts, clock, redactor, absent=absent, patient=True)
    found = answer.body if told.response is None else read(answer, told.response)
    token = {"access_token": found} if isinstance(found, str) else found
    said: dict[str, Any] = token if isinstance(token, dict) else {}
    whole = isinstance(said.get("access_token"), str) and bool(said["access_token"])
    if not whole and not told.keeps_token:
        raise no_token(told.response, answer.body, endpoint_of(answer.request, redactor), redactor)
    ends = _ends(told, answer, said, clock.now())
    if ends is not None and ends <= clock.now() and _absolute(told, said):
        raise ended_already(endpoint_of(answer.request, redactor), ends, answer.response, clock.now())
    kept = {name: value for name, value in said.items() if whole and name not in ("expires_at", "obtained_at")}
    if ends is not None:
        kept.update(expires_at=ends, obtained_at=clock.now())
    secrets = [str(value) for name, value in said.items() if is_secret_name(name) and value]
    seen = open_part(answer, secrets) if told.capture else answer
    captured = {name: plain(read(seen, text)) for name, text in told.capture.items()}
    return Grant(kept, {name: value for name, value in captured.items() if value is not None})


def open_part(answer: Answer, secrets: Iterable[str]) -> Answer:
    """The answer as `capture` may see it: what is captured is no secret, whoever wrote the expression."""
    redactor = Redactor(text for text in secrets if text)
    kept = [(name, redactor.text(value)) for name, value in answer.response.headers.pairs if not is_secret_name(name)]
    return replace(
        answer,
        body=redactor.data(answer.body),
        response=replace(answer.response, headers=Headers(kept)),
        scope=Scope(
            {"before": redactor.data(answer.scope["before"]), "callback": answer.scope["callback"]},
            conditions_of(answer.scope),
        ),
    )


def _ends(told: TokenReading, answer: Answer, token: Mapping[str, Any], now: float) -> float | None:
    """When the token ends, in Unix seconds."""
    if told.expires is not None:
        ends = moment(read(answer, told.expires), told.expires_unit, now)
    else:
        ends = said_by_token(token, told.expires_unit, now)
    if ends is None and told.lifetime_seconds is not None:
        ends = now + told.lifetime_seconds
    return ends


def _absolute(told: TokenReading, token: Mapping[str, Any]) -> bool:
    """Whether the answer tells a moment, not a time to live: then it depends on this machine's clock."""
    if told.expires is not None:
        return told.expires_unit in ABSOLUTE
    return moment(token.get("expires_in"), told.expires_unit, 0.0) is None or told.expires_unit in ABSOLUTE
