"""What a run did in detail: its pages by phase, what it waited for, and the pages that the store lacks."""

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

import sqlalchemy as sa

from conn_engine.syncs.report import RunPhase, RunWait, SyncRunDetails
from conn_service.syncs import tables
from conn_service.syncs.run_log import LogLine, read_all
from conn_service.syncs.store import RunRow, SyncStore

__all__ = ["read_details"]

_WAITS = ("waiting", "login")
_MOST_MISSING = 100


def read_details(store: SyncStore, run: RunRow, now: float) -> SyncRunDetails:
    """Return the details of a run. `now` is the end of a wait that has not ended."""
    page, items = tables.page.c, tables.loop_item.c
    mine = page.run_id == run.id
    phases = sa.select(page.phase, sa.func.count(), sa.func.sum(page.records)).where(mine).group_by(page.phase)
    with store.engine.connect() as connection:
        rows = connection.execute(phases.order_by(sa.func.min(page.seq))).all()
        stored = list(connection.scalars(sa.select(page.seq).where(mine).order_by(page.seq)))
        known = connection.execute(
            sa.select(sa.func.count()).select_from(tables.loop_item).where(items.run_id == run.id)
        ).scalar_one()
    return SyncRunDetails(
        requests=run.counts.get("requests", 0),
        phases=[
            RunPhase(phase=phase, pages=_count_pages(run, phase, steps), records=int(records or 0))
            for phase, steps, records in rows
        ],
        listings=run.counts.get("listings", 0),
        loop_items=int(known),
        waits=_sum_waits(read_all(store.engine, run.id), run.ended or now),
        missing_pages=list(_find_missing(stored, run.seq)) if stored else [],
    )


def _count_pages(run: RunRow, phase: str, steps: int) -> int:
    """Return the pages of a phase: without the steps that only end a listing, if it has pages."""
    return run.counts.get("pages" if phase == "fetch" else f"{phase}_pages", steps)


def _find_missing(stored: Sequence[int], last: int) -> Iterator[int]:
    """Yield the numbers of pages that are not stored, the first ones."""
    missing = chain.from_iterable(range(one + 1, other) for one, other in pairwise((0, *stored, last + 1)))
    for count, number in enumerate(missing):
        if count == _MOST_MISSING:
            return
        yield number


def _sum_waits(lines: Iterator[LogLine], end: float) -> list[RunWait]:
    """Return the waits by reason, the longest ones first. A wait ends at the next line of the log."""
    waits: dict[tuple[str, str], tuple[int, float]] = {}
    known = list(lines)
    for line, following in zip(known, [*(line.at for line in known[1:]), end], strict=True):
        state, _, reason = line.text.partition(": ")
        if line.kind == "status" and state in _WAITS:
            times, seconds = waits.get((state, reason), (0, 0.0))
            waits[state, reason] = (times + 1, seconds + max(following - line.at, 0.0))
    return sorted(
        (
            RunWait(state=state, reason=reason, times=times, seconds=round(seconds, 1))
            for (state, reason), (times, seconds) in waits.items()
        ),
        key=lambda wait: -wait.seconds,
    )
