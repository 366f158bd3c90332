"""`conn auth`: an account's credential: store it, look at its state, remove it. Values are never shown."""

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.commands.auth_set import renewed, set_command
from conn_cli.console import App
from conn_cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from conn_engine.auth import Consenting, CredentialField, Credentials
    from conn_engine.config import Effective

group = typer.Typer(help="Credentials of accounts.", no_args_is_help=True, rich_markup_mode=None)
group.command(name="set")(set_command)


@group.callback()
def options() -> None:
    """Credentials of accounts: in the keyring, an encrypted file, or the environment."""


@group.command()
def login(  # noqa: PLR0917
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT")],
    with_json: Annotated[
        bool, typer.Option("--json", help="Read the fields as one JSON object from standard input.")
    ] = False,
    paste: Annotated[
        bool, typer.Option("--paste", help="Ask for a token made elsewhere, where a browser would be used.")
    ] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address of the vendor's page, do not open it.")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, max=86400, help="How long to wait for a consent.")
    ] = 180,
    verify: Annotated[
        bool, typer.Option("--verify", help="Prove the credential by the connector's verify call.")
    ] = False,
) -> None:
    """Store an account's credential: by the vendor's page in a browser (OAuth), else asked for.

    Secrets are typed hidden, or read from standard input; never from options. Then the connector's `connect` steps run.
    """
    from conn_cli.keeping import needs_store, refuse_shadowed
    from conn_engine.runtime.connection import vault_of

    app: App = context.obj
    effective = app.workspace.effective(account=account)
    effective.check_authority()
    vault = vault_of(app.workspace, app.environ)
    credentials = effective.connector.credentials
    fields = credentials.fields() if credentials is not None else []
    if credentials is None or not fields:
        app.out(f"connector {effective.connector_name} needs no credential")
        return
    values = _read_json(app, fields) if with_json else None
    consenting = None if paste else _consenting(credentials, values)
    if consenting is not None:
        from conn_cli.consent import ConsentLogin

        refuse_shadowed(account, vault)
        needs_store(account, vault.kind)
        known = _client(app, account, consenting, values, vault.load(account))
        browser = app.is_terminal and not no_browser
        document = ConsentLogin(app, effective, consenting, known, vault, browser, timeout).run(account)
    else:
        document = _typed(app, account, credentials, fields, values)
    app.redactor.add_document(document)
    refuse_shadowed(account, vault)
    vault.save(account, renewed(effective, vault.load(account), document))
    app.out(f"stored the credential of {account} in the {vault.kind}")
    _connect(app, effective, account)
    if verify:
        _verify(app, account)


def _consenting(credentials: "Credentials", values: dict[str, Any] | None) -> "Consenting | None":
    """The credential when a person is to consent to it: it has a page for that, and no token was given."""
    from conn_engine.auth import consenting

    found = consenting(credentials)
    if found is None or not values:
        return found
    token = {field.name for field in credentials.fields()} - {field.name for field in found.consent_fields()}
    return None if token & values.keys() else found


def _client(
    app: App, account: str, credentials: "Consenting", values: dict[str, Any] | None, stored: "Mapping[str, Any] | None"
) -> dict[str, Any]:
    """What must be known before a consent (the account's own client): given, else stored earlier, else asked for."""
    from conn_engine.auth.names import document_of
    from conn_engine.errors import UsageError

    fields = credentials.consent_fields()
    known = {field.name: (stored or {}).get(field.name) for field in fields} | (values or {})
    missing = [field for field in fields if not known.get(field.name)]
    if missing and app.interactive:
        known |= _ask(app, missing)
    lacking = [field.name for field in missing if field.required and not known.get(field.name)]
    if lacking:
        raise UsageError(
            f"missing: {', '.join(lacking)}",
            hint=f"conn auth login {account} --json < FILE, with {_shape(fields)} in it",
        )
    return document_of(fields, {name: str(value) for name, value in known.items() if value})


def _typed(
    app: App,
    account: str,
    credentials: "Credentials",
    fields: "Sequence[CredentialField]",
    values: dict[str, Any] | None,
) -> dict[str, Any]:
    """The document of fields that were given as JSON, or are asked for."""
    from conn_engine.errors import UsageError

    shape = _shape(fields)
    if values is None:
        if not app.interactive:
            raise UsageError(
                f"the credential of {account} is not given, and there is nobody to ask",
                hint=f"conn auth login {account} --json < FILE, with {shape} in it",
            )
        values = _ask(app, fields)
    missing = [field.name.rpartition(".")[2] for field in fields if field.required and not values.get(field.name)]
    if missing:
        raise UsageError(f"missing: {', '.join(missing)}", hint=f"expected {shape}")
    return credentials.document(values)


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
    asked = {field.name for field in fields}
    texts = {  # a key that is a JSON document itself (of a service account) is kept as one text
        name: json.dumps(value) if name in asked and isinstance(value, dict) else value
        for name, value in values.items()
    }
    given = leaves(texts)
    short = {field.name: field.name.rpartition(".")[2] for field in fields}
    return {name: given.get(name, given.get(last)) for name, last in short.items() if name in given or last in given}


