"""`conn token`: the tokens with which applications use the service."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from conn_cli.account_vault import lay_revisions_over
from conn_cli.console import App
from conn_cli.options import Formats, format_option
from conn_cli.service_options import ServiceStore, explain_missing, open_service_engine

if TYPE_CHECKING:
    from conn_engine.command_reports import TokenState
    from conn_service.http.tokens import ApiToken, TokenScope, TokenStore

group = typer.Typer(
    help="Create, list and revoke the tokens of applications.", no_args_is_help=True, rich_markup_mode=None
)


@group.callback()
def options() -> None:
    """Create, list and revoke the tokens with which applications use the service.

    A token is shown once, when it is created. The store keeps only its digest.
    """


@group.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What uses the token, such as my-app.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", "-s", help="What it allows: unified:read, unified:write … Repeatable."),
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option("--account", "-a", help="Allow only this account. Repeatable. Default: all.")
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Allow only accounts of this tenant. Default: all tenants.")
    ] = None,
    days: Annotated[
        float | None, typer.Option("--days", min=0.001, help="Days until it expires. Default: never.")
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            "--rate", metavar="N/TIME", help="Requests that it may send, such as 100/60s. Default: any number."
        ),
    ] = None,
    store: ServiceStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Create a token and print it. It cannot be shown again.

    \b
    Examples:
      conn token create my-app --scope unified:read --account acme
      conn token create worker -s unified:read -s unified:write --days 90 --rate 100/60s
    """
    from conn_cli.report import write_report
    from conn_engine.command_reports import TokenReport
    from conn_engine.errors import UsageError

    app: App = context.obj
    scopes = _check_scopes(scope or [])
    if "metrics" in scopes and (account or tenant):
        raise UsageError(
            "metrics are those of all tenants, and the token would be for some accounts",
            hint="create another token for them: conn token create NAME --scope metrics",
        )
    now = app.clock.now()
    with _open(app, store, creates=True, with_accounts=bool(account)) as tokens:
        from conn_service.http.tokens import TokenRate

        for one in account or []:
            app.workspace.account(one)
        issued = tokens.create(
            name,
            scopes,
            now=now,
            tenant=tenant or "",
            accounts=account or (),
            expires_at=None if days is None else now + days * 86_400,
            rate=None if rate is None else TokenRate.parse(rate),
        )
    report = TokenReport(action="created", token=_describe(issued.token, now), secret=issued.text)
    write_report(lambda: report, formats or [], {"text": lambda: f"{issued.text}\n"}, app, folder=app.folder)
    if not formats:
        app.err("keep it in a secret store: it is not shown again; to end it: conn token revoke " + issued.token.id)


@group.command(name="list")
def list_command(
    context: typer.Context, store: ServiceStore = None, formats: Annotated[Formats, format_option()] = None
) -> None:
    """Show the tokens, without the part that is secret."""
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_engine.command_reports import TokensReport

    app: App = context.obj
    now = app.clock.now()
    with _open(app, store) as tokens:
        rows = [_describe(token, now) for token in tokens.list()]
    lines = [_format(row) for row in rows] or ["there are no tokens yet; conn token create NAME makes one"]
    text = {"text": lambda: join_lines(lines)}
    write_report(lambda: TokensReport(tokens=rows), formats or [], text, app, folder=app.folder)


@group.command()
def revoke(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="ID of the token, as `conn token list` shows it.")],
    store: ServiceStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """End a token at once."""
    from conn_cli.report import write_report
    from conn_engine.command_reports import TokenReport

    app: App = context.obj
    now = app.clock.now()
    with _open(app, store) as tokens:
        token = tokens.revoke(identifier, now)
    report = TokenReport(action="revoked", token=_describe(token, now), secret=None)
    line = f"revoked {token.id} ({token.name}): requests with it are refused from now on\n"
    write_report(lambda: report, formats or [], {"text": lambda: line}, app, folder=app.folder)


@contextmanager
def _open(app: App, store: str | None, *, creates: bool = False, with_accounts: bool = False) -> "Iterator[TokenStore]":
    """Open the tokens of a store. `with_accounts` lays its accounts over the workspace."""
    try:
        from conn_service.http.tokens import TokenStore
    except ModuleNotFoundError as error:
        raise explain_missing(error, "conn token") from None
    with open_service_engine(app, store, creates=creates) as engine:
        if with_accounts:
            lay_revisions_over(app, engine)
        yield TokenStore(engine)


def _check_scopes(names: list[str]) -> "list[TokenScope]":
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError

    try:
        from conn_service.http.tokens import SCOPES
    except ModuleNotFoundError as error:
        raise explain_missing(error, "conn token") from None
    for name in names:
        if name not in SCOPES:
            hint = did_you_mean(name, SCOPES) or f"use one of: {', '.join(SCOPES)}"
            raise UsageError(f'there is no scope "{name}"', hint=hint)
    return cast("list[TokenScope]", names)


def _describe(token: "ApiToken", now: float) -> "TokenState":
    from conn_cli.formatting import format_time
    from conn_engine.command_reports import TokenState

    state: Literal["valid", "expired", "revoked"] = "valid" if token.is_valid(now) else "expired"
    if token.revoked_at is not None:
        state = "revoked"
    return TokenState(
        id=token.id,
        name=token.name,
        state=state,
        scopes=sorted(token.scopes),
        accounts=list(token.accounts),
        tenant=token.tenant,
        created_at=format_time(token.created_at),
        expires_at=None if token.expires_at is None else format_time(token.expires_at),
        last_used=None if token.last_used is None else format_time(token.last_used),
        rate=None if token.rate is None else str(token.rate),
    )


def _format(row: "TokenState") -> str:
    accounts = ", ".join(row.accounts) or (f"all accounts of {row.tenant}" if row.tenant else "all accounts")
    used = f"used {row.last_used}" if row.last_used else "never used"
    rate = f"   {row.rate}" if row.rate else ""
    return f"{row.id}  {row.state:<8} {row.name:<20} {', '.join(row.scopes)}   {accounts}   {used}{rate}"
