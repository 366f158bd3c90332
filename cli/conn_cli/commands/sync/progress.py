"""Show the progress of runs until they have ended."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_service.syncs.store import RunRow
    from conn_service.syncs.worker import SyncWorker

__all__ = ["follow_runs"]


def follow_runs(app: App, worker: "SyncWorker", started: "Sequence[RunRow]") -> "list[RunRow]":
    """Show the progress of runs until they have ended, and their events have been delivered once."""
    from conn_service.syncs.worker import POLL_SECONDS

    names = [run.id for run in started]
    with app.progress("records") as progress:
        while True:
            runs = worker.wait(names, 0.5)
            progress.done = sum(run.counts.get("records", 0) for run in runs)
            waiting = [run for run in runs if run.status in ("waiting", "delivering") and run.reason]
            progress.say(waiting[0].reason if waiting else f"page {sum(run.counts.get('pages', 0) for run in runs)}")
            if all(worker.is_settled(run) for run in runs):
                return runs
            time.sleep(POLL_SECONDS)
