"""Further requests that complete the records of a page."""

from typing import Annotated

from msgspec import Meta

from conn_engine.listing.flows.parents import NAME
from conn_engine.listing.flows.request import StepRequest
from conn_engine.roles import expression_over, template_over
from conn_engine.settings import Settings

__all__ = ["Enrich"]


class Enrich(Settings, frozen=True, kw_only=True):
    """A request per record, or per `batch` records, and what becomes of its answer."""

    name: Annotated[NAME, Meta(description="What is looked up.")]
    request: Annotated[
        StepRequest,
        Meta(
            description="The request; `record` is in scope, with `batch` the lists `records` and `keys`.",
            extra=template_over("completed"),
        ),
    ]
    where: Annotated[
        str | None,
        Meta(
            description="Condition over `record`: which are completed. Default: all of them.",
            extra=expression_over("record"),
        ),
    ] = None
    response_path: Annotated[
        str | None,
        Meta(
            description="Expression over the answer for the part that counts. Default: the whole answer.",
            extra=expression_over("body"),
        ),
    ] = None
    into: Annotated[str | None, Meta(description="Field of the record that gets the answer. Default: the name.")] = None
    transform: Annotated[
        str | None,
        Meta(
            description="Expression over `record` and `response` for the completed record, in place of `into`: "
            "`$merge([record, response])`.",
            extra=expression_over("record"),
        ),
    ] = None
    batch: Annotated[
        Annotated[int, Meta(ge=1, le=10_000)] | None,
        Meta(description="How many records one request is for. Default: one request per record."),
    ] = None
    key: Annotated[
        str | None,
        Meta(
            description="With `batch`: expression over the record for its key. Default: its `id`.",
            extra=expression_over("item"),
        ),
    ] = None
    match: Annotated[
        str | None,
        Meta(
            description="With `batch`: expression over a row of the answer for its record's key. Default: as `key`. "
            "An answer that is an object is looked up by the key.",
            extra=expression_over("row"),
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.into is not None and self.transform is not None:
            raise ValueError("an answer goes `into` a field or through `transform`, not both")
        if self.batch is None and (self.key is not None or self.match is not None):
            raise ValueError("`key` and `match` tell the records of a `batch` apart: say how large it is")
