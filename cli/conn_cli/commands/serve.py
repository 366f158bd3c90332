"""`conn serve`: the service."""

from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from conn_cli.console import App
from conn_cli.service_options import PublicUrl, ServiceStore, explain_missing, find_service_store
from conn_cli.sync_worker import (
    KeepDays,
    KeepDone,
    KeepFailed,
    KeepUnverified,
    Reserve,
    build_worker,
    open_worker_releases,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from socket import socket

    from starlette.routing import BaseRoute

    from conn_engine.releases.store_location import StoreLocation
    from conn_service.connect.settings import ConnectSettings
    from conn_service.http.accounts import ConfigurationSource
    from conn_service.http.service import Deployment, ServiceParts
    from conn_service.syncs.opening import ReleaseLookup
    from conn_service.syncs.worker import SyncWorker

_TRIAL_SECONDS = 86_400


def serve(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: a free one.")] = 8080,
    store: ServiceStore = None,
    channel: Annotated[
        str | None,
        typer.Option("--channel", help="Serve what this channel of the releases serves. Default: this workspace."),
    ] = None,
    releases: Annotated[
        str | None,
        typer.Option("--releases", metavar="FILE|URL", help="Store of the releases, with --channel."),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="The longest time for one request.")
    ] = 60.0,
    vendor_errors: Annotated[
        bool, typer.Option("--vendor-errors", help="Show the vendor's own error text to callers.")
    ] = False,
    concurrency: Annotated[
        int, typer.Option("--concurrency", metavar="N", min=1, help="Requests at once; more are refused with 503.")
    ] = 500,
    delivery_memory: Annotated[
        int,
        typer.Option(
            "--delivery-memory",
            metavar="MIB",
            min=1,
            help="Memory for the bodies of all webhooks at once; more is 503.",
        ),
    ] = 128,
    drain: Annotated[
        float, typer.Option("--drain", metavar="SECONDS", min=0, help="At SIGTERM, the time for requests to end.")
    ] = 30.0,
    drain_delay: Annotated[
        float,
        typer.Option(
            "--drain-delay",
            metavar="SECONDS",
            min=0,
            help="At SIGTERM, how long to answer requests as before while /health/ready is 503.",
        ),
    ] = 0.0,
    trial: Annotated[
        str | None,
        typer.Option(
            "--try",
            metavar="ACCOUNT",
            help="Also print a first request for this account, with a token for one day. Only on this machine.",
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port",
            min=0,
            max=65535,
            help="Port for /metrics and /health without a token. Default: /metrics needs a token with that scope.",
        ),
    ] = None,
    log_format: Annotated[
        Literal["text", "json"], typer.Option("--log-format", help="Lines of the log on standard error: text or json.")
    ] = "text",
    public_url: PublicUrl = None,
    application: Annotated[
        str, typer.Option("--application", metavar="NAME", help="Name of your application on pages for customers.")
    ] = "",
    return_origin: Annotated[
        list[str] | None,
        typer.Option("--return-origin", metavar="ORIGIN", help="Site that links may return to. Repeatable."),
    ] = None,
    frame_origin: Annotated[
        list[str] | None,
        typer.Option("--frame-origin", metavar="ORIGIN", help="Site that may embed pages for customers. Repeatable."),
    ] = None,
    work: Annotated[
        bool,
        typer.Option(
            "--work", help="Also do what conn sync work does: run syncs, make the events of webhooks, deliver events."
        ),
    ] = False,
    keep_days: KeepDays = 30,
    keep_deliveries: KeepDone = 30,
    keep_failed_deliveries: KeepFailed = 90,
    keep_unverified_deliveries: KeepUnverified = 7,
    reserve: Reserve = 20,
    docs: Annotated[
        bool, typer.Option("--docs/--no-docs", help="Serve the page /docs, which shows the operations to a token.")
    ] = True,
    portal: Annotated[
        bool, typer.Option("--portal", help="Serve the pages /portal, in which your team maps fields of accounts.")
    ] = False,
) -> None:
    """Serve an application: the unified API of the accounts, over HTTP.

    Every request needs a token: see conn token. The service ends at Ctrl-C or SIGTERM, after what is at work.
    Traces are sent where the variable OTEL_EXPORTER_OTLP_ENDPOINT says.
    With --work, this process is also the worker of the store; the options --keep… and --reserve are for that.

    \b
    Example:
      conn serve --channel production
    """
    from conn_cli.error_output import learn_secrets
    from conn_cli.loopback import is_local
    from conn_cli.version import installed_version
    from conn_engine.diagnostics import pluralize

    app: App = context.obj
    try:
        from conn_service.connect.settings import build_connect_settings
        from conn_service.http.logs import write_logs
        from conn_service.http.reading import ServiceLimits
        from conn_service.http.server import ServiceServer
        from conn_service.http.service import Deployment, open_service
        from conn_service.http.tracing import open_traces
        from conn_service.inbox import InboxRetention
        from conn_service.listening import listen
        from conn_service.mcp.routes import build_agent_routes
    except ModuleNotFoundError as error:
        raise explain_missing(error, "conn serve") from None
    learn_secrets(app)
    with ExitStack() as stack:
        stack.enter_context(write_logs(lambda line: app.err(line, form=log_format), log_format))
        source = _open_source(app, channel, releases)
        public_url = public_url or app.environ.get("CONN_PUBLIC_URL")
        if public_url is not None:
            build_connect_settings(public_url)  # refuses it before the port is taken
        sites = (application, return_origin or (), frame_origin or ())
        listener = listen(host, port)
        monitor = None if metrics_port is None else listen(host, metrics_port, "--metrics-port")
        address = _format_address(host, listener)
        location = find_service_store(app, store)
        trial_lines = [] if trial is None else _prepare_trial(app, location, source, trial, address)
        if public_url is None and is_local(address):
            public_url = address
        limits = ServiceLimits(
            request_seconds=seconds,
            concurrent_requests=concurrency,
            shows_vendor_errors=vendor_errors,
            delivery_bytes=delivery_memory * 2**20,
        )
        connect = None if public_url is None else build_connect_settings(public_url, *sites)
        build_portal = _prepare_portal(app, connect, location, channel, releases) if portal else _build_nothing
        deployment = Deployment(
            source,
            location,
            None,
            app.environ,
            app.clock,
            limits,
            connect=connect,
            has_docs_page=docs,
            traces=open_traces(app.environ),
            more_routes=lambda parts: [*build_agent_routes(parts, installed_version()), *build_portal(parts)],
        )

        more_lines = [
            *([] if monitor is None else [f"metrics and health at {_format_address(host, monitor)}/metrics"]),
            *([f"portal at {public_url}/portal/"] if portal else []),
            *(["runs syncs, makes the events of webhooks, and delivers events"] if work else []),
            *trial_lines,
        ]

        def say_started() -> None:
            accounts = len(service.source.get_current()[1].accounts())
            first = f"serving {pluralize(accounts, 'account')} at {address}/unified/ (Ctrl-C ends it)"
            for line in [first, *more_lines]:
                app.err(line, prose=False)
            app.stderr.flush()

        service = stack.enter_context(open_service(deployment))
        if work:
            build = partial(
                build_worker,
                app,
                location,
                keep_days=keep_days,
                keep=InboxRetention(keep_deliveries, keep_failed_deliveries, keep_unverified_deliveries),
                reserve=reserve / 100,
                drain_seconds=int(drain),
                ends_process=False,
            )
            stack.enter_context(_work_in_background(deployment, open_worker_releases(app, channel, releases), build))
        apart = None if monitor is None else (service.monitor, monitor)
        server = ServiceServer(service, listener, deployment.drain, limits, drain, drain_delay, apart)
        server.run(say_started)


