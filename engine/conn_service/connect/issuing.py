"""Make a link for an account that can be connected."""

from conn_engine.config import Workspace
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import UsageError
from conn_engine.secrets import Vault
from conn_service.connect.account_connector import check_storable, choose_login_vault
from conn_service.connect.links import LINK_SECONDS, IssuedLink, LinkStore

__all__ = ["issue_link"]


def issue_link(
    links: LinkStore,
    workspace: Workspace,
    vault: Vault,
    account: str,
    now: float,
    *,
    seconds: float = LINK_SECONDS,
    **more: str,
) -> IssuedLink:
    """Store a new link for an account of the workspace; `more` is that of `insert_link`, and the caller has checked it.

    Raises UsageError for an unknown account, and for one whose new credential could not be stored or used.
    """
    known = workspace.accounts()
    if account not in known:
        hint = did_you_mean(account, known) or "conn account list shows the accounts"
        raise UsageError(f'there is no account "{account[:100]}"', hint=hint, category="unknown")
    effective = workspace.effective(account=account)
    effective.check_authority()
    credentials = effective.connector.credentials
    if credentials is None or not credentials.fields():
        raise UsageError(
            f"connector {effective.connector_name} needs no credential, so nobody has to connect {account}",
            hint="declare credentials in connector.yaml if the vendor asks for one",
        )
    check_storable(choose_login_vault(vault, account), account)
    return links.create(account, now=now, expires_at=now + seconds, **more)
