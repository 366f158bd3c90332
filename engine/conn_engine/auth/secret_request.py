"""A request of the language that may hold secrets: to a token endpoint, or to one that judges or revokes a token.

How its answer is used is each kind's. Nothing is sent here: it is yielded.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol, TypeAlias
from urllib.parse import parse_qsl

from msgspec import UNSET, Meta
from msgspec import field as setting

from conn_engine.auth.names import fill_templates, header_value, seal_error
from conn_engine.auth.omission import blank_absent, filled_in_part, remove_absent
from conn_engine.auth.refusal import check
from conn_engine.auth.signatures import Signature
from conn_engine.auth.signing.assertion import Assertion, sign_assertion
from conn_engine.auth.signing.moment import SigningContext
from conn_engine.bodies import BodyFormat, ResponseFormat, decode, encode, encode_query
from conn_engine.conditions import conditions_of
from conn_engine.errors import ConfigurationError, CredentialError, ExpressionError, TransportError, VendorError
from conn_engine.responses.waits import numeric
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
    "host_of",
    "plain",
    "read",
    "send_secret_request",
]

_FORM = "application/x-www-form-urlencoded"
_OUT_OF_ORDER = frozenset({500, 502, 503, 504})
_PAUSES = (1.0, 4.0)
_LONGEST_PAUSE = 30.0
_NOT_SECRET = frozenset({"context", "captured"})

MethodSetting: TypeAlias = Annotated[str, Meta(description="HTTP method.", pattern="^[A-Za-z]{3,10}$")]
UrlSetting: TypeAlias = Annotated[str, Meta(description="Absolute URL; a template.", extra={**ADDRESS, "over": OUTER})]
HeadersSetting: TypeAlias = Annotated[
    dict[str, str | None], Meta(description="Headers; templates. null leaves one out.", extra=template_over(OUTER))
]
QuerySetting: TypeAlias = Annotated[
    dict[str, Any], Meta(description="Query parameters; templates. null leaves one out.", extra=template_over(OUTER))
]
BodySetting: TypeAlias = Annotated[
    Any, Meta(description="Body as data; its strings are templates.", extra=template_over(OUTER))
]
BodyFormatSetting: TypeAlias = Annotated[BodyFormat, Meta(description="How the body is written.")]
ResponseFormatSetting: TypeAlias = Annotated[ResponseFormat, Meta(description="How the answer's body is read.")]
AssertionSetting: TypeAlias = Annotated[
    Assertion | None, Meta(description="A signed JWT, for this request's templates to use as `{{assertion}}`.")
]
SignatureSetting: TypeAlias = Annotated[
    Signature | None, Meta(description="How this request is signed, after everything else; over the same names.")
]


class SecretRequest(Settings, frozen=True, kw_only=True):
    """A request. Templates see the stored document's keys, `env`, `context`, what its place brings, and `timestamp`,
    `timestamp_ms`, `date` and `nonce`, which are the same throughout one request."""

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
    """What is told of a request, whichever model says it."""

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
    """A redactor that knows the secrets which templates of a request could use."""
    redactor = Redactor()
    redactor.add_document({name: value for name, value in names.items() if name not in _NOT_SECRET})
    return redactor


def send_secret_request(  # noqa: PLR0917
    told: RequestSettings,
    names: Scope,
    hosts: tuple[str, ...],
    clock: Clock,
    redactor: Redactor,
    label: str = "token request",
    *,
    judged: bool = True,
    finished: Callable[[Request], Request] = lambda request: request,
    absent: frozenset[str] = frozenset(),
    patient: bool = False,
) -> Flow[Answer]:
    """Send one request; its answer, decoded. `finished` may sign it. `label` names it for people; what would carry a
    part of the credential that is `absent` goes without it. `patient`: an endpoint that is out of order is asked again.

    When `judged`, an error answer raises CredentialError, or VendorError from an endpoint that is out of order, without
    a value of the credential; else the answer is the caller's to judge, and one that cannot be read has no body.
    """
    now = SigningContext.from_time(clock.now(), conditions_of(names).chance)
    names = remove_absent(names, absent)
    request = finished(_build_request(told, now.names() | names, hosts, clock, label, absent))
    masked = mask_short(names)
    if masked is not names:
        shown = now.names() | Scope(masked, conditions_of(names))
        request = show_as(request, lambda: _build_request(told, shown, hosts, clock, label, absent))
    if told.signature is not None:
        try:
            request = told.signature.sign(request, blank_absent(names, absent), now)
        except ExpressionError as error:
            raise seal_error(error) from None
    response: Response = (yield from _send_with_retries(request)) if patient else (yield request)
    endpoint = endpoint_of(request, redactor)
    try:
        body = _decode_answer(told, response, endpoint, redactor)
    except CredentialError:
        if judged:
            raise
        body = None
    if judged:
        check(request, response, body, endpoint, redactor, clock.now())
    cookies = _cookies(response)
    known = {
        "before": names.get("before", {}),
        "callback": names.get("callback", {}),
        "cookies": cookies,
        "cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
    }
    return Answer(request, response, body, scope=Scope(known, conditions_of(names)))


def _send_with_retries(request: Request) -> Flow[Response]:
    """Send it, and once more, twice, to an endpoint that is out of order or cannot be reached: a long run shall not end
    for it. A refresh token that was spent all the same is lost either way. A 429 is the caller's to wait for."""
    for seconds in _PAUSES:
        try:
            response: Response = yield request
        except TransportError as error:
            if not error.retryable:
                raise
            yield Wait(seconds, f"{host_of(request)} does not answer")
            continue
        if response.status not in _OUT_OF_ORDER:
            return response
        told = numeric(response.headers.get("retry-after"))
        if told is not None and told > _LONGEST_PAUSE:
            return response
        yield Wait(max(seconds, told or 0.0), f"{host_of(request)} is out of order ({response.status})")
    response = yield request
    return response


