"""Over what an operation is repeated: given values, the records of another operation, or several of both."""

from typing import Annotated, Any

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
    """Where values come from. `values` beside another source go first: that one is asked when they give none."""

    values: Annotated[
        Values | None,
        Meta(
            description="The values: a list, whose strings may hold {{…}}, or an expression over context, query and "
            "params. Objects are values too: `{{city.lat}}`.",
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
            description="Expression over the parent's record for its value, such as `owner.id`; a list gives several. "
            "Default: its `id`, or the record itself when it is no object.",
            extra=expression_over("item"),
        ),
    ] = None
    where: Annotated[
        str | None,
        Meta(
            description="Condition over `record`: which parents count. Default: all of them.",
            extra=expression_over("record"),
        ),
    ] = None
    query: Annotated[
        dict[str, Any] | None,
        Meta(description="Query parameters of the parents' listing. May hold {{…}}.", extra=template_over("call")),
    ] = None
    params: Annotated[
        dict[str, Any] | None,
        Meta(description="Names that the parents' path uses. May hold {{…}}.", extra=template_over("call")),
    ] = None

    incremental: Annotated[
        bool,
        Meta(
            description="Whether only parents count that are new since the last run. Their operation is incremental "
            "then, and so is this one: their state is kept within its own."
        ),
    ] = False

    def __post_init__(self) -> None:
        told = (self.key, self.where, self.query, self.params, self.incremental)
        if self.from_ is None and told != (None, None, None, None, False):
            raise ValueError(
                "`key`, `where`, `query`, `params` and `incremental` belong to `from`, the parents' operation: name it"
            )


class Parents(ParentSource, frozen=True, kw_only=True):
    """One name and its values: the operation runs once for each. In every expression of the operation the value is
    called by its name, and stands in `partition`; the record that it is of stands in `parent`."""

    as_: Annotated[NAME, Meta(description="Name of the value: `{{board}}`, `partition.board`, `parent.board`.")] = (
        msgspec.field(name="as")
    )
    union: Annotated[
        tuple[ParentSource, ...] | None, Meta(description="Several sources one after the other, in place of one.")
    ] = None
    batch: Annotated[
        Annotated[int, Meta(ge=1, le=10_000)] | None,
        Meta(description="How many values go into one request: the value is then a list of up to so many."),
    ] = None
    param: Param = None
    header: Header = None
    body: Body = None
    form: Form = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.from_ is not None and self.union is not None:
            raise ValueError("parents come from `from` or from `union`, not from both")
        if self.from_ is None and self.union is None and self.values is None:
            raise ValueError("parents need one of `values`, `from` and `union`")
        for source in self.union or ():
            if source.from_ is None and source.values is None:
                raise ValueError("each source of a `union` needs `values` or `from`")

    @property
    def sources(self) -> tuple[ParentSource, ...]:
        """The sources in order, those of a union one by one; without the values that go before them."""
        return (self,) if self.union is None else self.union
