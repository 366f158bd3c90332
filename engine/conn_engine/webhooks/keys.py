"""The keys that verify deliveries: the account's, or those that the vendor publishes."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any

from msgspec import Meta

from conn_engine.auth.secret_request import SecretRequest, build_redactor, send_secret_request
from conn_engine.auth.signing.context import SigningContext
from conn_engine.conditions import conditions_of
from conn_engine.errors import ConfigurationError, CredentialError, ExpressionError, VendorError
from conn_engine.expressions import expression, template
from conn_engine.roles import HOST, SECRET, expression_over, reserve
from conn_engine.settings import Names, Scope, fill_templates
from conn_engine.transport.gateway import is_permitted, parse_target
from conn_engine.transport.hosts import granted_hosts, rebind_hosts
from conn_engine.webhooks.delivery import NAMES
from conn_engine.webhooks.verifier import VerificationContext, VerificationError, evaluate_on_delivery
from conn_engine.wire import Flow

__all__ = ["KeyRequest", "KeyTemplates", "Keys", "fetch_keys", "get_account_keys", "uses_credential", "uses_delivery"]

Keys = list[Any]
MAX_KEYS = 20
_OF_DELIVERY = NAMES | {"header", "item"}
_FIT = re.compile(r"[\t -~]*")  # what a header can hold
_NAME_OF_KEY = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~=+@:,-]{1,1000}")

KeyTemplates = Annotated[
    str | tuple[str, ...],
    Meta(
        description="The key, such as `{{webhook_secret}}`; several are tried in order, and "
        "one that the account lacks is skipped, such as the old and the new key during a rotation.",
        extra={**SECRET, "over": "verification"},
    ),
]


class KeyRequest(SecretRequest, frozen=True, kw_only=True):
    """A request for the vendor's public keys. Templates see the delivery, the `header` of a JWT, the stored
    credential's keys, `env` and `context`."""

    method: Annotated[str, Meta(description="HTTP method.", pattern="^[A-Za-z]{3,10}$")] = "get"
    hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="Patterns of the allowed hosts, with `*` for a part of one label. Default: the host in "
            "`url`. Required if the delivery determines the host.",
            extra=HOST,
        ),
    ] = ()
    keys: Annotated[
        str,
        Meta(
            description="The key or keys: PEM text (also certificates), JWKs, or the keys of a JWKS.",
            extra=reserve(expression_over("key_answer")),
        ),
    ] = "$exists(response.keys) ? response.keys : response"
    keep_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=604_800,
            description="How many seconds the response is cached. It is requested again if a key is missing.",
        ),
    ] = 3600.0


def get_account_keys(templates_setting: str | tuple[str, ...], verification: VerificationContext) -> Keys:
    """Return the account's keys. Raises CredentialError if it has none, or only an empty one."""
    templates = (templates_setting,) if isinstance(templates_setting, str) else templates_setting
    keys: Keys = []
    missing: CredentialError | None = None
    for text in templates:
        try:
            value = fill_templates(text, verification.build_names(text), purpose="the key that verifies deliveries")
        except CredentialError as error:
            missing = missing or error
            continue
        keys += [item for item in (value if isinstance(value, list) else [value]) if not _is_blank(item)]
    if not keys:
        raise missing or CredentialError(
            "the key that verifies deliveries is empty",
            hint="set the webhook's secret again: conn auth set ACCOUNT webhook_secret",
        )
    return keys[:MAX_KEYS]


def _is_blank(key: Any) -> bool:
    return key is None or (isinstance(key, str) and not key.strip())


