"""`conn auth`: an account's credential: store it, look at its state, remove it. Values are never shown."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.console import App
from conn_cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conn_engine.auth import CredentialField
    from conn_engine.config import Effective

group = typer.Typer(help="Credentials of accounts.", no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def options() -> None:
    """Credentials of accounts: in the keyring, an encrypted file, or the environment."""


@group.command()
def login(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT")],
    with_json: Annotated[
        bool, typer.Option("--json", help="Read the fields as one JSON object from standard input.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Prove the credential by the connector's verify call.")
    ] = False,
) -> None:
    """Store an account's credential. Secrets are asked for hidden, or read from standard input; never from options."""
    from conn_engine.errors import UsageError
    from conn_engine.runtime.connection import vault_of
    from conn_engine.vault.environment import variable_prefix

    app: App = context.obj
    effective = app.workspace.effective(account=account)
    vault = vault_of(app.workspace, app.environ)
    fields = effective.connector.credentials.fields() if effective.connector.credentials is not None else []
    if not fields:
        app.out(f"connector {effective.connector_name} needs no credential")
        return
    shape = _shape(fields)
    if not with_json and not app.interactive:
        raise UsageError(
            f"the credential of {account} is not given, and there is nobody to ask",
            hint=f"conn auth login {account} --json < FILE, with {shape} in it",
        )
    values = _read_json(app, fields) if with_json else _ask(app, effective)
    missing = [field.name.rpartition(".")[2] for field in fields if field.required and not values.get(field.name)]
    if missing:
        raise UsageError(f"missing: {', '.join(missing)}", hint=f"expected {shape}")
    document = effective.connector.credentials.document(values) if effective.connector.credentials else {}
    app.redactor.add_document(document)
    if vault.environment.has(account):
        raise UsageError(
            f"the credential of {account} comes from the environment, which goes before what is stored",
            hint=f"unset {variable_prefix(account)}* first",
        )
    vault.save(account, document)
    app.out(f"stored the credential of {account} in the {vault.kind}")
    if verify:
        _verify(app, account)


def _shape(fields: "Sequence[CredentialField]") -> str:
    asked = [field for field in fields if field.required] or list(fields)
    return "{" + ", ".join(f'"{field.name.rpartition(".")[2]}": "…"' for field in asked) + "}"


def _read_json(app: App, fields: "Sequence[CredentialField]") -> dict[str, Any]:
    """The fields of a JSON object: by their dotted names, nested, or by their last name alone (`access_token`)."""
    from conn_engine.errors import UsageError
    from conn_engine.runtime.compare import leaves

    try:
        values = json.loads(app.stdin.read(1024 * 1024))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise UsageError("standard input is not one JSON object", hint=f"such as {_shape(fields)}")
    given = leaves(values)
    short = {field.name: field.name.rpartition(".")[2] for field in fields}
    return {name: given.get(name, given.get(last)) for name, last in short.items() if name in given or last in given}


def _ask(app: App, effective: "Effective") -> dict[str, Any]:
    credentials = effective.connector.credentials
    values: dict[str, Any] = {}
    for field in credentials.fields() if credentials is not None else []:
        question = field.label or field.name
        answer = app.ask(question if field.required else f"{question} (optional)", secret=field.secret)
        if answer:
            values[field.name] = answer
    return values


@group.command()
def status(
    context: typer.Context,
    account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="Default: every account.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Ask the vendor whether it is accepted.")] = False,
) -> None:
    """Say which accounts have a credential, where it is kept, and whether it has expired. Values are never shown."""
    from conn_engine.runtime.connection import vault_of

    app: App = context.obj
    vault = vault_of(app.workspace, app.environ)
    lacking = 0
    for name in [account] if account else app.workspace.accounts():
        effective = app.workspace.effective(account=name)
        credentials = effective.connector.credentials
        if credentials is None or not credentials.fields():
            app.out(f"{name:<20} needs no credential")
            continue
        document = vault.load(name)
        if document is None:
            lacking += 1
            app.out(f"{name:<20} no credential in the {vault.kind}   run: conn auth login {name}")
            continue
        app.redactor.add_document(document)
        expired = credentials.expired(document, app.clock.now())
        renewable = credentials.renewable(document)
        state = "valid" if not expired else "expired, will be renewed" if renewable else "expired"
        lacking += expired and not renewable
        app.out(f"{name:<20} {state}   in the {vault.kind_of(name)}")
        if verify:
            _verify(app, name)
    raise typer.Exit(Exit.CREDENTIALS if lacking else Exit.OK)


def _verify(app: App, account: str) -> None:
    from conn_engine.runtime.connection import connect

    with connect(app.workspace, account, environ=app.environ, redactor=app.redactor) as connection:
        if connection.verify():
            app.out(f"{account:<20} accepted by the vendor")
        else:
            app.out(f"{account:<20} not verified: the connector has no `verify` operation")


@group.command()
def logout(context: typer.Context, account: Annotated[str, typer.Argument(metavar="ACCOUNT")]) -> None:
    """Remove an account's credential from where it is kept."""
    from conn_engine.runtime.connection import vault_of

    app: App = context.obj
    app.workspace.account(account)
    vault = vault_of(app.workspace, app.environ)
    if vault.delete(account):
        app.out(f"removed the credential of {account} from the {vault.kind}")
    else:
        app.out(f"{account} had no credential in the {vault.kind}")
