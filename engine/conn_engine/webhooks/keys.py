"""With which keys a delivery is proved: the account's own, or those that the vendor publishes."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any

from msgspec import Meta

from conn_engine.auth.secret_request import SecretRequest, build_redactor, send_secret_request
from conn_engine.auth.signing.moment import SigningContext
from conn_engine.errors import ConfigurationError, CredentialError, ExpressionError, VendorError
from conn_engine.expressions import expression, template
from conn_engine.roles import HOST, expression_over, reserve, template_over
from conn_engine.settings import Names, Scope, fill_templates
from conn_engine.transport.door import permitted, target
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
        description="Template for the key, such as `{{webhook_secret}}`; several are tried one after the other, and "
        "one that the account lacks is left out: the key before and after a rotation.",
        extra=template_over("verification"),
    ),
]


class KeyRequest(SecretRequest, frozen=True, kw_only=True):
    """A request for the vendor's public keys. Templates see the delivery, and of a JWT its `header`, besides the stored
    credential's keys, `env` and `context`."""

    method: Annotated[str, Meta(description="HTTP method.", pattern="^[A-Za-z]{3,10}$")] = "get"
    hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="Patterns of the hosts that it may go to, `*` for a part of one label. Default: the host that "
            "`url` names; needed where a delivery says the host.",
            extra=HOST,
        ),
    ] = ()
    keys: Annotated[
        str,
        Meta(
            description="Expression over `response` for the key or keys: PEM texts (a certificate's too), JWKs, or "
            "those of a JWKS.",
            extra=reserve(expression_over("key_answer")),
        ),
    ] = "$exists(response.keys) ? response.keys : response"
    keep_seconds: Annotated[
        float, Meta(ge=0, le=604_800, description="How long the answer is kept. One that lacks a key is asked again.")
    ] = 3600.0


def get_account_keys(told: str | tuple[str, ...], proving: VerificationContext) -> Keys:
    """The account's keys. Raises CredentialError when it has none, or an empty one alone."""
    templates = (told,) if isinstance(told, str) else told
    keys: Keys = []
    missing: CredentialError | None = None
    for text in templates:
        try:
            value = fill_templates(text, proving.build_names(text), purpose="the key that proves deliveries")
        except CredentialError as error:
            missing = missing or error
            continue
        keys += [item for item in (value if isinstance(value, list) else [value]) if not _is_blank(item)]
    if not keys:
        raise missing or CredentialError(
            "the key that proves deliveries is empty", hint="log the account in again with the webhook's secret"
        )
    return keys[:MAX_KEYS]


def _is_blank(key: Any) -> bool:
    return key is None or (isinstance(key, str) and not key.strip())


def fetch_keys(told: KeyRequest, proving: VerificationContext, more: Names, *, again: bool = False) -> Flow[Keys]:
    """The vendor's keys, from the cache where they are. With `again` the vendor is asked even so, unless it was a
    moment ago.

    Raises Unproved when the delivery does not say its part of the request, and when a host would be asked, or answers,
    that may not; VendorError and CredentialError when the vendor does not answer with keys, or was asked too often.
    """
    names = proving.build_names(_list_texts(told)) | more
    url = _fill(told.url, names)
    if not isinstance(url, str):
        raise VerificationError("foreign_key", "the URL that it names for its key is no text")
    _check_segments(told.url, names)
    now = proving.clock.now()
    at = SigningContext.from_time(now).names() | names
    of_it = [_fill(text, at) for text in (*told.query.values(), *told.headers.values()) if uses_delivery(text)]
    if not all(_FIT.fullmatch(str(value)) for value in of_it):
        raise VerificationError("foreign_key", "what it says of its key is nothing that a request can hold")
    request = _hash(
        [
            told.method,
            url,
            _fill(told.body, names),
            told.keys,
            *of_it,
            *_list_account_values(told, names, proving.secrets),
        ]
    )
    kept = proving.cache.get(request, now, told.keep_seconds)
    if kept is not None and not (again and proving.cache.is_stale(request, now)):
        return list(kept)
    hosts = _list_allowed_hosts(told, url)
    if uses_credential(told, proving.secrets):
        hosts = rebind_hosts(hosts, proving.hosts)
    if not proving.cache.may_request((told.method, told.url, told.hosts), now):
        raise VendorError("the vendor has been asked for keys too often within a minute", kind="rate_limited")
    answer = yield from send_secret_request(
        told, names, hosts, proving.clock, build_redactor(proving.secrets), "request for keys"
    )
    if answer.response.url and not permitted(target(answer.response.url).origin, granted_hosts(hosts)):
        # a redirect that anybody can bring about would let anybody be the vendor
        raise VerificationError("foreign_key", "the vendor leads to another host for its key")
    keys = evaluate_on_delivery(told.keys, proving, **answer.names())
    keys = keys if isinstance(keys, list) else [] if keys is None else [keys]
    if keys:  # what has none is asked again at once
        proving.cache.put(request, now, keys)
    return keys


