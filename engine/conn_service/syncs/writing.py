"""Write the records of a run with an operation of the connector. Each is marked as soon as the vendor has it, so that a
crash repeats at most one, with the same idempotency key."""

import json
from dataclasses import replace
from typing import Any, Final

from conn_engine.config import mapping_layers
from conn_engine.errors import ConnError, ExpressionError, TransportError, VendorError
from conn_engine.expressions import compile_mapping
from conn_engine.runtime.call import Call
from conn_engine.syncs import OutgoingRecord, WriteStep
from conn_engine.syncs.events import Change
from conn_service.delivery.queue import add_deliveries
from conn_service.syncs.events import to_events
from conn_service.syncs.filling import PageDraft, RecordStopError
from conn_service.syncs.open_run import OpenRun
from conn_service.syncs.store import PageHook, RunRow, SetAside, SpoolRow, SyncStore
from conn_service.syncs.targets import find_target

__all__ = ["is_passing", "prepare_events", "send_record", "write_records"]

_IDEMPOTENCY_HEADER: Final = "idempotency-key"
_BATCH: Final = 20
_PASSING: Final = ("rate_limited", "vendor_unavailable")


def write_records(draft: PageDraft, store: SyncStore) -> tuple[int, int] | None:
    """Write the next records of a run. Return the place in the spool behind them, None if there was none.

    Raises the errors that pass, such as a rate limit, and ConfigurationError for a record that fails if the step stops
    then.
    """
    run, step = draft.run, draft.opened.plan.write
    seq, n = run.place.get("written", (0, -1))
    rows = [] if step is None else store.spool.read_unwritten(run, (seq, n), _BATCH)
    for row in rows:
        if step is not None:
            _write_row(draft, store, step, row)
    if not rows:
        draft.counts |= store.spool.count_written(run.id)
        return None
    return rows[-1].seq, rows[-1].n


def _write_row(draft: PageDraft, store: SyncStore, step: WriteStep, row: SpoolRow) -> None:
    run, opened = draft.run, draft.opened
    value = json.loads(row.payload)
    try:
        send_record(opened, run, step, value, row.event_id)
    except ConnError as error:
        if is_passing(error):
            raise
        if step.on_error == "stop":
            raise RecordStopError(
                f"the record {row.key} cannot be written: {error.message}",
                log_text=f"a record cannot be written: conn sync show {run.id}",
                hint=error.hint or "correct the step, or use on_error: set_aside",
            ) from None
        if step.on_error == "skip":
            draft.add("skipped")
            store.spool.drop_row(run, row, None, draft.now)
        else:
            store.spool.drop_row(run, row, SetAside(row.key, "write", row.payload, error.message), draft.now)
        return
    record = OutgoingRecord(row.key, "", value, "")
    store.spool.finish_row(run, row, draft.now, more=prepare_events(opened, run, record, row.event_id, draft.now))


def is_passing(error: ConnError) -> bool:
    """Return whether an error says nothing about the record: the vendor is busy or away, or wants a login."""
    if isinstance(error, TransportError):
        return True
    if isinstance(error, VendorError):
        return error.kind in _PASSING
    return not isinstance(error, ExpressionError)


def send_record(opened: OpenRun, run: RunRow, step: WriteStep, value: Any, event_id: str) -> None:
    """Write one record. Raises the errors of `Connection.pages`, and ExpressionError for its body."""
    scope = opened.build_scope(run) | {"record": value}
    body = value if step.body is None else compile_mapping(tuple(mapping_layers(step.body))).apply_one(scope)
    call = Call(body=body, headers={_IDEMPOTENCY_HEADER: event_id})
    for _ in opened.connection.pages(step.operation, call):
        pass


def prepare_events(
    opened: OpenRun, run: RunRow, record: OutgoingRecord, event_id: str, now: float, *, change: Change = "upsert"
) -> list[PageHook]:
    """Return what adds the event of a record to the queue of the run's endpoint: nothing for another destination."""
    plan, target = opened.plan, find_target(run, opened.plan)
    if target is None or target.type != "webhook" or plan.spools:
        return []
    events = [replace(event, id=event_id) for event in to_events(run, plan, target, [record], change, batch=1)]
    return [lambda connection, _seq: add_deliveries(connection, [opened.endpoint_key], run.id, events, now)]