def _ask(app: App, fields: "Sequence[CredentialField]") -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in fields:
        question = f"{field.label or field.name}{', @FILE' if field.lines else ''}"
        answer = app.ask(question if field.required else f"{question} (optional)", secret=field.secret)
        if answer:
            values[field.name] = _file(app, answer[1:]) if field.lines and answer.startswith("@") else answer
    return values


def _file(app: App, name: str) -> str:
    """A key or certificate, which has lines that no question takes."""
    from conn_engine.errors import UsageError

    try:
        with (app.folder / name).expanduser().open(encoding="utf-8") as file:
            return file.read(1024 * 1024)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError(f"the file {name} cannot be read: {reason}") from None


@group.command()
def status(
    context: typer.Context,
    account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="Default: every account.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Ask the vendor whether it is accepted.")] = False,
) -> None:
    """Say which accounts have a credential, where it is kept, and whether it has expired. Values are never shown."""
    from conn_engine.auth import absent_parts
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
            needed = any(field.required for field in credentials.fields())
            lacking += needed
            told = "run" if needed else "it may go without; to store one"
            app.out(f"{name:<20} no credential in the {vault.kind}   {told}: conn auth login {name}")
            continue
        app.redactor.add_document(document)
        expired = credentials.expired(document, app.clock.now())
        renewable = credentials.renewable(document)
        state = "valid" if not expired else "expired, will be renewed" if renewable else "expired"
        if renewable and credentials.expired(document, -math.inf):  # nothing can have ended then: there is none
            state = "complete, its token is asked for when needed"
        absent = absent_parts(credentials.fields(), document)
        if absent:
            state += f", without {', '.join(sorted(absent))}"
        lacking += expired and not renewable
        app.out(f"{name:<20} {state}   in the {vault.kind_of(name)}")
        if verify:
            _verify(app, name)
    raise typer.Exit(Exit.CREDENTIALS if lacking else Exit.OK)


@group.command(name="verify")
def verify_command(context: typer.Context, account: Annotated[str, typer.Argument(metavar="ACCOUNT")]) -> None:
    """Prove an account's credential by the connector's `verify`: ask the vendor whether it is accepted."""
    app: App = context.obj
    if not _verify(app, account):
        raise typer.Exit(Exit.CONFIGURATION)


def _verify(app: App, account: str) -> bool:
    from conn_engine.runtime.connection import connect

    with connect(app.workspace, account, environ=app.environ, redactor=app.redactor, clock=app.clock) as connection:
        proved = connection.verify()
    if proved:
        app.out(f"{account:<20} accepted by the vendor")
    else:
        app.out(f"{account:<20} not verified: the connector has no `verify` operation")
    return proved


@group.command(name="connect")
def connect_command(context: typer.Context, account: Annotated[str, typer.Argument(metavar="ACCOUNT")]) -> None:
    """Run the connector's `connect` steps again: what an account needs to know beside its credential."""
    app: App = context.obj
    effective = app.workspace.effective(account=account)
    if not _connect(app, effective, account):
        app.out(f"connector {effective.connector_name} has no `connect` steps")


def _connect(app: App, effective: "Effective", account: str) -> bool:
    """Run the steps, and say what they found. Returns whether there are any."""
    from conn_engine.errors import ConnError
    from conn_engine.runtime.connection import connect, vault_of

    if not effective.connector.connect:
        return False
    try:
        with connect(app.workspace, account, environ=app.environ, redactor=app.redactor, clock=app.clock) as connection:
            found = connection.prepare()
    except ConnError as error:
        error.hint = f"{error.hint}; then: conn auth connect {account}".removeprefix("; then: ")
        raise
    for name, value in found.items():
        app.out(f"  {name} = {json.dumps(value, ensure_ascii=False)[:200]}")
    app.out(f"connected {account}")
    if found and vault_of(app.workspace, app.environ).kind_of(account) == "environment":
        app.err(
            "note: the credential comes from the environment, where this cannot be kept: "
            f"write it into the context of {account}"
        )
    return True


@group.command()
def logout(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT")],
    local: Annotated[bool, typer.Option("--local", help="Forget it here alone; the vendor is told nothing.")] = False,
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
