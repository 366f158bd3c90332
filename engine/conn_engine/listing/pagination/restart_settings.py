"""The settings of `restart`. What is done by them is in `restarting`."""

from typing import Annotated

from msgspec import Meta, field

from conn_engine.roles import expression_over
from conn_engine.settings import Settings

__all__ = ["Filter", "Restart"]

_Expressions = dict[str, str]


class Filter(Settings, frozen=True, kw_only=True):
    """The filter of the next stretch: expressions over `record` (the last one), `records`, body, headers."""

    query: Annotated[_Expressions, Meta(description="Query parameters.", extra=expression_over("restart"))] = field(
        default_factory=dict
    )
    headers: Annotated[_Expressions, Meta(description="Request headers.", extra=expression_over("restart"))] = field(
        default_factory=dict
    )
    body: Annotated[
        _Expressions, Meta(description="JSON pointers into the request's body.", extra=expression_over("restart"))
    ] = field(default_factory=dict)
    form: Annotated[_Expressions, Meta(description="Form fields.", extra=expression_over("restart"))] = field(
        default_factory=dict
    )
    params: Annotated[
        _Expressions,
        Meta(description="Names for the operation's templates: `{{since}}`.", extra=expression_over("restart")),
    ] = field(default_factory=dict)


class Restart(Settings, frozen=True, kw_only=True):
    """A vendor that gives so many results of one listing and no more: at the cap begin again with a filter from the
    last record. The listing must be sorted by what the filter is of."""

    after_records: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="The cap: so many records of one stretch.")
    ] = None
    after_pages: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="The cap: so many pages of one stretch.")
    ] = None
    when: Annotated[
        str | None,
        Meta(
            description="The cap is reached when this expression over status, headers, body and records is true.",
            extra=expression_over("paging"),
        ),
    ] = None
    set: Annotated[Filter, Meta(description="Where the filter goes, and its values from the last record.")]
    key: Annotated[
        str,
        Meta(
            description="Expression over `record`: what it is known by. A record that came before the restart is not "
            "delivered again. Where it gives nothing, the whole record is compared.",
            extra=expression_over("record"),
        ),
    ] = "record.id"

    def __post_init__(self) -> None:
        if self.after_records is None and self.after_pages is None and self.when is None:
            raise ValueError("`restart` needs `after_records`, `after_pages` or `when`: when is the cap reached?")
        if not any(getattr(self.set, name) for name in self.set.__struct_fields__):
            raise ValueError("`restart` needs a filter under `set`: without one the same results come again")
        if any(not pointer.startswith("/") for pointer in self.set.body):
            raise ValueError("the places under `restart.set.body` are JSON pointers, such as /filter/since")
