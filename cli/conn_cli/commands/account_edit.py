"""`conn account create`, `change`, `disable`, `enable`, `delete` and `import`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conn_cli.account_edits import ChangeOptions, change_account, take_change_options
from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.config import Workspace
    from conn_service.revisions import Revision

__all__ = [
    "change_command",
    "create_command",
    "delete_command",
    "disable_command",
    "enable_command",
    "import_command",
]

Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of the account.")]
Environment = Annotated[str | None, typer.Option("--environment", "-e", help="Environment of the account.")]
Label = Annotated[str | None, typer.Option("--label", help="Name of the account for people.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Word that selects accounts. Repeatable.")]
Values = Annotated[
    list[str] | None, typer.Option("--context", metavar="NAME=VALUE", help="Value of the account. Repeatable.")
]
DocumentFile = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="File with the complete document of the account.")
]
Tenant = Annotated[
    str | None, typer.Option("--tenant", help="Who may see it, with --store. Default: the account itself.")
]


@take_change_options
def create_command(
    context: typer.Context,
    account: Name,
    *,
    connector: Annotated[str | None, typer.Option("--connector", "-c", help="Connector of the account.")] = None,
    environment: Environment = None,
    label: Label = None,
    tag: Tags = None,
    value: Values = None,
    file: DocumentFile = None,
    tenant: Tenant = None,
    options: ChangeOptions,
) -> None:
    """Create an account, in the workspace or in a store.

    \b
    Examples:
      conn account create hooli --connector hubspot --label Hooli
      conn account create hooli --file hooli.yaml --store postgresql://conn@db/conn
    """
    from conn_engine.documents import dump_yaml
    from conn_engine.errors import UsageError

    app: App = context.obj
    _check_tenant(tenant, options.store)
    if (connector is None) == (file is None):
        raise UsageError("name the connector of the account", hint="pass --connector NAME, or a complete --file")
    settings = _collect_settings(connector, environment, label, tag, value)

    def edit(revision: "Revision", _workspace: "Workspace") -> Mapping[str, str]:
        if not revision.is_deleted:
            raise UsageError(
                f'there is an account "{account}" already', hint=f"to change it: conn account change {account}"
            )
        if file is not None:
            return _read_document(app, account, file)
        return {f"accounts/{account}.yaml": dump_yaml(settings)}

    change_account(app, account, "create", edit, replace(options, tenant=tenant))


@take_change_options
def change_command(
    context: typer.Context,
    account: Name,
    *,
    connector: Annotated[str | None, typer.Option("--connector", "-c", help="Connector of the account.")] = None,
    environment: Environment = None,
    label: Label = None,
    tag: Tags = None,
    value: Values = None,
    file: DocumentFile = None,
    tenant: Tenant = None,
    options: ChangeOptions,
) -> None:
    """Change settings of an account, or its complete document.

    Lint and the account's recordings are checked first. Every other line of the document stays as it is.

    \b
    Examples:
      conn account change acme --environment staging --reason "a trial"
      conn account change acme --file acme.yaml --store service.sqlite3
    """
    from conn_engine.documents import parse
    from conn_engine.documents.edits import put_value
    from conn_engine.errors import UsageError

    app: App = context.obj
    _check_tenant(tenant, options.store)
    settings = _collect_settings(connector, environment, label, tag, value)
    if not settings and file is None and tenant is None:
        raise UsageError("there is nothing to change", hint="pass --label TEXT, --file FILE or another setting")

    def edit(revision: "Revision", workspace: "Workspace") -> Mapping[str, str]:
        _check_known(revision, workspace)
        if file is not None:
            return _read_document(app, account, file)
        path, text = next(iter(revision.files.items()))
        for key, setting in settings.items():
            parts: list[tuple[tuple[str, ...], Any]] = [((key,), setting)]
            if key == "context":
                parts = [((key, name), one) for name, one in setting.items()]
            for place, one in parts:
                text = put_value(parse(text, path), place, one)
        return {path: text}

    change_account(app, account, "change", edit, replace(options, tenant=tenant))


@take_change_options
def disable_command(
    context: typer.Context,
    account: Name,
    options: ChangeOptions,
) -> None:
    """Refuse the calls of an account, and start no sync for it."""
    _set_state(context.obj, account, options, is_on=False)


@take_change_options
def enable_command(
    context: typer.Context,
    account: Name,
    options: ChangeOptions,
) -> None:
    """Allow the calls of a disabled account again."""
    _set_state(context.obj, account, options, is_on=True)


@take_change_options
def delete_command(
    context: typer.Context,
    account: Name,
    *,
    keep_credential: Annotated[
        bool, typer.Option("--keep-credential", help="Keep the stored credential, so that the account can be restored.")
    ] = False,
    options: ChangeOptions,
) -> None:
    """Delete an account and its credential. In a store, its revisions stay.

    The vendor is not asked to revoke the credential: conn auth logout does that, before the account is deleted.
    """

    def edit(revision: "Revision", workspace: "Workspace") -> Mapping[str, str]:
        _check_known(revision, workspace)
        return {}

    change_account(context.obj, account, "delete", edit, replace(options, keeps_credential=keep_credential))


@take_change_options
def import_command(
    context: typer.Context,
    account: Name,
    *,
    tenant: Tenant = None,
    options: ChangeOptions,
) -> None:
    """Copy the file of an account into a store, byte for byte."""
    from conn_engine.config import load_workspace
    from conn_engine.errors import UsageError
    from conn_service.revisions import Subject, read_files

    app: App = context.obj
    if options.store is None:
        raise UsageError("import needs a store", hint="pass --store FILE or --store URL")
    app.workspace.account(account)
    files = read_files(load_workspace(app.workspace_root), Subject("account", account))
    options = replace(options, tenant=tenant)
    change_account(app, account, "import", lambda _revision, _workspace: files, options)


def _set_state(app: App, account: str, options: ChangeOptions, *, is_on: bool) -> None:
    from conn_service.revisions import set_enabled

    def edit(revision: "Revision", workspace: "Workspace") -> Mapping[str, str]:
        _check_known(revision, workspace)
        return set_enabled(revision, is_on=is_on)

    change_account(app, account, "enable" if is_on else "disable", edit, options)


def _check_known(revision: "Revision", workspace: "Workspace") -> None:
    if revision.is_deleted:
        workspace.account(revision.subject.name)  # raises the error that names the others


def _check_tenant(tenant: str | None, store: str | None) -> None:
    from conn_engine.errors import UsageError

    if tenant is not None and store is None:
        raise UsageError("a tenant is an attribute of an account in a store", hint="pass --store FILE too")


def _collect_settings(
    connector: str | None,
    environment: str | None,
    label: str | None,
    tags: Sequence[str] | None,
    values: Sequence[str] | None,
) -> dict[str, Any]:
    settings: dict[str, Any] = {"connector": connector, "environment": environment, "label": label}
    settings = {key: setting for key, setting in settings.items() if setting is not None}
    if tags:
        settings["tags"] = list(tags)
    if values:
        settings["context"] = dict(_read_value(text) for text in values)
    return settings


def _read_value(text: str) -> tuple[str, Any]:
    from conn_engine.documents import parse
    from conn_engine.errors import ConnError, UsageError

    name, separator, value = text.partition("=")
    if not separator or not name:
        raise UsageError(f'"{text}" is not NAME=VALUE', hint="write it as region=eu")
    try:
        return name, parse(value, "value.yaml").data
    except ConnError:
        return name, value


def _read_document(app: App, account: str, file: Path) -> Mapping[str, str]:
    """Return the text of a file, unchanged, as that of the account."""
    from conn_engine.errors import UsageError

    suffix = file.suffix if file.suffix in (".yaml", ".yml", ".json") else ".yaml"
    try:
        return {f"accounts/{account}{suffix}": (app.folder / file).read_bytes().decode()}
    except OSError as error:
        raise UsageError(f"cannot read {file}: {(error.strerror or str(error)).lower()}", hint="correct it") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8", hint="save it as UTF-8") from None
