"""The settings of `restart`. `restarting` carries them out."""

from typing import Annotated

from msgspec import Meta, field

from conn_engine.roles import expression_over
from conn_engine.settings import Settings

__all__ = ["Filter", "Restart"]

_Expressions = dict[str, str]


class Filter(Settings, frozen=True, kw_only=True):
    """The filter of the next part: expressions over `record` (the last one), `records`, body, headers."""

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
    """For a vendor that limits the results of one listing: at the cap, restart with a filter from the last record. The
    listing must be sorted by the filtered value."""

    after_records: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Number of records after which the cap is reached.")
    ] = None
    after_pages: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Number of pages after which the cap is reached.")
    ] = None
    when: Annotated[
        str | None,
        Meta(
            description="True when the cap is reached.",
            extra=expression_over("paging"),
        ),
    ] = None
    set: Annotated[Filter, Meta(description="Where to send the filter, and its values from the last record.")]
    key: Annotated[
        str,
        Meta(
            description="Identifies a record. A record from before the restart is not returned again. If it returns "
            "nothing, complete records are compared.",
            extra=expression_over("record"),
        ),
    ] = "record.id"

    def __post_init__(self) -> None:
        if self.after_records is None and self.after_pages is None and self.when is None:
            raise ValueError("`restart` needs `after_records`, `after_pages` or `when`, which detect the cap")
        if not any(getattr(self.set, name) for name in self.set.__struct_fields__):
            raise ValueError("`restart` needs a filter in `set`: without one, the same results come again")
        if any(not pointer.startswith("/") for pointer in self.set.body):
            raise ValueError("the keys of `restart.set.body` must be JSON pointers, such as /filter/since")
