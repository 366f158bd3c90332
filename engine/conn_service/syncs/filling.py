"""Fill what a page stores: its records after all steps, those that fail, and those that are deleted."""

import json
from dataclasses import dataclass, field
from typing import Final

from msgspec.json import encode

from conn_engine.errors import ConfigurationError, ExpressionError
from conn_engine.syncs import EnrichStep, OutgoingRecord, RecordFault, StageFault, compute_digest, process_page
from conn_engine.syncs.events import Change
from conn_engine.syncs.pipeline import LONGEST_KEY
from conn_engine.wire import Page
from conn_service.delivery.queue import add_deliveries
from conn_service.syncs.enriching import EnrichmentCache
from conn_service.syncs.events import name_spooled, to_events
from conn_service.syncs.open_run import OpenRun
from conn_service.syncs.phases import find_loop
from conn_service.syncs.store import LONGEST_FIELD, PageHook, PageRows, RunRow, SetAside, SpoolRow, SyncStore
from conn_service.syncs.targets import find_target

__all__ = [
    "LOOP_STAGE",
    "PageDraft",
    "RecordStopError",
    "fill_deleted",
    "fill_loop",
    "fill_records",
    "fill_tombstones",
]

LOOP_STAGE: Final = "for_each"
"""The stage of a record that was to be an item of a loop."""


