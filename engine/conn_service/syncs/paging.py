"""Fetch and store the next page of a run: in one transaction with the place where the run continues."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from conn_engine.errors import VendorError
from conn_engine.wire import Page
from conn_service.syncs.filling import PageDraft, fill_deleted, fill_loop, fill_records, fill_tombstones
from conn_service.syncs.judging import count_page
from conn_service.syncs.open_run import OpenRun
from conn_service.syncs.phases import find_loop, get_next_phase, keep_verdict, note_verdict
from conn_service.syncs.store import RunRow, SyncStore, has_seen_place
from conn_service.syncs.writing import write_records

__all__ = ["commit_draft", "store_next_page"]


def store_next_page(run: RunRow, opened: OpenRun, store: SyncStore, now: float) -> RunRow | None:
    """Fetch and store what follows the place of a run, and return the run behind it. None if another worker has stored
    it, or the run has ended; nothing is changed then.

    Raises the errors of `Connection.pages`, and ConfigurationError for a record that fails if the sync stops then.
    """
    draft = PageDraft(run, opened, now)
    if "deleted" in run.settings:  # events have reported them, so there is nothing to read
        fill_deleted(draft, run.settings["deleted"], store)
        return commit_draft(draft, store, run.place, "end")
    if run.phase == "drift":
        from conn_service.syncs.drifting import fill_check

        return commit_draft(draft, store, *fill_check(draft, store))
    if run.phase == "fetch" and not _take_loop_item(run, opened, store):
        return commit_draft(draft, store, keep_verdict(run.place), get_next_phase(opened.plan, run.phase))
    if run.phase == "write":
        written = write_records(draft, store)
        phase = run.phase if written is not None else get_next_phase(opened.plan, run.phase)
        return commit_draft(draft, store, {**run.place, "written": written}, phase)
    page = opened.read_page(run)
    if page is None:
        return _end_listing(draft, store)
    draft.rows.records = len(page.records)
    draft.add("pages" if run.phase == "fetch" else f"{run.phase}_pages", 0 if page.partial else 1)
    place = _find_next_place(run, page)
    if not page.partial:
        _note_place(draft, place)
    if run.phase == "loop":
        fill_loop(draft, page)
    elif run.phase == "fetch":
        count_page(draft, page, is_resumed=opened.is_reopened)
        fill_records(draft, page, store)
    else:
        fill_tombstones(draft, page, store)
    return commit_draft(draft, store, place, run.phase)


def commit_draft(draft: PageDraft, store: SyncStore, place: Mapping[str, Any], phase: str) -> RunRow | None:
    """Store a page, and the place and the phase that follow it. Return the run behind it, None if another worker has
    stored it, or the run has ended."""
    run = draft.run
    draft.add("requests", draft.opened.count_requests())
    stored = store.pages.commit(
        run,
        draft.rows,
        stream=draft.opened.stream,
        place=place,
        counts=draft.counts,
        phase=phase,
        now=draft.now,
        more=draft.hooks,
    )
    if stored is not None:
        draft.opened.seq = stored.seq
    return stored


def _note_place(draft: PageDraft, place: Mapping[str, Any]) -> None:
    """Store the place with the page, unless the run has been there: the vendor repeats a page."""
    if place.get("cursor") is None:
        return
    run = draft.run
    text = json.dumps([run.phase, place.get("item", 0), place["cursor"]])
    digest = draft.rows.place_digest = hashlib.sha256(text.encode()).hexdigest()

    def check(connection: Connection, _seq: int) -> None:
        if has_seen_place(connection, run, digest):
            raise VendorError(
                "the vendor repeats a page that the run has read",
                kind="bad_response",
                hint="check the pagination of the operation: conn test -v shows what it requests",
            )

    if not draft.opened.is_restarted:
        draft.hooks.append(check)


def _take_loop_item(run: RunRow, opened: OpenRun, store: SyncStore) -> bool:
    """Take the item of the loop that the run is at. Return False behind the last one."""
    loop = find_loop(opened.plan)
    if loop is None:
        return True
    number = int(run.place.get("item", 0))
    if loop.fetch is not None:
        item = store.pages.get_loop_item(run.id, number)
    else:
        item = (loop.ids[number], loop.ids[number]) if number < len(loop.ids) else None
    if item is not None:
        opened.item = item
    return item is not None


def _end_listing(draft: PageDraft, store: SyncStore) -> RunRow | None:
    """Continue with the next item of the loop, or with the next phase."""
    run, opened = draft.run, draft.opened
    opened.close_listing()
    place = dict(run.place)
    if run.phase == "fetch":
        note_verdict(place, "complete", "")
    if run.phase == "fetch" and find_loop(opened.plan) is not None:
        return commit_draft(draft, store, keep_verdict(place) | {"item": int(place.get("item", 0)) + 1}, "fetch")
    kept = keep_verdict(place, "state_after")
    if run.phase == "fetch":
        kept["state_after"] = place.get("state")
    elif run.phase == "loop":
        kept["state"] = None if run.is_full else opened.stream.state
    return commit_draft(draft, store, kept, get_next_phase(opened.plan, run.phase))


def _find_next_place(run: RunRow, page: Page) -> dict[str, Any]:
    place = dict(run.place)
    if page.partial:  # the answer is read again from its start after a crash
        return place
    place |= {"cursor": page.next_cursor, "state": page.state if page.state is not None else place.get("state")}
    if page.completeness is not None:
        place["done"] = True
        note_verdict(place, page.completeness.state, page.completeness.reason)
    return place
