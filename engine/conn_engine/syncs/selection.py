"""The accounts that a sync runs for."""

from conn_engine.config import Workspace
from conn_engine.config.sync_models import AccountSelection, SyncDocument
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.syncs.compiling import compile_sync
from conn_engine.syncs.effective import load_sync
from conn_engine.syncs.resources import find_sources

__all__ = ["find_accounts"]


def find_accounts(workspace: Workspace, name: str) -> list[str]:
    """Return the accounts that a sync runs for, sorted: those that its file selects, whose connector has what it
    fetches, and for which it is enabled.

    Raises UsageError for an unknown sync, and ConfigurationError for an account that the file names and that does not
    exist.
    """
    document = workspace.sync(name)
    return [account for account in _select(workspace, document) if _fits(workspace, name, document, account)]


def _select(workspace: Workspace, document: SyncDocument) -> list[str]:
    known = workspace.accounts()
    if document.accounts is None:
        return known
    if isinstance(document.accounts, AccountSelection):
        wanted = set(document.accounts.tags)
        return [account for account in known if wanted & {*workspace.account(account).tags}]
    missing = sorted({*document.accounts} - {*known})
    if missing:
        raise ConfigurationError(
            f'the sync names the account "{missing[0]}", which the workspace does not have',
            hint=f"add accounts/{missing[0]}.yaml, or remove the name",
        )
    return sorted({*document.accounts})


def _fits(workspace: Workspace, name: str, document: SyncDocument, account: str) -> bool:
    connector = workspace.account(account).connector
    sources = find_sources(document)
    if any(source.connector not in (None, connector) for source in sources):
        return False
    try:
        plan = compile_sync(workspace, load_sync(workspace, name, account))
    except ConnError:
        return bool(sources) and sources[0].connector == connector
    return plan.enabled
