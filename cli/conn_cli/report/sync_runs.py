"""Draw runs of syncs as text."""

import json
from collections.abc import Iterator, Sequence

from conn_engine.diagnostics import pluralize
from conn_engine.syncs.counts import describe_checks, describe_counts
from conn_engine.syncs.report import CheckedOperation, SyncRunDetails, SyncRunSummary

__all__ = ["draw_details", "draw_report", "draw_run", "draw_runs"]

_LABEL_WIDTH = 9

_MOST_CHECKS = 20
_EFFECTS = {"breaks": "which break mappings", "touches": "which mappings read", "noise": "which no mapping reads"}


def draw_runs(runs: Sequence[SyncRunSummary]) -> Iterator[str]:
    """Draw a line for each run."""
    if not runs:
        yield "no runs yet: conn sync run NAME"
        return
    width = max(len(run.id) for run in runs)
    for run in runs:
        reasons = [run.reason] * bool(run.reason)
        reasons += [
            f"{pluralize(run.waiting, 'event')} waiting for {name}: {why}" for name, why in run.problems.items()
        ]
        text = f": {'; '.join(reasons)}" if reasons else ""
        yield f"{run.id:<{width}}  {run.status:<11}  {pluralize(run.counts.get('records', 0), 'record')}{text}"


def draw_run(run: SyncRunSummary) -> Iterator[str]:
    """Draw what is not zero in the completeness report of a run."""
    yield from _draw_heading(run)
    if run.checks:
        yield from _draw_checks(run, every=False)
        return
    total = "" if run.total is None else f" of the vendor's {run.total:,}"
    pages, records, *others = describe_counts(run.counts, always=("pages", "records"))
    yield _draw_row("read", ", ".join((pages, records + total, *others)))
    yield _draw_row("delivered", _describe_delivery(run))
    yield from _draw_problems(run)
    yield _draw_row("since", run.since or "the beginning")
    if run.state_after is not None:
        yield _draw_row("state", f"{json.dumps(run.state_before)} -> {json.dumps(run.state_after)}")
    if run.ended is not None:
        yield _draw_row("next run", _describe_next_run(run))


def draw_report(run: SyncRunSummary) -> Iterator[str]:
    """Draw the completeness report of a run, with everything that was counted."""
    counts = run.counts
    release = f", release {run.release}" if run.release else ""
    yield from _draw_heading(run)
    yield _draw_row("run", f"{run.id}, {run.cause}{release}")
    yield _draw_row("time", f"{run.began} to {run.ended or 'now'}")
    if run.checks:
        yield from _draw_checks(run, every=True)
        yield _draw_row("verdict", run.verdict or "none yet")
        return
    yield _draw_row(
        "pages", f"{counts['pages']:,}{f', {run.gaps:,} missing in the store' if run.gaps else ', no gaps'}"
    )
    total = "the vendor reports no total" if run.total is None else f"the vendor reports {run.total:,}"
    yield _draw_row("records", f"{counts['records']:,}, {pluralize(run.ids, 'ID')}; {total}")
    yield _draw_row("repeated", f"{counts['duplicates']:,} listed twice, {counts['read_again']:,} read again")
    without = f"{counts['empty']:,} without a result of transform"
    yield _draw_row("left out", f"{counts['filtered']:,} by the filter, {without}, {counts['unchanged']:,} unchanged")
    by_rule = pluralize(counts["skipped_by_rule"], "response")
    yield _draw_row("skipped", f"{pluralize(counts['skipped'], 'record')} that failed, {by_rule} by a rule")
    yield _draw_row("set aside", f"{counts['set_aside']:,}")
    yield _draw_row("deleted", f"{counts['deletes']:,}")
    if counts["written"]:
        yield _draw_row("written", f"{counts['written']:,}")
    yield _draw_row("delivered", _describe_delivery(run))
    yield from _draw_problems(run)
    yield _draw_row("since", run.since or "the beginning")
    yield _draw_row("state", f"{json.dumps(run.state_before)} -> {json.dumps(run.state_after)}")
    yield _draw_row("verdict", run.verdict or "none yet")
    if run.ended is not None:
        yield _draw_row("next run", _describe_next_run(run))
    if run.details is not None:
        yield from draw_details(run.details)


