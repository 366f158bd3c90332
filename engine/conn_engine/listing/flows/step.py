"""A step in addition to an operation's request: before or after it, after a login, or to subscribe to deliveries."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, TypeAlias

from msgspec import Meta

from conn_engine.listing.flows.request import StepRequest
from conn_engine.roles import OUTER, expression_over, template_over
from conn_engine.settings import Settings

__all__ = ["Step"]

Word: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=100)]
Expression: TypeAlias = str  # JSONata


class Step(Settings, frozen=True, kw_only=True):
    """One step before or after the request; later expressions see its result as `before.<name>` or `after.<name>`."""

    aliases: ClassVar[Mapping[str, str]] = {"run_if": "when"}

    name: Annotated[Word, Meta(description="Name of the result.")]
    when: Annotated[
        Expression | None,
        Meta(description="Condition for running the step. Default: always.", extra=expression_over(OUTER)),
    ] = None
    request: Annotated[
        StepRequest | None,
        Meta(description="A request; its decoded response is `response`.", extra=template_over(OUTER)),
    ] = None
    transform: Annotated[
        Expression | None,
        Meta(
            description="Expression for the result; with a request, it sees its `response`.",
            extra=expression_over(OUTER, "response"),
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.request is None and self.transform is None:
            raise ValueError("a step needs `request` or `transform`")
