"""When a listing ends: the rules that all strategies share, and those of listings that count pages or
records.

What the next page's value is, is each strategy's affair.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta

from conn_engine.documents.pointers import remove_pointer
from conn_engine.listing.pagination.completeness import EndKey
from conn_engine.listing.pagination.placement import Where
from conn_engine.listing.pagination.restart_settings import Restart
from conn_engine.roles import TEXT, expression_over
from conn_engine.settings import Answer, Draft, Names, Scope, Settings

__all__ = ["MAX_PAGES", "Counted", "Ending", "affirmative", "blank", "check_strategies", "number"]

MAX_PAGES = 100_000
_NEGATIVES = frozenset({"", "false", "null", "none", "no", "0"})
_BLANKS = frozenset({"", "null"})


def affirmative(value: Any) -> bool:
    """Whether a flag says yes. Vendors also write flags as text: "false", "null", "no" and "0" say no."""
    from conn_engine.expressions import UNDEFINED

    if value is UNDEFINED:
        return False
    if isinstance(value, str):
        return value.strip().lower() not in _NEGATIVES
    return bool(value)


def blank(value: Any) -> bool:
    """Whether a next-page value means "no next page": undefined, null, false, zero, "", "null" or an empty
    list."""
    from conn_engine.expressions import UNDEFINED

    if value is UNDEFINED or value is None or value is False:
        return True
    if isinstance(value, str):
        return value.strip().lower() in _BLANKS
    return value in (0, [], {})


def number(value: Any) -> int | None:
    """A whole number out of a JSON number or a string of digits; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value) if abs(value) < 2**63 else None  # NaN is not less either
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 20:
        return int(value)
    return None


class Ending(Settings, frozen=True, kw_only=True):
    """Explicit rules. They come before every other: `stop` first, then `has_more`."""

    stop: Annotated[
        str | None,
        Meta(
            description="Expression over status, headers, body, records and request: when true, this page "
            "is the last. False decides nothing.",
            extra=expression_over("paging"),
        ),
    ] = None
    has_more: Annotated[
        str | None,
        Meta(
            description="Expression over status, headers, body, records and request: true, there is a next "
            'page; false, null, undefined or the text "false", this page is the last.',
            extra=expression_over("paging"),
        ),
    ] = None
    end_values: Annotated[
        tuple[str | int, ...],
        Meta(
            description='Values of the next page\'s cursor, URL or number that mean that there is none ("inf", -1).',
            extra=TEXT,
        ),
    ] = ()
    end_on_repeat: Annotated[
        bool,
        Meta(
            description="Whether an answer that names its own page as the next one means the end. Default: the "
            "listing is incomplete."
        ),
    ] = False
    first_page_only: Annotated[
        tuple[str, ...],
        Meta(
            description="Query parameters that are sent with the first page only (a vendor refuses them later); "
            "`*` is every parameter, `/sort` a place in the body.",
            extra=TEXT,
        ),
    ] = ()
    max_pages: Annotated[
        int,
        Meta(
            ge=1,
            description="Pages after which the listing stops. Where the default stops it, the listing is incomplete.",
        ),
    ] = MAX_PAGES
    restart: Annotated[
        Restart | None,
        Meta(description="What to do at a result cap: begin again with a filter from the last record."),
    ] = None

    def is_end(self, answer: Answer, **more: Any) -> bool | None:
        """True: the explicit rules end here. False: they say there is more. None: they say nothing."""
        from conn_engine.expressions import UNDEFINED

        if self.stop is not None and affirmative(answer.ask(self.stop, **more)):
            answer.more.append(False)
            return True
        if self.has_more is None:
            return None
        value = answer.ask(self.has_more, **more)
        if value is not UNDEFINED:
            answer.more.append(affirmative(value))
        return not affirmative(value)

    def lead(self) -> EndKey | None:
        """The key of an answer that leads to the next page; None for a listing that counts."""
        return None

    def end_keys(self) -> tuple[EndKey, ...]:
        """The keys of an answer that decide whether a page follows."""
        more = None if self.has_more is None else EndKey("has_more", self.has_more, "answer")
        return tuple(key for key in (more, self.lead()) if key is not None)

    def total_keys(self) -> tuple[EndKey, ...]:
        """The keys that hold how much there is."""
        return ()

    def total(self, answer: Answer) -> int | None:
        """How many records the answer says that the whole listing has."""
        return None

    def full_size(self, answer: Answer) -> int | None:
        """How many records make a page full; None when no size was asked for."""
        return None

    def is_missing(self, value: Any) -> bool:
        """Whether a next-page value means that there is no next page."""
        return blank(value) or value in self.end_values or (isinstance(value, str) and number(value) in self.end_values)

    def drop_first_page_only(self, state: Any, draft: Draft) -> None:
        """Remove what only the first page's request has from the request of a later one."""
        if state is None:
            return
        for name in self.first_page_only:
            if name == "*":
                draft.query = []
            elif name.startswith("/"):
                draft.body = remove_pointer(draft.body, name)
            else:
                draft.set_query(name, None)

    def names(self, state: Any, scope: Scope) -> Names:
        """What templates see as `page`. `scope` has the names of the call."""
        return dict(state) if isinstance(state, dict) else {}


