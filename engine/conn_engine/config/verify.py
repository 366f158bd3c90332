"""A call that proves a credential."""

from typing import Annotated, TypeAlias

from msgspec import Meta

from conn_engine.roles import expression_over
from conn_engine.settings import Settings

__all__ = ["Verify"]

OperationPath: TypeAlias = Annotated[str, Meta(pattern=r"^[^.\s]+\.[^.\s]+$", max_length=200)]
Expression: TypeAlias = str  # JSONata


class Verify(Settings, frozen=True, kw_only=True):
    """What proves a credential: an operation, and what its answer must say."""

    operation: Annotated[OperationPath, Meta(description="The cheapest operation that proves it: resource.method.")]
    expect: Annotated[
        Expression | None,
        Meta(
            description="Condition over `body` (or `response`), `status`, `headers` and `context`, for vendors that "
            "answer 200 whoever asks. Default: the operation succeeds.",
            extra=expression_over("verified"),
        ),
    ] = None
    message: Annotated[
        Expression | None,
        Meta(
            description="Expression over the same names for what to say when the condition does not hold.",
            extra=expression_over("verified"),
        ),
    ] = None
