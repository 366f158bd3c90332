"""Write the runs that a command is about, or what it has changed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats

if TYPE_CHECKING:
    from conn_engine.syncs.report import SyncRunSummary
    from conn_service.syncs.store import RunRow
    from conn_service.syncs.worker import SyncWorker

__all__ = ["check_delivered", "summarize", "write_change", "write_runs"]

_NO_REASONS = {"reason": "", "recording": "", "not_recorded": ""}


def summarize(worker: "SyncWorker", run: "RunRow") -> "SyncRunSummary":
    from conn_engine.syncs import to_iso
    from conn_engine.syncs.counts import COUNTS
    from conn_engine.syncs.report import CheckedOperation, SyncRunSummary
    from conn_service.syncs.judging import count_ids, get_total

    events = worker.deliveries.count(run_id=run.id)
    report: dict[str, Any] = dict(run.report)
    return SyncRunSummary(
        id=run.id,
        sync=run.sync,
        account=run.account,
        release=run.release,
        cause=run.cause,
        status=run.status,
        verdict=str(report.get("verdict", "")),
        reason=run.reason,
        hint=str(report.get("hint", "")) if run.status in ("failed", "undelivered") else "",
        began=to_iso(run.began),
        ended=None if run.ended is None else to_iso(run.ended),
        since=run.since,
        counts={name: run.counts.get(name, 0) for name in (*COUNTS, *run.counts)},
        total=get_total(run.counts),
        ids=count_ids(run.counts),
        gaps=int(report.get("gaps", 0)),
        delivered=int(report.get("delivered", 0)) + events.get("delivered", 0),
        waiting=events.get("waiting", 0),
        dead=events.get("dead", 0),
        unwanted=events.get("unwanted", 0),
        superseded=events.get("superseded", 0) + run.counts.get("superseded", 0),
        problems=worker.deliveries.find_problems(run.id) if events.get("waiting") else {},
        state_before=report.get("state_before"),
        state_after=report.get("state_after"),
        moved=bool(report.get("moved")),
        details=None,
        checks=[CheckedOperation(**{**_NO_REASONS, **check}) for check in _list_checks(run)],
    )


def _list_checks(run: "RunRow") -> "Sequence[Mapping[str, Any]]":
    """Return what a check of drift has compared so far."""
    checks: Sequence[Mapping[str, Any]] = run.report.get("checks") or run.place.get("checks", ())
    return checks


def check_delivered(summaries: "Sequence[SyncRunSummary]") -> None:
    """Exit with 1 if a run is not complete, or has events that are not delivered."""
    if not all(run.status in ("complete", "unknown") and not run.waiting and not run.dead for run in summaries):
        raise typer.Exit(Exit.FINDINGS)


def write_runs(
    app: App,
    summaries: "Sequence[SyncRunSummary]",
    formats: Formats,
    details: Literal["none", "some", "all"] = "none",
) -> None:
    """Write a line for each run, what is not zero in its report, or its complete report."""
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_cli.report.sync_runs import draw_report, draw_run, draw_runs
    from conn_engine.syncs.report import SyncRunsReport

    def draw() -> str:
        if details == "none":
            return join_lines(draw_runs(summaries))
        return join_lines(
            line for summary in summaries for line in (draw_run if details == "some" else draw_report)(summary)
        )

    write_report(lambda: SyncRunsReport(runs=list(summaries)), formats or [], {"text": draw}, app, folder=app.folder)


def write_change(
    app: App,
    formats: Formats,
    text: str,
    change: str,
    *,
    sync: str = "",
    accounts: "Sequence[str]" = (),
    runs: "Sequence[str]" = (),
) -> None:
    from conn_cli.report import write_report
    from conn_engine.syncs.report import SyncChangeReport

    write_report(
        lambda: SyncChangeReport(change=change, sync=sync, accounts=list(accounts), runs=list(runs)),
        formats or [],
        {"text": lambda: f"{text}\n"},
        app,
        folder=app.folder,
    )
