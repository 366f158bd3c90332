"""The token request: an ordinary request of the language whose answer holds a token, after the steps it needs.

All presets that get a token expand into it. What is stored, and when it is asked for, is theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from msgspec import Meta
from msgspec import field as setting

from conn_engine.auth.expiry import ExpiryUnit, moment, said_by_token
from conn_engine.auth.names import filled, header_value, sealed
from conn_engine.auth.refusal import check, no_token
from conn_engine.bodies import BodyFormat, ResponseFormat, decode, encode, encode_query
from conn_engine.errors import ConfigurationError, CredentialError, ExpressionError, VendorError
from conn_engine.secrets import Redactor, secret_name
from conn_engine.signing.assertion import Assertion, signed
from conn_engine.strategies import Answer, Scope, Settings
from conn_engine.wire import Clock, Flow, Headers, Request, Response

__all__ = ["Grant", "TokenReading", "TokenRequest", "TokenStep", "request_token"]

_FORM = "application/x-www-form-urlencoded"
_NOT_SECRET = frozenset({"context", "captured"})


class TokenReading(Settings, frozen=True, kw_only=True):
    """How the token and its end are read from the answer."""

    response: Annotated[
        str | None,
        Meta(
            description="Expression over response (the decoded body), headers, status, cookies (by name), "
            "`cookie` (all of them, as a Cookie header has them), before and callback for what is "
            "stored as the token: an object with `access_token`, or the token's text. Default: the whole "
            "body."
        ),
    ] = None
    expires: Annotated[
        str | None,
        Meta(description="Expression over the same names for when the token ends. Default: `response.expires_in`."),
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
            "What a later answer does not say again stays."
        ),
    ] = setting(default_factory=dict)


_Method: TypeAlias = Annotated[str, Meta(description="HTTP method.", pattern="^[A-Za-z]{3,10}$")]
_Url: TypeAlias = Annotated[str, Meta(description="Absolute URL; a template.")]
_HeaderTemplates: TypeAlias = Annotated[
    dict[str, str | None], Meta(description="Headers; templates. null leaves one out.")
]
_Query: TypeAlias = Annotated[dict[str, Any], Meta(description="Query parameters; templates. null leaves one out.")]
_Body: TypeAlias = Annotated[Any, Meta(description="Body as data; its strings are templates.")]
_BodyFormat: TypeAlias = Annotated[BodyFormat, Meta(description="How the body is written.")]
_ResponseFormat: TypeAlias = Annotated[ResponseFormat, Meta(description="How the answer's body is read.")]
_Assertion: TypeAlias = Annotated[
    Assertion | None, Meta(description="A signed JWT, for this request's templates to use as `{{assertion}}`.")
]


class TokenStep(Settings, frozen=True, kw_only=True):
    """A request before the one for the token. What it finds is `before.<name>` from then on."""

    name: Annotated[str, Meta(description="What later requests call its result.", pattern="^[a-z][a-z0-9_]*$")]
    method: _Method = "post"
    url: _Url
    headers: _HeaderTemplates = setting(default_factory=dict)
    query: _Query = setting(default_factory=dict)
    body: _Body = None
    body_format: _BodyFormat = "form"
    response_format: _ResponseFormat = "json"
    assertion: _Assertion = None
    response: Annotated[
        str | None,
        Meta(
            description="Expression over response, headers, status, cookies, cookie, before and callback for the "
            "result. Default: the whole body."
        ),
    ] = None


class TokenRequest(TokenReading, frozen=True, kw_only=True):
    """One request for a token. Templates see the stored document's keys, `env`, `context` and `before`."""

    method: _Method = "post"
    url: _Url
    headers: _HeaderTemplates = setting(default_factory=dict)
    query: _Query = setting(default_factory=dict)
    body: _Body = None
    body_format: _BodyFormat = "form"
    response_format: _ResponseFormat = "json"
    assertion: _Assertion = None
    before: Annotated[
        tuple[TokenStep, ...],
        Meta(description="Requests to send first, in this order; their results are `before.<name>`."),
    ] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """What was got: the token (`access_token` in it, `expires_at` in Unix seconds when its end is known), and what
    `capture` named of the answer."""

    token: dict[str, Any]
    captured: dict[str, Any] = field(default_factory=dict)


def request_token(told: TokenRequest, names: Scope, hosts: tuple[str, ...], clock: Clock) -> Flow[Grant]:
    """Ask for a token. Yields the Requests of `before` and its own, one after another; returns the Grant.

    Raises CredentialError when the vendor refuses or answers with something else than a token, VendorError
    (vendor_unavailable, rate_limited) when it is out of order. No message has a value of the credential in
    it.
    """
    redactor = Redactor()
    redactor.add_document({name: value for name, value in names.items() if name not in _NOT_SECRET})
    before: dict[str, Any] = {}
    names = {**names, "before": before}
    for step in told.before:
        answer = yield from _asked(step, names, hosts, clock, redactor, step.name)
        before[step.name] = found = answer.body if step.response is None else _plain(_read(answer, step.response))
        redactor.add_document(found)
    answer = yield from _asked(told, names, hosts, clock, redactor, "token request")
    found = answer.body if told.response is None else _read(answer, told.response)
    token = {"access_token": found} if isinstance(found, str) else found
    if not isinstance(token, dict) or not isinstance(token.get("access_token"), str) or not token["access_token"]:
        raise no_token(told.response, answer.body, _host(answer.request), redactor)
    ends = _ends(told, answer, token, clock.now())
    kept = {name: value for name, value in token.items() if name not in ("expires_at", "obtained_at")}
    if ends is not None:
        kept.update(expires_at=ends, obtained_at=clock.now())
    open_part = _without_secrets(answer, token) if told.capture else answer
    captured = {name: _plain(_read(open_part, text)) for name, text in told.capture.items()}
    return Grant(kept, {name: value for name, value in captured.items() if value is not None})


