"""Split a list that is too long for one request, such as the requested fields, and merge the responses."""

from typing import Annotated

from msgspec import Meta

from conn_engine.listing.flows.parents import ParentSource, Values
from conn_engine.listing.flows.placement import Placement
from conn_engine.roles import expression_over, values_over

__all__ = ["Chunk"]


class Chunk(Placement, frozen=True, kw_only=True):
    """Each page is requested once per chunk of values. The records of the responses are merged by `key`, and objects
    field by field. Expressions see the values as `chunk`. The response for the first chunk determines the next page."""

    values: Annotated[
        Values | ParentSource,
        Meta(
            description="The list: literal values, an expression, or the records of another operation.",
            extra=values_over("call"),
        ),
    ]
    size: Annotated[
        Annotated[int, Meta(ge=1, le=10_000)] | None, Meta(description="Maximum number of values per request.")
    ] = None
    max_length: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="Maximum number of characters of the values per request, joined by commas."),
    ] = None
    key: Annotated[
        str | None,
        Meta(
            description="Identifies a record. Default: its `id`.",
            extra=expression_over("item"),
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.size is None and self.max_length is None:
            raise ValueError("a chunk needs `size` or `max_length`")

    def cut(self, values: list[object]) -> list[list[object]]:
        """Return the values in chunks, in order, and at least one. A value that is too long is in its own chunk."""
        pieces: list[list[object]] = [[]]
        length = 0
        for value in values:
            added = len(str(value)) + (1 if pieces[-1] else 0)
            is_full = self.size is not None and len(pieces[-1]) >= self.size
            if pieces[-1] and (is_full or (self.max_length is not None and length + added > self.max_length)):
                pieces.append([])
                length, added = 0, len(str(value))
            pieces[-1].append(value)
            length += added
        return pieces