def check_strategies(strategies: Iterable[type]) -> None:
    """Raise TypeError for a strategy that lacks the rules by which every listing ends."""
    for strategy in strategies:
        if not issubclass(strategy, Ending):
            raise TypeError(
                f"{strategy.__name__} derives from {strategy.__bases__[0].__name__}: derive it from Ending "
                "(listing/pagination/ending.py), or its listings have no `stop`, `has_more`, `max_pages` and `restart`"
            )


class Sized(Ending, frozen=True, kw_only=True):
    """Listings whose page size is asked for."""

    size: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Records per page to ask for. A size in the call's own query or body wins."),
    ] = None
    max_size: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="The most records per page that the vendor gives; a caller who asks for more gets this."),
    ] = None

    total_field: Annotated[
        str | None,
        Meta(
            description="Expression over the body: how many records the whole listing has. Fewer that arrive make the "
            "listing incomplete; pages by number, offset and range also end by it.",
            extra=expression_over("body"),
        ),
    ] = None

    @property
    def size_where(self) -> Where:
        """Where the page size goes."""
        return Where()

    def total_keys(self) -> tuple[EndKey, ...]:
        """That of `total_field`."""
        return () if self.total_field is None else (EndKey("total_field", self.total_field),)

    def total(self, answer: Answer) -> int | None:
        """What `total_field` finds."""
        return number(answer.field(self.total_field)) if self.total_field is not None else None

    def full_size(self, answer: Answer) -> int | None:
        """The size that the request asked for."""
        where, query = self.size_where, answer.sent.get("query")
        if not where.given:
            return None
        asked = number(where.read_parameter(query if isinstance(query, dict) else {}, {}, answer.sent.get("body")))
        return asked if asked is not None else self.size

    def put_size(self, state: Any, draft: Draft, where: Where) -> None:
        """Ask for `size` records unless the request already asks for some number; for `max_size` at most."""
        once = () if state is None else self.first_page_only
        if not where.given or "*" in once or where.param in once or where.pointer in once:
            return
        asked = where.read_parameter(dict(draft.query), draft.headers, draft.body)
        if asked is None:
            if self.size is not None:
                where.put(draft, self.size if self.max_size is None else min(self.size, self.max_size))
            return
        wanted = number(asked)
        if self.max_size is not None and wanted is not None and wanted > self.max_size:
            where.put(draft, self.max_size)
            draft.notes.append(f"the page size {wanted} is cut to {self.max_size}, the most that the vendor gives")

    def has_size(self, answer: Answer, where: Where) -> bool:
        """Whether the request asked for a page size."""
        sent = answer.sent
        query = sent.get("query")
        return (
            self.size is not None
            or where.read_parameter(query if isinstance(query, dict) else {}, {}, sent.get("body")) is not None
        )


class Counted(Sized, frozen=True, kw_only=True):
    """Rules for listings that advance by a number. In this order:

    1. `stop`, `has_more`;
    2. `total_field`: as many records as the total have come, or an empty page;
    3. an empty page;
    4. a short page, when a size was sent and `full_pages` holds. Short means shorter than the widest page
       before it, not shorter than the size asked for: a vendor may cap the size without saying so. A first
       page is therefore never short, and a listing of one page costs one more request unless a rule of 1 or
       2 is given.
    """

    full_pages: Annotated[
        bool,
        Meta(
            description="Whether the vendor fills every page but the last. Say false for one that filters a "
            "page after it is cut; then only an empty page ends the listing."
        ),
    ] = True

    def is_end_by_count(self, answer: Answer, *, seen: int, widest: int, sized: bool) -> bool:
        """Whether rules 2 to 4 end the listing. `seen` counts this page too; `widest` is of the pages before it."""
        count = answer.count
        if count == 0:
            return True
        total = self.total(answer)
        if total is not None:
            return seen >= total
        return sized and self.full_pages and count < widest
