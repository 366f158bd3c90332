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
from conn_engine.webhooks.throwaway import Ring
from conn_engine.wire import Clock, Flow

__all__ = ["Evidence", "Proof", "Prover", "Proving", "Unproved", "found", "holds", "items_of"]

_OF_ITEMS = ("verification", "signed_time", "signed_content", "requirement", "delivery_request")
_MOST_ITEMS = 10_000  # of one delivery, which is anybody's until each of them is proved


class Unproved(ConnError):
    """A delivery is not shown to be the vendor's. `message` says why, with nothing of a secret: `code` is one word."""

    exit_code = 4

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


@dataclass(slots=True, repr=False)
class Proving:
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
    proved: bool = False

    def names(self, told: Any) -> Scope:
        """The names that `told`, an expression, a template or data of them, may use."""
        names = self.delivery.names(told, self.secrets)
        if self.item is not None:
            names["item"] = self.item
        if self.claims:
            names["claims"] = self.claims
        return names


@dataclass(frozen=True, slots=True, repr=False)
class Proof:
    """What proves a delivery, as it stands there. `more` is what it holds besides (a JWT's header and claims)."""

    text: str
    more: Any = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The proofs that one way finds in a delivery. `at` leads to the item that they are of: expressions of `each`, and
    the number among what each finds."""

    way: "Prover"
    proofs: tuple[Proof, ...]
    at: tuple[tuple[str, int], ...] = ()


def found(text: str, proving: Proving, *, whole: bool = False, **more: Any) -> Any:
    """What an expression finds; None when it finds nothing. `whole`: it may give a text as long as the body.

    Raises Unproved where it fails on this delivery, which may be anybody's: what it says may quote secrets and is left
    out.
    """
    from conn_engine.expressions import DEFAULT_LIMITS, UNDEFINED, expression

    parsed = expression(text)  # one that does not parse is the author's
    names = proving.names(text) | more
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
        raise Unproved("unreadable", f"the expression {text} fails on this delivery") from None
    return None if value is UNDEFINED else value


def holds(text: str, proving: Proving, **more: Any) -> bool:
    """Whether an expression is true, by JSONata's idea of truth."""
    from conn_engine.expressions import is_true

    return is_true(found(text, proving, **more))


def items_of(each: str, proving: Proving) -> list[Any]:
    """The items that `each` finds."""
    items = found(each, proving)
    return items if isinstance(items, list) else [] if items is None else [items]


class Prover(Settings, frozen=True, kw_only=True):
    """One way to prove that a delivery is the vendor's.

    Expressions see the delivery (`method`, `url`, `host`, `path`, `target`, `query`, `headers`, `text`, `body`,
    `body_sha256`), the stored credential's keys, `env` and `context`.
    """

    proves: ClassVar[bool] = True  # by itself; what is made of other ways leaves it to them

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

    def applies(self, proving: Proving) -> bool:
        """Whether this way is to be tried."""
        return self.when is None or holds(self.when, proving)

    def prove(self, proving: Proving) -> Flow[None]:
        """Return when the delivery is the vendor's; `proving.claims` then has what a JWT says.

        Raises Unproved when it is not, CredentialError when the account lacks the secret, VendorError when a key cannot
        be had.
        """
        if self.each is None:
            yield from self._prove_one(proving)
            return
        items = items_of(self.each, proving)
        if not items:
            raise Unproved("no_items", f"`each` ({self.each}) finds nothing in it that could be proved")
        if len(items) > _MOST_ITEMS:
            raise Unproved("too_many", f"`each` ({self.each}) finds more than {_MOST_ITEMS} items in it")
        around = proving.item
        try:
            for item in items:
                proving.item = item
                yield from self._prove_one(proving)
        finally:
            proving.item = around  # another way may be tried next

    # --- the other way round: for recorded deliveries ---

    def evidence(self, proving: Proving, at: tuple[tuple[str, int], ...] = ()) -> Iterator[Evidence]:
        """Where the delivery has its proofs. Raises Unproved where it has none; whether they hold is `prove`'s."""
        if self.each is None:
            yield from self.evidence_of_one(proving, at)
            return
        for number, item in enumerate(items_of(self.each, proving)):
            proving.item = item
            yield from self.evidence_of_one(proving, (*at, (self.each, number)))
        proving.item = None

    def evidence_of_one(self, proving: Proving, at: tuple[tuple[str, int], ...]) -> Iterator[Evidence]:
        """The same, of one item."""
        proofs = self.shown(proving)
        if proofs:
            yield Evidence(self, tuple(proofs), at)

    def shown(self, proving: Proving) -> list[Proof]:
        """The proofs as they stand in the delivery."""
        _ = proving
        return []

    def moments(self, proving: Proving) -> list[tuple[str, Unit]]:
        """The times in the delivery that are judged by the clock: each as it stands there, and its unit."""
        _ = proving
        return []

    def anew(self, proving: Proving, ring: Ring, proofs: Sequence[Proof]) -> list[str]:
        """What is to stand in the place of each proof, by the secrets of `proving` and the keys of `ring`.

        Raises CredentialError when there is no key to sign with.
        """
        _ = proving, ring
        return [proof.text for proof in proofs]

    def _prove_one(self, proving: Proving) -> Flow[None]:
        self._refuse_repeated(proving)
        known = proving.claims, proving.proved
        try:
            more = yield from self.check(proving)
            if self.require is not None and not holds(self.require, proving, **more):
                raise Unproved("requirement", f"`require` does not hold: {self.require}")
        except Unproved:
            proving.claims, proving.proved = known  # another way may be tried next
            raise
        proving.proved = proving.proved or self.proves

    def check(self, proving: Proving) -> Flow[Names]:
        """Return further names for `require` when the delivery is proved; raise Unproved when it is not."""
        raise NotImplementedError

    def reads(self) -> str:
        """The texts that say where things are, in one: a header named there may come once."""
        return "\n".join(value for name in self.__struct_fields__ if isinstance(value := getattr(self, name), str))

    def _refuse_repeated(self, proving: Proving) -> None:
        told = self.reads().lower() if proving.delivery.repeated else ""
        for name in proving.delivery.repeated:
            if _named(name.lower(), told):
                raise Unproved("ambiguous", f'"{name}" came more than once: which one counts cannot be known')


def _named(name: str, text: str) -> bool:
    """Whether a text has a name, not as a part of another."""
    at = text.find(name) if name else -1
    while at >= 0:
        end = at + len(name)
        if not (_continues(text[at - 1 : at]) or _continues(text[end : end + 1])):
            return True
        at = text.find(name, at + 1)
    return False


def _continues(letter: str) -> bool:
    return letter.isalnum() or letter in ("-", "_")
