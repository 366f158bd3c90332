"""What is done beside an operation's own request: a step before or after it (or after a log-in), and a call that proves
a credential."""

from typing import Annotated, TypeAlias

from msgspec import Meta

from conn_engine.flows import StepRequest
from conn_engine.strategies import Settings

__all__ = ["Step", "Verify"]

Word: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=100)]
OperationPath: TypeAlias = Annotated[str, Meta(pattern=r"^[^.\s]+\.[^.\s]+$", max_length=200)]
Expression: TypeAlias = str  # JSONata


class Verify(Settings, frozen=True, kw_only=True):
    """What proves a credential: an operation, and what its answer must say."""

    operation: Annotated[OperationPath, Meta(description="The cheapest operation that proves it: resource.method.")]
    expect: Annotated[
        Expression | None,
        Meta(
            description="Condition over `body` (or `response`), `status`, `headers` and `context`, for vendors that "
            "answer 200 whoever asks. Default: the operation succeeds."
        ),
    ] = None
    message: Annotated[
        Expression | None,
        Meta(description="Expression over the same names for what to say when the condition does not hold."),
    ] = None


class Step(Settings, frozen=True, kw_only=True):
    """One step before or after the request; its result is `before.<name>` or `after.<name>` from there on."""

    name: Annotated[Word, Meta(description="Key under which the result stands.")]
    run_if: Annotated[Expression | None, Meta(description="The step runs when this is true. Default: always.")] = None
    request: Annotated[StepRequest | None, Meta(description="A request; its decoded answer is `response`.")] = None
    transform: Annotated[
        Expression | None, Meta(description="Makes the result; with a request, over its `response`.")
    ] = None

    def __post_init__(self) -> None:
        if self.request is None and self.transform is None:
            raise ValueError("a step needs `request` or `transform`")
