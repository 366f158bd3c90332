"""`conn webhook listen`: receive deliveries on this machine."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.delivery_options import Account, DeliveryOwner, find_owner
from conn_cli.options import Formats, JsonAlias, format_option
from conn_cli.personal_data import KeepPersonal
from conn_engine.errors import UsageError
from conn_engine.urls import split_plain_url

if TYPE_CHECKING:
    from conn_cli.delivery_listener import DeliveryListener, EventForwarder
    from conn_cli.delivery_server import DeliveryServer
    from conn_engine.runtime.webhooks import Event

__all__ = ["listen"]

SECRET = "CONN_EVENT_SECRET"  # noqa: S105 - the name of the variable


def listen(
    context: typer.Context,
    *,
    account: Account = None,
    connector: Annotated[
        str | None, typer.Option("--connector", "-c", help="Connector whose deliveries name the account.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on. 0 chooses a free port.")
    ] = 0,
    url: Annotated[
        str | None, typer.Option("--url", help="Public URL that the vendor calls. Default: taken from each request.")
    ] = None,
    record: Annotated[bool, typer.Option("--record", help="Record the accepted deliveries for conn test.")] = False,
    forward: Annotated[
        str | None,
        typer.Option("--forward", metavar="URL", help=f"Post events to URL, signed with {SECRET} (Standard Webhooks)."),
    ] = None,
    syncs: Annotated[
        bool,
        typer.Option("--syncs", help="Let `conn sync work` run the syncs that an event triggers, and deliver deletes."),
    ] = False,
    pair: Annotated[
        bool, typer.Option("--pair", help="Let a secret that the vendor sends replace the stored one.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Stop after one accepted delivery.")] = False,
    count: Annotated[
        int | None,
        typer.Option(
            "--count", metavar="N", min=1, help="Stop after N accepted deliveries. Default: run until Ctrl-C."
        ),
    ] = None,
    formats: Annotated[Formats, format_option()] = None,
    as_json: JsonAlias = False,
    keep_personal: KeepPersonal = False,
) -> None:
    """Receive deliveries on this machine, and print their events.

    Deliveries are verified, and challenges get their reply. With --account or --connector, any path is accepted;
    otherwise, use /CONNECTOR and /accounts/ACCOUNT. Ctrl-C stops.

    \b
    Example:
      conn webhook listen --account acme --port 8080 --record
    """
    from conn_cli.delivery_listener import DeliveryListener, EventWriter
    from conn_cli.delivery_server import DeliveryServer
    from conn_cli.personal_data import choose_personal_data
    from conn_engine.diagnostics import pluralize
    from conn_engine.runtime.webhooks import Receiver
    from conn_engine.transport.gateway import is_loopback

    app: App = context.obj
    if once and count is not None:
        raise UsageError(
            "--once and --count cannot be used together", hint="pass one of them: --once is the same as --count 1"
        )
    address = _address(app, account, connector)
    _check_url(url)
    receiver = Receiver(app.workspace, app.environ, clock=app.clock, redactor=app.redactor)
    events_to = EventWriter(app, formats or (["json"] if as_json else []))
    listener = DeliveryListener(
        app,
        receiver,
        address,
        forward=_forward(app, forward),
        pairing=pair,
        events_to=events_to,
        record=record,
        personal=choose_personal_data(app, app.workspace, keep=keep_personal) if record else None,
        count=1 if once else count,
    )
    cleanup = ExitStack()
    if syncs:
        listener.start_syncs = cleanup.enter_context(_open_requests(app))
    server = DeliveryServer(host, port, listener.take, url)
    if not is_loopback(host):
        app.err(f"warning: other machines can reach {host}; 127.0.0.1 and a tunnel are safer")
    host_text = f"[{host}]" if ":" in host else host
    try:
        _serve(
            app,
            server,
            listener,
            f"listening on http://{host_text}:{server.port} for {_format_address(address)} (Ctrl-C stops)",
        )
    finally:
        events_to.close()
        cleanup.close()
    app.err(f"stopped: {listener.deliveries:,} accepted, {pluralize(listener.events, 'event')}")


@contextmanager
def _open_requests(app: App) -> "Iterator[Callable[[Sequence[Event]], object]]":
    """Open the store of syncs, and yield what stores the runs that events want."""
    from conn_cli.sync_worker import open_worker
    from conn_service.syncs.receiving import receive_events

    with open_worker(app, None) as worker:
        yield lambda events: receive_events(worker.store.engine, app.workspace, events, app.clock)


def _address(app: App, account: str | None, connector: str | None) -> DeliveryOwner | None:
    if account is None and connector is None:
        return None
    from conn_engine.runtime.webhooks.accepting import require_webhooks

    address = find_owner(app, account, connector)
    require_webhooks(address.load_effective(app))
    return address


def _format_address(address: DeliveryOwner | None) -> str:
    if address is None:
        return "all, at /CONNECTOR and /accounts/ACCOUNT"
    return address.account or str(address.connector)


def _check_url(url: str | None) -> None:
    parts = split_plain_url(url or "https://x")
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            f"--url {url} is not a URL of a receiver", hint="pass a URL such as https://a1b2.tunnel.example/hooks"
        )


def _forward(app: App, url: str | None) -> "EventForwarder | None":
    from conn_cli.delivery_listener import EventForwarder
    from conn_engine.runtime.webhooks import signing_key
    from conn_engine.transport.gateway import is_loopback
    from conn_engine.transport.live import Live

    if url is None:
        return None
    parts = split_plain_url(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise UsageError(
            "--forward requires https, unless the receiver is on this machine",
            hint="pass a URL such as http://127.0.0.1:8000/events",
        )
    secret = app.environ.get(SECRET)
    if not secret:
        raise UsageError(
            f"{SECRET} is not set",
            hint="create a secret (openssl rand -base64 32), and set the variable here and in the receiver",
        )
    app.redactor.add(secret, SECRET)
    live = Live(app.redactor, max_redirects=0, trust=app.workspace.trust.extend_to_url(url), clock=app.clock)
    return EventForwarder(url, signing_key(secret), live, app.clock.now)


def _serve(app: App, server: "DeliveryServer", listener: "DeliveryListener", message: str) -> None:
    """Serve until the listener has accepted enough deliveries, or until Ctrl-C."""
    from threading import Thread

    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        app.err(message)
        app.flush()
        while not listener.done.wait(0.5):  # in slices: an unbounded wait could not be interrupted everywhere
            app.check_reader()
        server.wait_for_replies()
    except KeyboardInterrupt:
        app.err("")
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
