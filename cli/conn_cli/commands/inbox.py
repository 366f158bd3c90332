"""`conn inbox`: the webhooks that the service has received, and their events again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, cast

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option
from conn_cli.service_options import ServiceStore, explain_missing, open_service_engine

if TYPE_CHECKING:
    from conn_engine.command_reports import InboxDelivery, InboxDeliveryReport
    from conn_service.inbox import InboxRow, InboxStatus, InboxStore

group = typer.Typer(
    help="Show received webhooks, and make their events again.", no_args_is_help=True, rich_markup_mode=None
)

_STATUSES = ("waiting", "done", "failed", "refused")
_MOST_REPLAYED = 100_000


@group.callback()
def options() -> None:
    """Show the webhooks that conn serve has received, and make their events again.

    A delivery is stored before its vendor gets a reply. `conn serve --work` or `conn sync work` makes its events.
    """


@group.command(name="list")
def list_command(
    context: typer.Context,
    *,
    status: Annotated[
        str | None, typer.Option("--status", help="Only these: waiting, done, failed or refused.")
    ] = None,
    connector: Annotated[str | None, typer.Option("--connector", "-c", help="Only those of this connector.")] = None,
    account: Annotated[str | None, typer.Option("--account", "-a", help="Only those with events of it.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, help="The number of deliveries, newest first.")
    ] = 20,
    store: ServiceStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Show the newest deliveries, and what came of them."""
    from conn_cli.report import write_report
    from conn_engine.command_reports import InboxReport

    app: App = context.obj
    with _open(app, store) as inbox:
        found = inbox.find(status=_check_status(status), connector=connector, account=account, limit=limit)
        counts = inbox.count()
    rows = [_describe(row) for row in found]
    text = {"text": lambda: _draw(app, rows, counts)}
    report = InboxReport(replayed=False, deliveries=rows, counts=counts)
    write_report(lambda: report, formats or [], text, app, folder=app.folder)


@group.command()
def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Number that conn inbox list shows.")],
    store: ServiceStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Show a delivery, its events, and what endpoints got of them."""
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_engine.command_reports import InboxDeliveryReport, InboxEvent
    from conn_service.delivery import DeliveryStore

    app: App = context.obj
    with _open(app, store) as inbox:
        row = inbox.get(number)
        found = inbox.find_events(number)
        outgoing = DeliveryStore(inbox.engine).count(run_id=f"inbox:{number}")
    content = None
    if row.content:
        data = row.read().to_data()
        content = {name: data[name] for name in ("method", "url", "headers", "events")}
    events = [InboxEvent(id=id_, type=type_, account=account or None) for id_, type_, account in found]
    report = InboxDeliveryReport(delivery=_describe(row), events=events, outgoing=outgoing, content=content)
    write_report(lambda: report, formats or [], {"text": lambda: join_lines(_draw_one(report))}, app, folder=app.folder)


@group.command()
def replay(
    context: typer.Context,
    numbers: Annotated[list[int] | None, typer.Argument(metavar="[NUMBER]...", help="Numbers of deliveries.")] = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="All that have failed.")] = False,
    connector: Annotated[
        str | None, typer.Option("--connector", "-c", help="Of those, only the ones of this connector.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="All since then, such as 2025-01-01. UTC by default.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Of those, only the ones before then.")
    ] = None,
    store: ServiceStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Make the events of deliveries again, and pass them on.

    The events have the same IDs as before, so that a receiver can tell them apart. With --failed, only events that were
    never passed on are. `conn serve --work` or `conn sync work` makes them.

    \b
    Examples:
      conn inbox replay 42
      conn inbox replay --failed --connector hubspot
      conn inbox replay --since 2025-01-01 --until 2025-01-02
    """
    from functools import partial

    from conn_cli.delivery_options import parse_time
    from conn_cli.report import write_report
    from conn_engine.command_reports import InboxReport
    from conn_engine.errors import UsageError
    from conn_service.inbox import InboxQueue

    app: App = context.obj
    if not numbers and not failed and since is None:
        raise UsageError("there is nothing to replay", hint="pass numbers, --failed or --since TIME")
    if numbers and (failed or since is not None or until is not None):
        raise UsageError("numbers exclude --failed, --since and --until", hint="pass one of them")
    with _open(app, store) as inbox:
        queue, now = InboxQueue(inbox.engine), app.clock.now()
        if numbers:
            rows = [inbox.get(number) for number in dict.fromkeys(numbers)]
            for row in rows:
                row.read()
        else:
            status: InboxStatus | None = "failed" if failed else None
            moment, end = parse_time(since, "--since"), parse_time(until, "--until")
            found = inbox.find(status=status, connector=connector, since=moment, until=end, limit=_MOST_REPLAYED)
            rows = [row for row in found if row.content]
        for row in reversed(rows):
            inbox.start_again(row, now, partial(queue.start_again, moment=now), is_replay=not failed)
        counts = inbox.count()
        replayed = [_describe(inbox.get(row.number)) for row in rows]
    line = f"{len(rows):,} {'delivery' if len(rows) == 1 else 'deliveries'} to replay; a worker makes the events\n"
    report = InboxReport(replayed=True, deliveries=replayed, counts=counts)
    write_report(lambda: report, formats or [], {"text": lambda: line}, app, folder=app.folder)


