"""The steps of a sync, as a run performs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from conn_engine.conditions import Scope
from conn_engine.config import OperationName
from conn_engine.config.sync_models import EventTarget, RecordFailure
from conn_engine.errors import ConfigurationError
from conn_engine.expressions import UNDEFINED, compile_mapping, expression
from conn_engine.expressions import Mapping as CompiledMapping

__all__ = [
    "DEFAULT_ENDPOINT",
    "DeliverStep",
    "DriftStep",
    "EnrichStep",
    "FetchStep",
    "FilterStep",
    "Granularity",
    "LoopStep",
    "PlannedStep",
    "SpoolStep",
    "TransformStep",
    "WriteStep",
    "check_file_format",
    "describe_step",
]

Granularity: TypeAlias = Literal["page", "record"]
DEFAULT_ENDPOINT = "default"
_FILE_SUFFIXES = (".jsonl", ".ndjson", ".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class FetchStep:
    """Fetch all pages of an operation. `params` may have templates over `last_run_at`, `context`, `id` and `item`.

    With `uses_window`, the operation is limited to the window of a backfill by its own `incremental`.
    """

    operation: OperationName
    params: Mapping[str, Any]
    uses_window: bool = False


@dataclass(frozen=True, slots=True)
class DriftStep:
    """Compare the vendor's responses with the recordings, operation by operation. `record` selects those that are
    recorded again. What comes of an operation is a record for the steps that follow."""

    operations: tuple[str, ...] = ()
    pages: int = 1
    record: Literal["changed", "all"] | None = None


@dataclass(frozen=True, slots=True)
class LoopStep:
    """Repeat the steps that follow for each ID: the given ones, or those of the records of an operation."""

    ids: tuple[Any, ...] = ()
    fetch: FetchStep | None = None
    id: str = "record.id"

    def read_id(self, record: Any, scope: Scope) -> Any:
        """Return the ID of a record of the operation, None if it has none."""
        value = expression(self.id).evaluate(scope | {"record": record})
        return None if value is UNDEFINED else value


@dataclass(frozen=True, slots=True)
class FilterStep:
    """Keep the records for which an expression is true."""

    expression: str


@dataclass(frozen=True, slots=True)
class EnrichStep:
    """Call an operation for each record, and put the result into a field of the record."""

    operation: OperationName
    params: Mapping[str, Any]
    into: str


@dataclass(frozen=True)
class TransformStep:
    """Make what is delivered, per page or per record. `layers` are those of the levels, the lowest first."""

    layers: tuple[Any, ...]
    each: Granularity

    @cached_property
    def mapping(self) -> CompiledMapping:
        """The layers, compiled. Raises ExpressionError for an invalid expression."""
        return compile_mapping(self.layers)


@dataclass(frozen=True, slots=True)
class WriteStep:
    """Write each record with an operation of the connector, with an idempotency key per record."""

    operation: OperationName
    body: Any
    on_error: RecordFailure


@dataclass(frozen=True, slots=True)
class SpoolStep:
    """Deliver all records of a run as one event."""

    event: str


@dataclass(frozen=True, slots=True)
class DeliverStep:
    """Deliver records: as events to an endpoint (a name, or a URL), or into a file or a table."""

    type: EventTarget
    endpoint: str = DEFAULT_ENDPOINT
    event: str = ""
    to: str = ""
    table: str = ""
    batch: int = 1


PlannedStep: TypeAlias = (
    FetchStep | DriftStep | LoopStep | FilterStep | EnrichStep | TransformStep | WriteStep | SpoolStep | DeliverStep
)


def check_file_format(target: str) -> None:
    """Raise ConfigurationError for a file whose name does not end with the suffix of a known format. A name that ends
    with / is a folder, for a file per run."""
    if not target.lower().endswith(("/", *_FILE_SUFFIXES)):
        raise ConfigurationError(
            f'"{target}" has no known format',
            hint=f"end the name with one of {', '.join(_FILE_SUFFIXES)}, or with / for a file per run",
        )


def describe_step(step: PlannedStep) -> str:
    """Return a sentence for a step."""
    if isinstance(step, LoopStep):
        of = f"each record of {step.fetch.operation.text}" if step.fetch is not None else f"each of {len(step.ids)} IDs"
        return f"repeat for {of}"
    if isinstance(step, DriftStep):
        of = " or ".join(step.operations) or "all operations"
        recorded = {"changed": ", and record those that have changed again", "all": ", and record them again"}
        return f"compare the responses of {of} with the recordings{recorded.get(step.record or '', '')}"
    if isinstance(step, FetchStep):
        return f"fetch all pages of {step.operation.text}"
    if isinstance(step, FilterStep):
        return f"keep the records with {step.expression}"
    if isinstance(step, EnrichStep):
        return f"call {step.operation.text} for each record, into {step.into}"
    if isinstance(step, TransformStep):
        return f"transform each {step.each}"
    if isinstance(step, WriteStep):
        return f"write each record with {step.operation.text}"
    if isinstance(step, SpoolStep):
        return f"deliver all records of the run as one {step.event}"
    if step.type == "webhook":
        return f"deliver {step.event} to the endpoint {step.endpoint}"
    return f"deliver to {step.type}{f' {step.to}' if step.to else ''}"
