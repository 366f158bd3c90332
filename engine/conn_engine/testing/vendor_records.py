"""Reads the vendor's records from a recording as a response mapping sees them, and maps them field by field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs

from conn_engine.conditions import Conditions, Isolated
from conn_engine.config import Effective, OperationName, mapping_layers
from conn_engine.errors import ConnError
from conn_engine.expressions import EvaluationLimits, MappedRecord, evaluate_fields
from conn_engine.recordings.files import Recording
from conn_engine.testing.cases import conditions_at, read_recorded_at, replay

__all__ = ["VendorRecords", "map_vendor_records", "read_vendor_records"]

_NOTHING = "null"


@dataclass(frozen=True, slots=True)
class VendorRecords:
    """The records of one recording, in order. Each scope has its record as `response`, and the other names that a
    response mapping can use. A mapping with `each: page` has one scope for each page.

    `conditions` are those of the replay: the time of the recording, and fixed random numbers. `error` ended the replay;
    the records are those before it.
    """

    scopes: Sequence[Mapping[str, Any]]
    conditions: Conditions
    error: ConnError | None = None


def read_vendor_records(effective: Effective, name: OperationName, recording: Recording) -> VendorRecords:
    """Replay a recording of an operation without its response mapping and `after` steps, which may be unfinished.

    The records are those after `response_path`, `record_mapping` and `enrich`. Errors are returned, not raised.
    """
    conditions = conditions_at(read_recorded_at(recording.recorded_at), effective.evaluator)
    try:
        if name.kind == "unified":
            operation = effective.get_unified(name.model, name.resource, name.method)
            if operation is not None:
                operation = structs.replace(operation, response_mapping=_NOTHING, after=(), on_error=None)
                effective = effective.with_unified(name, operation)
        outcome = replay(effective, name, recording)
    except ConnError as error:
        return VendorRecords((), conditions, error)
    scopes = outcome.scopes
    if name.kind == "vendor":
        scopes = [{"response": record, "context": effective.context} for record in outcome.raw]
    return VendorRecords(scopes, conditions, outcome.error)


def map_vendor_records(
    effective: Effective,
    name: OperationName,
    records: VendorRecords,
    *,
    limits: EvaluationLimits | None = None,
    isolation: Isolated | None = None,
) -> list[MappedRecord]:
    """Return what an operation's response mapping gives for each record, field by field (see `evaluate_fields`).

    A configuration may have another mapping than the one that the records were read with. With `isolation`, such as
    `Isolation().isolate_except(())`, expressions run in a process that is killed if it exceeds the limits. Raises
    ConfigurationError if the operation itself is invalid.
    """
    operation = effective.get_unified(name.model, name.resource, name.method)
    layers = mapping_layers(operation.response_mapping) if operation is not None else []
    return evaluate_fields(layers, records.scopes, replace(records.conditions, isolation=isolation), limits=limits)
