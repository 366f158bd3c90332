"""A delivery signed anew: by throwaway secrets, so that it may be kept (`kept`); or by real ones and the clock of now,
so that it may be sent (`sent`).

Everything that stays is put right first: secrets are replaced, what is private is redacted, digests follow. Then each
way to prove it signs what the delivery says by then.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.secrets import REDACTED, Redactor
from conn_engine.settings import Scope
from conn_engine.webhooks.delivery import Delivery
from conn_engine.webhooks.marks import Marks, Place, place_of, swapped
from conn_engine.webhooks.proof import Evidence, Prover, Proving, Unproved, items_of
from conn_engine.webhooks.redacting import Keeper, clean_body, kept_headers
from conn_engine.webhooks.replacing import changed, pairs_of, tag_of, throwaways, told_names
from conn_engine.webhooks.settings import Webhooks
from conn_engine.webhooks.throwaway import Ring, throwaway
from conn_engine.wire import FrozenClock, Headers

if TYPE_CHECKING:
    from conn_engine.personal import Replacements

__all__ = ["Resigned", "kept", "sent"]

Rewrite = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Resigned:
    """A delivery, the secrets it is signed with by name, and the proofs that could not be made anew."""

    delivery: Delivery
    secrets: dict[str, Any]
    unsigned: int = 0
    pairs: tuple[tuple[str, str], ...] = field(default=(), repr=False)


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
    personal: "Replacements | None" = None,
) -> Resigned:
    """The delivery without a real secret, and with `personal` replaced, signed by throwaway ones.

    `document` and `environ` have the real secrets, `captured` what the vendor hands over in it; `named` says whether
    the connector reads a header. Expressions over it see what `proving` has otherwise.
    """
    secrets = throwaways(told, proving, ring, document, environ)
    pairs = [*changed(document, environ, secrets), *((old, throwaway(old)) for old in captured.values())]
    keeper = Keeper(redactor, [new for _, new in pairs])

    def clean(delivery: Delivery) -> Delivery:
        text = swapped(delivery.text, pairs, _place(delivery))
        url = keeper.url(swapped(delivery.url, pairs, "url"))
        headers = kept_headers(delivery.headers, pairs, keeper, named)
        text = clean_body(text, delivery.headers.get("content-type", ""), keeper)
        if personal is not None:
            url, text = personal.replace_text(url), personal.replace_text(text)
            headers = [(name, personal.replace_header(name, value)) for name, value in headers]
        return Delivery(delivery.method, url, Headers(headers), _exact(delivery, text))

    def claims(value: Any) -> Any:
        said = keeper.data(_deep(value, lambda text: swapped(text, pairs)))
        return said if personal is None else personal.replace_data(said)

    scope = proving.secrets | {name: value for name, value in secrets.items() if not name.startswith("env.")}
    env = {name.removeprefix("env."): value for name, value in secrets.items() if name.startswith("env.")}
    scope["env"] = {**scope.get("env", {}), **env}
    delivery, unsigned = _resigned(told.verify, proving, scope, ring, clean, claims)
    return Resigned(delivery, secrets, unsigned, tuple(pairs))


def sent(told: Webhooks, proving: Proving, secrets: Scope, ring: Ring, now: float) -> Resigned:
    """The delivery as the vendor would send it now, by these secrets. `proving` has those that it is signed with, and
    the moment at which it came as its clock."""
    shift = now - proving.clock.now()
    named = told_names(told)
    old_ones = {name: value for name, value in proving.secrets.items() if named(name)}  # no other may come into it
    pairs = [(old, new) for old, new in pairs_of(old_ones, dict(secrets)) if len(old) > 3]
    with suppress(Unproved):
        pairs += [(text, _moved(text, unit, shift)) for text, unit in told.verify.moments(proving)]
    pairs = [(old, new) for old, new in dict(pairs).items() if old != new]

    def move(delivery: Delivery) -> Delivery:
        headers = [(name, swapped(value, pairs)) for name, value in delivery.headers.pairs]
        body = _exact(delivery, swapped(delivery.text, pairs, _place(delivery))) if pairs else delivery.body
        return Delivery(delivery.method, swapped(delivery.url, pairs, "url"), Headers(headers), body)

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
    secrets: Scope,
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
    made = _rewritten(made, lambda text, place: swapped(text, list(digests.items()), place), body=False)
    done: dict[int, str] = {}
    # What carries a secret itself does not depend on the rest, and others may sign it.
    for evidence in sorted(found, key=lambda item: tag_of(item.way) not in ("token", "basic")):
        proving = replace(old, delivery=made, secrets=secrets, clock=clock or old.clock)
        new = _anew(evidence, proving, ring, lambda told: _deep(claims(told), lambda said: digests.get(said, said)))
        done |= {marks.number(proof.text): made_text for proof, made_text in zip(evidence.proofs, new, strict=False)}
        made = _filled(made, marks, done)
    lost = (set(range(len(marks.texts))) - done.keys()) | (set(range(len(marks.texts))) - marks.placed)
    return _filled(made, marks, dict.fromkeys(lost, REDACTED)), len(lost)


def _marked(delivery: Delivery, marks: Marks) -> Delivery:
    """The delivery with marks in the place of its proofs: in the body only of those that stand nowhere else, for what
    is repeated there may be signed."""
    made = _rewritten(delivery, lambda text, _: marks.put(text), body=False)
    left = Marks(marks.texts, placed=set(marks.placed), only=frozenset(range(len(marks.texts))) - marks.placed)
    made = _rewritten(made, lambda text, _: left.put(text))
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


def _filled(delivery: Delivery, marks: Marks, successors: Mapping[int, str]) -> Delivery:
    return _rewritten(delivery, lambda text, place: marks.fill(text, successors, place))


def _place(delivery: Delivery) -> Place:
    return place_of(delivery.text, delivery.headers.get("content-type", ""))


def _rewritten(delivery: Delivery, rewrite: Callable[[str, Place], str], *, body: bool = True) -> Delivery:
    text = rewrite(delivery.text, _place(delivery)) if body else delivery.text
    return Delivery(
        delivery.method,
        rewrite(delivery.url, "url"),
        Headers([(name, rewrite(value, "plain")) for name, value in delivery.headers.pairs]),
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


# --- small ones ---


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
