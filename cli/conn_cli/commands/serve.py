"""`conn serve`: the service."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.service_options import ServiceStore, explain_missing, find_service_store

if TYPE_CHECKING:
    from conn_service.http.accounts import ConfigurationSource


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
) -> None:
    """Serve an application: the unified API of the accounts, over HTTP.

    Every request needs a token: see conn token. The service ends at Ctrl-C or SIGTERM, after the requests at work.

    \b
    Example:
      conn serve --channel production
    """
    from conn_cli.error_output import learn_secrets
    from conn_engine.diagnostics import pluralize

    app: App = context.obj
    try:
        from conn_service.http.reading import ServiceLimits
        from conn_service.http.server import listen, run_server
        from conn_service.http.service import Deployment, open_service
    except ModuleNotFoundError as error:
        raise explain_missing(error, "conn serve") from None
    learn_secrets(app)
    source = _open_source(app, channel, releases)
    deployment = Deployment(
        source,
        find_service_store(app, store),
        None,
        app.environ,
        app.clock,
        ServiceLimits(request_seconds=seconds, shows_vendor_errors=vendor_errors),
    )
    accounts = len(source.get_current()[1].accounts())
    listener = listen(host, port)

    def say_started() -> None:
        number = listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        app.err(f"serving {pluralize(accounts, 'account')} at http://{shown}:{number}/unified/ (Ctrl-C ends it)")
        app.stderr.flush()

    with open_service(deployment) as service:
        run_server(service, listener, say_started)


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
