"""Records that are parents of more records of the same operation: folders in folders, blocks in blocks."""

from typing import Annotated

import msgspec
from msgspec import Meta

from conn_engine.listing.flows.parents import NAME
from conn_engine.listing.flows.placement import Placement
from conn_engine.roles import expression_over

__all__ = ["Recurse"]


class Recurse(Placement, frozen=True, kw_only=True):
    """The operation runs again for each of its records that matches `when`. A record inside itself is an error."""

    as_: Annotated[NAME, Meta(description="Name of the value; often the same as in `parents`.")] = msgspec.field(
        name="as"
    )
    key: Annotated[
        str | None,
        Meta(description="The record's value. Default: its `id`.", extra=expression_over("item")),
    ] = None
    when: Annotated[
        str | None,
        Meta(
            description="Selects the records to request children of. Default: all.",
            extra=expression_over("record"),
        ),
    ] = None
    max_depth: Annotated[
        int, Meta(ge=1, le=50, description="Maximum number of levels below the first; a deeper one is an error.")
    ] = 20
