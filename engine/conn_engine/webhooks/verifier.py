"""The base of all ways to verify a delivery: their common settings, the context, and the error.

Verification is a generator, because it may request keys, or the reply itself, from the vendor.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.conditions import conditions_of
from conn_engine.errors import ConnError, ExpressionError
from conn_engine.responses.waits.time_values import Unit
from conn_engine.roles import bring_names, expression_over
from conn_engine.settings import Names, Scope, Settings, ask
from conn_engine.webhooks.delivery import MAX_DELIVERY_BYTES, Delivery
from conn_engine.webhooks.key_cache import KeyCache
from conn_engine.webhooks.recording_secrets import SigningKeys
from conn_engine.wire import Clock, Flow

__all__ = [
    "DeliveryVerifier",
    "FoundSignature",
    "SignatureGroup",
    "VerificationContext",
    "VerificationError",
    "evaluate_on_delivery",
    "is_condition_met",
    "list_items",
]

_OF_ITEMS = ("verification", "signed_time", "signed_content", "requirement", "delivery_request")
_MOST_ITEMS = 10_000  # of one delivery: anyone can send one, and each item has to be verified


class VerificationError(ConnError):
    """A delivery could not be verified. `message` gives the reason without secrets, and `code` is one word."""

    exit_code = 4

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


@dataclass(slots=True, repr=False)
class VerificationContext:
    """What is needed to verify a delivery. `secrets` is the scope with the stored credential's keys, `env` and
    `context`. `item` is one of several that are verified individually. `hosts` may receive a credential. `is_verified`
    is set when a way has verified the delivery, which `none` does not."""

    delivery: Delivery
    secrets: Scope
    clock: Clock
    hosts: tuple[str, ...] = ()
    cache: KeyCache = field(default_factory=KeyCache)
    item: Any = None
    claims: dict[str, Any] = field(default_factory=dict)
    is_verified: bool = False

    def build_names(self, text_or_data: Any) -> Scope:
        """Return the names that `text_or_data`, an expression, a template or data of them, can use."""
        names = self.delivery.build_names(text_or_data, self.secrets)
        if self.item is not None:
            names["item"] = self.item
        if self.claims:
            names["claims"] = self.claims
        return names


@dataclass(frozen=True, slots=True, repr=False)
class FoundSignature:
    """A signature or token as it is written in the delivery. `more` has a JWT's header and claims."""

    text: str
    more: Any = None


@dataclass(frozen=True, slots=True)
class SignatureGroup:
    """The signatures that one verifier finds. `at` is the path to their item: expressions of `each` with an index."""

    verifier: "DeliveryVerifier"
    signatures: tuple[FoundSignature, ...]
    at: tuple[tuple[str, int], ...] = ()


def evaluate_on_delivery(text: str, verification: VerificationContext, *, whole: bool = False, **more: Any) -> Any:
    """Evaluate an expression; None if it finds nothing. With `whole`, the result may be as long as the body.

    Raises VerificationError if it fails on this delivery. The message does not quote the error, which could contain
    secrets.
    """
    from conn_engine.expressions import UNDEFINED, expression

    parsed = expression(text)  # a syntax error is the author's
    names = verification.build_names(text) | more
    try:
        if whole:
            roots = parsed.roots()
            visible = names if roots is None else {name: names[name] for name in roots if name in names}
            conditions = conditions_of(names)
            longest = conditions.limits.string_bytes + 2 * MAX_DELIVERY_BYTES
            limits = replace(conditions.limits, string_bytes=longest, result_bytes=2 * longest)
            value = parsed.evaluate(visible, conditions, limits=limits)
        else:
            value = ask(text, names)
    except ExpressionError:
        raise VerificationError("unreadable", f"the expression {text} fails on this delivery") from None
    return None if value is UNDEFINED else value


def is_condition_met(text: str, verification: VerificationContext, **more: Any) -> bool:
    """Return whether an expression is true in JSONata."""
    from conn_engine.expressions import is_true

    return is_true(evaluate_on_delivery(text, verification, **more))


def list_items(each: str, verification: VerificationContext) -> list[Any]:
    """Return the items that `each` finds."""
    items = evaluate_on_delivery(each, verification)
    return items if isinstance(items, list) else [] if items is None else [items]


