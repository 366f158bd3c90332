"""What the ways to prove a delivery have in common: the settings of each, what it is proved with, and the outcome.

A way is a generator: it may have to ask the vendor for a key, or for the answer itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.errors import ConnError, ExpressionError
from conn_engine.responses.waits.moments import Unit
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
_MOST_ITEMS = 10_000  # of one delivery, which is anybody's until each of them is proved


class VerificationError(ConnError):
    """A delivery is not shown to be the vendor's. `message` says why, with nothing of a secret: `code` is one word."""

    exit_code = 4

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


@dataclass(slots=True, repr=False)
class VerificationContext:
    """With what a delivery is proved. `secrets` is the scope that has them: the stored credential's keys, `env` and
    `context`. `item` is one of several that are proved each. `hosts` may receive a credential.
    `proved`: something has proved it, which a way that asks for nothing does not."""

    delivery: Delivery
    secrets: Scope
    clock: Clock
    hosts: tuple[str, ...] = ()
    cache: KeyCache = field(default_factory=KeyCache)
    item: Any = None
    claims: dict[str, Any] = field(default_factory=dict)
    is_verified: bool = False

    def build_names(self, told: Any) -> Scope:
        """The names that `told`, an expression, a template or data of them, may use."""
        names = self.delivery.build_names(told, self.secrets)
        if self.item is not None:
            names["item"] = self.item
        if self.claims:
            names["claims"] = self.claims
        return names


@dataclass(frozen=True, slots=True, repr=False)
class FoundSignature:
    """What proves a delivery, as it stands there. `more` is what it holds besides (a JWT's header and claims)."""

    text: str
    more: Any = None


@dataclass(frozen=True, slots=True)
class SignatureGroup:
    """The proofs that one way finds in a delivery. `at` leads to the item that they are of: expressions of `each`, and
    the number among what each finds."""

    verifier: "DeliveryVerifier"
    signatures: tuple[FoundSignature, ...]
    at: tuple[tuple[str, int], ...] = ()


def evaluate_on_delivery(text: str, proving: VerificationContext, *, whole: bool = False, **more: Any) -> Any:
    """What an expression finds; None when it finds nothing. `whole`: it may give a text as long as the body.

    Raises Unproved where it fails on this delivery, which may be anybody's: what it says may quote secrets and is left
    out.
    """
    from conn_engine.expressions import DEFAULT_LIMITS, UNDEFINED, expression

    parsed = expression(text)  # one that does not parse is the author's
    names = proving.build_names(text) | more
    try:
        if whole:
            roots = parsed.roots()
            seen = names if roots is None else {name: names[name] for name in roots if name in names}
            longest = DEFAULT_LIMITS.string_bytes + 2 * MAX_DELIVERY_BYTES
            value = parsed.evaluate(
                seen, limits=replace(DEFAULT_LIMITS, string_bytes=longest, result_bytes=2 * longest)
            )
        else:
            value = ask(text, names)
    except ExpressionError:
        raise VerificationError("unreadable", f"the expression {text} fails on this delivery") from None
    return None if value is UNDEFINED else value


def is_condition_met(text: str, proving: VerificationContext, **more: Any) -> bool:
    """Whether an expression is true, by JSONata's idea of truth."""
    from conn_engine.expressions import is_true

    return is_true(evaluate_on_delivery(text, proving, **more))


def list_items(each: str, proving: VerificationContext) -> list[Any]:
    """The items that `each` finds."""
    items = evaluate_on_delivery(each, proving)
    return items if isinstance(items, list) else [] if items is None else [items]


