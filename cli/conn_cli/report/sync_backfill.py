"""Draw what a backfill would request as text."""

from collections.abc import Iterator

from conn_engine.diagnostics import pluralize
from conn_engine.syncs.report import SyncBackfillPlanReport

__all__ = ["draw_backfill"]

_MOST = 5


def draw_backfill(report: SyncBackfillPlanReport) -> Iterator[str]:
    """Draw the chunks, and the requests for each account."""
    yield f"{report.sync}: {pluralize(len(report.chunks), 'chunk')}, each a run; nothing was requested"
    for chunk in report.chunks[:_MOST]:
        yield f"  {chunk.start} to {chunk.end}"
    if len(report.chunks) > _MOST:
        yield f"  … and {pluralize(len(report.chunks) - _MOST, 'more chunk')}, up to {report.chunks[-1].end}"
    for plan in report.plans[:_MOST]:
        params = ", ".join(f"{name}={value}" for name, value in plan.params.items())
        requests = (
            f"at least {pluralize(plan.listings, 'request')}"
            if plan.requests is None
            else f"about {pluralize(plan.requests, 'request')}, as in earlier backfills"
        )
        yield f"{plan.account}: {plan.operation}{f' with {params}' if params else ''}: {requests}"
    if len(report.plans) > _MOST:
        yield f"… and {pluralize(len(report.plans) - _MOST, 'more account')}: --format json lists them"
