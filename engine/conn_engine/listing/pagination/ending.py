"""When a listing ends: the rules that all strategies share, and those of listings that count pages or records.

Each strategy determines the next page's value.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from msgspec import Meta

from conn_engine.documents.pointers import remove_pointer
from conn_engine.listing.pagination.completeness import EndKey
from conn_engine.listing.pagination.placement import Where
from conn_engine.listing.pagination.restart_settings import Restart
from conn_engine.roles import TEXT, expression_over, mark_advanced
from conn_engine.settings import Answer, Draft, Names, Scope, Settings
from conn_engine.urls import split_plain_url

__all__ = ["MAX_PAGES", "Chained", "Counted", "Ending", "check_strategies", "is_affirmative", "is_blank", "to_number"]

MAX_PAGES = 100_000
_NEGATIVES = frozenset({"", "false", "null", "none", "no", "0"})
_BLANKS = frozenset({"", "null"})


def is_affirmative(value: Any) -> bool:
    """Return whether a flag means yes. Vendors also write flags as text: "false", "null", "no" and "0" mean no."""
    from conn_engine.expressions import UNDEFINED

    if value is UNDEFINED:
        return False
    if isinstance(value, str):
        return value.strip().lower() not in _NEGATIVES
    return bool(value)


def is_blank(value: Any) -> bool:
    """Return whether a next-page value means that there is no next page: undefined, null, false, zero, "", "null" or an
    empty list."""
    from conn_engine.expressions import UNDEFINED

    if value is UNDEFINED or value is None or value is False:
        return True
    if isinstance(value, str):
        return value.strip().lower() in _BLANKS
    return value in (0, [], {})


def to_number(value: Any) -> int | None:
    """Return an integer from a JSON number or a string of digits; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value) if abs(value) < 2**63 else None  # false for NaN too
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 20:
        return int(value)
    return None


class Ending(Settings, frozen=True, kw_only=True):
    """Explicit rules. They come before all others: `stop` first, then `has_more`."""

    stop: Annotated[
        str | None,
        Meta(
            description="If true, this page is the last; false has no effect.",
            extra=expression_over("paging"),
        ),
    ] = None
    has_more: Annotated[
        str | None,
        Meta(
            description='If true, there is a next page; if false, null, undefined or the text "false", this page is '
            "the last.",
            extra=expression_over("paging"),
        ),
    ] = None
    end_values: Annotated[
        tuple[str | int, ...],
        Meta(
            description='Values of the next cursor, URL or number that mean that there is no next page ("inf", -1).',
            extra=TEXT,
        ),
    ] = ()
    end_on_repeat: Annotated[
        bool,
        Meta(
            description="Whether a response that names its own page as the next one ends the listing. Default: "
            "the listing is incomplete."
        ),
    ] = False
    first_page_only: Annotated[
        tuple[str, ...],
        Meta(
            description="Query parameters to send with the first page only, if the vendor refuses them later. "
            "`*` means every parameter, `/sort` a path in the body.",
            extra=TEXT,
        ),
    ] = ()
    max_pages: Annotated[
        int,
        Meta(
            ge=1,
            description="Maximum number of pages. If the default is reached, the listing is incomplete.",
        ),
    ] = MAX_PAGES
    restart: Annotated[
        Restart | None,
        Meta(
            description="What to do at a result cap: restart with a filter from the last record.", extra=mark_advanced()
        ),
    ] = None

    def is_end(self, answer: Answer, **more: Any) -> bool | None:
        """Return True if the explicit rules end the listing here, False if they continue it, None if they do not
        decide."""
        from conn_engine.expressions import UNDEFINED

        if self.stop is not None and is_affirmative(answer.ask(self.stop, **more)):
            answer.more.append(False)
            return True
        if self.has_more is None:
            return None
        value = answer.ask(self.has_more, **more)
        if value is not UNDEFINED:
            answer.more.append(is_affirmative(value))
        return not is_affirmative(value)

    def lead(self) -> EndKey | None:
        """Return the key of a response that leads to the next page; None for a listing that counts."""
        return None

    def end_keys(self) -> tuple[EndKey, ...]:
        """Return the keys of a response that decide whether another page follows."""
        more = None if self.has_more is None else EndKey("has_more", self.has_more, "answer")
        return tuple(key for key in (more, self.lead()) if key is not None)

    def total_keys(self) -> tuple[EndKey, ...]:
        """Return the keys with the total."""
        return ()

    def total(self, answer: Answer) -> int | None:
        """Return the total that the response reports for the complete listing."""
        return None

    def full_size(self, answer: Answer) -> int | None:
        """Return the number of records of a full page; None if no size was requested."""
        return None

    def is_missing(self, value: Any) -> bool:
        """Return whether a next-page value means that there is no next page."""
        return (
            is_blank(value)
            or value in self.end_values
            or (isinstance(value, str) and to_number(value) in self.end_values)
        )

    def drop_first_page_only(self, state: Any, draft: Draft) -> None:
        """Remove from a later page's request what only the first page's request has."""
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
        """Return what templates see as `page`. `scope` has the names of the call."""
        return dict(state) if isinstance(state, dict) else {}


def check_strategies(strategies: Iterable[type]) -> None:
    """Raise TypeError for a strategy without the rules by which every listing ends."""
    for strategy in strategies:
        if not issubclass(strategy, Ending):
            raise TypeError(
                f"{strategy.__name__} derives from {strategy.__bases__[0].__name__}: derive it from Ending "
                "(listing/pagination/ending.py), or its listings have no `stop`, `has_more`, `max_pages` and `restart`"
            )


