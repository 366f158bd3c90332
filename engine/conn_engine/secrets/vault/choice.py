"""Which vault a run uses: the environment for accounts that have variables, then the best store there is."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from conn_engine.errors import CredentialError
from conn_engine.secrets import Vault
from conn_engine.secrets.vault.environment import EnvironmentVault
from conn_engine.secrets.vault.file import FileVault
from conn_engine.secrets.vault.folders import find_state_folder, to_file_name
from conn_engine.secrets.vault.keyring import KeyringVault, find_usable_keyring
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.secrets.vault.workspace import Issue, StoredCredential, WorkspaceVault

__all__ = ["LayeredVault", "open_vault"]

Kind = Literal["keyring", "file", "environment", "memory"]


class LayeredVault:
    """The environment over a store. `store` is None where there is only the environment.

    `kind_of(account)` says where an account's credential is, `kind` where a new one would go. The store is opened when
    an account first needs it: looking for a keyring takes time, and a run with variables needs none.
    """

    def __init__(self, environment: EnvironmentVault, open_store: Callable[[], WorkspaceVault | None]) -> None:
        self.environment = environment
        self._open_store = open_store

    @cached_property
    def store(self) -> WorkspaceVault | None:
        """Where credentials are kept that no variables give."""
        return self._open_store()

    @property
    def kind(self) -> str:
        """Where a new credential is stored: `keyring`, `encrypted file`, `memory`; else `environment`."""
        return self.store.kind if self.store is not None else self.environment.kind

    @property
    def notices(self) -> list[str]:
        """What people should be told at the end of a run."""
        opened = self.__dict__.get("store")
        return [*self.environment.notices, *(opened.notices if opened is not None else ())]

    def kind_of(self, account: str) -> str:
        """The store that answers for this account."""
        return self._get_vault(account).kind

    def load(self, account: str) -> dict[str, Any] | None:
        """The account's document; None when it has none."""
        return self._get_vault(account).load(account)

    def find(self, account: str) -> StoredCredential | None:
        """The account's credential with what else is known of it; None when it has none."""
        store = self._get_vault(account)
        if isinstance(store, WorkspaceVault):
            return store.find(account)
        document = store.load(account)
        return None if document is None else StoredCredential(document)

    def save(self, account: str, document: Mapping[str, Any], issue: Issue | None = None) -> None:
        """Store it where the account's credential is. With `issue` it is another credential than before."""
        store = self._get_vault(account)
        if isinstance(store, WorkspaceVault):
            store.save(account, document, issue)
        else:
            store.save(account, document)

    def mark(self, account: str, *, hosts: tuple[str, ...] | None = None, verified_at: float | None = None) -> None:
        """Note something of the account's credential where it is stored."""
        store = self._get_vault(account)
        if isinstance(store, WorkspaceVault):
            store.mark(account, hosts=hosts, verified_at=verified_at)

    def delete(self, account: str) -> bool:
        """Forget it; whether there was one."""
        return self._get_vault(account).delete(account)

    def exclusive(self, account: str) -> AbstractContextManager[None]:
        """The lock of the store that answers for this account."""
        return self._get_vault(account).exclusive(account)

    def _get_vault(self, account: str) -> Vault:
        if self.environment.has(account) or self.store is None:
            return self.environment
        return self.store


def open_vault(
    environ: Mapping[str, str],
    *,
    preferred: Kind | None = None,
    folder: Path | None = None,
    workspace: str = "",
    place: str = "",
    accounts: Iterable[str] = (),
) -> LayeredVault:
    """The vault of a run.

    Accounts with variables use the environment. Others use the keyring where one is usable, else encrypted
    files when CONN_VAULT_KEY is set, else nothing (saving then raises CredentialError). CONN_NO_KEYRING leaves
    the keyring out. `preferred` insists
    on one and raises CredentialError when it is not usable. `folder` holds encrypted files and locks
    (default: `state_folder`). `workspace` keeps accounts of the same name in different workspaces apart; `place` is
    the workspace's folder, which must be registered to use what is stored under an id ("": the caller vouches for it).
    `accounts` are the names there are.
    """
    state = folder or find_state_folder(environ)
    ours = folder is None and not environ.get("CONN_STATE_DIR")  # a folder that was named may have other uses
    locks = state / "locks"
    environment = EnvironmentVault(environ, accounts=accounts, folder=locks, top=state if ours else locks)

    def open_store() -> WorkspaceVault | None:
        opener = _build_opener(environ, preferred, state, ours)
        return WorkspaceVault(opener, workspace, place) if opener is not None else None

    if preferred is not None:
        store = open_store()
        return LayeredVault(environment, lambda: store)
    return LayeredVault(environment, open_store)


def _build_opener(
    environ: Mapping[str, str], preferred: Kind | None, state: Path, ours: bool
) -> Callable[[str], Vault] | None:
    """What opens the store of a workspace's name; None where there is none."""
    key = environ.get("CONN_VAULT_KEY", "")
    if preferred == "environment":
        return None
    if preferred == "memory":
        return lambda name: MemoryVault()
    if preferred == "keyring" or (preferred is None and not environ.get("CONN_NO_KEYRING")):
        backend = find_usable_keyring()
        if backend is not None:
            top = state if ours else state / "locks"
            return lambda name: KeyringVault(backend, state, service=f"conn {name}" if name else "conn", top=top)
        if preferred == "keyring":
            raise CredentialError(
                "this machine has no usable keyring",
                hint="set CONN_VAULT_KEY to use an encrypted file, or set the account's variables",
            )
    if key:
        files = state / "credentials"
        top = state if ours else files
        FileVault(files, key)  # raises for a short key
        return lambda name: FileVault(files / to_file_name(name) if name else files, key, top=top)
    if preferred == "file":
        raise CredentialError("an encrypted file needs a key", hint="set CONN_VAULT_KEY")
    return None
