"""Sign a delivery again: with generated secrets for a recording (`resign_for_recording`), or with real ones and the
current time for sending (`resign_for_sending`).

First the content is prepared: secrets are replaced, private values are redacted, and digests are updated. Then each
verifier signs the result.
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
from conn_engine.webhooks.recording_secrets import SigningKeys, create_throwaway
from conn_engine.webhooks.redaction import DeliveryRedactor, clean_body, clean_headers
from conn_engine.webhooks.secret_replacement import (
    build_name_check,
    create_recording_secrets,
    find_changed_pairs,
    get_format,
    pair_texts,
)
from conn_engine.webhooks.settings import Webhooks
from conn_engine.webhooks.short_signatures import SHORTEST_UNIQUE, mark_short_signatures
from conn_engine.webhooks.text_marks import Marks, Place, find_place, swap_texts
from conn_engine.webhooks.verifier import (
    DeliveryVerifier,
    SignatureGroup,
    VerificationContext,
    VerificationError,
    list_items,
)
from conn_engine.wire import FrozenClock, Headers

if TYPE_CHECKING:
    from conn_engine.personal import Replacements

__all__ = ["ResignedDelivery", "resign_for_recording", "resign_for_sending"]

Rewrite = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class ResignedDelivery:
    """A delivery, the secrets it is signed with by name, and the number of signatures that could not be created."""

    delivery: Delivery
    secrets: dict[str, Any]
    unsigned: int = 0
    pairs: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def resign_for_recording(
    webhooks: Webhooks,
    verification: VerificationContext,
    redactor: Redactor,
    ring: SigningKeys,
    *,
    document: Mapping[str, Any],
    environ: Mapping[str, str],
    captured: Mapping[str, str],
    is_credential_name: Callable[[str], bool],
    personal: "Replacements | None" = None,
) -> ResignedDelivery:
    """Return the delivery without real secrets and with `personal` replaced, signed with generated secrets.

    `document` and `environ` have the real secrets, `captured` has the values that the vendor hands over. `named`
    returns whether the connector reads a header. Expressions see the other values of `verification`.
    """
    secrets = create_recording_secrets(webhooks, verification, ring, document, environ)
    pairs = [
        *find_changed_pairs(document, environ, secrets),
        *((old, create_throwaway(old)) for old in captured.values()),
    ]
    delivery_redactor = DeliveryRedactor(redactor, [new for _, new in pairs])

    def clean(delivery: Delivery) -> Delivery:
        text = swap_texts(delivery.text, pairs, _find_place(delivery))
        url = delivery_redactor.url(swap_texts(delivery.url, pairs, "url"))
        headers = clean_headers(delivery.headers, pairs, delivery_redactor, is_credential_name)
        text = clean_body(text, delivery.headers.get("content-type", ""), delivery_redactor)
        if personal is not None:
            url, text = personal.replace_text(url), personal.replace_text(text)
            headers = [(name, personal.replace_header(name, value)) for name, value in headers]
        return Delivery(delivery.method, url, Headers(headers), _encode(delivery, text))

    def clean_claims(value: Any) -> Any:
        cleaned = delivery_redactor.data(_rewrite_deep(value, lambda text: swap_texts(text, pairs)))
        return cleaned if personal is None else personal.replace_data(cleaned)

    scope = verification.secrets | {name: value for name, value in secrets.items() if not name.startswith("env.")}
    env = {name.removeprefix("env."): value for name, value in secrets.items() if name.startswith("env.")}
    scope["env"] = {**scope.get("env", {}), **env}
    delivery, unsigned = _resign(webhooks.verify, verification, scope, ring, clean, clean_claims)
    return ResignedDelivery(delivery, secrets, unsigned, tuple(pairs))


def resign_for_sending(
    webhooks: Webhooks, verification: VerificationContext, secrets: Scope, ring: SigningKeys, now: float
) -> ResignedDelivery:
    """Return the delivery as the vendor would send it now, with these secrets. `verification` has the secrets that it
    is signed with; its clock is set to when it was received."""
    shift = now - verification.clock.now()
    is_credential_name = build_name_check(webhooks)
    # No other value may be replaced.
    old_ones = {name: value for name, value in verification.secrets.items() if is_credential_name(name)}
    pairs = [(old, new) for old, new in pair_texts(old_ones, dict(secrets)) if len(old) > 3]
    with suppress(VerificationError):
        pairs += [(text, _shift_time(text, unit, shift)) for text, unit in webhooks.verify.find_times(verification)]
    pairs = [(old, new) for old, new in dict(pairs).items() if old != new]

    def move(delivery: Delivery) -> Delivery:
        headers = [(name, swap_texts(value, pairs)) for name, value in delivery.headers.pairs]
        body = _encode(delivery, swap_texts(delivery.text, pairs, _find_place(delivery))) if pairs else delivery.body
        return Delivery(delivery.method, swap_texts(delivery.url, pairs, "url"), Headers(headers), body)

    def move_claims(value: Any) -> Any:
        moved = {name: item + int(shift) for name, item in value.items() if name in ("iat", "exp", "nbf")}
        return _rewrite_deep({**value, **moved}, lambda text: swap_texts(text, pairs))

    clock = FrozenClock(now)
    delivery, unsigned = _resign(webhooks.verify, verification, secrets, ring, move, move_claims, clock)
    return ResignedDelivery(delivery, dict(secrets), unsigned)


# --- the steps ---


def _resign(  # noqa: PLR0917
    way: DeliveryVerifier,
    old: VerificationContext,
    secrets: Scope,
    ring: SigningKeys,
    clean: Callable[[Delivery], Delivery],
    claims: Callable[[Any], Any],
    clock: FrozenClock | None = None,
) -> tuple[Delivery, int]:
    marks = Marks()
    groups: list[SignatureGroup] = []
    with suppress(VerificationError):
        groups = list(way.find_signature_groups(old)) if way.is_applicable(old) else []
    for group in groups:
        for signature in group.signatures:
            marks.get_number(signature.text)
    before = old.delivery
    signed = clean(_mark_signatures(before, marks, lambda delivery: _find_texts(way, replace(old, delivery=delivery))))
    digests = dict(_pair_digests(before.body, signed.body))
    signed = _rewrite(signed, lambda text, place: swap_texts(text, list(digests.items()), place), body=False)
    done: dict[int, str] = {}
    # Tokens come first: they do not depend on the rest, and signatures may cover them.
    for group in sorted(groups, key=lambda item: get_format(item.verifier) not in ("token", "basic")):
        verification = replace(old, delivery=signed, secrets=secrets, clock=clock or old.clock)
        new = _create_signatures(
            group, verification, ring, lambda value: _rewrite_deep(claims(value), lambda text: digests.get(text, text))
        )
        done |= {
            marks.get_number(signature.text): made_text
            for signature, made_text in zip(group.signatures, new, strict=False)
        }
        signed = _fill(signed, marks, done)
    lost = (set(range(len(marks.texts))) - done.keys()) | (set(range(len(marks.texts))) - marks.found_numbers)
    return _fill(signed, marks, dict.fromkeys(lost, REDACTED)), len(lost)


def _find_texts(way: DeliveryVerifier, verification: VerificationContext) -> list[str]:
    """Return the signatures that are found in a delivery."""
    try:
        groups = list(way.find_signature_groups(verification)) if way.is_applicable(verification) else []
    except VerificationError:
        return []
    return [signature.text for group in groups for signature in group.signatures]


def _mark_signatures(delivery: Delivery, marks: Marks, find_texts: Callable[[Delivery], list[str]]) -> Delivery:
    """Replace signatures in the delivery by marks. The body is changed only for those that are nowhere else, because a
    repetition in the body may be signed."""
    marked = mark_short_signatures(delivery, marks, find_texts)
    long = frozenset(number for number, text in enumerate(marks.texts) if len(text) >= SHORTEST_UNIQUE)
    marked = _rewrite(marked, lambda text, _: _mark_only(text, marks, long), body=False)
    absent = long - marks.found_numbers
    return _rewrite(marked, lambda text, _: _mark_only(text, marks, absent))


def _mark_only(text: str, marks: Marks, numbers: frozenset[int]) -> str:
    return Marks(marks.texts, found_numbers=marks.found_numbers, only=numbers).mark(text)


def _create_signatures(
    group: SignatureGroup, verification: VerificationContext, ring: SigningKeys, claims: Callable[[Any], Any]
) -> list[str]:
    """Return the new signatures, or an empty list if there is no key to sign with."""
    signatures = [
        signature if signature.more is None else replace(signature, more=(signature.more[0], claims(signature.more[1])))
        for signature in group.signatures
    ]
    try:
        for each, number in group.at:
            verification.item = list_items(each, verification)[number]
        return group.verifier.create_signatures(verification, ring, signatures)
    except (CredentialError, VerificationError, IndexError):
        return []


def _fill(delivery: Delivery, marks: Marks, successors: Mapping[int, str]) -> Delivery:
    return _rewrite(delivery, lambda text, place: marks.fill(text, successors, place))


def _find_place(delivery: Delivery) -> Place:
    return find_place(delivery.text, delivery.headers.get("content-type", ""))


def _rewrite(delivery: Delivery, rewrite: Callable[[str, Place], str], *, body: bool = True) -> Delivery:
    text = rewrite(delivery.text, _find_place(delivery)) if body else delivery.text
    return Delivery(
        delivery.method,
        rewrite(delivery.url, "url"),
        Headers([(name, rewrite(value, "plain")) for name, value in delivery.headers.pairs]),
        delivery.body if text == delivery.text else _encode(delivery, text),
    )


def _encode(delivery: Delivery, text: str) -> bytes:
    try:
        return delivery.encode_exactly(text)
    except UnicodeEncodeError:
        raise ConfigurationError(
            "the delivery's body cannot be encoded again after the secrets were replaced"
        ) from None


def _pair_digests(before: bytes, after: bytes) -> list[tuple[str, str]]:
    """Pair the written digests of two bodies."""
    if before == after:
        return []
    pairs = []
    for name in ("sha256", "sha1", "sha512", "md5"):
        old, new = (hashlib.new(name, body, usedforsecurity=False).digest() for body in (before, after))
        pairs += [(old.hex(), new.hex()), (old.hex().upper(), new.hex().upper())]
        for write in (base64.b64encode, base64.urlsafe_b64encode):
            old_digest, new_digest = write(old).decode(), write(new).decode()
            pairs += [(old_digest, new_digest), (old_digest.rstrip("="), new_digest.rstrip("="))]
    return list(dict(pairs).items())


# --- helpers ---


def _rewrite_deep(value: Any, rewrite: Rewrite) -> Any:
    if isinstance(value, str):
        return rewrite(value)
    if isinstance(value, Mapping):
        return {name: _rewrite_deep(item, rewrite) for name, item in value.items()}
    return [_rewrite_deep(item, rewrite) for item in value] if isinstance(value, list) else value


def _shift_time(text: str, unit: str, shift: float) -> str:
    """Shift a time by some seconds and write it in the same form."""
    if unit == "iso8601":
        moment = datetime.fromisoformat(text)
        later = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() + shift
        time_text = datetime.fromtimestamp(later, UTC).isoformat(timespec="milliseconds")
        return time_text.removesuffix("+00:00") + "Z"
    number = float(text) + shift * (1000 if unit == "epoch_ms" else 1)
    return str(int(number))