class DeliveryVerifier(Settings, frozen=True, kw_only=True):
    """One way to prove that a delivery is the vendor's.

    Expressions see the delivery (`method`, `url`, `host`, `path`, `target`, `query`, `headers`, `text`, `body`,
    `body_sha256`), the stored credential's keys, `env` and `context`.
    """

    verifies: ClassVar[bool] = True  # by itself; what is made of other ways leaves it to them

    when: Annotated[
        str | None,
        Meta(
            description="Condition for this way to be tried, such as the presence of its header. When no way is tried, "
            "the delivery is refused. Default: always.",
            extra=expression_over("delivery"),
        ),
    ] = None
    require: Annotated[
        str | None,
        Meta(
            description="Condition that must hold besides; sees `claims` of a JWT and `timestamp` too.",
            extra=expression_over("requirement"),
        ),
    ] = None
    each: Annotated[
        str | None,
        Meta(
            description="Expression for the items of a delivery that are signed each for itself, as `item`. Every one "
            "must be proved, and there must be one.",
            extra=bring_names(expression_over("delivery"), "item", into=_OF_ITEMS),
        ),
    ] = None

    def is_applicable(self, proving: VerificationContext) -> bool:
        """Whether this way is to be tried."""
        return self.when is None or is_condition_met(self.when, proving)

    def verify(self, proving: VerificationContext) -> Flow[None]:
        """Return when the delivery is the vendor's; `proving.claims` then has what a JWT says.

        Raises Unproved when it is not, CredentialError when the account lacks the secret, VendorError when a key cannot
        be had.
        """
        if self.each is None:
            yield from self._verify_item(proving)
            return
        items = list_items(self.each, proving)
        if not items:
            raise VerificationError("no_items", f"`each` ({self.each}) finds nothing in it that could be proved")
        if len(items) > _MOST_ITEMS:
            raise VerificationError("too_many", f"`each` ({self.each}) finds more than {_MOST_ITEMS} items in it")
        around = proving.item
        try:
            for item in items:
                proving.item = item
                yield from self._verify_item(proving)
        finally:
            proving.item = around  # another way may be tried next

    # --- the other way round: for recorded deliveries ---

    def find_signature_groups(
        self, proving: VerificationContext, at: tuple[tuple[str, int], ...] = ()
    ) -> Iterator[SignatureGroup]:
        """Where the delivery has its proofs. Raises Unproved where it has none; whether they hold is `prove`'s."""
        if self.each is None:
            yield from self.find_item_signatures(proving, at)
            return
        for number, item in enumerate(list_items(self.each, proving)):
            proving.item = item
            yield from self.find_item_signatures(proving, (*at, (self.each, number)))
        proving.item = None

    def find_item_signatures(
        self, proving: VerificationContext, at: tuple[tuple[str, int], ...]
    ) -> Iterator[SignatureGroup]:
        """The same, of one item."""
        proofs = self.find_signatures(proving)
        if proofs:
            yield SignatureGroup(self, tuple(proofs), at)

    def find_signatures(self, proving: VerificationContext) -> list[FoundSignature]:
        """The proofs as they stand in the delivery."""
        _ = proving
        return []

    def find_times(self, proving: VerificationContext) -> list[tuple[str, Unit]]:
        """The times in the delivery that are judged by the clock: each as it stands there, and its unit."""
        _ = proving
        return []

    def create_signatures(
        self, proving: VerificationContext, ring: SigningKeys, proofs: Sequence[FoundSignature]
    ) -> list[str]:
        """What is to stand in the place of each proof, by the secrets of `proving` and the keys of `ring`.

        Raises CredentialError when there is no key to sign with.
        """
        _ = proving, ring
        return [proof.text for proof in proofs]

    def _verify_item(self, proving: VerificationContext) -> Flow[None]:
        self._refuse_repeated(proving)
        known = proving.claims, proving.is_verified
        try:
            more = yield from self.check(proving)
            if self.require is not None and not is_condition_met(self.require, proving, **more):
                raise VerificationError("requirement", f"`require` does not hold: {self.require}")
        except VerificationError:
            proving.claims, proving.is_verified = known  # another way may be tried next
            raise
        proving.is_verified = proving.is_verified or self.verifies

    def check(self, proving: VerificationContext) -> Flow[Names]:
        """Return further names for `require` when the delivery is proved; raise Unproved when it is not."""
        raise NotImplementedError

    def join_expressions(self) -> str:
        """The texts that say where things are, in one: a header named there may come once."""
        return "\n".join(value for name in self.__struct_fields__ if isinstance(value := getattr(self, name), str))

    def _refuse_repeated(self, proving: VerificationContext) -> None:
        told = self.join_expressions().lower() if proving.delivery.repeated else ""
        for name in proving.delivery.repeated:
            if _contains_name(name.lower(), told):
                raise VerificationError("ambiguous", f'"{name}" came more than once: which one counts cannot be known')


def _contains_name(name: str, text: str) -> bool:
    """Whether a text has a name, not as a part of another."""
    at = text.find(name) if name else -1
    while at >= 0:
        end = at + len(name)
        if not (_is_name_character(text[at - 1 : at]) or _is_name_character(text[end : end + 1])):
            return True
        at = text.find(name, at + 1)
    return False


def _is_name_character(letter: str) -> bool:
    return letter.isalnum() or letter in ("-", "_")
