"""The events of a page of records."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial

from msgspec import Raw

from conn_engine.syncs import DeliverStep, OutgoingEvent, OutgoingRecord, SyncPlan, build_event
from conn_engine.syncs.events import Change, compute_event_id
from conn_service.delivery.claims import ClaimStore, DataDraft
from conn_service.syncs.store import RunRow, SyncStore

__all__ = ["name_spooled", "to_events", "to_spooled_events"]


def name_spooled(run: RunRow, plan: SyncPlan, record: OutgoingRecord) -> str:
    """Return the ID of the event that a spooled record is: an operation that writes it has it as idempotency key."""
    content = Raw(record.content) if record.content else record.value
    return compute_event_id(plan.name, run.account, record.key, content, record.version or run.id)


def to_events(
    run: RunRow,
    plan: SyncPlan,
    step: DeliverStep,
    records: Sequence[OutgoingRecord],
    change: Change = "upsert",
    *,
    batch: int | None = None,
) -> list[OutgoingEvent]:
    """Return one event per record, or per batch of records, whose data is then a list.

    Batches of a sync have one key, so that they arrive in order: two of them may contain the same record.
    """
    size = batch or step.batch
    events = []
    for start in range(0, len(records), size):
        part = records[start : start + size]
        first = part[0]
        events.append(
            build_event(
                sync=plan.name,
                account=run.account,
                type_=step.event,
                key=first.key if size == 1 else plan.name,
                data=first.value if size == 1 else [record.value for record in part],
                version=first.version or run.id,
                began=run.began,
                change=change,
                content=_join_contents(part, is_list=size > 1),
            )
        )
    return events


def _join_contents(records: Sequence[OutgoingRecord], *, is_list: bool) -> bytes:
    """Return the data of an event as canonical JSON, b"" if that of a record is not known."""
    contents = [record.content for record in records]
    if not all(contents):
        return b""
    return b"[%b]" % b",".join(contents) if is_list else contents[0]


def to_spooled_events(
    run: RunRow, plan: SyncPlan, store: SyncStore, claims: ClaimStore | None = None
) -> list[OutgoingEvent]:
    """Return one event whose data is the list of all records that a run has spooled, and one for those that are
    deleted. The same rows lead to the same events.

    With `claims`, a long list is stored there and never in memory. Raises ClaimStoreError.
    """
    with DataDraft() as upserts, DataDraft() as deletes:
        drafts: dict[Change, DataDraft] = {"upsert": upserts, "delete": deletes}
        after = (0, -1)
        while rows := store.spool.read(run, after):
            for row in rows:
                drafts["delete" if row.change == "delete" else "upsert"].add(row.payload)
            after = (rows[-1].seq, rows[-1].n)
        return [_to_event(run, plan, draft, change, claims) for change, draft in drafts.items() if draft.rows]


def _to_event(
    run: RunRow, plan: SyncPlan, draft: DataDraft, change: Change, claims: ClaimStore | None
) -> OutgoingEvent:
    content, stored = draft.finish()
    build = partial(
        build_event,
        sync=plan.name,
        account=run.account,
        type_=plan.spool_event,
        key=f"run:{change}",
        version=run.id,
        began=run.began,
        change=change,
    )
    if claims is None or stored.size <= claims.above:
        return build(data=json.loads(content.read()))
    event = build(data=stored.sha256)
    claims.store_data(event.id, content)
    body = {name: value for name, value in event.body.items() if name != "data"}
    return replace(event, body=body, stored_data=asdict(stored))
