"""When a listing ends: the rules that all strategies share, and those of listings that count pages or
records.

What the next page's value is, is each strategy's affair.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from conn_engine.strategies import Answer, Draft, Settings

__all__ = ["Counted", "Ending", "affirmative", "blank", "number"]

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
            "is the last. False decides nothing."
        ),
    ] = None
    has_more: Annotated[
        str | None,
        Meta(
            description="Expression over status, headers, body, records and request: true, there is a next "
            'page; false, null, undefined or the text "false", this page is the last.'
        ),
    ] = None
    first_page_only: Annotated[
        tuple[str, ...],
        Meta(description="Query parameters that are sent with the first page only (a vendor refuses them later)."),
    ] = ()

    def ended(self, answer: Answer, **more: Any) -> bool | None:
        """True: the explicit rules end here. False: they say there is more. None: they say nothing."""
        if self.stop is not None and affirmative(answer.ask(self.stop, **more)):
            return True
        if self.has_more is not None:
            return not affirmative(answer.ask(self.has_more, **more))
        return None

    def drop_first_page_only(self, state: Any, draft: Draft) -> None:
        """Remove the parameters of the first page from the request of a later one."""
        if state is not None:
            for name in self.first_page_only:
                draft.set_query(name, None)


class Counted(Ending, frozen=True, kw_only=True):
    """Rules for listings that advance by a number. In this order:

    1. `stop`, `has_more`;
    2. `total_field`: as many records as the total have come, or an empty page;
    3. an empty page;
    4. a short page, when a size was sent and `full_pages` holds. Short means shorter than the widest page
       before it, not shorter than the size asked for: a vendor may cap the size without saying so. A first
       page is therefore never short, and a listing of one page costs one more request unless a rule of 1 or
       2 is given.
    """

    size: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Records per page to ask for. A size in the call's own query wins."),
    ] = None
    total_field: Annotated[
        str | None, Meta(description="Expression over the body: how many records the whole listing has.")
    ] = None
    full_pages: Annotated[
        bool,
        Meta(
            description="Whether the vendor fills every page but the last. Say false for one that filters a "
            "page after it is cut; then only an empty page ends the listing."
        ),
    ] = True

    def counted(self, answer: Answer, *, seen: int, widest: int, sized: bool) -> bool:
        """Whether rules 2 to 4 end the listing. `seen` counts this page too; `widest` is of the pages before
        it."""
        count = len(answer.records)
        if count == 0:
            return True
        total = number(answer.field(self.total_field)) if self.total_field is not None else None
        if total is not None:
            return seen >= total
        return sized and self.full_pages and count < widest

    def sized(self, answer: Answer, param: str | None) -> bool:
        """Whether the request asked for a page size."""
        query = answer.sent.get("query")
        return self.size is not None or (isinstance(query, Mapping) and param in query)

    def put_size(self, draft: Draft, param: str | None, pointer: str | None) -> None:
        """Ask for `size` records unless the request already asks for some number."""
        from conn_engine.pagination.placement import put

        if self.size is None:
            return
        if param is not None and not any(name == param for name, _ in draft.query):
            put(draft, self.size, param=param)
        if pointer is not None:
            put(draft, self.size, pointer=pointer)
