"""A delivery signed anew: by throwaway secrets, so that it may be kept (`kept`); or by real ones and the clock of now,
so that it may be sent (`sent`).

Everything that stays is put right first: secrets are replaced, what is private is redacted, digests follow. Then each
way to prove it signs what the delivery says by then.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.secrets import REDACTED, NumberingRedactor, Redactor, secret_name
from conn_engine.transport.recordings import Exchange, redacted_text
from conn_engine.webhooks.delivery import Delivery
from conn_engine.webhooks.marks import MARK, Marks, swapped
from conn_engine.webhooks.proof import Evidence, Prover, Proving, Unproved, items_of
from conn_engine.webhooks.settings import Webhooks
from conn_engine.webhooks.throwaway import Kind, Ring, throwaway
from conn_engine.wire import FrozenClock, Headers

__all__ = ["Resigned", "kept", "republished", "sent", "told_names"]

Rewrite = Callable[[str], str]
_FORM = "application/x-www-form-urlencoded"
_SHORTEST_KEY = 40
_PROOFS = re.compile(r"signature|hmac|digest|token|secret|authorization|cookie", re.IGNORECASE)
# fmt: off
_TRANSIT = frozenset({
    "accept", "accept-encoding", "accept-language", "connection", "content-encoding", "content-length", "expect",
    "forwarded", "host", "keep-alive", "origin", "priority", "proxy-connection", "te", "trailer", "traceparent",
    "tracestate", "transfer-encoding", "upgrade", "via",
})
# fmt: on
_TRANSIT_BEGINNINGS = ("x-forwarded-", "x-real-ip", "x-amzn-", "x-envoy-", "cf-", "ngrok-", "true-client-ip", "sec-")


@dataclass(frozen=True, slots=True)
class Resigned:
    """A delivery, the secrets it is signed with by name, and the proofs that could not be made anew."""

    delivery: Delivery
    secrets: dict[str, Any]
    unsigned: int = 0
    pairs: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def told_names(told: Any) -> Callable[[str], bool]:
    """Whether settings name a word: in their texts, as a whole word."""
    text = "\n".join(_texts(told))
    return lambda name: re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE) is not None


def kept(
    told: Webhooks,
    proving: Proving,
    redactor: Redactor,
    ring: Ring,
    *,
    document: Mapping[str, Any],
    environ: Mapping[str, str],
    captured: Mapping[str, str],
    named: Callable[[str], bool],
) -> Resigned:
    """The delivery without a real secret, signed by throwaway ones.

    `document` and `environ` have the real secrets, `captured` what the vendor hands over in it; `named` says whether
    the connector reads a header. Expressions over it see what `proving` has otherwise.
    """
    secrets = _throwaways(told, proving, ring, document, environ)
    pairs = [*_changed(document, environ, secrets), *((old, throwaway(old)) for old in captured.values())]
    keeper = _Keeper(redactor, [new for _, new in pairs])

    def clean(delivery: Delivery) -> Delivery:
        text = swapped(delivery.text, pairs)
        return Delivery(
            delivery.method,
            keeper.url(swapped(delivery.url, pairs)),
            Headers(_kept_headers(delivery.headers, pairs, keeper, named)),
            _exact(delivery, _clean_body(text, delivery.headers.get("content-type", ""), keeper)),
        )

    def claims(value: Any) -> Any:
        return keeper.data(_deep(value, lambda text: swapped(text, pairs)))

    scope = {**proving.secrets, **{name: value for name, value in secrets.items() if not name.startswith("env.")}}
    env = {name.removeprefix("env."): value for name, value in secrets.items() if name.startswith("env.")}
    scope["env"] = {**scope.get("env", {}), **env}
    delivery, unsigned = _resigned(told.verify, proving, scope, ring, clean, claims)
    return Resigned(delivery, secrets, unsigned, tuple(pairs))


def sent(told: Webhooks, proving: Proving, secrets: Mapping[str, Any], ring: Ring, now: float) -> Resigned:
    """The delivery as the vendor would send it now, by these secrets. `proving` has those that it is signed with, and
    the moment at which it came as its clock."""
    shift = now - proving.clock.now()
    pairs = [(old, new) for old, new in _pairs_of(dict(proving.secrets), dict(secrets)) if len(old) > 3]
    with suppress(Unproved):
        pairs += [(text, _moved(text, unit, shift)) for text, unit in told.verify.moments(proving)]
    pairs = [(old, new) for old, new in dict(pairs).items() if old != new]

    def move(delivery: Delivery) -> Delivery:
        headers = [(name, swapped(value, pairs)) for name, value in delivery.headers.pairs]
        body = _exact(delivery, swapped(delivery.text, pairs)) if pairs else delivery.body
        return Delivery(delivery.method, swapped(delivery.url, pairs), Headers(headers), body)

    def claims(value: Any) -> Any:
        moved = {name: item + int(shift) for name, item in value.items() if name in ("iat", "exp", "nbf")}
        return _deep({**value, **moved}, lambda text: swapped(text, pairs))

    clock = FrozenClock(now)
    delivery, unsigned = _resigned(told.verify, proving, secrets, ring, move, claims, clock)
    return Resigned(delivery, dict(secrets), unsigned)


# --- the order of things ---


def _resigned(  # noqa: PLR0917
    way: Prover,
    old: Proving,
    secrets: Mapping[str, Any],
    ring: Ring,
    clean: Callable[[Delivery], Delivery],
    claims: Callable[[Any], Any],
    clock: FrozenClock | None = None,
) -> tuple[Delivery, int]:
    marks = Marks()
    found: list[Evidence] = []
    with suppress(Unproved):
        found = list(way.evidence(old)) if way.applies(old) else []
    for evidence in found:
        for proof in evidence.proofs:
            marks.number(proof.text)
    before = old.delivery
    made = clean(_marked(before, marks))
    digests = dict(_digests(before.body, made.body))
    made = _rewritten(made, lambda text: swapped(text, list(digests.items())), body=False)
    done: dict[int, str] = {}
    # What carries a secret itself does not depend on the rest, and others may sign it.
    for evidence in sorted(found, key=lambda item: _tag(item.way) not in ("token", "basic")):
        proving = replace(old, delivery=made, secrets=secrets, clock=clock or old.clock)
        new = _anew(evidence, proving, ring, lambda told: _deep(claims(told), lambda said: digests.get(said, said)))
        done |= {marks.number(proof.text): made_text for proof, made_text in zip(evidence.proofs, new, strict=False)}
        made = _filled(made, marks, done)
    lost = (set(range(len(marks.texts))) - done.keys()) | (set(range(len(marks.texts))) - marks.placed)
    return _filled(made, marks, dict.fromkeys(lost, REDACTED)), len(lost)


def _marked(delivery: Delivery, marks: Marks) -> Delivery:
    """The delivery with marks in the place of its proofs: in the body only of those that stand nowhere else, for what
    is repeated there may be signed."""
    made = _rewritten(delivery, marks.put, body=False)
    left = Marks(marks.texts, placed=set(marks.placed), only=frozenset(range(len(marks.texts))) - marks.placed)
    made = _rewritten(made, left.put)
    marks.placed |= left.placed
    return made


def _anew(evidence: Evidence, proving: Proving, ring: Ring, claims: Callable[[Any], Any]) -> list[str]:
    """The new proofs; none where there is no key to sign with."""
    proofs = [
        proof if proof.more is None else replace(proof, more=(proof.more[0], claims(proof.more[1])))
        for proof in evidence.proofs
    ]
    try:
        for each, number in evidence.at:
            proving.item = items_of(each, proving)[number]
        return evidence.way.anew(proving, ring, proofs)
    except (CredentialError, Unproved, IndexError):
        return []


def _tag(way: Prover) -> Any:
    return type(way).__struct_config__.tag


def _filled(delivery: Delivery, marks: Marks, successors: Mapping[int, str]) -> Delivery:
    return _rewritten(delivery, lambda text: marks.fill(text, successors))


def _rewritten(delivery: Delivery, rewrite: Rewrite, *, body: bool = True) -> Delivery:
    text = rewrite(delivery.text) if body else delivery.text
    return Delivery(
        delivery.method,
        rewrite(delivery.url),
        Headers([(name, rewrite(value)) for name, value in delivery.headers.pairs]),
        delivery.body if text == delivery.text else _exact(delivery, text),
    )


def _exact(delivery: Delivery, text: str) -> bytes:
    try:
        return delivery.exact(text)
    except UnicodeEncodeError:
        raise ConfigurationError("the delivery's body has characters that no text can hold") from None


def _digests(before: bytes, after: bytes) -> list[tuple[str, str]]:
    """How the digests of a body are written, before and after."""
    if before == after:
        return []
    pairs = []
    for name in ("sha256", "sha1", "sha512", "md5"):
        old, new = (hashlib.new(name, body, usedforsecurity=False).digest() for body in (before, after))
        pairs += [(old.hex(), new.hex()), (old.hex().upper(), new.hex().upper())]
        for write in (base64.b64encode, base64.urlsafe_b64encode):
            one, other = write(old).decode(), write(new).decode()
            pairs += [(one, other), (one.rstrip("="), other.rstrip("="))]
    return list(dict(pairs).items())


# --- throwaway secrets ---


def _throwaways(
    told: Webhooks, proving: Proving, ring: Ring, document: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, Any]:
    """A throwaway for each secret that the settings name, by its name."""
    named = told_names(told)
    forms = dict(_public_keys(told.verify, proving))
    known = {**document, **{f"env.{name}": value for name, value in environ.items()}}
    return {name: _replaced(value, forms, ring) for name, value in known.items() if named(name)}


def _replaced(value: Any, forms: Mapping[str, Any], ring: Ring) -> Any:
    if isinstance(value, Mapping):
        return {key: _replaced(item, forms, ring) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, forms, ring) for item in value]
    if isinstance(value, str) and (value in forms or "-----BEGIN" in value):
        form, kind = forms.get(value, ("pem", None))
        try:
            return ring.twin(value, form)
        except CredentialError:
            if kind is not None:  # a sample in a key's place
                return ring.fresh(kind, form)
    return throwaway(value) if isinstance(value, str) and len(value) > 3 else value


def _public_keys(way: Prover, proving: Proving) -> Iterable[tuple[str, Any]]:
    """The account's own public keys, and how each is written and of which kind it is."""
    from conn_engine.webhooks.keys import own_keys

    for part in getattr(way, "of", ()):
        yield from _public_keys(part, proving)
    tag = _tag(way)
    public = tag in ("rsa", "ecdsa", "ed25519") or (
        tag == "jwt" and not str(getattr(way, "algorithms", ("",))[0]).startswith("HS")
    )
    if public and getattr(way, "key_request", None) is None:
        with suppress(CredentialError, Unproved):
            form = "pem" if tag == "jwt" else getattr(way, "key_encoding", "pem")
            yield from ((str(key), (form, _kind(way))) for key in own_keys(getattr(way, "key", ""), proving))


