"""`conn auth set`: store one part of an account's credential, and leave the others unchanged."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.account_vault import VaultStore, open_account_vault, use_accounts
from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.auth import CredentialField
    from conn_engine.config import Effective

__all__ = ["set_command"]

_LONGEST = 1024 * 1024


def set_command(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of the account.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the part, such as webhook_secret.")],
    store: VaultStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Store one part of a credential, such as the webhook secret.

    The other parts do not change. The value is typed hidden or read from standard input, never passed as an option.

    \b
    Example:
      conn auth set acme webhook_secret
    """
    from conn_cli.credential_change import show_change
    from conn_cli.credential_store import needs_store, refuse_shadowed
    from conn_engine.secrets.vault import Issue

    app: App = context.obj
    use_accounts(app, store, creates=True)
    effective = app.workspace.effective(account=account)
    effective.check_authority()
    part = _find_part(effective, name)
    with open_account_vault(app, store) as vault:
        refuse_shadowed(account, vault)
        needs_store(account, vault.kind)
        stored_document = vault.find(account)
        value = _read_value(app, part)
        with show_change(app, account, "set", formats) as change, vault.exclusive(account):
            stored = vault.load(account) or {}
            issue = stored_document.issue if stored_document is not None else None
            hosts = issue.hosts if issue is not None else None  # a new part does not add hosts for the others
            issue = Issue(effective.issued_hosts() if hosts is None else hosts)
            vault.save(account, _set_part(stored, part.name.split("."), value), issue)
            change.stored, change.parts = vault.kind_of(account), [part.name]
            change.lines.append(f"stored {part.name} of {account} in the {change.stored}")


def _parts(effective: "Effective") -> "list[CredentialField]":
    credentials = effective.connector.credentials
    return credentials.fields() if credentials is not None else []


def _find_part(effective: "Effective", name: str) -> "CredentialField":
    from conn_engine.diagnostics import did_you_mean
    from conn_engine.errors import UsageError

    parts = _parts(effective)
    for part in parts:
        if name in (part.name, part.name.rpartition(".")[2]):
            return part
    names = [part.name for part in parts]
    raise UsageError(
        f'the credential of connector {effective.connector_name} has no "{name}"',
        hint=did_you_mean(name, names)
        or (
            f"use one of: {', '.join(names)}"
            if names
            else "declare it in `fields` of connector.yaml, with `secret: true`"
        ),
    )


def _read_value(app: App, part: "CredentialField") -> str:
    from conn_engine.errors import UsageError

    value = app.ask(part.label, secret=part.secret) if app.interactive else app.stdin.read(_LONGEST)
    if not value.strip():
        raise UsageError(f"{part.name} is empty", hint="pass it on standard input, or type it at the prompt")
    app.redactor.add(value.strip(), part.name)
    return value.strip()


def _set_part(document: Mapping[str, Any], path: list[str], value: str) -> dict[str, Any]:
    head, *rest = path
    below = document.get(head)
    return {**document, head: _set_part(below if isinstance(below, Mapping) else {}, rest, value) if rest else value}
