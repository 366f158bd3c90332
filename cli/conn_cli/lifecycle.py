"""Run the connector's `connect` and `verify` after a log-in, and show the results."""

import json
from typing import TYPE_CHECKING

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.config import Effective
    from conn_engine.secrets import Vault

__all__ = ["run_connect_steps", "verify_credential"]


def run_connect_steps(app: App, effective: "Effective", account: str, vault: "Vault | None" = None) -> bool:
    """Run the connector's `connect` steps and show what they find. Returns whether there are any.

    Pass `vault` for a credential that is not stored yet.
    """
    from conn_engine.errors import ConnError
    from conn_engine.runtime.connection import connect, vault_of

    if not effective.connector.connect:
        return False
    options = {"vault": vault, "redactor": app.redactor, "clock": app.clock}
    try:
        with connect(app.workspace, account, environ=app.environ, **options) as connection:
            found = connection.prepare()
    except ConnError as error:
        if vault is None:
            error.hint = f"{error.hint}; then: conn auth connect {account}".removeprefix("; then: ")
        raise
    for name, value in found.items():
        app.out(f"  {name} = {json.dumps(value, ensure_ascii=False)[:200]}")
    app.out(f"connected {account}")
    if vault is None and found and vault_of(app.workspace, app.environ).kind_of(account) == "environment":
        app.err(
            "note: the credential comes from the environment, where these values cannot be stored: "
            f"add them to the context of {account}"
        )
    return True


def verify_credential(app: App, account: str, vault: "Vault | None" = None) -> bool:
    """Ask the vendor whether it accepts the credential, and show the answer. Returns whether it could be asked.

    Raises CredentialError when the vendor refuses it.
    """
    from conn_engine.runtime.connection import connect

    options = {"vault": vault, "redactor": app.redactor, "clock": app.clock}
    with connect(app.workspace, account, environ=app.environ, **options) as connection:
        verified = connection.verify()
    if verified:
        app.out(f"{account:<20} accepted by the vendor")
    else:
        app.out(f"{account:<20} not verified: the connector has no `verify` operation")
    return verified