def _kind(way: Prover) -> Kind:
    """Of which kind the private key is that a way takes."""
    algorithm = str(getattr(way, "algorithms", ("",))[0])
    if _tag(way) == "rsa" or algorithm[:2] in ("RS", "PS"):
        return "rsa"
    return "ec" if _tag(way) == "ecdsa" or algorithm.startswith("ES") else "ed"


def republished(way: Prover, ring: Ring, exchanges: Sequence[Exchange]) -> list[Exchange]:
    """The exchanges with other public keys in the place of those that the vendor publishes."""
    forms = set(_published_forms(way))
    return [_with_twins(exchange, forms, ring) for exchange in exchanges] if forms else list(exchanges)


def _published_forms(way: Prover) -> Iterable[Any]:
    for part in getattr(way, "of", ()):
        yield from _published_forms(part)
    if getattr(way, "key_request", None) is not None:
        yield "pem" if _tag(way) == "jwt" else getattr(way, "key_encoding", "pem")


def _with_twins(exchange: Exchange, forms: set[Any], ring: Ring) -> Exchange:
    response = exchange.response
    body = response.body if response.body is msgspec.UNSET else _twins(response.body, forms, ring)
    text = response.text if response.text is None else _twins(response.text, forms, ring)
    return msgspec.structs.replace(exchange, response=msgspec.structs.replace(response, body=body, text=text))


