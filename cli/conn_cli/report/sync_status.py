"""Draw what syncs do, and the log of a run, as text."""

from collections import Counter
from collections.abc import Iterator, Sequence

from conn_cli.report.columns import draw_columns
from conn_engine.diagnostics import pluralize
from conn_engine.syncs.report import EndpointStatus, LoggedLine, SyncAccountStatus, SyncFailuresReport

__all__ = ["draw_failures", "draw_log_line", "draw_status"]

MOST = 20
"""The accounts that fit on a screen."""


def draw_status(
    rows: Sequence[SyncAccountStatus],
    endpoints: Sequence[EndpointStatus],
    width: int | None,
    *,
    every: bool = False,
    today: str = "",
) -> Iterator[str]:
    """Draw a line for each sync and account. In a terminal, its notes are below it, and a time of `today`, such as
    2026-11-28, has no date. Unless `every`, many accounts are counted there, and only those that need attention have a
    line."""
    if not rows:
        yield "no sync runs for any account: conn sync list"
    shown = rows
    if width is not None and not every and len(rows) > MOST:
        yield from _count_accounts(rows)
        shown = [row for row in rows if row.needs_attention]
    cells = [_draw_account(row) for row in (shown if every or width is None else shown[:MOST])]
    if cells and width is not None:
        yield from _draw_with_notes(cells, width, today)
    elif cells:
        yield from _draw_rows(cells, width)
    if len(shown) > len(cells):
        yield f"… and {pluralize(len(shown) - len(cells), 'more account')}: add --all"
    for endpoint in endpoints:
        yield from _draw_endpoint(endpoint)
    if any(row.dead or row.set_aside for row in rows):
        yield "next: see what failed, and send it again: conn sync failures"


def draw_failures(report: SyncFailuresReport, width: int | None) -> Iterator[str]:
    """Draw a line for each record that was set aside, and for each event that was given up."""
    if not report.failures:
        yield "nothing is set aside, and no event was given up"
        return
    yield f"{pluralize(report.records, 'record')} set aside, {pluralize(report.events, 'event')} given up"
    yield from _draw_rows(
        [(one.run, f"{one.kind} {one.key}", one.stage, one.message) for one in report.failures], width
    )
    more = report.records + report.events - len(report.failures)
    if more:
        yield f"… and {more:,} more: add --limit, or name a sync, an account or a run"
    yield f"next: correct the cause, and send it again: conn sync retry {report.failures[0].run}"


def draw_log_line(line: LoggedLine) -> str:
    """Draw a line of the log of a run."""
    page = f"page {line.page}: " if line.kind == "page" else ""
    return f"{line.at}  {page}{line.text}"


def _draw_endpoint(endpoint: EndpointStatus) -> Iterator[str]:
    events = f", {pluralize(endpoint.waiting, 'event')} waiting" if endpoint.waiting else ""
    state = "is disabled" if endpoint.disabled else "has been failing"
    yield f"the endpoint {endpoint.name} {state} since {_shorten_time(endpoint.since)}: {endpoint.reason}{events}"
    if endpoint.disabled:
        yield f"  fix: correct the endpoint, then: conn endpoint redeliver {endpoint.name}"
    elif endpoint.rests_until is not None:
        yield f"  it is tried again at {_shorten_time(endpoint.rests_until)}"


def _count_accounts(rows: Sequence[SyncAccountStatus]) -> Iterator[str]:
    for sync in dict.fromkeys(row.sync for row in rows):
        mine = [row for row in rows if row.sync == sync]
        counts = Counter(row.status or "never run" for row in mine)
        states = ", ".join(f"{count:,} {status}" for status, count in counts.most_common())
        yield f"{sync}: {pluralize(len(mine), 'account')}: {states}"


def _draw_account(row: SyncAccountStatus) -> tuple[str, str, str, str, str]:
    when = _shorten_time(row.began) if row.began else ""
    if row.next_run is None:
        following = "paused" if row.paused else ""
    else:
        following = f"next {_shorten_time(row.next_run)}"
    return f"{row.sync} {row.account}".rstrip(), row.status or "never run", when, following, "; ".join(_list_notes(row))


def _list_notes(row: SyncAccountStatus) -> Iterator[str]:
    if row.fault:
        yield row.fault
    if row.status in ("queued", "running", "waiting", "login"):
        yield f"page {row.pages:,}, {pluralize(row.records, 'record')}"
    if row.resumes_at is not None and row.status == "waiting":
        yield f"waits until {row.resumes_at[11:19]}Z"
    if row.reason:
        yield row.reason
    if row.waiting:
        yield f"{pluralize(row.waiting, 'event')} waiting"
    if row.dead:
        yield f"{pluralize(row.dead, 'event')} given up"
    if row.set_aside:
        yield f"{pluralize(row.set_aside, 'record')} set aside"


def _shorten_time(text: str) -> str:
    return f"{text[:16].replace('T', ' ')}Z"


def _draw_with_notes(rows: Sequence[tuple[str, ...]], width: int, today: str) -> Iterator[str]:
    """Draw rows. The notes, which are the last cell, are never cut: those that do not fit are below their row."""
    columns = [
        [cell.replace(f"{today} ", "") if today else cell for cell in column] for column in zip(*rows, strict=True)
    ]
    columns[1:-1] = [column for column in columns[1:-1] if any(column)]
    longest, *widths = (max(map(len, column)) for column in columns[:-1])
    room = min(longest, max(width - sum(widths) - 2 * len(widths), 0))
    for name, *cells, notes in zip(*columns, strict=True):
        if len(name) > room:
            yield name
        padded = [cell.ljust(size) for cell, size in zip(cells, widths, strict=True)]
        line = "  ".join((name.ljust(room) if len(name) <= room else " " * room, *padded))
        fits = len(line) + 2 + len(notes) <= width
        yield (f"{line}  {notes}" if fits else line).rstrip()
        if not fits:
            yield f"    {notes}"


def _draw_rows(rows: Sequence[tuple[str, ...]], width: int | None) -> list[str]:
    if width is not None:
        return draw_columns(rows, width)
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip() for row in rows]
