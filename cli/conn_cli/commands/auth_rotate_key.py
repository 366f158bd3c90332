"""`conn auth rotate-key`: encrypt the credentials in a database with a new key."""

from typing import Annotated

import typer

from conn_cli.account_vault import VaultStore, open_vault_engine
from conn_cli.console import App
from conn_cli.options import Formats, format_option

__all__ = ["rotate_key_command"]


def rotate_key_command(
    context: typer.Context,
    store: VaultStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Encrypt the credentials in a database with a new key.

    CONN_VAULT_KEY is the new key, and CONN_VAULT_OLD_KEY the previous one. All credentials change, or none. Processes
    that have only the previous key cannot read them afterwards. Default for --store: CONN_SYNC_STORE.
    """
    from conn_cli.report import write_report
    from conn_engine.command_reports import RotatedKeyReport
    from conn_engine.diagnostics import pluralize
    from conn_engine.errors import UsageError
    from conn_service.store import DatabaseVault, read_vault_keys

    app: App = context.obj
    address = store or app.environ.get("CONN_SYNC_STORE")
    if not address:
        raise UsageError(
            "only the key of credentials in a database can be changed, and none is named",
            hint="name it: conn auth rotate-key --store URL",
        )
    keys = read_vault_keys(app.environ)
    with open_vault_engine(app, address) as engine:
        done = DatabaseVault(engine, keys).rotate()
    text = f"encrypted {pluralize(done.encrypted, 'credential')} with the new key"
    text += f"; {done.unchanged:,} had it already" if done.unchanged else ""
    following = "next: remove CONN_VAULT_OLD_KEY from the environment of every worker, and start it again"
    report = RotatedKeyReport(encrypted=done.encrypted, unchanged=done.unchanged)
    write_report(lambda: report, formats or [], {"text": lambda: f"{text}\n{following}\n"}, app, folder=app.folder)
