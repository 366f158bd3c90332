"""What follows the end of a run: the next chunk of a backfill, and the syncs that another sync triggers."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from conn_engine.config import Workspace
from conn_engine.config.sync_models import SyncTrigger
from conn_engine.errors import ConnError
from conn_engine.syncs import BackfillRange, find_accounts
from conn_engine.syncs.circles import find_circle
from conn_service.syncs.opening import ReleaseLookup
from conn_service.syncs.requests import BY_SYNC, StartRequest, add_requests
from conn_service.syncs.store import BACKFILL, PageHook, RunRow

__all__ = ["build_chunk_settings", "estimate_requests", "explain_rest", "is_next_chunk", "prepare_following"]

_READ = ("complete", "unknown")
_LOGGER = logging.getLogger(__name__)


def prepare_following(run: RunRow, report: Mapping[str, Any], releases: ReleaseLookup, now: float) -> list[PageHook]:
    """Return what stores the requests for what follows a run that ends with a report, in the transaction that ends
    it."""
    requests = list(_find_following(run, report, releases, now))
    return [lambda connection, _seq: add_requests(connection, requests)] if requests else []


def _find_following(
    run: RunRow, report: Mapping[str, Any], releases: ReleaseLookup, now: float
) -> Iterator[StartRequest]:
    if "window" in run.settings:
        following = _advance_chunk(run.settings) if report["verdict"] in _READ else None
        if following is not None:
            yield StartRequest(run.sync, run.account, BACKFILL, following, now)
    elif report["moved"]:
        _, workspace = releases.get_current()
        for name in _find_triggered(run, workspace):
            yield StartRequest(name, run.account, BY_SYNC, {}, now)


def _find_triggered(run: RunRow, workspace: Workspace) -> Iterator[str]:
    for name in workspace.syncs():
        try:
            trigger = workspace.sync(name).trigger
            is_trigger = isinstance(trigger, SyncTrigger) and trigger.sync == run.sync
            if not is_trigger or run.account not in find_accounts(workspace, name):
                continue
            if circle := find_circle(workspace, name):
                _LOGGER.error("syncs start each other without an end, so none does: %s", " -> ".join(circle))
                continue
            yield name
        except ConnError:  # `conn lint` reports it; the run that has ended is not affected
            continue


# --- chunks of a backfill ---


def build_chunk_settings(backfill: BackfillRange, moment: float, *, to: str | None = None) -> dict[str, Any]:
    """Return the settings of the run of the first chunk of a backfill that starts at a moment."""
    settings: dict[str, Any] = {"keeps_state": True, "backfill": f"{moment:.3f}", "chunk": 0}
    if to is not None:
        settings["to"] = to
    return settings | {"until": _to_text(backfill.end), "length": backfill.length} | _take_chunk(backfill)


def is_next_chunk(run: RunRow, earlier: RunRow) -> bool:
    """Return whether a run is for the chunk after that of an earlier one, in the same backfill."""
    mine, other = run.settings, earlier.settings
    return mine.get("backfill") == other.get("backfill") and mine.get("chunk", 0) == other.get("chunk", 0) + 1


def estimate_requests(runs: Iterable[RunRow], wanted: BackfillRange, listings: int) -> int | None:
    """Return how many requests a backfill needs if its pages are as dense as those of earlier ones, None without one.
    Each listing needs at least one."""
    pages, seconds = 0, 0.0
    for run in runs:
        if (window := run.settings.get("window")) is not None:
            start, end = (datetime.fromisoformat(window[name]) for name in ("start", "end"))
            pages, seconds = pages + run.counts.get("pages", 0), seconds + (end - start).total_seconds()
    if not seconds:
        return None
    return max(round(pages / seconds * (wanted.end - wanted.start).total_seconds()), listings)


def explain_rest(run: RunRow) -> str:
    """Return how to continue a backfill whose run fails, "" for another run."""
    window = run.settings.get("window")
    if window is None:
        return ""
    range_text = f"--from {window['start']} --to {run.settings['until']} --chunk {run.settings['length']}"
    return f"; to continue there: conn sync backfill {run.sync} --account {run.account} {range_text}"


def _advance_chunk(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    start, until = (datetime.fromisoformat(text) for text in (settings["window"]["end"], settings["until"]))
    if start >= until:
        return None
    rest = BackfillRange(start, until, settings["length"])
    return {**settings, "chunk": settings["chunk"] + 1, **_take_chunk(rest)}


def _take_chunk(backfill: BackfillRange) -> dict[str, Any]:
    [(start, end)] = backfill.list_chunks(1)
    return {"window": {"start": _to_text(start), "end": _to_text(end)}}


def _to_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
