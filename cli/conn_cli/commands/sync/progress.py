"""Show the progress of runs until they have ended."""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_service.syncs.store import RunRow
    from conn_service.syncs.worker import SyncWorker

__all__ = ["describe_progress", "follow_runs"]


def follow_runs(app: App, worker: "SyncWorker", started: "Sequence[RunRow]") -> "list[RunRow]":
    """Show the progress of runs until they have ended, and their events have been delivered once."""
    names = [run.id for run in started]
    label = ", ".join(sorted({run.sync for run in started})) or "syncs"
    began, first = app.clock.now(), _count(started, "records")
    with app.progress(label, unit="records") as progress:
        while True:
            runs = worker.wait(names, 0.5)
            now = app.clock.now()
            progress.done = _count(runs, "records")
            rate = (progress.done - first) / (now - began) if now > began else 0.0
            reading = [run for run in runs if run.ended is None]
            problems = {one for run in runs if not reading for one in worker.deliveries.find_problems(run.id).values()}
            progress.say(", ".join(describe_progress(runs, now, rate if reading else 0.0, problems)))
            if all(worker.is_settled(run) for run in runs):
                return runs
            worker.wait_for_change()


def describe_progress(
    runs: "Sequence[RunRow]", now: float, rate: float, problems: Collection[str] = ()
) -> Iterator[str]:
    """Yield the pages, the rate, the runs that are read if there are several, and what the first of them waits for.
    `problems` are those of endpoints."""
    from conn_engine.diagnostics import pluralize

    yield pluralize(_count(runs, "pages"), "page")
    if rate:
        yield f"{rate:,.0f} records/s"
    if len(runs) > 1:
        yield f"{sum(run.ended is not None for run in runs):,} of {len(runs):,} runs read"
    for problem in problems:
        yield f"waiting for the endpoint: {problem}"
    waiting = next((run for run in runs if run.status in ("waiting", "login", "delivering") and run.reason), None)
    if waiting is not None:
        account = f"{waiting.account}: " if len(runs) > 1 else ""
        seconds = "" if waiting.resumes_at is None else f" {max(waiting.resumes_at - now, 0):,.0f} s"
        yield f"waiting{seconds}: {account}{waiting.reason}"


def _count(runs: "Sequence[RunRow]", name: str) -> int:
    return sum(run.counts.get(name, 0) for run in runs)
