"""`conn endpoint`: the applications that receive events: how they respond, a test, and events again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.commands.endpoint_rotate import format_time, rotate_command
from conn_cli.commands.sync.parameters import FormatOption, Store
from conn_cli.console import App
from conn_cli.exits import Exit

if TYPE_CHECKING:
    from conn_engine.command_reports import EndpointLine, RedeliveryReport
    from conn_service.delivery import EndpointEntry

group = typer.Typer(
    help="Show, test and redeliver to the endpoints that receive events.", no_args_is_help=True, rich_markup_mode=None
)
Endpoint = Annotated[str, typer.Argument(metavar="NAME", help="The endpoint, as conn endpoint list shows it.")]


@group.callback()
def options() -> None:
    """Show the endpoints that receive events, test them, and send them events again."""


@group.command(name="list")
def list_command(context: typer.Context, store: Store = None, formats: FormatOption = None) -> None:
    """Show every endpoint: its state, why, and its events."""
    from conn_cli.report import write_report
    from conn_cli.sync_worker import open_worker
    from conn_engine.command_reports import EndpointsReport
    from conn_service.delivery import list_endpoints

    app: App = context.obj
    with open_worker(app, store) as worker:
        entries = list_endpoints(worker.deliveries.engine, worker.releases.get_current()[1], worker.secrets)
    lines = [_describe(entry) for entry in entries]
    write_report(
        lambda: EndpointsReport(endpoints=lines),
        formats or [],
        {"text": lambda: _draw(app, lines)},
        app,
        folder=app.folder,
    )


@group.command()
def test(context: typer.Context, name: Endpoint, store: Store = None, formats: FormatOption = None) -> None:
    """Send a signed test event to an endpoint, and show its answer.

    The event has the type endpoint.test and `"test": true`. Nothing is stored, and a disabled endpoint gets it too.
    """
    from conn_cli.report import write_report
    from conn_cli.sync_worker import open_worker
    from conn_engine.command_reports import EndpointTestReport
    from conn_service.delivery import find_endpoint, send_test_event

    app: App = context.obj
    with open_worker(app, store) as worker:  # it knows the accounts of the store, too
        workspace = worker.releases.get_current()[1]
        endpoint = find_endpoint(workspace, name, environ=app.environ, stored=worker.secrets.find)
    done = send_test_event(workspace, endpoint, app.clock)
    report = EndpointTestReport(
        endpoint=done.endpoint,
        event_id=done.event_id,
        status=done.status or None,
        milliseconds=done.milliseconds,
        problem=done.problem or None,
    )
    text = f"{done.endpoint}: {done.problem or f'took the event {done.event_id}'} ({done.milliseconds} ms)\n"
    write_report(lambda: report, formats or [], {"text": lambda: text}, app, folder=app.folder)
    if done.problem:
        raise typer.Exit(Exit.FINDINGS)


@group.command()
def redeliver(
    context: typer.Context,
    name: Endpoint,
    *,
    event: Annotated[str | None, typer.Option("--event", metavar="ID", help="Only the event with this ID.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="All since then, such as 2025-01-01. UTC by default."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="With --since, those before then. Default: now.")
    ] = None,
    store: Store = None,
    formats: FormatOption = None,
) -> None:
    """Enable an endpoint, and send it events again.

    Without --event and --since, it gets what it has not received, also what was given up. Events have the same IDs as
    before. With --until, an event about a record of which a later one was delivered is left out.

    \b
    Examples:
      conn endpoint redeliver default
      conn endpoint redeliver default --event evt_4GXoEyzcv9YQmPzUIjGaFAkWSnV9hJ0B
      conn endpoint redeliver accounts/acme/default --since 2025-01-01T08:00
    """
    from conn_cli.delivery_options import parse_time
    from conn_cli.report import write_report
    from conn_cli.sync_worker import open_worker
    from conn_engine.command_reports import RedeliveryReport
    from conn_engine.errors import UsageError
    from conn_service.delivery import name_endpoint

    app: App = context.obj
    begin, end = parse_time(since, "--since"), parse_time(until, "--until")
    if event is not None and (begin is not None or end is not None):
        raise UsageError("--event excludes --since and --until", hint="pass one of them")
    if end is not None and begin is None:
        raise UsageError("--until needs --since", hint="pass --since TIME too")
    with open_worker(app, store) as worker:
        if event is None and begin is None:
            key, overtaken = worker.sending.find_key(name), 0
            before = worker.deliveries.count(endpoint=key)
            again = before.get("dead", 0) + before.get("waiting", 0)
            counts = worker.sending.retry(name)
        else:
            done = worker.sending.redeliver(name, event_id=event, since=begin or 0.0, until=end)
            again, overtaken = done.again, done.overtaken
            counts = worker.deliveries.count(endpoint=worker.sending.find_key(name))
    if event is not None and not again:
        raise UsageError(
            f'the store has no event "{event}" for the endpoint "{name_endpoint(name)}"',
            hint="list what it has: conn sync failures; contents are removed after --keep-days",
        )
    report = RedeliveryReport(endpoint=name_endpoint(name), again=again, overtaken=overtaken, events=counts)
    write_report(lambda: report, formats or [], {"text": lambda: _draw_redelivery(report)}, app, folder=app.folder)


@group.command()
def secret(
    context: typer.Context,
    *,
    ed25519: Annotated[
        bool, typer.Option("--ed25519", help="Make a private key and its public key instead of a shared secret.")
    ] = False,
    formats: FormatOption = None,
) -> None:
    """Make a new secret for an endpoint, shown once and stored nowhere.

    Set it as a variable that `secret` of the endpoint names. To let Conn make and store the secret, and to change one
    later, use conn endpoint rotate.
    """
    from conn_cli.report import write_report
    from conn_engine.command_reports import EndpointSecretReport
    from conn_service.delivery import create_secret, parse_signing_key

    app: App = context.obj
    text = create_secret(is_private=ed25519)
    public_key = parse_signing_key(text).public_key
    report = EndpointSecretReport(secret=text, public_key=public_key or None)
    shown = f"{text}\n" + (f"public key for receivers: {public_key}\n" if public_key else "")
    write_report(lambda: report, formats or [], {"text": lambda: shown}, app, folder=app.folder)


group.command(name="rotate")(rotate_command)


def _describe(entry: "EndpointEntry") -> "EndpointLine":
    from conn_engine.command_reports import EndpointLine

    return EndpointLine(
        endpoint=entry.name,
        place=entry.place or None,
        url=entry.url,
        account=entry.account or None,
        types=list(entry.events),
        state=entry.state,
        problem=entry.problem or None,
        since=format_time(entry.since),
        next_attempt=format_time(entry.next_attempt),
        events=dict(entry.counts),
        public_keys=list(entry.public_keys),
        rotated=format_time(entry.rotated_at),
        previous_until=format_time(entry.previous_until),
    )


def _draw(app: App, lines: "Sequence[EndpointLine]") -> str:
    from conn_cli.fitting import USUAL_WIDTH
    from conn_cli.formatting import join_lines
    from conn_cli.report.columns import draw_columns

    if not lines:
        return "no endpoints\n"
    rows = [(line.endpoint, line.state, _format_events(line.events), line.url) for line in lines]
    return join_lines([*draw_columns(rows, app.width or USUAL_WIDTH), *_explain(lines)])


def _explain(lines: "Sequence[EndpointLine]") -> Iterator[str]:
    """Yield why endpoints do not get their events, and what receivers verify signatures with."""
    for line in lines:
        if line.problem:
            since = f" since {line.since}" if line.since else ""
            yield f"{line.endpoint}: {line.state}{since}: {line.problem}"
        if line.rotated:
            until = f"; the previous one signs until {line.previous_until}" if line.previous_until else ""
            yield f"{line.endpoint}: secret in the vault since {line.rotated}{until}"
        for key in line.public_keys:
            yield f"{line.endpoint}: public key {key}"


def _draw_redelivery(report: "RedeliveryReport") -> str:
    from conn_engine.diagnostics import pluralize

    text = f"{report.endpoint}: {pluralize(report.again, 'event')} again; {_format_events(report.events)}\n"
    if report.overtaken:
        text += f"  {pluralize(report.overtaken, 'event')} left out: a later one about the record was delivered\n"
    return text


def _format_events(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items())) or "no events"