def _asked(  # noqa: PLR0917
    told: TokenStep | TokenRequest,
    names: Scope,
    hosts: tuple[str, ...],
    clock: Clock,
    redactor: Redactor,
    label: str,
) -> Flow[Answer]:
    """Send one request; its answer, decoded and not an error."""
    request = _built(told, names, hosts, clock, label)
    response: Response = yield request
    host = _host(request)
    body = _decoded(told, response, host, redactor)
    check(request, response, body, host, redactor)
    cookies = _cookies(response)
    scope: Scope = {
        "before": names["before"],
        "callback": names.get("callback", {}),
        "cookies": cookies,
        "cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
    }
    return Answer(request, response, body, scope=scope)


def _read(answer: Answer, text: str) -> Any:
    """What an expression finds in an answer. Raises ExpressionError without what the answer says."""
    try:
        return answer.ask(text)
    except ExpressionError as error:
        raise sealed(error) from None


def _without_secrets(answer: Answer, token: Mapping[str, Any]) -> Answer:
    """The answer as `capture` may see it: what is captured is no secret, whoever wrote the expression."""
    redactor = Redactor(str(value) for name, value in token.items() if secret_name(name) and value)
    kept = [(name, redactor.text(value)) for name, value in answer.response.headers.pairs if not secret_name(name)]
    return replace(
        answer,
        body=redactor.data(answer.body),
        response=replace(answer.response, headers=Headers(kept)),
        scope={"before": redactor.data(answer.scope["before"]), "callback": answer.scope["callback"]},
    )


def _host(request: Request) -> str:
    return urlsplit(request.url).hostname or "?"


def _plain(value: Any) -> Any:
    from conn_engine.expressions import UNDEFINED

    return None if value is UNDEFINED else value


def _built(told: TokenStep | TokenRequest, names: Scope, hosts: tuple[str, ...], clock: Clock, label: str) -> Request:
    purpose = "the token request" if label == "token request" else f'the token request\'s step "{label}"'
    if told.assertion is not None:
        names = {**names, "assertion": signed(told.assertion, names, clock.now()).text}
    url = filled(told.url, names, purpose=purpose)
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ConfigurationError(
            f"{purpose} has a URL that is not an absolute http or https URL", hint=f"it is {told.url}"
        )
    query = encode_query(filled(told.query, names, purpose=purpose).items())
    if query:
        url = f"{url}{'&' if parts.query else '?'}{query}"
    headers = {"accept": "application/json" if told.response_format == "json" else "*/*"}
    body: bytes | None = None
    if told.body is not None:
        body, headers["content-type"] = encode(told.body_format, filled(told.body, names, purpose=purpose))
    for name, value in filled(told.headers, names, purpose=purpose).items():
        headers.pop(name.lower(), None)
        if value is not None:
            headers[name.lower()] = header_value(str(value), purpose=f'"{name}" of {purpose}')
    return Request(
        method=told.method.upper(),
        url=url,
        headers=Headers(headers),
        body=body,
        purpose="token",
        label=label,
        idempotent=False,  # a rotating refresh token is spent by the first sending
        authorized=True,
        hosts=hosts,
    )


def _decoded(told: TokenStep | TokenRequest, response: Response, host: str, redactor: Redactor) -> Any:
    if response.headers.get("content-type", "").lower().startswith(_FORM):  # some answer as they are asked
        return dict(parse_qsl(response.body[:100_000].decode("utf-8", "replace")))
    try:
        return decode(response, told.response_format)
    except VendorError as error:
        raise CredentialError(
            f"the token endpoint {host} does not answer with a token: {redactor.text(error.message)}",
            hint="check `token_url`",
        ) from None


def _cookies(response: Response) -> dict[str, str]:
    """The cookies that an answer sets, without their attributes."""
    pairs = (text.partition(";")[0].partition("=") for text in response.headers.all("set-cookie")[:100])
    return {name.strip(): value.strip() for name, mark, value in pairs if mark and name.strip()}


def _ends(told: TokenReading, answer: Answer, token: Mapping[str, Any], now: float) -> float | None:
    """When the token ends, in Unix seconds."""
    if told.expires is not None:
        ends = moment(_read(answer, told.expires), told.expires_unit, now)
    else:
        ends = said_by_token(token, told.expires_unit, now)
    if ends is None and told.lifetime_seconds is not None:
        ends = now + told.lifetime_seconds
    return ends
