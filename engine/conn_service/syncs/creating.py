"""Build a new run: its place, its plan, and what it reads since."""

from collections.abc import Mapping
from typing import Any

from conn_engine.errors import ConfigurationError
from conn_engine.syncs import USUAL_PRIORITY, load_sync, to_iso
from conn_service.syncs.connector_digests import digest_connector
from conn_service.syncs.opening import ReleaseLookup, find_release_of
from conn_service.syncs.phases import compile_run, list_phases
from conn_service.syncs.store import RunRow, SyncStore, name_target
from conn_service.syncs.targets import find_target

__all__ = ["build_run"]


def build_run(
    run_id: str,
    sync: str,
    account: str,
    *,
    cause: str,
    is_full: bool,
    settings: Mapping[str, Any],
    store: SyncStore,
    releases: ReleaseLookup,
    now: float,
) -> RunRow:
    """Return a new run of a sync for an account, which is not stored yet.

    Raises UsageError and ConfigurationError for a sync that cannot run.
    """
    release, workspace = find_release_of(releases, account)
    document = load_sync(workspace, sync, account)
    plan = compile_run(workspace, document, settings)
    if plan.drift is not None and plan.drift.record is not None and release:
        raise ConfigurationError(
            f'the sync "{sync}" records operations again, and the recordings of a release do not change',
            hint="remove drift.record, or run it from the folder of the workspace: conn sync work without --release",
        )
    stream = store.streams.get(sync, account, name_target(settings))
    if plan.priority != USUAL_PRIORITY:
        settings = {**settings, "priority": plan.priority}
    since = None
    if stream.last_run_at is not None and not is_full:
        since = to_iso(stream.last_run_at - plan.lookback.total_seconds())
    row = RunRow(
        id=run_id,
        sync=sync,
        account=account,
        release=release,
        cause=cause,
        is_full=is_full,
        status="queued",
        reason="",
        began=now,
        ended=None,
        since=since,
        settings=dict(settings),
        phase="deletes" if "deleted" in settings else list_phases(plan)[0],
        seq=0,
        place={"state": None if is_full else stream.state},
        counts={},
        report={},
        plan=document.digest,
        connector="" if release else digest_connector(workspace.effective(account=account), plan),
    )
    target = find_target(row, plan)
    if "window" in row.settings and target is not None and target.type == "file":
        raise ConfigurationError(
            "a backfill cannot write a file: each chunk would replace it",
            hint="deliver to an endpoint or into a table instead, such as duckdb:FILE",
        )
    return row
