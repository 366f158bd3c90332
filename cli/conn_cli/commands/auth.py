"""`conn auth`: an account's credential: store it, look at its state, remove it. Values are never shown."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.commands.auth_adopt import adopt_command
from conn_cli.commands.auth_login import login_command
from conn_cli.commands.auth_set import set_command
from conn_cli.console import App
from conn_cli.exits import Exit

if TYPE_CHECKING:
    from conn_engine.auth import Credentials
    from conn_engine.config import Effective
    from conn_engine.secrets.vault import Issue, LayeredVault

group = typer.Typer(help="Credentials of accounts.", no_args_is_help=True, rich_markup_mode=None)
group.command(name="login")(login_command)
group.command(name="set")(set_command)
group.command(name="adopt")(adopt_command)


@group.callback()
def options() -> None:
    """Credentials of accounts: in the keyring, an encrypted file, or the environment."""


@group.command()
def status(
    context: typer.Context,
    account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="Default: every account.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Ask the vendor whether it accepts the credential.")] = False,
) -> None:
    """Show which accounts have a credential, where it is stored, and when the vendor last accepted it.

    Values are never shown. That a credential is present does not mean that the vendor accepts it: --verify asks.
    """
    from conn_cli.lifecycle import verify_credential
    from conn_engine.runtime.connection import vault_of

    app: App = context.obj
    vault = vault_of(app.workspace, app.environ)
    lacking = 0
    for name in [account] if account else app.workspace.accounts():
        usable = _show_state(app, app.workspace.effective(account=name), name, vault)
        lacking += usable is False
        if usable and verify:
            verify_credential(app, name)
    raise typer.Exit(Exit.CREDENTIALS if lacking else Exit.OK)


def _show_state(app: App, effective: "Effective", account: str, vault: "LayeredVault") -> bool | None:
    """Show the state of an account's credential. Returns whether it can be used; None when none is needed."""
    from conn_engine.auth import missing_parts
    from conn_engine.runtime.connection import lacking_credential

    credentials = effective.connector.credentials
    if credentials is None or not credentials.fields():
        app.out(f"{account:<20} needs no credential")
        return None
    stored = vault.find(account)
    document = stored.document if stored is not None else None
    app.redactor.add_document(document or {})
    required = [field for field in credentials.fields() if field.required]
    missing = missing_parts(required, document)
    if document is None and not required:
        state = f"no credential in the {vault.kind}"
        app.out(f"{account:<20} {state}   it is optional; to store one: conn auth login {account}")
        return None
    if stored is None or (missing and stored.issue is not None):
        error = lacking_credential(vault.kind, account, document, missing)
        state = f"no credential in the {vault.kind}"
        if document:
            state = f"incomplete: lacks {', '.join(part.name for part in missing)}"
        app.out(f"{account:<20} {state}   {error.hint}")
        return False
    expired = credentials.is_expired(stored.document, app.clock.now())
    renewable = credentials.renewable(stored.document)
    state = _state(credentials, stored.document, stored.issue, expired, renewable)
    app.out(f"{account:<20} {state}   in the {vault.kind_of(account)}")
    return not expired or renewable


def _state(
    credentials: "Credentials", document: Mapping[str, Any], issue: "Issue | None", expired: bool, renewable: bool
) -> str:
    from conn_engine.auth import absent_parts

    verified = issue.verified_at if issue is not None else None
    state = (
        "present"
        if verified is None
        else f"verified at {datetime.fromtimestamp(int(verified), UTC):%Y-%m-%d %H:%M} UTC"
    )
    if renewable and credentials.is_expired(document, -math.inf):  # at no moment: it has no token yet
        state += ", its token is requested when needed"
    elif expired:
        state += ", expired, will be renewed" if renewable else ", expired"
    absent = absent_parts(credentials.fields(), document)
    return f"{state}, without {', '.join(sorted(absent))}" if absent else state


@group.command(name="verify")
def verify_command(context: typer.Context, account: Annotated[str, typer.Argument(metavar="ACCOUNT")]) -> None:
    """Prove an account's credential by the connector's `verify`: ask the vendor whether it is accepted."""
    from conn_cli.lifecycle import verify_credential

    app: App = context.obj
    if not verify_credential(app, account):
        raise typer.Exit(Exit.CONFIGURATION)


@group.command(name="connect")
def connect_command(context: typer.Context, account: Annotated[str, typer.Argument(metavar="ACCOUNT")]) -> None:
    """Run the connector's `connect` steps again: what an account needs to know beside its credential."""
    from conn_cli.lifecycle import run_connect_steps

    app: App = context.obj
    effective = app.workspace.effective(account=account)
    if not run_connect_steps(app, effective, account):
        app.out(f"connector {effective.connector_name} has no `connect` steps")


@group.command()
def logout(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT")],
    local: Annotated[bool, typer.Option("--local", help="Remove it only here; send nothing to the vendor.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Forget it here even when the vendor does not revoke it.")
    ] = False,
) -> None:
    """Make the vendor revoke an account's credential, where the connector says how, and forget it here.

    It stays stored when the vendor does not do it, unless --force.
    """
    from conn_engine.runtime.connection import vault_of

    app: App = context.obj
    app.workspace.account(account)
    vault = vault_of(app.workspace, app.environ)
    if not local and vault.load(account) is not None:
        _revoke(app, account, force)
    if vault.delete(account):
        app.out(f"removed the credential of {account} from the {vault.kind}")
    else:
        app.out(f"{account} had no credential in the {vault.kind}")


def _revoke(app: App, account: str, force: bool) -> None:
    from conn_engine.errors import ConnError
    from conn_engine.runtime.connection import connect

    try:
        credentials = app.workspace.effective(account=account).connector.credentials
        if credentials is None or not credentials.revoke:
            return
        with connect(app.workspace, account, environ=app.environ, redactor=app.redactor, clock=app.clock) as connection:
            connection.revoke()
        app.out(f"the vendor revoked the credential of {account}")
    except ConnError as error:
        if not force:
            raise
        app.err(f"warning: {error.message}")
