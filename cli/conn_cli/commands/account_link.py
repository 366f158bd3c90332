"""`conn account link` and `links`: one-time links with which customers connect their accounts."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option
from conn_cli.service_options import PublicUrl, ServiceStore, explain_missing, open_service_engine

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from conn_service.connect.links import ConnectLink, IssuedLink

__all__ = ["link_command", "links_command"]

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
    from conn_cli.formatting import format_time
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
    expires_at = format_time(issued.link.expires_at)
    report = LinkReport(account=account, url=url, expires_at=expires_at)
    write_report(lambda: report, formats or [], {"text": lambda: f"{url}\n"}, app, folder=app.folder)
    if not formats:
        app.err(f"anyone who has the link can connect {account}, once, until {expires_at}; conn serve shows its page")


def links_command(
    context: typer.Context,
    account: Annotated[
        str | None, typer.Argument(metavar="ACCOUNT", help="Show only its links.", show_default=False)
    ] = None,
    *,
    revoke: Annotated[
        str | None, typer.Option("--revoke", metavar="ID", help="End this link at once, and show only it.")
    ] = None,
    store: ServiceStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """List the links for customers, or revoke one.

    \b
    Example:
      conn account links --revoke 4f2a81c03b7d
    """
    from conn_cli.formatting import format_time, join_lines
    from conn_cli.report import write_report
    from conn_engine.command_reports import LinksReport, LinkState
    from conn_service.connect.links import LinkStore

    app: App = context.obj
    now = app.clock.now()
    with open_service_engine(app, store) as engine:
        found = LinkStore(engine).list(account or "") if revoke is None else [_revoke(app, engine, revoke)]
    rows = [
        LinkState(
            id=link.id,
            account=link.account,
            state=link.find_state(now) if revoke is None else "revoked",
            created_by=link.created_by,
            created_at=format_time(link.created_at),
            expires_at=format_time(link.expires_at),
        )
        for link in found
    ]
    lines = [
        f"{row.id}  {row.state:<8} {row.account}   until {row.expires_at}   {row.created_by}".rstrip() for row in rows
    ]
    texts = {
        "text": lambda: join_lines(
            [line.rstrip() for line in lines] or ["there are no links; conn account link ACCOUNT makes one"]
        )
    }
    write_report(lambda: LinksReport(links=rows), formats or [], texts, app, folder=app.folder)


def _revoke(app: App, engine: "Engine", identifier: str) -> "ConnectLink":
    from conn_engine.errors import UsageError
    from conn_service.connect.links import LinkStore

    links = LinkStore(engine)
    link = links.find_by_id(identifier)
    if link is None:
        raise UsageError(
            f'there is no link "{identifier}"', hint="conn account links shows the IDs", category="unknown"
        )
    links.revoke(link)
    _record(app, engine, "revoke", link)
    return link


def _record(app: App, engine: "Engine", action: str, link: "ConnectLink") -> None:
    """Note in the log of the store what was done to a link."""
    from conn_cli.release_options import find_actor
    from conn_service.http.accounts import WorkspaceConfiguration
    from conn_service.revisions import AuditEntry, RevisedConfiguration, RevisionStore

    source = RevisedConfiguration(WorkspaceConfiguration(app.workspace), RevisionStore(engine))
    tenant = source.find_tenant(link.account) or link.tenant
    by = find_actor(app, None).by
    source.store.audit.add(AuditEntry(app.clock.now(), by, action, f"links/{link.id}", link.account, tenant))


def _issue(app: App, store: str | None, account: str, seconds: float) -> "IssuedLink":
    from conn_cli.account_vault import lay_revisions_over
    from conn_cli.release_options import find_actor
    from conn_engine.runtime.wiring import vault_of
    from conn_service.connect.issuing import issue_link
    from conn_service.connect.links import LinkStore
    from conn_service.store import WorkerVault

    with open_service_engine(app, store, creates=True) as engine:
        lay_revisions_over(app, engine)
        workspace = app.workspace
        vault = WorkerVault(vault_of(workspace, app.environ), engine, workspace, app.environ)
        by = find_actor(app, None).by
        now = app.clock.now()
        issued = issue_link(LinkStore(engine), workspace, vault, account, now, seconds=seconds, created_by=by)
        _record(app, engine, "create", issued.link)
        return issued
