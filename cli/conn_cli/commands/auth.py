"""`conn auth`: store, show the state of, and remove an account's credential. Values are never shown."""

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from conn_cli.account_vault import VaultStore, add_store, open_account_vault, use_accounts
from conn_cli.commands.auth_adopt import adopt_command
from conn_cli.commands.auth_login import login_command
from conn_cli.commands.auth_rotate_key import rotate_key_command
from conn_cli.commands.auth_set import set_command
from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_cli.credential_change import CredentialChange
    from conn_engine.auth import Credentials
    from conn_engine.command_reports import CredentialState
    from conn_engine.config import Effective
    from conn_engine.reports import Report
    from conn_engine.secrets.vault import Issue, LayeredVault

MOST = 20
"""The accounts that fit on a screen."""
MOST_UNUSABLE = 5
"""The same, with what to do for each."""

group = typer.Typer(
    help="Store, verify and remove the credentials of accounts.", no_args_is_help=True, rich_markup_mode=None
)
group.command(name="login")(login_command)
group.command(name="set")(set_command)
group.command(name="adopt")(adopt_command)
group.command(name="rotate-key")(rotate_key_command)


@group.callback()
def options() -> None:
    """Store, verify and remove the credentials of accounts.

    They are stored in the keyring or an encrypted file, or come from the environment.
    """


@group.command()
def status(
    context: typer.Context,
    account: Annotated[
        str | None, typer.Argument(metavar="ACCOUNT", help="Show only this account. Default: every account.")
    ] = None,
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Ask the vendor whether it accepts the credential.")] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Show every account. Default in a terminal: what fits on a screen.")
    ] = False,
    store: VaultStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Show which accounts have a credential, and where it is stored.

    Values are never shown. A stored credential may still be refused by the vendor; --verify checks it.
    """
    from msgspec import structs

    from conn_cli.credential_change import verify_credential
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_engine.errors import CredentialError

    app: App = context.obj
    opened = ExitStack()
    use_accounts(app, store)
    vault = opened.enter_context(open_account_vault(app, store))
    asked = None if store is None else vault
    rows: list[CredentialState] = []
    lines: list[str] = []
    try:
        for name in [account] if account else app.workspace.accounts():
            row, line = _find_state(app, app.workspace.effective(account=name), name, vault)
            rows.append(row)
            lines.append(line)
            if row.usable and verify:
                try:
                    rows[-1] = structs.replace(row, accepted=verify_credential(app, name, lines, asked) or None)
                except CredentialError:
                    rows[-1] = structs.replace(row, accepted=False)
                    raise
    finally:  # a credential that the vendor refuses ends the command
        opened.close()
        if rows:
            complete = every or app.width is None or len(lines) <= MOST
            text = {"text": lambda: join_lines(lines if complete else _summarize(rows, lines))}
            write_report(lambda: _report(rows), formats or [], text, app, folder=app.folder)
    raise typer.Exit(Exit.CREDENTIALS if any(row.usable is False for row in rows) else Exit.OK)


def _summarize(rows: "list[CredentialState]", lines: list[str]) -> list[str]:
    """Return the lines of the first accounts without a usable credential, and the number of accounts."""
    from conn_engine.diagnostics import pluralize

    unusable = {row.account for row in rows if row.usable is False}
    shown = [line for line in lines if line.split(" ", 1)[0] in unusable][:MOST_UNUSABLE]
    left = f"… and {pluralize(len(unusable) - len(shown), 'more account')} without a usable credential"
    return [
        *shown,
        *([left] if len(unusable) > len(shown) else []),
        f"{pluralize(len(rows), 'account')}, {len(unusable):,} without a usable credential",
        "next: see the others: conn auth status --all, or conn auth status ACCOUNT",
    ]


def _report(rows: "list[CredentialState]") -> "Report":
    from conn_engine.command_reports import CredentialsReport

    return CredentialsReport(accounts=rows)


def _find_state(app: App, effective: "Effective", account: str, vault: "LayeredVault") -> "tuple[CredentialState, str]":
    """Find the state of an account's credential, as data and as a line."""
    from conn_engine.auth import absent_parts, missing_parts
    from conn_engine.command_reports import CredentialState
    from conn_engine.runtime.wiring import lacking_credential

    credentials = effective.connector.credentials
    if credentials is None or not credentials.fields():
        return _describe_lack(account, "not_needed"), f"{account:<20} needs no credential"
    stored = vault.find(account)
    document = stored.document if stored is not None else None
    app.redactor.add_document(document or {})
    required = [field for field in credentials.fields() if field.required]
    missing = missing_parts(required, document)
    if document is None and not required:
        state = f"no credential in the {vault.kind}"
        fix = f"it is optional; to store one: conn auth login {account}"
        return _describe_lack(account, "absent", store=vault.kind, fix=fix), f"{account:<20} {state}   {fix}"
    if stored is None or (missing and stored.issue is not None):
        error = lacking_credential(vault.kind, account, document, missing)
        names = [part.name for part in missing]
        state = f"incomplete: lacks {', '.join(names)}" if document else f"no credential in the {vault.kind}"
        kind: Literal["incomplete", "absent"] = "incomplete" if document else "absent"
        row = _describe_lack(account, kind, usable=False, store=vault.kind, missing=names, fix=error.hint)
        return row, f"{account:<20} {state}   {error.hint}"
    expired = credentials.is_expired(stored.document, app.clock.now())
    renewable = credentials.renewable(stored.document)
    state = _state(credentials, stored.document, stored.issue, expired, renewable)
    verified = stored.issue.verified_at if stored.issue is not None else None
    row = CredentialState(
        account=account,
        state="present",
        usable=not expired or renewable,
        store=vault.kind_of(account),
        verified_at=None if verified is None else f"{datetime.fromtimestamp(int(verified), UTC):%Y-%m-%dT%H:%M:%SZ}",
        expired=expired,
        renewable=renewable,
        missing=sorted(absent_parts(credentials.fields(), stored.document)),
        fix="",
        accepted=None,
    )
    return row, f"{account:<20} {state}   in the {row.store}"


