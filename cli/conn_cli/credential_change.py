"""What a command does with an account's credential: store it, run the connector's `connect` and `verify`, and show the
results."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from conn_cli.console import App
from conn_cli.options import Formats

if TYPE_CHECKING:
    from conn_engine.config import Effective
    from conn_engine.reports import Report
    from conn_engine.secrets import Vault

__all__ = ["CredentialChange", "run_connect_steps", "show_change", "verify_credential"]


@dataclass
class CredentialChange:
    """What one command has done so far with an account's credential, as `lines` for people and as data (see
    `CredentialReport`)."""

    account: str
    action: Literal["login", "set", "verify", "connect", "logout"]
    lines: list[str] = field(default_factory=list)
    stored: str | None = None
    removed: str | None = None
    parts: list[str] = field(default_factory=list)
    revoked: bool = False
    accepted: bool | None = None
    connected: dict[str, Any] | None = None

    def report(self) -> "Report":
        """Return it as a report."""
        from conn_engine.command_reports import CredentialReport

        return CredentialReport(
            account=self.account,
            action=self.action,
            stored=self.stored,
            removed=self.removed,
            parts=self.parts,
            revoked=self.revoked,
            accepted=self.accepted,
            connected=self.connected,
        )


@contextmanager
def show_change(
    app: App, account: str, action: Literal["login", "set", "verify", "connect", "logout"], formats: Formats
) -> Iterator[CredentialChange]:
    """Show what the block does with the credential; after an error, what it has done until then, if anything."""
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report

    change = CredentialChange(account, action)
    is_finished = False
    try:
        yield change
        is_finished = True
    finally:
        if is_finished or change.lines:
            text = {"text": lambda: join_lines(change.lines)}
            write_report(change.report, formats or [], text, app, folder=app.folder)


def run_connect_steps(
    app: App, effective: "Effective", change: CredentialChange, vault: "Vault | None" = None, *, again: str = ""
) -> bool:
    """Run the connector's `connect` steps and add what they find to the change. Returns whether there are any.

    Pass `vault` for a credential that is not that of this machine. `again` is the command that runs the steps again.
    """
    from conn_engine.errors import ConnError
    from conn_engine.runtime.connection import connect
    from conn_engine.runtime.wiring import vault_of

    if not effective.connector.connect:
        return False
    account = change.account
    options = {"vault": vault, "redactor": app.redactor, "clock": app.clock}
    try:
        with connect(app.workspace, account, environ=app.environ, **options) as connection:
            values = connection.prepare()
    except ConnError as error:
        if again:
            error.hint = f"{error.hint}; then: {again}".removeprefix("; then: ")
        raise
    for name, value in values.items():
        change.lines.append(f"  {name} = {json.dumps(value, ensure_ascii=False)[:200]}")
    change.lines.append(f"connected {account}")
    change.connected = dict(values)
    if vault is None and values and vault_of(app.workspace, app.environ).kind_of(account) == "environment":
        app.err(
            "note: the credential comes from the environment, where these values cannot be stored: "
            f"add them to the context of {account}"
        )
    return True


def verify_credential(app: App, account: str, lines: list[str], vault: "Vault | None" = None) -> bool:
    """Ask the vendor whether it accepts the credential, and add the result to the lines. Returns False if the connector
    has no `verify` operation.

    Raises CredentialError if the vendor refuses the credential.
    """
    from conn_engine.runtime.connection import connect

    options = {"vault": vault, "redactor": app.redactor, "clock": app.clock}
    with connect(app.workspace, account, environ=app.environ, **options) as connection:
        verified = connection.verify()
    lines.append(
        f"{account:<20} accepted by the vendor"
        if verified
        else f"{account:<20} not verified: the connector has no `verify` operation"
    )
    return verified