def read(answer: Answer, text: str) -> Any:
    """What an expression finds in an answer. Raises ExpressionError without what the answer says."""
    try:
        return answer.ask(text)
    except ExpressionError as error:
        raise seal_error(error) from None


def plain(value: Any) -> Any:
    """A value as it is kept: null for what an expression did not find."""
    from conn_engine.expressions import UNDEFINED

    return None if value is UNDEFINED else value


def host_of(request: Request) -> str:
    """The host of a request, for a message."""
    return split_plain_url(request.url).hostname or "?"


def endpoint_of(request: Request, redactor: Redactor) -> str:
    """Host and path of a token request, for a message. Never the query."""
    parts = split_plain_url(request.visible.url)
    return redactor.text(f"{parts.netloc.rpartition('@')[2]}{parts.path}")[:200]


def _build_request(  # noqa: PLR0917
    told: RequestSettings, names: Scope, hosts: tuple[str, ...], clock: Clock, label: str, absent: frozenset[str]
) -> Request:
    purpose = f"the {label}" if " " in label else f'the token request\'s step "{label}"'
    if told.assertion is not None:
        names = names | {"assertion": sign_assertion(told.assertion, blank_absent(names, absent), clock.now()).text}
    url = fill_templates(told.url, names, purpose=purpose)
    check_url_values(told.url, names)
    url = join_slashes(url, told.url) if isinstance(url, str) else url
    if not isinstance(url, str) or not gateway.is_target(url):
        problem = f"{purpose} has a URL that is not an absolute http or https URL"
        if _reads_answer(told.url):
            raise VendorError(problem, kind="bad_response", hint=f"it contains an answer of the vendor: {told.url}")
        raise ConfigurationError(problem, hint=f"it is {told.url}")
    query = encode_query(filled_in_part(told.query, names, absent, purpose=purpose).items())
    if query:
        url = f"{url}{'&' if split_plain_url(url).query else '?'}{query}"
    headers = {"accept": "application/json" if told.response_format == "json" else "*/*"}
    body: bytes | None = None
    data = filled_in_part(told.body, names, absent, purpose=purpose)
    if told.body is not None and data is not UNSET:
        body, headers["content-type"] = encode(told.body_format, data)
    for name, value in filled_in_part(told.headers, names, absent, purpose=purpose).items():
        headers.pop(name.lower(), None)
        if value is not None:
            headers[name.lower()] = header_value(str(value), purpose=f'"{name}" of {purpose}')
    return Request(
        method=told.method.upper(),
        url=gateway.encode_url(url),  # a signature is over the URL as it is sent
        headers=Headers(headers),
        body=body,
        purpose="token",
        label=label,
        idempotent=False,  # a rotating refresh token is spent by the first sending
        authorized=True,
        hosts=hosts,
    )


def _reads_answer(url: str) -> bool:
    """Whether a URL's template has a part that the vendor answered earlier in the same log-in."""
    from conn_engine.expressions import expression, template

    roots = (expression(text).roots() for text, _ in template(url).expressions)
    return any(found is None or not found.isdisjoint(("before", "callback")) for found in roots)


def _decode_answer(told: RequestSettings, response: Response, endpoint: str, redactor: Redactor) -> Any:
    if response.headers.get("content-type", "").lower().startswith(_FORM):  # some answer as they are asked
        return dict(parse_qsl(response.body[:100_000].decode("utf-8", "replace")))
    try:
        return decode(response, told.response_format)
    except VendorError as error:
        raise CredentialError(
            f"the token endpoint {endpoint} does not answer with a token: {redactor.text(error.message)}",
            hint="check `token_url`",
        ) from None


def _cookies(response: Response) -> Mapping[str, str]:
    """The cookies that an answer sets, without their attributes."""
    pairs = (text.partition(";")[0].partition("=") for text in response.headers.get_all("set-cookie")[:100])
    return {name.strip(): value.strip() for name, mark, value in pairs if mark and name.strip()}