def _describe_lack(
    account: str,
    state: "Literal['not_needed', 'absent', 'incomplete']",
    *,
    usable: bool | None = None,
    store: str = "",
    missing: Sequence[str] = (),
    fix: str = "",
) -> "CredentialState":
    """Return the state of a credential that is not there, or not completely."""
    from conn_engine.command_reports import CredentialState

    return CredentialState(
        account=account,
        state=state,
        usable=usable,
        store=store,
        verified_at=None,
        expired=None,
        renewable=None,
        missing=list(missing),
        fix=fix,
        accepted=None,
    )


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
    if renewable and credentials.is_expired(document, -math.inf):  # expired at any time, because it has no token yet
        state += ", its token is requested when needed"
    elif expired:
        state += ", expired, will be renewed" if renewable else ", expired"
    absent = absent_parts(credentials.fields(), document)
    return f"{state}, without {', '.join(sorted(absent))}" if absent else state


@group.command(name="verify")
def verify_command(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of the account.")],
    store: VaultStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Ask the vendor whether it accepts an account's credential.

    Runs the connector's `verify` operation.
    """
    from conn_cli.credential_change import show_change, verify_credential

    app: App = context.obj
    use_accounts(app, store)
    with show_change(app, account, "verify", formats) as change, open_account_vault(app, store) as vault:
        asked = None if store is None else vault
        change.accepted = verify_credential(app, account, change.lines, asked) or None
    if not change.accepted:
        raise typer.Exit(Exit.CONFIGURATION)


@group.command(name="connect")
def connect_command(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of the account.")],
    store: VaultStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Run the connector's `connect` steps again.

    They find what an account needs in addition to its credential.
    """
    from conn_cli.credential_change import run_connect_steps, show_change

    app: App = context.obj
    use_accounts(app, store)
    effective = app.workspace.effective(account=account)
    with show_change(app, account, "connect", formats) as change, open_account_vault(app, store) as vault:
        again = add_store(f"conn auth connect {account}", store)
        if not run_connect_steps(app, effective, change, None if store is None else vault, again=again):
            change.lines.append(f"connector {effective.connector_name} has no `connect` steps")


@group.command()
def logout(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of the account.")],
    *,
    local: Annotated[
        bool, typer.Option("--local", help="Remove the stored credential without revoking it at the vendor.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Remove the stored credential even if the vendor does not revoke it.")
    ] = False,
    store: VaultStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Revoke an account's credential, and remove it from the store.

    The vendor revokes it if the connector declares how. If that fails, the credential stays stored, unless you add
    --force.
    """
    from conn_cli.credential_change import show_change

    app: App = context.obj
    use_accounts(app, store)
    app.workspace.account(account)
    with show_change(app, account, "logout", formats) as change, open_account_vault(app, store) as vault:
        if not local and vault.load(account) is not None:
            _revoke(app, change, force, None if store is None else vault)
        if vault.delete(account):
            change.removed = vault.kind
            change.lines.append(f"removed the credential of {account} from the {vault.kind}")
        else:
            change.lines.append(f"{account} had no credential in the {vault.kind}")


def _revoke(app: App, change: "CredentialChange", force: bool, vault: "LayeredVault | None") -> None:
    from conn_engine.errors import ConnError
    from conn_engine.runtime.connection import connect

    account = change.account
    try:
        credentials = app.workspace.effective(account=account).connector.credentials
        if credentials is None or not credentials.revoke:
            return
        options = {"vault": vault, "redactor": app.redactor, "clock": app.clock}
        with connect(app.workspace, account, environ=app.environ, **options) as connection:
            connection.revoke()
        change.revoked = True
        change.lines.append(f"the vendor revoked the credential of {account}")
    except ConnError as error:
        if not force:
            raise
        app.err(f"warning: {error.message}")
