"""Syncs, their runs, and what each run reports about its completeness."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from msgspec import to_builtins

from conn_engine.config.sync_models import SyncTrigger
from conn_engine.documents import dump_json
from conn_engine.errors import ConnError, UsageError
from conn_engine.syncs import find_accounts
from conn_engine.syncs.resources import find_sources
from conn_engine.wire import MACHINE_CLOCK
from conn_service.studio.drafts import StudioWorkspace
from conn_service.studio.views.page_request import PageRequest
from conn_service.syncs.run_details import read_details
from conn_service.syncs.store import RunRow, SyncStore

__all__ = ["describe_details", "describe_run", "show_run", "show_syncs"]

_MOST_RUNS = 50
_GOOD = ("complete",)
_BAD = ("incomplete", "failed", "undelivered")


def show_syncs(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return the syncs of the workspace, and their last runs, of one sync with the parameter `sync`."""
    name = request.query.get("sync", "")
    with _open_runs(studio, request) as store:
        runs = [] if store is None else store.find_runs(sync=name or None, limit=_MOST_RUNS)
    return {
        "chosen": name,
        "syncs": [_describe_sync(studio, one) for one in studio.saved.syncs() if name in ("", one)],
        "runs": [describe_run(run) for run in runs],
        "has_store": store is not None,
    }


def show_run(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return one run with its report. Raises UsageError if the run does not exist."""
    with _open_runs(studio, request) as store:
        if store is None:
            raise UsageError("no sync has run yet", hint="run one: conn sync run SYNC --account ACCOUNT")
        run = store.get_run(request.query.get("run", ""))
        return describe_details(store, run)


def describe_details(store: SyncStore, run: RunRow) -> dict[str, Any]:
    """Return what a page shows of a run, with its report."""
    return {
        **describe_run(run),
        "facts": [(name.replace("_", " "), value) for name, value in run.report.items() if not _is_large(value)],
        "report": dump_json(dict(run.report)),
        "details": to_builtins(read_details(store, run, MACHINE_CLOCK.now())),
    }


@contextmanager
def _open_runs(studio: StudioWorkspace, request: PageRequest) -> Iterator[SyncStore | None]:
    """Open the store of the runs; None before the first run."""
    with request.open_service_store(studio.root) as engine:
        yield None if engine is None else SyncStore(engine)


def _describe_sync(studio: StudioWorkspace, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "title": name, "resource": "", "schedule": "", "accounts": [], "error": ""}
    try:
        document = studio.saved.sync(name)
        trigger = document.trigger.text if isinstance(document.trigger, SyncTrigger) else ""
        return {
            **row,
            "title": document.name or name,
            "resource": ", ".join(source.resource for source in find_sources(document)) or document.kind,
            "schedule": document.schedule or trigger,
            "accounts": find_accounts(studio.saved, name),
        }
    except ConnError as error:
        return {**row, "error": error.message}


def describe_run(run: RunRow) -> dict[str, Any]:
    """Return what a list shows of a run."""
    began = datetime.fromtimestamp(run.began, UTC)
    return {
        "id": run.id,
        "sync": run.sync,
        "account": run.account,
        "status": run.status,
        "class": "good" if run.status in _GOOD else "bad" if run.status in _BAD else "unknown",
        "reason": run.reason,
        "cause": run.cause,
        "began": began.strftime("%Y-%m-%d %H:%M"),
        "seconds": None if run.ended is None else round(run.ended - run.began, 1),
        "counts": [(name.replace("_", " "), number) for name, number in run.counts.items()],
    }


def _is_large(value: Any) -> bool:
    return isinstance(value, dict | list) and len(value) > 0