@contextmanager
def _open(app: App, store: str | None) -> "Iterator[InboxStore]":
    try:
        from conn_service.inbox import InboxStore
    except ModuleNotFoundError as error:
        raise explain_missing(error, "conn inbox") from None
    with open_service_engine(app, store) as engine:
        yield InboxStore(engine)


def _check_status(text: str | None) -> "InboxStatus | None":
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError

    if text is not None and text not in _STATUSES:
        hint = did_you_mean(text, _STATUSES) or f"use one of: {', '.join(_STATUSES)}"
        raise UsageError(f'there is no status "{text}"', hint=hint)
    return cast("InboxStatus | None", text)


def _describe(row: "InboxRow") -> "InboxDelivery":
    from conn_engine.command_reports import InboxDelivery

    return InboxDelivery(
        number=row.number,
        connector=row.connector,
        account=row.account or None,
        received_at=_format_time(row.received_at),
        status=row.status,
        verified_by=row.verified_by or None,
        attempts=row.attempts,
        next_attempt=_format_time(row.due) if row.status == "waiting" else None,
        events=row.events,
        problem=row.problem or None,
        fix=row.hint or None,
    )


def _draw(app: App, rows: "Sequence[InboxDelivery]", counts: dict[str, int]) -> str:
    from conn_cli.fitting import USUAL_WIDTH
    from conn_cli.formatting import join_lines
    from conn_cli.report.columns import draw_columns
    from conn_engine.diagnostics import pluralize

    if not rows:
        return "no deliveries\n"
    table = [
        (
            str(row.number),
            row.received_at,
            row.status,
            f"{row.connector}/{row.account}" if row.account else row.connector,
            row.problem or pluralize(row.events, "event"),
        )
        for row in rows
    ]
    summary = ", ".join(f"{counts[name]:,} {name}" for name in _STATUSES if name in counts)
    return join_lines([*draw_columns(table, app.width or USUAL_WIDTH), summary])


def _draw_one(report: "InboxDeliveryReport") -> Iterator[str]:
    import json

    row = report.delivery
    address = f"{row.connector}/{row.account}" if row.account else row.connector
    by = f"verified by {row.verified_by}" if row.verified_by else "not verified"
    yield f"delivery {row.number} to {address} at {row.received_at}: {row.status}, {by}"
    if row.problem:
        yield f"  {row.problem}"
    if row.fix:
        yield f"  fix: {row.fix}"
    if row.next_attempt and row.attempts:
        yield f"  attempt {row.attempts + 1} is due at {row.next_attempt}"
    for event in report.events:
        yield f"  event {event.type} · {event.account or 'no account'} · {event.id}"
    if report.outgoing:
        yield f"  endpoints: {', '.join(f'{count:,} {status}' for status, count in sorted(report.outgoing.items()))}"
    if report.content is not None:
        for event in report.content["events"]:
            yield f"  received {json.dumps(event, ensure_ascii=False)}"


def _format_time(moment: float) -> str:
    return f"{datetime.fromtimestamp(int(moment), UTC):%Y-%m-%dT%H:%M:%SZ}"