class DeliveryVerifier(Settings, frozen=True, kw_only=True):
    """A way to verify that a delivery is from the vendor.

    Expressions see the delivery (`method`, `url`, `host`, `path`, `target`, `query`, `headers`, `text`, `body`,
    `body_sha256`), the stored credential's keys, `env` and `context`.
    """

    aliases: ClassVar[Mapping[str, str]] = {"require": "expect"}
    verifies: ClassVar[bool] = True  # by itself; combinations leave it to their parts

    @property
    def label(self) -> str:
        """What reports and golden files call this method: its format, or the kind of its key."""
        return str(type(self).__struct_config__.tag)

    when: Annotated[
        str | None,
        Meta(
            description="Condition for trying this method, such as the presence of its header. If no method is "
            "tried, the delivery is refused. Default: always.",
            extra=expression_over("delivery"),
        ),
    ] = None
    expect: Annotated[
        str | None,
        Meta(
            description="Additional condition. It also sees the `claims` of a JWT and `timestamp`.",
            extra=expression_over("requirement"),
        ),
    ] = None
    each: Annotated[
        str | None,
        Meta(
            description="The items of a delivery that are signed individually, as `item`. Every one must be verified, "
            "and there must be at least one.",
            extra=bring_names(expression_over("delivery"), "item", into=_OF_ITEMS),
        ),
    ] = None

    def is_applicable(self, verification: VerificationContext) -> bool:
        """Return whether this way should be tried."""
        return self.when is None or is_condition_met(self.when, verification)

    def verify(self, verification: VerificationContext) -> Flow[None]:
        """Return if the delivery is from the vendor. `verification.claims` then has the claims of a JWT.

        Raises VerificationError if it is not, CredentialError if the account lacks the secret, and VendorError if a key
        cannot be fetched.
        """
        if self.each is None:
            yield from self._verify_item(verification)
            return
        items = list_items(self.each, verification)
        if not items:
            raise VerificationError("no_items", f"`each` ({self.each}) finds no items in the delivery")
        if len(items) > _MOST_ITEMS:
            raise VerificationError(
                "too_many", f"`each` ({self.each}) finds more than {_MOST_ITEMS:,} items in the delivery"
            )
        around = verification.item
        try:
            for item in items:
                verification.item = item
                yield from self._verify_item(verification)
        finally:
            verification.item = around  # another way may be tried next

    # --- signing again, for recorded deliveries ---

    def find_signature_groups(
        self, verification: VerificationContext, indexes: tuple[tuple[str, int], ...] = ()
    ) -> Iterator[SignatureGroup]:
        """Yield the signatures in the delivery, without verifying them. Raises VerificationError if there are none."""
        if self.each is None:
            yield from self.find_item_signatures(verification, indexes)
            return
        for number, item in enumerate(list_items(self.each, verification)):
            verification.item = item
            yield from self.find_item_signatures(verification, (*indexes, (self.each, number)))
        verification.item = None

    def find_item_signatures(
        self, verification: VerificationContext, indexes: tuple[tuple[str, int], ...]
    ) -> Iterator[SignatureGroup]:
        """Yield the signatures of one item."""
        signatures = self.find_signatures(verification)
        if signatures:
            yield SignatureGroup(self, tuple(signatures), indexes)

    def find_signatures(self, verification: VerificationContext) -> list[FoundSignature]:
        """Return the signatures as they are written in the delivery."""
        _ = verification
        return []

    def find_times(self, verification: VerificationContext) -> list[tuple[str, Unit]]:
        """Return the times that are checked, as they are written, with their unit."""
        _ = verification
        return []

    def create_signatures(
        self, verification: VerificationContext, ring: SigningKeys, signatures: Sequence[FoundSignature]
    ) -> list[str]:
        """Return the replacement of each signature, with the secrets of `verification` and the keys of `ring`.

        Raises CredentialError if there is no key to sign with.
        """
        _ = verification, ring
        return [signature.text for signature in signatures]

    def _verify_item(self, verification: VerificationContext) -> Flow[None]:
        self._refuse_repeated(verification)
        before = verification.claims, verification.is_verified
        try:
            more = yield from self.check(verification)
            if self.expect is not None and not is_condition_met(self.expect, verification, **more):
                raise VerificationError("requirement", f"the condition `expect` is not met: {self.expect}")
        except VerificationError:
            verification.claims, verification.is_verified = before  # another way may be tried next
            raise
        verification.is_verified = verification.is_verified or self.verifies

    def check(self, verification: VerificationContext) -> Flow[Names]:
        """Return further names for `expect` if the delivery is verified. Raises VerificationError if it is not."""
        raise NotImplementedError

    def join_expressions(self) -> str:
        """Return all strings that locate values, joined. A header that they name may occur only once."""
        return "\n".join(value for name in self.__struct_fields__ if isinstance(value := getattr(self, name), str))

    def _refuse_repeated(self, verification: VerificationContext) -> None:
        expressions = self.join_expressions().lower() if verification.delivery.repeated_names else ""
        for name in verification.delivery.repeated_names:
            if _contains_name(name.lower(), expressions):
                raise VerificationError("ambiguous", f'"{name}" occurs more than once, so it is ambiguous')


def _contains_name(name: str, text: str) -> bool:
    """Return whether a string contains a name, and not only as part of another name."""
    position = text.find(name) if name else -1
    while position >= 0:
        end = position + len(name)
        if not (_is_name_character(text[position - 1 : position]) or _is_name_character(text[end : end + 1])):
            return True
        position = text.find(name, position + 1)
    return False


def _is_name_character(letter: str) -> bool:
    return letter.isalnum() or letter in ("-", "_")
