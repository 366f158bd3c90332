"""Rate the verification of deliveries: whether a signature covers the data that events are created from."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression, template
from conn_engine.roles import read_roles
from conn_engine.webhooks import (
    AllOf,
    AnyOf,
    BasicVerifier,
    HmacVerifier,
    JwtVerifier,
    StandardWebhooksVerifier,
    TokenVerifier,
    Unverified,
    Verification,
)
from conn_engine.webhooks.signature_verifiers import SignatureVerifier

__all__ = [
    "Paths",
    "VerificationRating",
    "find_names_read",
    "find_paths",
    "find_secrets_read",
    "find_unsigned",
    "iterate_keys",
    "iterate_verifiers",
    "list_secret_settings",
    "rate_verification",
]

VerificationRating: TypeAlias = Literal["none", "secret", "part", "whole"]
"""No verification; the sender knows a secret; the signature covers other data; it covers all data that is used."""

Paths: TypeAlias = frozenset[tuple[str, ...]] | None
"""The paths that an expression reads in its scope; None if it may read any."""

_ORDER: tuple[VerificationRating, ...] = ("none", "part", "secret", "whole")
_WHOLE = frozenset({("text",), ("body",), ("body_sha256",)})


def iterate_verifiers(verify: Verification) -> Iterator[Verification]:
    """Yield the verifier and the verifiers that it is composed of."""
    yield verify
    for inner in verify.of if isinstance(verify, AnyOf | AllOf) else ():
        yield from iterate_verifiers(inner)


def rate_verification(verify: Verification, paths: Paths, each: str | None = None) -> VerificationRating:
    """Rate a verification for the paths that events read. Of alternatives (`any`), the weakest counts."""
    items = verify.each if verify.each is not None else each
    if isinstance(verify, AnyOf):
        return min((rate_verification(inner, paths, items) for inner in verify.of), key=_ORDER.index)
    if isinstance(verify, AllOf):
        return max((rate_verification(inner, paths, items) for inner in verify.of), key=_ORDER.index)
    if isinstance(verify, Unverified):
        return "none"
    if isinstance(verify, TokenVerifier | BasicVerifier):
        return "secret"
    if isinstance(verify, StandardWebhooksVerifier) or (
        isinstance(verify, JwtVerifier) and verify.token.strip() == "text"
    ):
        return "whole"
    if isinstance(verify, JwtVerifier):
        bound = _is_body_bound(verify.expect, items, frozenset({"claims"}))
        return "whole" if bound or _is_covered(paths, frozenset({("claims",)})) else "part"
    if isinstance(verify, SignatureVerifier):
        signed = find_paths(verify.content, items)
        bound = _is_body_bound(verify.expect, items, frozenset(path[0] for path in signed or ()))
        return "whole" if bound or _is_covered(paths, signed) else "part"
    return "whole"


def find_unsigned(verify: Verification, paths: Paths, each: str | None = None) -> frozenset[tuple[str, ...]]:
    """Return the paths of `read` that no signature covers. Of alternatives (`any`), each must cover a path.

    Returns nothing for a verifier without a signature, which `rate_verification` rates.
    """
    items = verify.each if verify.each is not None else each
    unsigned = paths or frozenset()
    if isinstance(verify, AnyOf):
        return frozenset().union(*(find_unsigned(inner, paths, items) for inner in verify.of))
    if isinstance(verify, AllOf):
        signing = [inner for inner in verify.of if not isinstance(inner, TokenVerifier | BasicVerifier | Unverified)]
        for inner in signing:
            unsigned &= find_unsigned(inner, paths, items)
        return unsigned if signing else frozenset()
    if isinstance(verify, JwtVerifier):
        signed: Paths = frozenset({("claims",)})
        if verify.token.strip() == "text" or _is_body_bound(verify.expect, items, frozenset({"claims"})):
            signed = _WHOLE | {("claims",)}
    elif isinstance(verify, StandardWebhooksVerifier):
        signed = _WHOLE | {("headers", f"{verify.header_prefix}-{name}") for name in ("id", "timestamp")}
    elif isinstance(verify, SignatureVerifier):
        signed = find_paths(verify.content, items)
        if signed is not None and _is_body_bound(verify.expect, items, frozenset(path[0] for path in signed)):
            signed = signed | _WHOLE
    else:
        return frozenset()
    return frozenset(path for path in unsigned if not _is_signed(path, signed))


def _is_signed(path: tuple[str, ...], signed: Paths) -> bool:
    if signed is None or path[0] not in ("body", "text", "body_sha256", "claims", "headers", "query"):
        return True  # any path may be signed, or it is not from the sender
    if path[0] in ("body", "text", "body_sha256") and signed & _WHOLE:
        return True
    if path[0] == "query" and signed & {("url",), ("target",)}:
        return True
    return any(path[: len(prefix)] == prefix for prefix in signed)


def _is_body_bound(expect: str | None, each: str | None, signed: frozenset[str]) -> bool:
    """Return whether `expect` compares the body with signed data, such as its hash in the claims or in the URL."""
    required = find_paths(expect or "", each)
    if not required or not required & _WHOLE:
        return False
    parts = signed | ({"query", "path", "target"} if signed & {"url", "target"} else frozenset())
    return any(path[0] in parts for path in required - _WHOLE)


def _is_covered(paths: Paths, signed: Paths) -> bool:
    """Return whether a signature covers all paths that are used, or the complete body."""
    if signed is None or signed & _WHOLE:
        return True
    if paths is None:
        return False
    return all(any(path[: len(prefix)] == prefix for prefix in signed) for path in paths)


def find_paths(text: str, each: str | None = None) -> Paths:
    """Return the paths that an expression reads. `item` is an item of `each`."""
    try:
        paths = expression(text).reads() if text.strip() else frozenset()
        if text.strip() and expression(text).roots() is None:
            return None
    except ExpressionError:
        return None  # reported as EXP101
    body_paths: set[tuple[str, ...]] = set()
    for path in paths:
        plain = tuple(map(str, path))
        above = find_paths(each) if plain[0] == "item" and each is not None else frozenset({plain[:1]})
        if above is None:
            return None
        body_paths |= {(*prefix, *plain[1:]) for prefix in above}
    return frozenset(body_paths)


def find_secrets_read(data: Any, names: frozenset[str]) -> frozenset[str]:
    """Return which of `names` the templates of a value read, and environment variables as `env.NAME`."""
    secret_names: set[str] = set()
    for text in _iterate_expressions(data):
        for path in find_paths(text) or ():
            if path[0] in names:
                secret_names.add(path[0])
            elif path[0] == "env" and len(path) > 1:
                secret_names.add(f"env.{path[1]}")
    return frozenset(secret_names)


def find_names_read(data: Any) -> frozenset[str]:
    """Return the names that the templates of a value read."""
    return frozenset(path[0] for text in _iterate_expressions(data) for path in find_paths(text) or ())


def _iterate_expressions(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _iterate_expressions(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _iterate_expressions(item)
    elif isinstance(value, str):
        try:
            yield from (text for text, _ in template(value).expressions)
        except ExpressionError:
            return  # reported as EXP101


def list_secret_settings(verifier: Verification) -> list[str]:
    """Return the settings that contain templates of secrets."""
    return [name for name, _, note in read_roles(type(verifier)) if note.role == "secret"]


def iterate_keys(verify: Verification) -> Iterator[Any]:
    """Yield the templates and expressions with which each verifier reads its secrets."""
    for verifier in iterate_verifiers(verify):
        for name in list_secret_settings(verifier):
            yield getattr(verifier, name)
        if isinstance(verifier, HmacVerifier) and not verifier.key:
            yield f"{{{{{verifier.content}}}}}"