def _twins(value: Any, forms: set[Any], ring: Ring) -> Any:
    if isinstance(value, Mapping) and "kty" not in value:
        return {name: _twins(item, forms, ring) for name, item in value.items()}
    if isinstance(value, list):
        return [_twins(item, forms, ring) for item in value]
    if isinstance(value, Mapping) or (isinstance(value, str) and len(value) >= _SHORTEST_KEY):
        for form in forms:
            with suppress(CredentialError):
                return ring.twin(value, form, published=True)
    return value


def _changed(
    document: Mapping[str, Any], environ: Mapping[str, str], secrets: Mapping[str, Any]
) -> list[tuple[str, str]]:
    known = {**document, **{f"env.{name}": value for name, value in environ.items()}}
    return [pair for pair in _pairs_of({name: known[name] for name in secrets}, secrets) if pair[0] != pair[1]]


def _pairs_of(old: Any, new: Any) -> list[tuple[str, str]]:
    """The texts of the same place in two values."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [pair for name, value in old.items() if name in new for pair in _pairs_of(value, new[name])]
    if isinstance(old, list) and isinstance(new, list):
        return [pair for one, other in zip(old, new, strict=False) for pair in _pairs_of(one, other)]
    return [(old, new)] if isinstance(old, str) and isinstance(new, str) else []


# --- what may stay ---


class _Keeper(NumberingRedactor):
    """Leaves what a name gives away where it is a throwaway already, or a mark."""

    def __init__(self, redactor: Redactor, kept: Sequence[str]) -> None:
        super().__init__(redactor)
        self._kept = tuple(kept)

    def holds(self, value: str) -> bool:
        """Whether a throwaway or a mark stands in it."""
        return MARK.search(value) is not None or any(new in value for new in self._kept)

    def _named(self, value: str) -> str:
        return value if self.holds(value) else super()._named(value)


def _kept_headers(
    headers: Headers, pairs: Sequence[tuple[str, str]], keeper: _Keeper, named: Callable[[str], bool]
) -> list[tuple[str, str]]:
    rows = []
    for name, value in headers.pairs:
        key, new = name.lower(), swapped(value, pairs)
        private = (secret_name(key) or _PROOFS.search(key)) and not keeper.holds(new)
        transit = key in _TRANSIT or key.startswith(_TRANSIT_BEGINNINGS)
        if private and not (named(key) and not secret_name(key)):
            continue
        if not transit or named(key) or keeper.holds(new):
            rows.append((name, keeper.url(new)))
    return rows


def _clean_body(text: str, kind: str, keeper: Redactor) -> str:
    if kind.partition(";")[0].strip().lower() != _FORM:
        return redacted_text(text, keeper)
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=10_000)
    except ValueError:
        return keeper.url(text)
    clean = [(name, _clean_field(name, value, keeper)) for name, value in pairs]
    return text if clean == pairs else urlencode(clean)


def _clean_field(name: str, value: str, keeper: Redactor) -> str:
    if secret_name(name) and value:
        return str(keeper.data({name: value})[name])
    return redacted_text(value, keeper)


# --- small ones ---


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, msgspec.Struct):  # with the defaults, which name secrets as well
        for name in value.__struct_fields__:
            yield from _texts(getattr(value, name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _deep(value: Any, rewrite: Rewrite) -> Any:
    if isinstance(value, str):
        return rewrite(value)
    if isinstance(value, Mapping):
        return {name: _deep(item, rewrite) for name, item in value.items()}
    return [_deep(item, rewrite) for item in value] if isinstance(value, list) else value


def _moved(text: str, unit: str, shift: float) -> str:
    """A moment so many seconds later, written the same way."""
    if unit == "iso8601":
        moment = datetime.fromisoformat(text)
        later = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() + shift
        made = datetime.fromtimestamp(later, UTC).isoformat(timespec="milliseconds")
        return made.removesuffix("+00:00") + "Z"
    number = float(text) + shift * (1000 if unit == "epoch_ms" else 1)
    return str(int(number))