def _fill(text: Any, names: Scope) -> Any:
    """A part of the request, filled in. What fails on what the delivery says is the delivery's fault."""
    try:
        return fill_templates(text, names, purpose="the request for keys")
    except (CredentialError, ExpressionError):
        if not uses_delivery(text):
            raise
        raise VerificationError("unsigned", "it does not say which key it is signed with") from None


def _list_account_values(told: KeyRequest, names: Scope, secrets: Mapping[str, Any]) -> list[Any]:
    """What the account says of the request's parameters and headers, as far as it is the same each time: another
    account's answer is another."""
    found: list[Any] = []
    for text in (*told.query.values(), *told.headers.values()):
        with suppress(CredentialError, ExpressionError):  # of the moment, or missed when the request is made
            found.append([text, fill_templates(text, names, purpose="the request for keys")])
    return found if told.assertion is None and told.signature is None else [*found, dict(secrets)]


def _hash(data: Any) -> str:
    """A name for data that may hold secrets."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()


def uses_delivery(told: Any) -> bool:
    """Whether a template in `told`, a text or data of texts, has the word of something that the delivery says."""
    return any(_reads_name(text, _OF_DELIVERY) for text in _find_expressions(told))


def uses_credential(told: SecretRequest, secrets: Mapping[str, Any]) -> bool:
    """Whether a request would carry something of the credential or the environment."""
    if told.assertion is not None or told.signature is not None:
        return True
    names = frozenset(secrets) - {"context"}
    return any(_reads_name(text, names) for text in _find_expressions([told.url, told.headers, told.query, told.body]))


def _find_expressions(told: Any) -> Iterator[str]:
    if isinstance(told, Mapping):
        told = list(told.values())
    if isinstance(told, list | tuple):
        for item in told:
            yield from _find_expressions(item)
    elif isinstance(told, str):
        yield from (text for text, _ in template(told).expressions)


def _reads_name(text: str, names: frozenset[str]) -> bool:
    roots = expression(text).roots()
    return roots is None or not roots.isdisjoint(names)


def _check_segments(url: str, names: Scope) -> None:
    """After the host a delivery may say a name, no path: on the vendor's own host others may keep files of theirs."""
    for text, offset in template(url).expressions:
        if "/" not in url[: offset - 2].partition("://")[2] or not _reads_name(text, _OF_DELIVERY):
            continue
        value = fill_templates(f"{{{{{text}}}}}", names, purpose="the request for keys")
        if not _NAME_OF_KEY.fullmatch(str(value)):
            raise VerificationError("foreign_key", "what it says of its key is no name of a key")


def _list_texts(told: KeyRequest) -> list[Any]:
    return [told.url, told.headers, told.query, told.body]


def _list_allowed_hosts(told: KeyRequest, url: str) -> tuple[str, ...]:
    """The hosts that may be asked, if the URL's is one of them."""
    authority = told.url.partition("://")[2].partition("/")[0]
    patterns = told.hosts or ((authority,) if authority and "{{" not in authority else ())
    if not patterns:
        raise ConfigurationError(
            "the request for keys goes to a host that the delivery says, and no `hosts` bounds it",
            hint="list the vendor's hosts under hosts of the key request, such as keys.*.example.com",
        )
    try:
        allowed = permitted(target(url).origin, patterns)
    except ConfigurationError:
        allowed = False
    if not allowed:
        raise VerificationError("foreign_key", "the URL that it names for its key is not on one of the vendor's hosts")
    return patterns