class Sized(Ending, frozen=True, kw_only=True):
    """Listings with a page size."""

    size: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="Number of records per page to request. A size in the call's own query or body takes "
            "precedence."
        ),
    ] = None
    max_size: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="The vendor's maximum number of records per page; larger requests of a caller are "
            "reduced to it."
        ),
    ] = None

    total_field: Annotated[
        str | None,
        Meta(
            description="The total number of records. If fewer arrive, the listing is incomplete; `page`, `offset` "
            "and `range` also end when it is reached.",
            extra=expression_over("body"),
        ),
    ] = None

    @property
    def size_where(self) -> Where:
        """Where to send the page size."""
        return Where()

    def total_keys(self) -> tuple[EndKey, ...]:
        """Return the key of `total_field`."""
        return () if self.total_field is None else (EndKey("total_field", self.total_field),)

    def total(self, answer: Answer) -> int | None:
        """Return what `total_field` finds."""
        return to_number(answer.field(self.total_field)) if self.total_field is not None else None

    @property
    def ends_by_size(self) -> bool:
        """Whether a page shorter than the page size is the last (`full_pages: size`)."""
        return getattr(self, "full_pages", None) == "size"

    def is_end(self, answer: Answer, **more: Any) -> bool | None:
        """Apply the explicit rules, then `full_pages: size`, unless the response reports a total, which is more
        reliable."""
        ended = super().is_end(answer, **more)
        if ended is not None or not self.ends_by_size or self.total(answer) is not None:
            return ended
        size = self._find_guaranteed_size(answer)
        return True if size is not None and answer.count < size else None

    def full_size(self, answer: Answer) -> int | None:
        """Return the number of records of a full page."""
        requested = self._read_requested_size(answer)
        if requested is None and (self.size_where.is_set or self.ends_by_size):
            return self._cap(self.size)
        return requested

    def _find_guaranteed_size(self, answer: Answer) -> int | None:
        """Return the number of records that every page except the last has; None if it is unknown.

        Without `max_size`, the vendor may return fewer than a caller requests, but not fewer than `size`. A request
        without the size, such as that for a next URL, may have the size of the first request: that is unknown.
        """
        requested = self._read_requested_size(answer)
        if requested is None:
            return None if self.size_where.is_set else self.size
        return requested if self.size is None or self.max_size is not None else min(requested, self.size)

    def _read_requested_size(self, answer: Answer) -> int | None:
        """Return the page size in the request, or in the next URL that it followed."""
        where, query = self.size_where, answer.sent.get("query")
        if not where.is_set:
            return None
        headers = dict(answer.request.headers.items()) if where.header is not None else {}
        size = where.read_parameter(query if isinstance(query, dict) else {}, headers, answer.sent.get("body"))
        if size is None and where.param is not None:
            size = dict(parse_qsl(split_plain_url(str(answer.sent.get("url") or "")).query)).get(where.param)
        return to_number(size)

    def _cap(self, size: int | None) -> int | None:
        return size if size is None or self.max_size is None else min(size, self.max_size)

    def put_size(self, state: Any, draft: Draft, where: Where) -> None:
        """Request `size` records unless the request already has a size; at most `max_size`. A complete URL keeps its
        query."""
        if draft.absolute:
            where = replace(where, param=None)
        once = () if state is None else self.first_page_only
        if not where.is_set or "*" in once or where.param in once or where.pointer in once:
            return
        parameter = where.read_parameter(dict(draft.query), draft.headers, draft.body)
        if parameter is None:
            if self.size is not None:
                where.set_parameter(draft, self._cap(self.size))
            return
        requested_size = to_number(parameter)
        if self.max_size is not None and requested_size is not None and requested_size > self.max_size:
            where.set_parameter(draft, self.max_size)
            draft.notes.append(f"the page size {requested_size} was reduced to {self.max_size}, the vendor's maximum")

    def has_size(self, answer: Answer, where: Where) -> bool:
        """Return whether the request had a page size."""
        request_parts = answer.sent
        query = request_parts.get("query")
        return (
            self.size is not None
            or where.read_parameter(query if isinstance(query, dict) else {}, {}, request_parts.get("body")) is not None
        )


class Chained(Sized, frozen=True, kw_only=True):
    """Listings whose responses lead to the next page."""

    full_pages: Annotated[
        Literal["size"] | None,
        Meta(
            description="`size`: a page with fewer records than the page size is the last, even if it leads to "
            "another. Default: only the response decides."
        ),
    ] = None


class Counted(Sized, frozen=True, kw_only=True):
    """Rules for listings that advance by a number. In this order:
    1. `stop`, `has_more`;
    2. `total_field`: as many records as the total have come, or an empty page;
    3. an empty page;
    4. a short page, if a size was sent and `full_pages` is true. Short means shorter than the longest page before it,
    not shorter than the requested size, because a vendor may reduce the size without notice. A first page is therefore
    never short, and a listing of one page costs one more request unless a rule of 1 or 2 is set, or `full_pages` is
    `size`: then the requested size counts, before rule 2, unless the response has a total."""

    full_pages: Annotated[
        bool | Literal["size"],
        Meta(
            description="Whether the vendor fills every page except the last. `true`: a page shorter than an earlier "
            "one is the last. `size`: a page with fewer records than the page size is the last; for a vendor that "
            "never returns fewer than requested. `false`: only an empty page is the last; for a vendor that filters a "
            "page after cutting it."
        ),
    ] = True

    def is_end_by_count(self, answer: Answer, *, seen: int, widest: int, sized: bool) -> bool:
        """Return whether rules 2 to 4 end the listing. `seen` includes this page; `widest` is the longest page before
        it."""
        count = answer.count
        if count == 0:
            return True
        total = self.total(answer)
        if total is not None:
            return seen >= total
        return sized and self.full_pages is not False and count < widest
