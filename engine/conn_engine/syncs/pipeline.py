"""What happens to the records of a page between fetching and storing: filter, complete, transform, and identify."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from conn_engine.conditions import Conditions, Scope
from conn_engine.config import Effective, OperationName
from conn_engine.errors import (
    ConnError,
    CredentialError,
    ExpressionError,
    MissingRecording,
    TransportError,
    VendorError,
)
from conn_engine.expressions import UNDEFINED, expression, render
from conn_engine.runtime.call import Call
from conn_engine.runtime.parameters import parameters
from conn_engine.syncs.plan import SyncPlan
from conn_engine.syncs.planned_steps import EnrichStep, FetchStep, FilterStep, TransformStep
from conn_engine.syncs.transforming import RecordFault, apply_filter, apply_transform, divide

__all__ = [
    "LONGEST_KEY",
    "Enricher",
    "OutgoingRecord",
    "PageResult",
    "RunScope",
    "StageFault",
    "build_call",
    "compute_digest",
    "concerns_the_run",
    "process_page",
]

LONGEST_KEY = 600
Enricher = Callable[[OperationName, Call], Any]
"""Calls an operation and returns its record, or its records."""


@dataclass(frozen=True, slots=True)
class RunScope:
    """What expressions of a run see. `last_run_at` is ISO 8601, and None in the first run; `id` and `item` are those of
    a loop, `event` is the one that started the run, and `window` is the part of a backfill: `start` and `end`."""

    account: str
    last_run_at: str | None
    context: Mapping[str, Any]
    conditions: Conditions
    id: Any = None
    item: Any = None
    event: Mapping[str, Any] | None = None
    window: Mapping[str, str] | None = None

    def build(self) -> Scope:
        """Return the scope."""
        names = {
            "account": self.account,
            "last_run_at": self.last_run_at,
            "context": dict(self.context),
            "id": self.id,
            "item": self.item,
            "event": None if self.event is None else dict(self.event),
        }
        return Scope(names if self.window is None else {**names, "window": dict(self.window)}, self.conditions)


class OutgoingRecord(NamedTuple):
    """A record that is ready to deliver. `content` is its value as canonical JSON, and `digest` the digest of that, to
    find what has not changed."""

    key: str
    version: str
    value: Any
    digest: str
    content: bytes = b""

    @classmethod
    def of_deleted(cls, key: str) -> "OutgoingRecord":
        """Return what is delivered for a deleted record: its key as `id`."""
        return cls(key, "", {"id": key}, "")


@dataclass(frozen=True, slots=True)
class StageFault:
    """A record that cannot be delivered, and the stage that failed: `deletes`, `filter`, `enrich`, `transform` or
    `key`."""

    stage: str
    fault: RecordFault


@dataclass(slots=True)
class PageResult:
    """The result of a page. `deleted` has the keys of deleted records, `filtered` is the number of records that a
    filter left out, and `empty` that of records for which a transformation gives nothing."""

    records: list[OutgoingRecord] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    faults: list[StageFault] = field(default_factory=list)
    filtered: int = 0
    empty: int = 0


def build_call(effective: Effective, fetch: FetchStep, scope: Scope, **more: Any) -> Call:
    """Return the call of an operation, with its parameters filled in. Those whose value is null are left out.

    Raises ExpressionError for a template that has no value.
    """
    values = {name: value for name, value in render(dict(fetch.params), scope).items() if value is not None}
    names = parameters(effective, fetch.operation).names
    own_id = values.pop("id", None)
    window = scope.get("window") if fetch.uses_window else None
    return Call(
        id=None if own_id is None else str(own_id),
        params={name: value for name, value in values.items() if name in names},
        query={name: value for name, value in values.items() if name not in names},
        window=(window["start"], window["end"]) if window is not None else None,
        **more,
    )


def process_page(plan: SyncPlan, records: Sequence[Any], scope: Scope, enrich: Enricher | None = None) -> PageResult:
    """Run the steps between fetching and delivering on the records of one page.

    Records that fail are in `faults`; the caller decides what happens to them. `enrich` is needed by a plan with
    steps that complete records. Raises ExpressionError for an expression that takes too much time or memory.
    """
    result = PageResult()
    current: list[Any] = list(records)
    if plan.deleted_when is not None:
        current = _take_deleted(plan, plan.deleted_when, records, scope, result)
    for step in plan.steps:
        if isinstance(step, FilterStep):
            with _naming_stage("filter", plan):
                done = apply_filter(step.expression, current, scope)
            result.filtered += len(current) - len(done.results) - len(done.faults)
            result.faults += [StageFault("filter", fault) for fault in done.faults]
            current = done.results
        elif isinstance(step, TransformStep):
            with _naming_stage("transform", plan):
                done = apply_transform(step, current, scope)
            result.faults += [StageFault("transform", fault) for fault in done.faults]
            if step.each == "record" or not done.results:
                result.empty += len(current) - len(done.results) - len(done.faults)
            current = done.results
        elif isinstance(step, EnrichStep) and enrich is not None:
            current = list(_enrich(step, current, scope, enrich, result))
    _identify(plan, current, scope, result)
    return result


def _take_deleted(plan: SyncPlan, when: str, records: Sequence[Any], scope: Scope, result: PageResult) -> list[Any]:
    """Add the keys of the deleted records to the result, and return the other records."""
    with _naming_stage("deletes.when", plan):
        deleted, others = divide(when, records, scope)
    result.faults += [StageFault("deletes", fault) for fault in deleted.faults]
    for position, record in enumerate(deleted.results):
        message, hint = "the deleted record has no ID", "set deletes.id to the field that has it"
        try:
            key = plan.read_deleted(record, scope)
        except ExpressionError as error:
            key, message, hint = "", error.message, error.hint
        if key:
            result.deleted.append(key)
        else:
            result.faults.append(StageFault("deletes", RecordFault(position, record, message, hint)))
    return others


@contextmanager
def _naming_stage(stage: str, plan: SyncPlan) -> Iterator[None]:
    """Add the setting and the account to the message of an error."""
    try:
        yield
    except ExpressionError as error:
        raise ExpressionError(
            f'{stage} of the sync "{plan.name}" for "{plan.account}": {error.message}',
            code=error.code,
            text=error.text,
            offset=error.offset,
            at=error.at,
            hint=error.hint or f"simplify {stage} in the sync, or in the file of the account that overrides it",
        ) from None


def _enrich(step: EnrichStep, records: Sequence[Any], scope: Scope, enrich: Enricher, result: PageResult) -> Any:
    for position, record in enumerate(records):
        try:
            params = render(dict(step.params), scope | {"record": record})
            identifier = params.pop("id", None)
            call = Call(id=None if identifier is None else str(identifier), query=params)
            yield {**record, step.into: enrich(step.operation, call)} if isinstance(record, dict) else record
        except MissingRecording:  # only in a case, whose caller reports it
            yield record
        except ConnError as error:
            if concerns_the_run(error):
                raise
            result.faults.append(StageFault("enrich", RecordFault(position, record, error.message, error.hint)))


def concerns_the_run(error: ConnError) -> bool:
    """Return whether an error would occur for every record, so that the run waits or stops instead."""
    if isinstance(error, CredentialError | TransportError):
        return True
    return isinstance(error, VendorError) and error.kind in ("rate_limited", "vendor_unavailable")


def _identify(plan: SyncPlan, values: Sequence[Any], scope: Scope, result: PageResult) -> None:
    read_key, read_version = _build_reader(plan.key, scope), _build_reader(plan.version, scope)
    for position, value in enumerate(values):
        try:
            key, version = read_key(value), read_version(value)
        except ExpressionError as error:
            result.faults.append(StageFault("key", RecordFault(position, value, error.message, error.hint)))
            continue
        if not key:
            hint = "deliver the ID, or set key to the field that identifies a record"
            message = f'the record has no key: "{plan.key}" has no value'
            result.faults.append(StageFault("key", RecordFault(position, value, message, hint)))
            continue
        try:
            content = _encode(key, value)
        except ValueError as error:
            hint = "correct the value in transform, or leave it out"
            result.faults.append(StageFault("key", RecordFault(position, value, str(error), hint)))
            continue
        result.records.append(OutgoingRecord(key, version, value, _hash(content), content))


def compute_digest(value: Any) -> str:
    """Return what identifies the content of a record that is delivered, as `OutgoingRecord.digest` has it."""
    return _hash(msgspec.json.encode(value, order="deterministic"))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _encode(key: str, value: Any) -> bytes:
    """Return a record as canonical JSON. Raises ValueError if JSON or a database cannot hold it."""
    if len(key) > LONGEST_KEY:
        raise ValueError(f"the key has {len(key):,} characters; it can have at most {LONGEST_KEY}")
    if "\0" in key:
        raise ValueError("the key contains the character NUL")
    try:
        content = msgspec.json.encode(value, order="deterministic")
    except UnicodeEncodeError:
        raise ValueError("the record contains half of a character (a surrogate), which is not text") from None
    if b"null" in content:  # msgspec writes NaN and the infinities as null
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:
            raise ValueError("the record contains a number that JSON does not have, such as NaN") from None
    return content


def _build_reader(text: str | None, scope: Scope) -> Callable[[Any], str]:
    """Return what reads the text of a field of what is delivered, "" without one. A name is read without the
    evaluator."""
    if text is None:
        return lambda value: ""
    is_name = text.isidentifier()
    compiled = expression(text)

    def read_key(value: Any) -> str:
        if is_name and isinstance(value, dict):
            found = value.get(text)
        else:
            found = compiled.evaluate(value, scope.conditions)
        if isinstance(found, str):
            return found
        if found is UNDEFINED or found is None:
            return ""
        return msgspec.json.encode(found, order="deterministic").decode()

    return read_key
