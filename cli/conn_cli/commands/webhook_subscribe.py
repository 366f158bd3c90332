"""`conn webhook subscribe`, `renew`, `unsubscribe`: the vendor is told where an account's deliveries are to come.

They write at the vendor: without --send they show the first request, and send nothing.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit

if TYPE_CHECKING:
    from conn_engine.runtime.connection import Connection
    from conn_engine.runtime.webhooks import Subscribed

__all__ = ["renew", "subscribe", "unsubscribe"]

Account = Annotated[str, typer.Argument(metavar="ACCOUNT")]
Send = Annotated[bool, typer.Option("--send", help="Really send it. Without: show the first request.")]


def subscribe(
    context: typer.Context,
    account: Account,
    *,
    url: Annotated[str, typer.Option("--url", help="The public address of your receiver, which the vendor calls.")],
    send: Send = False,
) -> None:
    """Tell the vendor where an account's deliveries are to come, and keep the secret that proves them.

    A vendor that asks the address at once needs a receiver that runs: conn webhook listen --pair.
    """
    app: App = context.obj

    def do(connection: "Connection") -> str:
        from conn_engine.runtime.webhooks import begin

        return f"subscribed {account}: {_told(begin(connection, url))}"

    _run(app, account, do, send=send)


def renew(
    context: typer.Context,
    accounts: Annotated[list[str] | None, typer.Argument(metavar="[ACCOUNT]...")] = None,
    *,
    send: Send = False,
) -> None:
    """Make subscriptions last longer: those of the accounts named, or all that are due.

    When one is due the connector says (`renew_before_seconds`, a day by default). Run it by a scheduler, more often
    than that.
    """
    from conn_engine.errors import ConnError

    app: App = context.obj
    named = accounts or []
    failed: list[ConnError] = []
    chosen = named or _due(app)
    if not chosen:
        app.out("no subscription is due")
        return

    def do(connection: "Connection") -> str:
        from conn_engine.runtime.webhooks import extend

        return f"renewed {connection.wiring.session.account}: {_told(extend(connection))}"

    for account in chosen:
        try:
            _run(app, account, do, send=send, ends=False)
        except ConnError as error:  # the others are not held up by it
            if len(chosen) == 1:
                raise
            app.err(f"error: {account}: {error.message}")
            failed.append(error)
    if failed:
        raise typer.Exit(max(error.exit_code for error in failed))
    if not send:
        raise typer.Exit(Exit.USAGE)


def unsubscribe(context: typer.Context, account: Account, *, send: Send = False) -> None:
    """Tell the vendor to stop an account's deliveries. The secret that proves them stays."""
    app: App = context.obj

    def do(connection: "Connection") -> str:
        from conn_engine.runtime.webhooks import end

        end(connection)
        return f"unsubscribed {account}"

    _run(app, account, do, send=send)


def _due(app: App) -> list[str]:
    """The accounts with a subscription that ends soon."""
    from conn_engine.errors import ConnError
    from conn_engine.runtime.connection import wire_account
    from conn_engine.runtime.webhooks import due

    found: list[str] = []
    for account in app.workspace.accounts():
        try:
            wiring = wire_account(
                app.workspace,
                account,
                environ=app.environ,
                clock=app.clock,
                redactor=app.redactor,
                needs_credential=False,
            )
            if due(wiring.effective, app.clock.now()):
                found.append(account)
        except ConnError as error:
            app.err(f"warning: {account} cannot be looked at: {error.message}")
    return found


def _run(app: App, account: str, do: "Callable[[Connection], str]", *, send: bool, ends: bool = True) -> None:
    """Do it, or show the first request that it would begin with; then the command `ends` as a plan does."""
    from conn_cli.keeping import refuse_shadowed
    from conn_cli.running import wired
    from conn_engine.runtime.connection import Connection, vault_of

    wiring = wired(app, account, None, planned=not send)
    if send:
        refuse_shadowed(account, vault_of(app.workspace, app.environ))
        with Connection(wiring, wiring.live()) as connection:
            app.out(app.redactor.text(do(connection)))
        return
    from conn_engine.transport.plan import Plan, Planned, curl

    try:
        do(Connection(wiring, Plan()))
    except Planned as planned:
        request = planned.request
        app.out(f"plan for {account}: nothing was sent")
        app.out(f"  it begins with {request.label}")
        app.out(f"\n{curl(request, wiring.redactor)}")
    else:
        app.out(f"plan for {account}: it would send no request")
    app.err("this writes at the vendor: add --send to really send it")
    if ends:
        raise typer.Exit(Exit.USAGE)


def _told(made: "Subscribed") -> str:
    kept = ", ".join(f"{name} {value}" for name, value in made.kept.items() if name not in ("url", "expires_at"))
    secrets = f", its {' and '.join(made.captured)} kept" if made.captured else ""
    ends = f", until {made.expires_at}" if made.expires_at is not None else ""
    return f"{kept or made.kept['url']}{secrets}{ends}"
