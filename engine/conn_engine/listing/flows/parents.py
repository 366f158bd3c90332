"""The values that an operation is repeated for: given values, the records of another operation, or both."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from conn_engine.listing.flows.placement import Body, Form, Header, Param
from conn_engine.roles import expression_over, template_over, values_over
from conn_engine.settings import Settings

__all__ = ["OperationPath", "ParentSource", "Parents", "Values"]

OperationPath = Annotated[str, Meta(pattern=r"^[^.\s]+\.[^.\s]+$", max_length=200)]
NAME = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
Values = list[Any] | str


class ParentSource(Settings, frozen=True, kw_only=True):
    """Where values come from. `values` takes precedence over another source, which is only used if there are none."""

    aliases: ClassVar[Mapping[str, str]] = {"where": "when"}

    values: Annotated[
        Values | None,
        Meta(
            description="The values: a list, whose strings may contain {{…}}, or an expression over context, "
            "query and params. Objects are allowed: `{{city.lat}}`.",
            extra=values_over("call"),
        ),
    ] = None
    from_: Annotated[
        OperationPath | None,
        Meta(
            description="Vendor operation (resource.method) whose records are the parents. It may have parents itself."
        ),
    ] = msgspec.field(default=None, name="from")
    key: Annotated[
        str | None,
        Meta(
            description="The parent's value, such as `owner.id`; a list gives several. Default: its `id`, or the "
            "record itself if it is not an object.",
            extra=expression_over("item"),
        ),
    ] = None
    when: Annotated[
        str | None,
        Meta(
            description="Selects the parents. Default: all.",
            extra=expression_over("record"),
        ),
    ] = None
    query: Annotated[
        dict[str, Any] | None,
        Meta(description="Query parameters of the parents' listing.", extra=template_over("call")),
    ] = None
    params: Annotated[
        dict[str, Any] | None,
        Meta(description="Values for the parents' path, by name.", extra=template_over("call")),
    ] = None

    incremental: Annotated[
        bool,
        Meta(
            description="Whether to use only parents that are new since the last run. Their operation must then "
            "be incremental, and so is this one: it stores their state within its own."
        ),
    ] = False

    def __post_init__(self) -> None:
        parent_settings = (self.key, self.when, self.query, self.params, self.incremental)
        if self.from_ is None and parent_settings != (None, None, None, None, False):
            raise ValueError(
                "set `from`, the parents' operation: `key`, `when`, `query`, `params` and `incremental` "
                "are settings of it"
            )


class Parents(ParentSource, frozen=True, kw_only=True):
    """One name and its values: the operation runs once for each. Expressions see the value under its name and in
    `partition`, and the record it comes from in `parent`."""

    as_: Annotated[NAME, Meta(description="Name of the value: `{{board}}`, `partition.board`, `parent.board`.")] = (
        msgspec.field(name="as")
    )
    union: Annotated[tuple[ParentSource, ...] | None, Meta(description="Several sources in order, instead of one.")] = (
        None
    )
    batch: Annotated[
        Annotated[int, Meta(ge=1, le=10_000)] | None,
        Meta(description="Number of values per request: the value is then a list of at most this length."),
    ] = None
    param: Param = None
    header: Header = None
    body: Body = None
    form: Form = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.from_ is not None and self.union is not None:
            raise ValueError("set either `from` or `union` of `parents`, not both")
        if self.from_ is None and self.union is None and self.values is None:
            raise ValueError("`parents` needs one of `values`, `from` and `union`")
        for source in self.union or ():
            if source.from_ is None and source.values is None:
                raise ValueError("each source of a `union` needs `values` or `from`")

    @property
    def sources(self) -> tuple[ParentSource, ...]:
        """The sources in order, with those of a union one by one; without the values that take precedence."""
        return (self,) if self.union is None else self.union
