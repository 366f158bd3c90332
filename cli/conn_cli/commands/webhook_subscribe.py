"""`conn webhook subscribe`, `renew` and `unsubscribe`: change an account's webhook subscription at the vendor.

These commands write: without --send, they show the first request and send nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.reports import Report
    from conn_engine.runtime.connection import Connection
    from conn_engine.runtime.report import SubscriptionChange
    from conn_engine.runtime.webhooks import Subscribed
    from conn_engine.runtime.wiring import Wiring
    from conn_engine.wire import Request

__all__ = ["renew", "subscribe", "unsubscribe"]

Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account to subscribe or unsubscribe.")]
Send = Annotated[bool, typer.Option("--send", help="Send the requests. Default: show the first one without sending.")]
FormatOption = Annotated[Formats, format_option()]
_DONE = {"subscribe": "subscribed", "renew": "renewed", "unsubscribe": "unsubscribed"}


def subscribe(
    context: typer.Context,
    account: Account,
    *,
    url: Annotated[str, typer.Option("--url", help="Public URL of your receiver, which the vendor calls.")],
    send: Send = False,
    formats: FormatOption = None,
) -> None:
    """Subscribe to an account's events at the vendor.

    Stores the secret that verifies the deliveries. If the vendor calls the URL to confirm it, start the receiver first:
    conn webhook listen --pair.
    """

    def begin_subscription(connection: "Connection") -> "Subscribed":
        from conn_engine.runtime.webhooks import begin

        return begin(connection, url)

    subscriptions = _Subscriptions(context.obj, "subscribe", begin_subscription, send=send)
    subscriptions.change(account)
    subscriptions.show(formats)
    if not send:
        raise typer.Exit(Exit.USAGE)


def renew(
    context: typer.Context,
    accounts: Annotated[
        list[str] | None,
        typer.Argument(metavar="ACCOUNT", help="Accounts to renew. Default: every subscription that is due."),
    ] = None,
    *,
    send: Send = False,
    formats: FormatOption = None,
) -> None:
    """Extend subscriptions before they expire.

    A subscription is due `renew_before_seconds` before it expires (set by the connector; a day by default). Schedule
    this command to run more often than that.
    """
    from conn_engine.errors import ConnError

    def extend_subscription(connection: "Connection") -> "Subscribed":
        from conn_engine.runtime.webhooks import extend

        return extend(connection)

    app: App = context.obj
    failed: list[ConnError] = []
    chosen = accounts or _due(app)
    subscriptions = _Subscriptions(app, "renew", extend_subscription, send=send)
    try:
        for account in chosen:
            try:
                subscriptions.change(account)
            except ConnError as error:  # the others are renewed anyway
                if len(chosen) == 1:
                    raise
                app.err(f"error: {account}: {error.message}")
                subscriptions.add(account, error=error.message)
                failed.append(error)
    finally:
        if subscriptions.rows or not chosen:
            subscriptions.show(formats)
    if failed:
        raise typer.Exit(max(error.exit_code for error in failed))
    if chosen and not send:
        raise typer.Exit(Exit.USAGE)


def unsubscribe(context: typer.Context, account: Account, *, send: Send = False, formats: FormatOption = None) -> None:
    """End an account's subscription at the vendor.

    The secret that verifies its deliveries stays stored.
    """

    def end_subscription(connection: "Connection") -> None:
        from conn_engine.runtime.webhooks import end

        end(connection)

    subscriptions = _Subscriptions(context.obj, "unsubscribe", end_subscription, send=send)
    subscriptions.change(account)
    subscriptions.show(formats)
    if not send:
        raise typer.Exit(Exit.USAGE)


def _due(app: App) -> list[str]:
    """Return the accounts with a subscription that expires soon."""
    from conn_engine.errors import ConnError
    from conn_engine.runtime.webhooks import due
    from conn_engine.runtime.wiring import wire_account

    accounts_due: list[str] = []
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
                accounts_due.append(account)
        except ConnError as error:
            app.err(f"warning: cannot check {account}: {error.message}")
    return accounts_due


@dataclass
class _Subscriptions:
    """Changes subscriptions of accounts, or plans it without `send`; the rows and lines show what was done so far."""

    app: App
    action: Literal["subscribe", "renew", "unsubscribe"]
    do: "Callable[[Connection], Subscribed | None]"
    send: bool
    rows: "list[SubscriptionChange]" = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def change(self, account: str) -> None:
        """Change the subscription of one account, or find the first request that this would send."""
        from conn_cli.credential_store import refuse_shadowed
        from conn_cli.live_run import resolve_account
        from conn_engine.runtime.connection import Connection
        from conn_engine.runtime.wiring import vault_of

        app = self.app
        wiring = resolve_account(app, account, None, planned=not self.send)
        if not self.send:
            self._plan(wiring)
            return
        refuse_shadowed(account, vault_of(app.workspace, app.environ))
        with Connection(wiring, wiring.live()) as connection:
            subscribed = self.do(connection)
        self.lines.append(
            f"{_DONE[self.action]} {account}{'' if subscribed is None else f': {_describe_subscription(subscribed)}'}"
        )
        self.add(account, subscribed=subscribed)

    def _plan(self, wiring: "Wiring") -> None:
        from conn_engine.runtime.connection import Connection
        from conn_engine.transport.plan import DryRunEnd, PlanTransport, format_curl

        account, request = wiring.session.account or "", None
        try:
            self.do(Connection(wiring, PlanTransport()))
        except DryRunEnd as planned:
            request = planned.request
            self.lines += [
                f"plan for {account}: nothing was sent",
                f"  it starts with {request.label}",
                f"\n{format_curl(request, wiring.redactor)}",
            ]
        else:
            self.lines.append(f"plan for {account}: it would send no request")
        self.add(account, request=request)
        self.app.err("this writes at the vendor: add --send to send it")

    def show(self, formats: Formats) -> None:
        """Show what was done so far."""
        from conn_cli.formatting import join_lines
        from conn_cli.report import write_report

        lines = self.lines or ([] if self.rows else ["no subscription is due"])
        text = {"text": lambda: join_lines(lines)}
        write_report(self._report, formats or [], text, self.app, folder=self.app.folder)

    def _report(self) -> "Report":
        from conn_engine.runtime.report import SubscriptionsReport

        return SubscriptionsReport(action=self.action, accounts=self.rows)

    def add(
        self, account: str, *, subscribed: "Subscribed | None" = None, request: "Request | None" = None, error: str = ""
    ) -> None:
        """Add the result for one account."""
        from conn_engine.runtime.report import SubscriptionChange, describe_request

        row = SubscriptionChange(
            account=account,
            done=self.send and not error,
            results={} if subscribed is None else {k: v for k, v in subscribed.stored.items() if k != "expires_at"},
            captured=[] if subscribed is None else sorted(subscribed.captured),
            expires_at=None if subscribed is None else subscribed.expires_at,
            request=None if request is None else describe_request(request, self.app.redactor),
            error=error,
        )
        self.rows.append(row)


def _describe_subscription(subscribed: "Subscribed") -> str:
    values = ", ".join(
        f"{name} {value}" for name, value in subscribed.stored.items() if name not in ("url", "expires_at")
    )
    secrets = f", stored {' and '.join(subscribed.captured)}" if subscribed.captured else ""
    ends = f", until {subscribed.expires_at}" if subscribed.expires_at is not None else ""
    return f"{values or subscribed.stored['url']}{secrets}{ends}"
