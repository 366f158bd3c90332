"""`conn auth rotate-key`: encrypt stored credentials with a new key."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.account_vault import VaultStore, open_vault_engine
from conn_cli.console import App
from conn_cli.database import find_default_file
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.secrets.vault import RotatedKey

__all__ = ["rotate_key_command"]


def rotate_key_command(
    context: typer.Context,
    store: VaultStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Encrypt stored credentials with a new key.

    CONN_VAULT_KEY is the new key, and CONN_VAULT_OLD_KEY the previous one. Processes that have only the previous key
    cannot read the credentials afterwards. In a database, all of them change, or none. Without --store: those in the
    encrypted files of this machine, and in the database of CONN_SYNC_STORE, CONN_SERVICE_STORE or the workspace.
    """
    from conn_cli.report import write_report
    from conn_engine.command_reports import RotatedKeyReport

    app: App = context.obj
    done = _rotate(app, store)
    lines = [_describe(place, rotated) for place, rotated in done.items() if rotated.encrypted or rotated.unchanged]
    if lines:
        lines.append("next: remove CONN_VAULT_OLD_KEY from the environment of every process, and start it again")
    else:
        lines = [f"there are no credentials in the {' or the '.join(done)}; --store names another database"]
    report = RotatedKeyReport(
        encrypted=sum(rotated.encrypted for rotated in done.values()),
        unchanged=sum(rotated.unchanged for rotated in done.values()),
    )
    text = "".join(f"{line}\n" for line in lines)
    write_report(lambda: report, formats or [], {"text": lambda: text}, app, folder=app.folder)


def _rotate(app: App, store: str | None) -> "dict[str, RotatedKey]":
    """Rotate the key of each place. Return what was done, by the place's name."""
    from conn_engine.secrets.vault import rotate_files
    from conn_service.store import DatabaseVault, read_vault_keys

    address = store or app.environ.get("CONN_SYNC_STORE") or app.environ.get("CONN_SERVICE_STORE")
    default = find_default_file(app)
    if not address and default is not None and default.exists():
        address = str(default)
    keys = read_vault_keys(app.environ)
    done = {}
    if store is None:
        done["encrypted files"] = rotate_files(app.environ)
    if address:
        with open_vault_engine(app, address) as engine:
            done["database"] = DatabaseVault(engine, keys).rotate()
    return done


def _describe(place: str, rotated: "RotatedKey") -> str:
    from conn_engine.diagnostics import pluralize

    line = f"encrypted {pluralize(rotated.encrypted, 'credential')} in the {place} with the new key"
    return line + (f"; {rotated.unchanged:,} had it already" if rotated.unchanged else "")