class RecordStopError(ConfigurationError):
    """A record fails, and the sync stops then. `log_text` has no values of the record, which the message may have."""

    def __init__(self, message: str, *, log_text: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.log_text = log_text


@dataclass(slots=True)
class PageDraft:
    """What a page of a run stores. `hooks` write more rows in the same transaction. Once a page is stored, failures
    are counted from the beginning."""

    run: RunRow
    opened: OpenRun
    now: float
    rows: PageRows = field(default_factory=PageRows)
    counts: dict[str, int] = field(default_factory=dict)
    hooks: list[PageHook] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = {name: count for name, count in self.run.counts.items() if name != "failures"}

    def add(self, name: str, amount: int = 1) -> None:
        """Add to a count of the run."""
        if amount:
            self.counts[name] = self.counts.get(name, 0) + amount

    def deliver(self, records: list[OutgoingRecord], change: Change = "upsert") -> None:
        """Store records for delivery: as events of an endpoint, or in the spool."""
        step = find_target(self.run, self.opened.plan)
        self.add("spooled", len(records))
        plan = self.opened.plan
        writes = plan.write is not None and change == "upsert"
        if not records or (step is None and not writes):
            return
        if step is not None and step.type == "webhook" and not plan.spools and not writes:
            events = to_events(self.run, plan, step, records, change)
            self.add("events", len(events))
            run_id, now, key = self.run.id, self.now, self.opened.endpoint_key
            self.hooks.append(lambda connection, _seq: add_deliveries(connection, [key], run_id, events, now))
            return
        self.rows.spool += [
            SpoolRow(
                record.key,
                name_spooled(self.run, plan, record) if writes else "",
                encode(record.value).decode(),
                change,
            )
            for record in records
        ]


def fill_loop(draft: PageDraft, page: Page) -> None:
    """Store the records of a page as items of a loop. One without an ID fails: without it, a request would be for all
    records instead of those of an item."""
    loop = find_loop(draft.opened.plan)
    scope = draft.opened.build_scope(draft.run)
    if loop is None:
        return
    for position, record in enumerate(page.records):
        try:
            item_id = loop.read_id(record, scope)
        except ExpressionError as error:
            _treat_fault(draft, StageFault(LOOP_STAGE, RecordFault(position, record, error.message, error.hint)))
            continue
        if item_id in (None, ""):
            message, hint = f'the record has no ID: "{loop.id}" has no value', "set id to the field that has it"
            _treat_fault(draft, StageFault(LOOP_STAGE, RecordFault(position, record, message, hint)))
            continue
        draft.rows.loop_items.append((json.dumps(item_id), json.dumps(record)))


def fill_records(draft: PageDraft, page: Page, store: SyncStore) -> None:
    """Run the steps on the records of a page, and deliver what is new.

    Raises ConfigurationError for a record that fails if the sync stops then.
    """
    opened, plan = draft.opened, draft.opened.plan
    if opened.enrichments is None and any(isinstance(step, EnrichStep) for step in plan.steps):
        opened.enrichments = EnrichmentCache(opened.connection, store, draft.run.id)
    scope = opened.build_scope(draft.run)
    if opened.enrichments is None:
        result = process_page(plan, page.records, scope)
    else:
        with opened.enrichments.save_on_failure():
            result = process_page(plan, page.records, scope, opened.enrichments.enrich)
        draft.hooks.append(opened.enrichments.clear)
    draft.add("records", len(page.records))
    draft.add("filtered", result.filtered)
    draft.add("empty", result.empty)
    for fault in result.faults:
        _treat_fault(draft, fault)
    draft.deliver(_leave_out_known(draft, result.records, store))
    draft.add("deleted_in_listing", len(result.deleted))
    _deliver_deleted(draft, result.deleted, store, is_latest=True)


def _treat_fault(draft: PageDraft, fault: StageFault) -> None:
    policy = draft.opened.plan.on_error
    record = fault.fault.record
    key = str(record.get("id", "")) if isinstance(record, dict) else ""
    if policy == "stop":
        raise RecordStopError(
            f"{fault.stage} fails for the record {key or fault.fault.position + 1}: {fault.fault.message}",
            log_text=f"{fault.stage} fails for a record: conn sync show {draft.run.id}",
            hint=fault.fault.hint or "correct the expression, or use on_error: set_aside",
        )
    if policy == "skip":
        draft.add("skipped")
        return
    draft.add("set_aside")
    key = json.dumps(key, ensure_ascii=not key.isprintable())[1:-1][:LONGEST_KEY]  # as a database can store it
    message = fault.fault.message.encode(errors="replace").decode().replace("\0", "\ufffd")
    draft.rows.set_aside.append(
        SetAside(key, fault.stage, json.dumps(record), message, fault.fault.field[:LONGEST_FIELD])
    )


def _leave_out_known(draft: PageDraft, records: list[OutgoingRecord], store: SyncStore) -> list[OutgoingRecord]:
    """Return the records to deliver. Those that this run has stored are left out, and with `changes_only` those that
    are as they were."""
    run, opened, known = draft.run, draft.opened, draft.rows.known
    before = store.known.find(opened.stream, [record.key for record in records])
    fresh: list[OutgoingRecord] = []
    for record in records:
        digest, seen = (known[record.key], run.id) if record.key in known else before.get(record.key, ("", ""))
        known[record.key] = record.digest
        if seen == run.id and digest == record.digest:
            draft.add("read_again" if opened.is_reopened else "duplicates")
        elif opened.plan.changes_only and digest == record.digest:
            draft.add("unchanged")
        elif seen == run.id:  # it has changed during the run, perhaps back: its event needs an ID of its own
            fresh.append(record._replace(version=f"{record.version or run.id}#{run.seq}.{len(fresh)}"))
        else:
            fresh.append(record)
    return fresh


def fill_tombstones(draft: PageDraft, page: Page, store: SyncStore) -> None:
    """Deliver the deletion of the records that a page lists as deleted.

    A vendor may list a record that was restored. One that is listed as before, with more than its ID, and that was
    delivered since, is left out. One without an ID is counted.
    """
    plan, scope, stream = draft.opened.plan, draft.opened.build_scope(draft.run), draft.opened.stream
    digests: dict[str, str] = {}
    for record in page.records:
        key = plan.read_deleted(record, scope)
        draft.add("deletes_without_id", int(not key))
        if key:
            digests[key] = compute_digest(record) if isinstance(record, dict) and len(record) > 1 else ""
    before = store.known.find_tombstones(stream, list(digests))
    known = store.known.find(stream, list(before))
    restored = {
        key
        for key, digest in digests.items()
        if digest and before.get(key) == digest and known.get(key, ("", ""))[0] and known[key][1] != draft.run.id
    }
    draft.add("deletes_repeated", len(restored))
    fresh = {key: digest for key, digest in digests.items() if key not in restored}
    draft.hooks.append(lambda connection, _seq: store.known.add_tombstones(connection, stream, fresh))
    fill_deleted(draft, list(fresh), store)


def fill_deleted(draft: PageDraft, keys: list[str], store: SyncStore) -> None:
    """Deliver the deletion of records. Those that a run has delivered as deleted before are left out, and those that
    this run has listed: they exist again, or the next run reads their deletion."""
    _deliver_deleted(draft, keys, store, is_latest=False)


def _deliver_deleted(draft: PageDraft, keys: list[str], store: SyncStore, *, is_latest: bool) -> None:
    """Deliver the deletion of records. `is_latest` means that it is newer than what this run has listed."""
    before = store.known.find(draft.opened.stream, keys)
    gone = []
    for key in dict.fromkeys(keys):
        digest, seen = before.get(key, ("new", ""))
        if digest and seen == draft.run.id and not is_latest:
            draft.add("deletes_still_listed")
        elif digest:
            gone.append(key)
    draft.rows.known |= dict.fromkeys(gone, "")
    draft.add("deletes", len(gone))
    draft.deliver([OutgoingRecord.of_deleted(key) for key in gone], "delete")
