"""Additional requests that complete the records of a page."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from msgspec import Meta

from conn_engine.listing.flows.parents import NAME
from conn_engine.listing.flows.request import StepRequest
from conn_engine.roles import expression_over, template_over
from conn_engine.settings import Settings

__all__ = ["Enrich"]


class Enrich(Settings, frozen=True, kw_only=True):
    """A request per record, or per `batch` of records, and how its response completes them."""

    aliases: ClassVar[Mapping[str, str]] = {"where": "when"}

    name: Annotated[NAME, Meta(description="Name of the enrichment.")]
    request: Annotated[
        StepRequest,
        Meta(
            description="The request; it sees `record`, or with `batch` the lists `records` and `keys`.",
            extra=template_over("completed"),
        ),
    ]
    when: Annotated[
        str | None,
        Meta(
            description="Selects the records to complete. Default: all.",
            extra=expression_over("record"),
        ),
    ] = None
    response_path: Annotated[
        str | None,
        Meta(
            description="The part to use. Default: the complete response.",
            extra=expression_over("body"),
        ),
    ] = None
    into: Annotated[
        str | None, Meta(description="Field of the record that receives the response. Default: the name.")
    ] = None
    transform: Annotated[
        str | None,
        Meta(
            description="The completed record, instead of `into`: `$merge([record, response])`.",
            extra=expression_over("record"),
        ),
    ] = None
    batch: Annotated[
        Annotated[int, Meta(ge=1, le=10_000)] | None,
        Meta(description="Number of records per request. Default: one request per record."),
    ] = None
    key: Annotated[
        str | None,
        Meta(
            description="With `batch`: the record's key. Default: its `id`.",
            extra=expression_over("item"),
        ),
    ] = None
    match: Annotated[
        str | None,
        Meta(
            description="With `batch`: the key of the record that a row of the response belongs to. Default: as `key`. "
            "If the response is an object, the key is looked up in it.",
            extra=expression_over("row"),
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.into is not None and self.transform is not None:
            raise ValueError("set either `into` or `transform`, not both")
        if self.batch is None and (self.key is not None or self.match is not None):
            raise ValueError("`key` and `match` are for a `batch`: set its size")