def fetch_keys(
    key_request: KeyRequest, verification: VerificationContext, more: Names, *, again: bool = False
) -> Flow[Keys]:
    """Return the vendor's keys, from the cache if possible. With `again`, they are requested again, unless that
    happened a moment ago.

    Raises VerificationError if the delivery lacks its part of the request, or if a host is not allowed. Raises
    VendorError and CredentialError if the vendor returns no keys or was asked too often.
    """
    names = verification.build_names(_list_texts(key_request)) | more
    url = _fill(key_request.url, names)
    if not isinstance(url, str):
        raise VerificationError("foreign_key", "the URL of the delivery's key is not text")
    _check_segments(key_request.url, names)
    now = verification.clock.now()
    request_names = SigningContext.from_time(now, conditions_of(names).chance).names() | names
    of_it = [
        _fill(text, request_names)
        for text in (*key_request.query.values(), *key_request.headers.values())
        if uses_delivery(text)
    ]
    if not all(_FIT.fullmatch(str(value)) for value in of_it):
        raise VerificationError(
            "foreign_key", "a value for the key request contains characters that a header cannot have"
        )
    request = _hash(
        [
            key_request.method,
            url,
            _fill(key_request.body, names),
            key_request.keys,
            *of_it,
            *_list_account_values(key_request, names, verification.secrets),
        ]
    )
    cached = verification.cache.get(request, now, key_request.keep_seconds)
    if cached is not None and not (again and verification.cache.is_stale(request, now)):
        return list(cached)
    hosts = _list_allowed_hosts(key_request, url)
    if uses_credential(key_request, verification.secrets):
        hosts = rebind_hosts(hosts, verification.hosts)
    if not verification.cache.may_request((key_request.method, key_request.url, key_request.hosts), now):
        raise VendorError("too many requests for the vendor's keys within a minute", kind="rate_limited")
    answer = yield from send_secret_request(
        key_request, names, hosts, verification.clock, build_redactor(verification.secrets), "key request"
    )
    if answer.response.url and not is_permitted(parse_target(answer.response.url).origin, granted_hosts(hosts)):
        # a redirect that anyone can cause would let anyone impersonate the vendor
        raise VerificationError("foreign_key", "the key request was redirected to a host that is not allowed")
    keys = evaluate_on_delivery(key_request.keys, verification, **answer.names())
    keys = keys if isinstance(keys, list) else [] if keys is None else [keys]
    if keys:  # a response without keys is not cached
        verification.cache.put(request, now, keys)
    return keys


def _fill(text: Any, names: Scope) -> Any:
    """Fill a part of the request. Errors caused by the delivery's values raise VerificationError."""
    try:
        return fill_templates(text, names, purpose="the key request")
    except (CredentialError, ExpressionError):
        if not uses_delivery(text):
            raise
        raise VerificationError("unsigned", "the delivery does not name the key that it is signed with") from None


def _list_account_values(key_request: KeyRequest, names: Scope, secrets: Mapping[str, Any]) -> list[Any]:
    """Return the account's part of parameters and headers, as far as it is constant: accounts do not share a cache
    entry."""
    values: list[Any] = []
    for text in (*key_request.query.values(), *key_request.headers.values()):
        with suppress(CredentialError, ExpressionError):  # depends on the time, or fails when the request is sent
            values.append([text, fill_templates(text, names, purpose="the key request")])
    return values if key_request.assertion is None and key_request.signature is None else [*values, dict(secrets)]


def _hash(data: Any) -> str:
    """Return a hash for data that may contain secrets."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()


def uses_delivery(value: Any) -> bool:
    """Return whether a template in `value`, a string or data of strings, reads a value of the delivery."""
    return any(_reads_name(text, _OF_DELIVERY) for text in _find_expressions(value))


def uses_credential(request: SecretRequest, secrets: Mapping[str, Any]) -> bool:
    """Return whether a request would send a value of the credential or the environment."""
    if request.assertion is not None or request.signature is not None:
        return True
    names = frozenset(secrets) - {"context"}
    return any(
        _reads_name(text, names)
        for text in _find_expressions([request.url, request.headers, request.query, request.body])
    )


def _find_expressions(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _find_expressions(item)
    elif isinstance(value, str):
        yield from (text for text, _ in template(value).expressions)


def _reads_name(text: str, names: frozenset[str]) -> bool:
    roots = expression(text).roots()
    return roots is None or not roots.isdisjoint(names)


def _check_segments(url: str, names: Scope) -> None:
    """Allow only names in the path: on the vendor's host, others may store files of their own."""
    for text, offset in template(url).expressions:
        if "/" not in url[: offset - 2].partition("://")[2] or not _reads_name(text, _OF_DELIVERY):
            continue
        value = fill_templates(f"{{{{{text}}}}}", names, purpose="the key request")
        if not _NAME_OF_KEY.fullmatch(str(value)):
            raise VerificationError("foreign_key", "the delivery's value for the key is not a valid key name")


def _list_texts(key_request: KeyRequest) -> list[Any]:
    return [key_request.url, key_request.headers, key_request.query, key_request.body]


def _list_allowed_hosts(key_request: KeyRequest, url: str) -> tuple[str, ...]:
    """Return the allowed hosts. Raises VerificationError if the URL's host is not one of them."""
    authority = key_request.url.partition("://")[2].partition("/")[0]
    patterns = key_request.hosts or ((authority,) if authority and "{{" not in authority else ())
    if not patterns:
        raise ConfigurationError(
            "the delivery chooses the host of the key request, and `hosts` is not set",
            hint="add the vendor's hosts to key_request: hosts: [keys.*.example.com]",
        )
    try:
        allowed = is_permitted(parse_target(url).origin, patterns)
    except ConfigurationError:
        allowed = False
    if not allowed:
        raise VerificationError("foreign_key", "the URL of the delivery's key is not on an allowed host")
    return patterns
