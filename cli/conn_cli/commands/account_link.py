"""`conn account link`: a one-time link with which a customer connects an account."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option
from conn_cli.service_options import PublicUrl, ServiceStore, explain_missing, find_service_store

if TYPE_CHECKING:
    from conn_service.connect.links import IssuedLink

__all__ = ["link_command"]

_LOCAL = "http://127.0.0.1:8080"


def link_command(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of the account.")],
    *,
    hours: Annotated[
        float, typer.Option("--hours", min=0.02, max=720, help="Hours until the link expires.", show_default=True)
    ] = 24.0,
    public_url: PublicUrl = None,
    store: ServiceStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Print a link with which a customer connects the account.

    It leads to a page of conn serve, which asks for the credential or leads to the vendor's consent. It works once, and
    cannot be shown again.

    \b
    Example:
      conn account link acme --public-url https://connect.example.com
    """
    from datetime import UTC, datetime

    from conn_cli.report import write_report
    from conn_engine.command_reports import LinkReport

    app: App = context.obj
    try:
        from conn_service.connect.settings import build_connect_settings
    except ModuleNotFoundError as error:
        raise explain_missing(error, "conn account link") from None
    settings = build_connect_settings(public_url or app.environ.get("CONN_PUBLIC_URL") or _LOCAL)
    issued = _issue(app, store, account, hours * 3600)
    url = settings.build_link(issued.text)
    expires_at = f"{datetime.fromtimestamp(int(issued.link.expires_at), UTC):%Y-%m-%dT%H:%M:%SZ}"
    report = LinkReport(account=account, url=url, expires_at=expires_at)
    write_report(lambda: report, formats or [], {"text": lambda: f"{url}\n"}, app, folder=app.folder)
    if not formats:
        app.err(f"anyone who has the link can connect {account}, once, until {expires_at}; conn serve shows its page")


def _issue(app: App, store: str | None, account: str, seconds: float) -> "IssuedLink":
    from conn_engine.runtime.wiring import vault_of
    from conn_service.connect.issuing import issue_link
    from conn_service.connect.links import LinkStore
    from conn_service.http.accounts import WorkspaceConfiguration
    from conn_service.revisions import RevisedConfiguration, RevisionStore
    from conn_service.store import WorkerVault, open_engine, translate_errors

    location = find_service_store(app, store)
    with translate_errors(location):
        engine = open_engine(location)
        try:
            source = RevisedConfiguration(WorkspaceConfiguration(app.workspace), RevisionStore(engine))
            _, workspace = source.get_current()
            vault = WorkerVault(vault_of(workspace, app.environ), engine, workspace, app.environ)
            return issue_link(LinkStore(engine), workspace, vault, account, app.clock.now(), seconds=seconds)
        finally:
            engine.dispose()
