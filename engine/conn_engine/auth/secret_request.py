"""A request that may contain secrets: to a token endpoint, or to one that introspects or revokes a token.

The request is yielded, not sent here. Each kind decides how to use the response.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol, TypeAlias
from urllib.parse import parse_qsl

from msgspec import UNSET, Meta
from msgspec import field as setting

from conn_engine.auth.absent_parts import blank_absent, fill_present_parts, remove_absent
from conn_engine.auth.credential_document import check_header_value, fill_templates, seal_error
from conn_engine.auth.signatures import Signature
from conn_engine.auth.signing.assertion import Assertion, sign_assertion
from conn_engine.auth.signing.context import SigningContext
from conn_engine.auth.token_errors import raise_for_refusal
from conn_engine.bodies import BodyFormat, ResponseFormat, decode, encode, encode_query
from conn_engine.conditions import conditions_of
from conn_engine.errors import ConfigurationError, CredentialError, ExpressionError, TransportError, VendorError
from conn_engine.responses.waits import to_number
from conn_engine.roles import ADDRESS, OUTER, template_over
from conn_engine.secrets import Redactor, mask_short
from conn_engine.settings import Answer, Scope, Settings
from conn_engine.transport import gateway
from conn_engine.transport.url_templates import check_url_values, join_slashes
from conn_engine.transport.visible import show_as
from conn_engine.urls import split_plain_url
from conn_engine.wire import Clock, Flow, Headers, Request, Response, Wait

__all__ = [
    "AssertionSetting",
    "BodyFormatSetting",
    "BodySetting",
    "HeadersSetting",
    "MethodSetting",
    "QuerySetting",
    "RequestSettings",
    "ResponseFormatSetting",
    "SecretRequest",
    "SignatureSetting",
    "UrlSetting",
    "build_redactor",
    "endpoint_of",
    "evaluate_on_response",
    "host_of",
    "null_if_undefined",
    "send_secret_request",
]

_FORM = "application/x-www-form-urlencoded"
_UNAVAILABLE = frozenset({500, 502, 503, 504})
_PAUSES = (1.0, 4.0)
_LONGEST_PAUSE = 30.0
_NOT_SECRET = frozenset({"context", "captured"})

MethodSetting: TypeAlias = Annotated[str, Meta(description="HTTP method.", pattern="^[A-Za-z]{3,10}$")]
UrlSetting: TypeAlias = Annotated[str, Meta(description="Absolute URL.", extra={**ADDRESS, "over": OUTER})]
HeadersSetting: TypeAlias = Annotated[
    dict[str, str | None], Meta(description="Headers. null omits a header.", extra=template_over(OUTER))
]
QuerySetting: TypeAlias = Annotated[
    dict[str, Any], Meta(description="Query parameters. null omits a parameter.", extra=template_over(OUTER))
]
BodySetting: TypeAlias = Annotated[
    Any, Meta(description="Body as data; its strings are templates.", extra=template_over(OUTER))
]
BodyFormatSetting: TypeAlias = Annotated[BodyFormat, Meta(description="Format of the request body.")]
ResponseFormatSetting: TypeAlias = Annotated[ResponseFormat, Meta(description="Format of the response body.")]
AssertionSetting: TypeAlias = Annotated[
    Assertion | None, Meta(description="A signed JWT that this request's templates can use as `{{assertion}}`.")
]
SignatureSetting: TypeAlias = Annotated[
    Signature | None, Meta(description="How to sign this request, as the last step; templates see the same names.")
]


class SecretRequest(Settings, frozen=True, kw_only=True):
    """A request. Templates see the stored document's keys, `env`, `context`, the names of its setting, and `timestamp`,
    `timestamp_ms`, `date` and `nonce`, which stay the same throughout one request."""

    method: MethodSetting = "post"
    url: UrlSetting
    headers: HeadersSetting = setting(default_factory=dict)
    query: QuerySetting = setting(default_factory=dict)
    body: BodySetting = None
    body_format: BodyFormatSetting = "form"
    response_format: ResponseFormatSetting = "json"
    assertion: AssertionSetting = None
    signature: SignatureSetting = None


class RequestSettings(Protocol):
    """The settings of a request, whichever model declares them."""

    @property
    def method(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def headers(self) -> dict[str, str | None]: ...
    @property
    def query(self) -> dict[str, Any]: ...
    @property
    def body(self) -> Any: ...
    @property
    def body_format(self) -> BodyFormat: ...
    @property
    def response_format(self) -> ResponseFormat: ...
    @property
    def assertion(self) -> Assertion | None: ...
    @property
    def signature(self) -> Signature | None: ...


def build_redactor(names: Mapping[str, Any]) -> Redactor:
    """Return a redactor for the secrets that the templates of a request can use."""
    redactor = Redactor()
    redactor.add_document({name: value for name, value in names.items() if name not in _NOT_SECRET})
    return redactor


def send_secret_request(  # noqa: PLR0917
    settings: RequestSettings,
    names: Scope,
    hosts: tuple[str, ...],
    clock: Clock,
    redactor: Redactor,
    label: str = "token request",
    *,
    raises_on_error: bool = True,
    finish: Callable[[Request], Request] = lambda request: request,
    absent: frozenset[str] = frozenset(),
    with_retries: bool = False,
) -> Flow[Answer]:
    """Send one request and return its decoded response.

    `label` names it in messages, and `finish` may sign it. Entries that use an `absent` part of the credential are left
    out. Set `with_retries` to retry an unavailable endpoint. With `raises_on_error`, an error response raises
    CredentialError, or VendorError for an unavailable endpoint, without a value of the credential. Without it, the
    caller checks the response, and an unreadable response has no body.
    """
    now = SigningContext.from_time(clock.now(), conditions_of(names).chance)
    names = remove_absent(names, absent)
    request = finish(_build_request(settings, now.names() | names, hosts, clock, label, absent))
    masked = mask_short(names)
    if masked is not names:
        visible_scope = now.names() | Scope(masked, conditions_of(names))
        request = show_as(request, lambda: _build_request(settings, visible_scope, hosts, clock, label, absent))
    if settings.signature is not None:
        try:
            request = settings.signature.sign(request, blank_absent(names, absent), now)
        except ExpressionError as error:
            raise seal_error(error) from None
    response: Response = (yield from _send_with_retries(request)) if with_retries else (yield request)
    endpoint = endpoint_of(request, redactor)
    try:
        body = _decode_answer(settings, response, endpoint, redactor)
    except CredentialError:
        if raises_on_error:
            raise
        body = None
    if raises_on_error:
        raise_for_refusal(request, response, body, endpoint, redactor, clock.now())
    cookies = _read_cookies(response)
    secrets = {
        "before": names.get("before", {}),
        "callback": names.get("callback", {}),
        "cookies": cookies,
        "cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
    }
    return Answer(request, response, body, scope=Scope(secrets, conditions_of(names)))


def _send_with_retries(request: Request) -> Flow[Response]:
    """Send the request, and retry twice if the endpoint is unavailable, so that a long run survives a brief outage. A
    refresh token that the vendor has already consumed is lost in any case. A 429 is returned to the caller."""
    for seconds in _PAUSES:
        try:
            response: Response = yield request
        except TransportError as error:
            if not error.retryable:
                raise
            yield Wait(seconds, f"{host_of(request)} does not respond")
            continue
        if response.status not in _UNAVAILABLE:
            return response
        retry_after = to_number(response.headers.get("retry-after"))
        if retry_after is not None and retry_after > _LONGEST_PAUSE:
            return response
        yield Wait(max(seconds, retry_after or 0.0), f"{host_of(request)} is unavailable ({response.status})")
    response = yield request
    return response


def evaluate_on_response(answer: Answer, text: str) -> Any:
    """Evaluate an expression on a response. Raises ExpressionError, without any value of the response."""
    try:
        return answer.ask(text)
    except ExpressionError as error:
        raise seal_error(error) from None


def null_if_undefined(value: Any) -> Any:
    """Return the value to store: null when an expression found nothing."""
    from conn_engine.expressions import UNDEFINED

    return None if value is UNDEFINED else value


def host_of(request: Request) -> str:
    """Return the host of a request, for a message."""
    return split_plain_url(request.url).hostname or "?"


def endpoint_of(request: Request, redactor: Redactor) -> str:
    """Return host and path of a token request, for a message. The query is never shown."""
    parts = split_plain_url(request.visible.url)
    return redactor.text(f"{parts.netloc.rpartition('@')[2]}{parts.path}")[:200]


def _build_request(  # noqa: PLR0917
    settings: RequestSettings, names: Scope, hosts: tuple[str, ...], clock: Clock, label: str, absent: frozenset[str]
) -> Request:
    purpose = f"the {label}" if " " in label else f'the token request\'s step "{label}"'
    if settings.assertion is not None:
        names = names | {"assertion": sign_assertion(settings.assertion, blank_absent(names, absent), clock.now()).text}
    url = fill_templates(settings.url, names, purpose=purpose)
    check_url_values(settings.url, names)
    url = join_slashes(url, settings.url) if isinstance(url, str) else url
    if not isinstance(url, str) or not gateway.is_target(url):
        problem = f"{purpose} has a URL that is not an absolute http or https URL"
        if _reads_answer(settings.url):
            raise VendorError(
                problem,
                kind="bad_response",
                hint=f"check the part that comes from a response of the vendor: {settings.url}",
            )
        raise ConfigurationError(problem, hint=f"set an absolute URL; it is {settings.url}")
    query = encode_query(fill_present_parts(settings.query, names, absent, purpose=purpose).items())
    if query:
        url = f"{url}{'&' if split_plain_url(url).query else '?'}{query}"
    headers = {"accept": "application/json" if settings.response_format == "json" else "*/*"}
    body: bytes | None = None
    data = fill_present_parts(settings.body, names, absent, purpose=purpose)
    if settings.body is not None and data is not UNSET:
        body, headers["content-type"] = encode(settings.body_format, data)
    for name, value in fill_present_parts(settings.headers, names, absent, purpose=purpose).items():
        headers.pop(name.lower(), None)
        if value is not None:
            headers[name.lower()] = check_header_value(str(value), purpose=f'"{name}" of {purpose}')
    return Request(
        method=settings.method.upper(),
        url=gateway.encode_url(url),  # a signature covers the URL as it is sent
        headers=Headers(headers),
        body=body,
        purpose="token",
        label=label,
        idempotent=False,  # the first attempt consumes a rotating refresh token
        authorized=True,
        hosts=hosts,
    )


def _reads_answer(url: str) -> bool:
    """Return whether a URL's template uses a response of the vendor from earlier in the same login."""
    from conn_engine.expressions import expression, template

    roots = (expression(text).roots() for text, _ in template(url).expressions)
    return any(roots_of_part is None or not roots_of_part.isdisjoint(("before", "callback")) for roots_of_part in roots)


def _decode_answer(settings: RequestSettings, response: Response, endpoint: str, redactor: Redactor) -> Any:
    # Some vendors respond in the format of the request.
    if response.headers.get("content-type", "").lower().startswith(_FORM):
        return dict(parse_qsl(response.body[:100_000].decode("utf-8", "replace")))
    try:
        return decode(response, settings.response_format)
    except VendorError as error:
        raise CredentialError(
            f"token endpoint {endpoint} returned no token: {redactor.text(error.message)}",
            hint="check `token_url`",
            category="answer",
        ) from None


def _read_cookies(response: Response) -> Mapping[str, str]:
    """Return the cookies that a response sets, without their attributes."""
    pairs = (text.partition(";")[0].partition("=") for text in response.headers.get_all("set-cookie")[:100])
    return {name.strip(): value.strip() for name, equals, value in pairs if equals and name.strip()}