@contextmanager
def _work_in_background(
    deployment: "Deployment",
    opening: "AbstractContextManager[ReleaseLookup]",
    build: "Callable[[ReleaseLookup], SyncWorker]",
) -> "Iterator[None]":
    """Do what `conn sync work` does, on the store of the service."""
    from conn_service.store import translate_errors
    from conn_service.syncs.background import run_in_background

    with translate_errors(deployment.store), opening as releases:

        def open_worker() -> "SyncWorker":
            with translate_errors(deployment.store):
                return build(releases)

        with run_in_background(open_worker, lambda: deployment.drain.is_draining):
            yield


def _prepare_trial(
    app: App, location: "StoreLocation", source: "ConfigurationSource", account: str, address: str
) -> list[str]:
    """Create a token for an account, and return lines that show how to use it. Raises UsageError."""
    from conn_cli.loopback import is_local
    from conn_engine.errors import UsageError
    from conn_service.http.tokens import TokenStore
    from conn_service.store import open_engine

    if not is_local(address):
        raise UsageError("--try is for this machine only", hint="use --host 127.0.0.1, or conn token create")
    operations = source.get_current()[1].effective(account=account).enabled_operations()
    path = next((f"{name.model}/{name.resource}" for name in operations if name.model and name.method == "list"), "")
    if not path:
        raise UsageError(f'the account "{account}" has no unified listing', hint="name another account")
    engine = open_engine(location)
    try:
        now = app.clock.now()
        issued = TokenStore(engine).create(
            "trial", ["mcp", "unified:read"], now=now, accounts=[account], expires_at=now + _TRIAL_SECONDS
        )
    finally:
        engine.dispose()
    return [
        f'try it: curl -H "Authorization: Bearer {issued.text}" "{address}/unified/{path}?limit=2"',
        f"for an agent: {address}/mcp, with the same header",
    ]


def _build_nothing(_parts: "ServiceParts") -> "Sequence[BaseRoute]":
    return ()


def _prepare_portal(
    app: App,
    connect: "ConnectSettings | None",
    location: "StoreLocation",
    channel: str | None,
    releases: str | None,
) -> "Callable[[ServiceParts], Sequence[BaseRoute]]":
    """Return what builds the routes of the portal. Raises UsageError without a public address."""
    from conn_cli.release_options import find_release_store
    from conn_engine.errors import UsageError
    from conn_service.portal.routes import PortalSettings, build_portal_routes

    if connect is None:
        raise UsageError("--portal needs the address for browsers", hint="pass --public-url https://HOST")
    store = "" if channel is None else find_release_store(app, releases).full_text
    secret, workspace = app.environ.get("CONN_PORTAL_CLIENT_SECRET", ""), app.workspace
    if secret:
        app.redactor.add(secret, "the secret of the portal's client")
    settings = PortalSettings(location.full_text, store, workspace.settings.portal_login, secret, workspace.trust)
    return partial(build_portal_routes, settings=settings, connect=connect)


def _format_address(host: str, listener: "socket") -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def _open_source(app: App, channel: str | None, releases: str | None) -> "ConfigurationSource":
    from conn_cli.release_options import find_release_store
    from conn_engine.errors import UsageError
    from conn_engine.releases import ReleaseSource
    from conn_service.http.accounts import WorkspaceConfiguration
    from conn_service.http.channel import ChannelConfiguration

    if channel is None:
        if releases is not None:
            raise UsageError("--releases needs a channel", hint="pass --channel NAME too")
        return WorkspaceConfiguration(app.workspace)
    source = ReleaseSource(find_release_store(app, releases), channel, identity=app.workspace.identity)
    return ChannelConfiguration(source)
