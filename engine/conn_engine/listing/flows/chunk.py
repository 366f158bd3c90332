"""A list that is too long for one request, such as the fields asked for: cut in pieces, the answers merged."""

from typing import Annotated

from msgspec import Meta

from conn_engine.listing.flows.parents import ParentSource, Values
from conn_engine.listing.flows.placement import Placement
from conn_engine.roles import expression_over, values_over

__all__ = ["Chunk"]


class Chunk(Placement, frozen=True, kw_only=True):
    """Each page is asked for once per piece; the records of the answers are merged by `key`, objects field by field.

    The piece is called `chunk` in every expression. The first piece's answer says what page comes next.
    """

    values: Annotated[
        Values | ParentSource,
        Meta(
            description="The list: as it is, an expression, or the records of another operation.",
            extra=values_over("call"),
        ),
    ]
    size: Annotated[
        Annotated[int, Meta(ge=1, le=10_000)] | None, Meta(description="How many values one request carries.")
    ] = None
    max_length: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="How many characters the values of one request have, joined by commas."),
    ] = None
    key: Annotated[
        str | None,
        Meta(
            description="Expression over a record by which it is found again. Default: its `id`.",
            extra=expression_over("item"),
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.size is None and self.max_length is None:
            raise ValueError("a chunk needs `size` or `max_length`")

    def cut(self, values: list[object]) -> list[list[object]]:
        """The values in pieces, in order; one piece at least. A value that is too long is a piece of its own."""
        pieces: list[list[object]] = [[]]
        length = 0
        for value in values:
            more = len(str(value)) + (1 if pieces[-1] else 0)
            full = self.size is not None and len(pieces[-1]) >= self.size
            if pieces[-1] and (full or (self.max_length is not None and length + more > self.max_length)):
                pieces.append([])
                length, more = 0, len(str(value))
            pieces[-1].append(value)
            length += more
        return pieces