def draw_details(details: SyncRunDetails) -> Iterator[str]:
    """Draw what a run did in detail, as tables."""
    yield ""
    yield _draw_row("requests", f"{details.requests:,} sent")
    partitions = f", {pluralize(details.loop_items, 'item')} to repeat for" if details.loop_items else ""
    yield _draw_row("listings", f"{details.listings:,} read to the end{partitions}")
    rows = [("phase", "pages", "records")]
    rows += [(row.phase, f"{row.pages:,}", f"{row.records:,}") for row in details.phases]
    yield from _draw_table(rows if details.phases else [("phase", "pages are removed some time after the end")])
    waits = [(wait.state, f"{wait.times:,}", f"{wait.seconds:,.0f} s", wait.reason) for wait in details.waits]
    yield from _draw_table([("waits", "times", "in total", "for"), *waits] if waits else [("waits", "none")])
    missing = ", ".join(f"{number:,}" for number in details.missing_pages)
    yield _draw_row("gaps", f"pages {missing}" if missing else "none")


def _draw_table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Draw rows whose first one is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[0] = max(widths[0], _LABEL_WIDTH)
    for row in rows:
        yield "  " + "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()


def _draw_checks(run: SyncRunSummary, *, every: bool) -> Iterator[str]:
    """Draw what a check of drift has compared: all operations, or those that have changed or were not compared."""
    yield _draw_row("compared", ", ".join(describe_checks(run.counts)))
    shown = [check for check in run.checks if every or check.verdict != "unchanged"]
    width = max((len(check.operation) for check in shown), default=0)
    for check in shown[: len(shown) if every else _MOST_CHECKS]:
        yield f"    {check.operation:<{width}}  {_describe_check(check)}"
    if not every and len(shown) > _MOST_CHECKS:
        yield f"    … and {pluralize(len(shown) - _MOST_CHECKS, 'other operation')}: conn sync show {run.id}"
    yield _draw_row("delivered", _describe_delivery(run))
    yield from _draw_problems(run)


def _describe_check(check: CheckedOperation) -> str:
    if check.verdict == "not_compared":
        return f"not compared: {check.reason}"
    text = pluralize(check.differences, "difference") if check.differences else "unchanged"
    text += f", {_EFFECTS[check.verdict]}" if check.differences else ""
    text += f"; recorded in {check.recording}" if check.recording else ""
    return text + (f"; not recorded: {check.not_recorded}" if check.not_recorded else "")


def _draw_heading(run: SyncRunSummary) -> Iterator[str]:
    yield f"{run.sync} for {run.account}: {run.status}{f' ({run.reason})' if run.reason else ''}"
    if run.hint:
        yield f"  fix: {run.hint}"


def _draw_row(name: str, text: str) -> str:
    return f"  {name:<{_LABEL_WIDTH}}  {text}"


def _describe_delivery(run: SyncRunSummary) -> str:
    spooled = run.counts["events"] or run.counts["spooled"]
    numbers = {
        "waiting": run.waiting,
        "given up": run.dead,
        "not wanted by the endpoint": run.unwanted,
        "superseded by newer versions": run.superseded,
    }
    return ", ".join(
        (f"{run.delivered:,} of {spooled:,}", *(f"{number:,} {label}" for label, number in numbers.items() if number))
    )


def _draw_problems(run: SyncRunSummary) -> Iterator[str]:
    for endpoint, problem in run.problems.items():
        yield _draw_row("endpoint", f"{endpoint}: {problem}; to try it again now: conn sync retry {run.id}")


def _describe_next_run(run: SyncRunSummary) -> str:
    return "begins after this one" if run.moved else "begins where this one did"
