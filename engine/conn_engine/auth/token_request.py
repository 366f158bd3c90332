"""The token request: an ordinary request of the language whose answer holds a token.

All OAuth 2 presets expand into it. What is stored, and when it is asked for, is theirs.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NoReturn, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from msgspec import Meta, field

from conn_engine.auth.names import filled, header_value
from conn_engine.bodies import decode, encode, encode_query
from conn_engine.errors import ConfigurationError, CredentialError, VendorError
from conn_engine.secrets import Redactor
from conn_engine.strategies import Answer, Scope, Settings
from conn_engine.wire import Clock, Flow, Headers, Request, Response

__all__ = ["ExpiryUnit", "TokenReading", "TokenRequest", "request_token"]

ExpiryUnit: TypeAlias = Literal["seconds", "minutes", "milliseconds", "epoch", "epoch_ms", "iso8601"]

_MAX_WORDS = 300
_FORM = "application/x-www-form-urlencoded"


class TokenReading(Settings, frozen=True, kw_only=True):
    """How the token and its end are read from the answer."""

    response: Annotated[
        str | None,
        Meta(
            description="Expression over response (the decoded body), headers and status for what is "
            "stored as the token: an object with `access_token`, or the token's text. Default: the whole "
            "body."
        ),
    ] = None
    expires: Annotated[
        str | None,
        Meta(
            description="Expression over response, headers and status for when the token ends. Default: "
            "`response.expires_in`."
        ),
    ] = None
    expires_unit: Annotated[
        ExpiryUnit, Meta(description="What `expires` means: a time to live, or (epoch, iso8601) a moment.")
    ] = "seconds"
    lifetime_seconds: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(
            description="Time to live when the answer does not tell one. Default: until the vendor refuses "
            "it."
        ),
    ] = None
    buffer_seconds: Annotated[
        float, Meta(ge=0, description="How long before its end a token is renewed; at most half of its life.")
    ] = 60.0


class TokenRequest(TokenReading, frozen=True, kw_only=True):
    """One request for a token. Templates see the stored document's keys, `env` and `context`."""

    method: Annotated[str, Meta(description="HTTP method.", pattern="^[A-Za-z]{3,10}$")] = "post"
    url: Annotated[str, Meta(description="Absolute URL; a template.")]
    headers: Annotated[
        dict[str, str | None], Meta(description="Headers; templates. null leaves one out.")
    ] = field(default_factory=dict)
    query: Annotated[
        dict[str, Any], Meta(description="Query parameters; templates. null leaves one out.")
    ] = field(default_factory=dict)
    body: Annotated[Any, Meta(description="Body as data; its strings are templates.")] = None
    body_format: Annotated[Literal["form", "json"], Meta(description="How the body is written.")] = "form"


def request_token(
    told: TokenRequest, names: Scope, hosts: tuple[str, ...], clock: Clock
) -> Flow[dict[str, Any]]:
    """Ask for a token. Yields one Request; returns the token: what the vendor answered, `access_token` in
    it, and `expires_at` (Unix seconds) when its end is known.

    Raises CredentialError when the vendor refuses or answers with something else than a token, VendorError
    (vendor_unavailable, rate_limited) when it is out of order. No message has a value of the credential in
    it.
    """
    request = _built(told, names, hosts)
    redactor = Redactor()
    redactor.add_document({name: value for name, value in names.items() if name != "context"})
    response: Response = yield request
    host = urlsplit(request.url).hostname or "?"
    body = _decoded(request, response, host, redactor)
    _check(request, response, body, host, redactor)
    answer = Answer(request, response, body)
    found = body if told.response is None else answer.ask(told.response)
    token = {"access_token": found} if isinstance(found, str) else found
    if (
        not isinstance(token, dict)
        or not isinstance(token.get("access_token"), str)
        or not token["access_token"]
    ):
        _no_token(told, body, host, redactor)
    ends = _ends(told, answer, token, clock.now())
    kept = {name: value for name, value in token.items() if name not in ("expires_at", "obtained_at")}
    if ends is not None:
        kept.update(expires_at=ends, obtained_at=clock.now())
    return kept


def _built(told: TokenRequest, names: Scope, hosts: tuple[str, ...]) -> Request:
    url = filled(told.url, names, purpose="the token request")
    parts = urlsplit(url) if isinstance(url, str) else None
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.username is not None
    ):
        raise ConfigurationError(
            "the token request's URL is not an absolute http or https URL", hint=f"it is {told.url}"
        )
    query = encode_query(filled(told.query, names, purpose="the token request").items())
    if query:
        url = f"{url}{'&' if parts.query else '?'}{query}"
    headers = {"accept": "application/json"}
    body: bytes | None = None
    if told.body is not None:
        body, headers["content-type"] = encode(
            told.body_format, filled(told.body, names, purpose="the token request")
        )
    for name, value in filled(told.headers, names, purpose="the token request").items():
        headers.pop(name.lower(), None)
        if value is not None:
            headers[name.lower()] = header_value(str(value), purpose=f'the token request\'s "{name}"')
    return Request(
        method=told.method.upper(),
        url=url,
        headers=Headers(headers),
        body=body,
        purpose="token",
        label="token request",
        idempotent=False,  # a rotating refresh token is spent by the first sending
        authorized=True,
        hosts=hosts,
    )


