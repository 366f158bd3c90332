"""The accounts that a sync runs for, and the syncs that run for an account."""

from collections.abc import Callable
from functools import partial

from conn_engine.config import Effective, Workspace
from conn_engine.config.sync_models import AccountSelection, SyncDocument
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.syncs.compiling import compile_sync
from conn_engine.syncs.effective import load_sync_levels
from conn_engine.syncs.resources import find_connectors

__all__ = ["find_accounts", "find_candidates", "find_syncs"]


def find_accounts(workspace: Workspace, name: str) -> list[str]:
    """Return the accounts that a sync runs for, sorted: those that its file selects, whose connector has what it
    fetches, and for which it is enabled. A disabled account is left out.

    Raises UsageError for an unknown sync, and ConfigurationError for an account that the file names and that does not
    exist.
    """
    document = workspace.sync(name)
    return [
        account
        for account in _select(workspace, document)
        if _fits(
            workspace,
            name,
            document,
            workspace.account(account).connector,
            partial(workspace.effective, account=account),
        )
    ]


def find_candidates(workspace: Workspace, name: str) -> dict[str, bool]:
    """Return the accounts that a sync may run for, sorted: `find_accounts` without looking into their configuration.
    The value is whether the file names the connector, so that one that lacks what it fetches is a mistake.

    Raises like `find_accounts`.
    """
    document = workspace.sync(name)
    connectors = find_connectors(document)
    found = {account: workspace.account(account).connector for account in _select(workspace, document)}
    return {
        account: bool(connectors) and connectors[0] == connector
        for account, connector in found.items()
        if all(one in (None, connector) for one in connectors)
    }


def find_syncs(workspace: Workspace, effective: Effective, *, with_drift: bool = False) -> list[str]:
    """Return the syncs that deliver records for the account of a configuration, sorted; none for a configuration
    without one. `with_drift` adds those that report drift, which have no cases.

    A sync whose file cannot be read is left out.
    """
    account = effective.account
    if account is None or not workspace.syncs():
        return []
    tags = {*workspace.account(account).tags}
    return [name for name in workspace.syncs() if _runs(workspace, name, effective, tags, with_drift)]


def _runs(workspace: Workspace, name: str, effective: Effective, tags: set[str], with_drift: bool) -> bool:
    try:
        document = workspace.sync(name)
    except ConnError:
        return False
    if document.kind == "drift" and not with_drift:
        return False
    chosen = document.accounts
    if isinstance(chosen, AccountSelection):
        is_selected = bool(tags & {*chosen.tags})
    else:
        is_selected = chosen is None or effective.account in chosen
    return is_selected and _fits(workspace, name, document, effective.connector_name, lambda: effective)


def _select(workspace: Workspace, document: SyncDocument) -> list[str]:
    return [account for account in _select_by_name(workspace, document) if workspace.account(account).enabled]


def _select_by_name(workspace: Workspace, document: SyncDocument) -> list[str]:
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


def _fits(
    workspace: Workspace, name: str, document: SyncDocument, connector: str, load: Callable[[], Effective]
) -> bool:
    """Return whether a connector has what a sync fetches, and the sync is enabled. `load` returns the configuration.

    A sync that cannot be compiled is included if it names the connector: the run says why.
    """
    connectors = find_connectors(document)
    if any(one not in (None, connector) for one in connectors):
        return False
    try:
        effective = load()
        return compile_sync(workspace, load_sync_levels(workspace, name, effective), effective).enabled
    except ConnError:
        return bool(connectors) and connectors[0] == connector
