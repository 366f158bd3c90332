"""A request that verifies a credential."""

from typing import Annotated, TypeAlias

from msgspec import Meta

from conn_engine.roles import expression_over
from conn_engine.settings import Settings

__all__ = ["Verify"]

OperationPath: TypeAlias = Annotated[str, Meta(pattern=r"^[^.\s]+\.[^.\s]+$", max_length=200)]
Expression: TypeAlias = str  # JSONata


class Verify(Settings, frozen=True, kw_only=True):
    """How to verify a credential: an operation, and what its response must contain."""

    operation: Annotated[OperationPath, Meta(description="The cheapest operation that verifies it: resource.method.")]
    expect: Annotated[
        Expression | None,
        Meta(
            description="Condition for success, for vendors that respond with 200 to any caller. Default: the "
            "operation succeeds.",
            extra=expression_over("verified"),
        ),
    ] = None
    message: Annotated[
        Expression | None,
        Meta(
            description="The message when the condition is false.",
            extra=expression_over("verified"),
        ),
    ] = None