def _decoded(request: Request, response: Response, host: str, redactor: Redactor) -> Any:
    if response.headers.get("content-type", "").lower().startswith(_FORM):  # some answer as they are asked
        return dict(parse_qsl(response.body[:100_000].decode("utf-8", "replace")))
    try:
        return decode(response)
    except VendorError as error:
        raise CredentialError(
            f"the token endpoint {host} does not answer with a token: {redactor.text(error.message)}",
            hint="check `token_url`",
        ) from None


def _check(request: Request, response: Response, body: Any, host: str, redactor: Redactor) -> None:
    status = response.status
    error = _error_name(body)
    if status < 300 and not error:
        return
    words = redactor.text(_words(body))
    said = f"{status} {redactor.text(error)}".strip() + (f": {words}" if words else "")
    if status == 429 or status >= 500:
        raise VendorError(
            f"the token endpoint {host} is out of order ({said})",
            kind="rate_limited" if status == 429 else "vendor_unavailable",
            request=request,
            response=response,
            retry_after=_whole(response.headers.get("retry-after")),
        )
    if 300 <= status < 400:
        raise CredentialError(
            f"the token endpoint {host} answers with a redirect ({status})", hint="check `token_url`"
        )
    raise CredentialError(f"the token endpoint {host} refuses: {said}", hint=_hint(error, status))


def _hint(error: str, status: int) -> str:
    if error == "invalid_grant":
        return (
            "the stored token has ended or was revoked: log the account in again (`conn auth login ACCOUNT`)"
        )
    if error in ("invalid_client", "unauthorized_client") or status == 401:
        return "check client_id and client_secret, and `client_authentication` (basic or body)"
    if status == 404:
        return "check `token_url`"
    return "log the account in again (`conn auth login ACCOUNT`)"


def _no_token(told: TokenRequest, body: Any, host: str, redactor: Redactor) -> NoReturn:
    names = ", ".join(sorted(str(name)[:40] for name in body)[:8]) if isinstance(body, dict) else ""
    where = f"`response: {told.response}` finds none" if told.response else 'it has no "access_token"'
    known = f"; it has {redactor.text(names)}" if names else ""
    raise CredentialError(
        f"the token endpoint {host} does not answer with a token: {where}{known}",
        hint="say where the token is with `response`, and check `token_url`",
    )


def _error_name(body: Any) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        error = error.get("code") or error.get("type") or error.get("message")
    if isinstance(error, str) and error:
        return _line(error)[:80]
    return "" if error in (None, "", False, 0, []) else "error"


def _words(body: Any) -> str:
    if isinstance(body, str):
        page = body.lstrip()[:15].lower().startswith(("<!doctype", "<html"))
        return "an HTML page" if page else _line(body)
    if not isinstance(body, dict):
        return ""
    texts = (body.get(name) for name in ("error_description", "message", "detail", "error_message", "title"))
    return next((_line(text) for text in texts if isinstance(text, str) and text.strip()), "")


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text[: _MAX_WORDS * 2]).split())[
        :_MAX_WORDS
    ]


def _ends(told: TokenReading, answer: Answer, token: Mapping[str, Any], now: float) -> float | None:
    """When the token ends, in Unix seconds."""
    value: Any = answer.ask(told.expires) if told.expires is not None else token.get("expires_in")
    ends = _moment(value, told.expires_unit, now)
    if ends is None and told.expires is None:
        said = token.get("expires_at")
        ends = _moment(said, "epoch", now) if _whole(said) is not None else _moment(said, "iso8601", now)
    if ends is None and told.lifetime_seconds is not None:
        ends = now + told.lifetime_seconds
    return ends


def _moment(value: Any, unit: ExpiryUnit, now: float) -> float | None:
    if unit == "iso8601":
        return _iso(value)
    amount = _whole(value)
    if amount is None:
        return None
    if unit == "epoch":
        return amount
    if unit == "epoch_ms":
        return amount / 1000
    return now + amount * {"seconds": 1.0, "minutes": 60.0, "milliseconds": 0.001}[unit]


def _whole(value: Any) -> float | None:
    if isinstance(value, str) and re.fullmatch(r"\d{1,15}(\.\d{1,9})?", value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(value)


def _iso(value: Any) -> float | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
