"""Choose the vault of a run: the environment for accounts with variables, then the best available store."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from conn_engine.errors import CredentialError
from conn_engine.secrets import Vault
from conn_engine.secrets.vault.environment import EnvironmentVault
from conn_engine.secrets.vault.file import FileVault, RotatedKey
from conn_engine.secrets.vault.folders import find_state_folder, to_file_name
from conn_engine.secrets.vault.keyring import KeyringVault, find_usable_keyring
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.secrets.vault.workspace import Issue, StoredCredential, WorkspaceVault

__all__ = ["LayeredVault", "open_vault", "rotate_files"]

Kind = Literal["keyring", "file", "environment", "memory"]


class LayeredVault:
    """The environment over a store. `store` is None if there is only the environment.

    `kind_of(account)` is the store of an account's credential, and `kind` the store for a new one. The store is opened
    when an account first needs it, because looking for a keyring takes time, and a run with variables needs none.
    """

    def __init__(self, environment: EnvironmentVault, open_store: Callable[[], WorkspaceVault | None]) -> None:
        self.environment = environment
        self._open_store = open_store

    @cached_property
    def store(self) -> WorkspaceVault | None:
        """The store for credentials that do not come from variables."""
        return self._open_store()

    @property
    def kind(self) -> str:
        """The store for a new credential: `keyring`, `encrypted file`, `memory`, or else `environment`."""
        return self.store.kind if self.store is not None else self.environment.kind

    @property
    def notices(self) -> list[str]:
        """The messages to show at the end of a run."""
        opened = self.__dict__.get("store")
        return [*self.environment.notices, *(opened.notices if opened is not None else ())]

    def kind_of(self, account: str) -> str:
        """Return the store that this account uses."""
        return self._get_vault(account).kind

    def load(self, account: str) -> dict[str, Any] | None:
        """Return the account's document, or None."""
        return self._get_vault(account).load(account)

    def find(self, account: str) -> StoredCredential | None:
        """Return the account's credential with its metadata, or None."""
        store = self._get_vault(account)
        if isinstance(store, WorkspaceVault):
            return store.find(account)
        document = store.load(account)
        return None if document is None else StoredCredential(document)

    def save(self, account: str, document: Mapping[str, Any], issue: Issue | None = None) -> None:
        """Save the document in the store of the account. With `issue`, it is a new credential."""
        store = self._get_vault(account)
        if isinstance(store, WorkspaceVault):
            store.save(account, document, issue)
        else:
            store.save(account, document)

    def mark(self, account: str, *, hosts: tuple[str, ...] | None = None, verified_at: float | None = None) -> None:
        """Update the metadata of the account's credential in its store."""
        store = self._get_vault(account)
        if isinstance(store, WorkspaceVault):
            store.mark(account, hosts=hosts, verified_at=verified_at)

    def note_renewal(self, account: str, now: float) -> float | None:
        """Note when a renewal begins, as `WorkspaceVault` does. None for a credential from the environment."""
        store = self._get_vault(account)
        return store.note_renewal(account, now) if isinstance(store, WorkspaceVault) else None

    def forget_renewal(self, account: str) -> None:
        """Remove the note of a renewal that has changed nothing."""
        store = self._get_vault(account)
        if isinstance(store, WorkspaceVault):
            store.forget_renewal(account)

    def delete(self, account: str) -> bool:
        """Delete the document. Return whether there was one."""
        return self._get_vault(account).delete(account)

    def exclusive(self, account: str) -> AbstractContextManager[None]:
        """Return the lock of the store that this account uses."""
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
    """Open the vault of a run.

    Accounts with variables use the environment. Others use the keyring if one is usable, or else encrypted files if
    CONN_VAULT_KEY is set. Without a store, saving raises CredentialError. CONN_NO_KEYRING disables the keyring.

    `preferred` selects a store; CredentialError is raised if it is not usable. `folder` has the encrypted files and
    locks (default: `find_state_folder`). `workspace` separates accounts of the same name in different workspaces.
    `place` is the workspace's folder, which must be registered to use credentials stored under an ID; with "", the
    caller is responsible for this check. `accounts` are the existing names.
    """
    state = folder or find_state_folder(environ)
    ours = folder is None and not environ.get("CONN_STATE_DIR")  # a folder that the user chose may have other uses
    locks = state / "locks"
    environment = EnvironmentVault(environ, accounts=accounts, folder=locks, top=state if ours else locks)

    def open_store() -> WorkspaceVault | None:
        opener = _build_opener(environ, preferred, state, ours)
        return WorkspaceVault(opener, workspace, place) if opener is not None else None

    if preferred is not None:
        store = open_store()
        return LayeredVault(environment, lambda: store)
    return LayeredVault(environment, open_store)


def rotate_files(environ: Mapping[str, str]) -> RotatedKey:
    """Encrypt the files of this machine, of every workspace, with CONN_VAULT_KEY instead of CONN_VAULT_OLD_KEY. Raises
    CredentialError like `FileVault.rotate`."""
    files = find_state_folder(environ) / "credentials"
    key, old_key = environ.get("CONN_VAULT_KEY", ""), environ.get("CONN_VAULT_OLD_KEY", "")
    folders = sorted({path.parent for path in (*files.glob("*.json"), *files.glob("*/*.json"))}) if key else []
    done = [FileVault(folder, key, old_key=old_key).rotate() for folder in folders]
    return RotatedKey(sum(one.encrypted for one in done), sum(one.unchanged for one in done))


def _build_opener(
    environ: Mapping[str, str], preferred: Kind | None, state: Path, ours: bool
) -> Callable[[str], Vault] | None:
    """Return a function that opens the store of a workspace by name, or None if there is no store."""
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
                category="store",
            )
    if key:
        files = state / "credentials"
        top = state if ours else files
        old_key = environ.get("CONN_VAULT_OLD_KEY", "")
        FileVault(files, key, old_key=old_key)  # raises for a short key
        return lambda name: FileVault(files / to_file_name(name) if name else files, key, old_key=old_key, top=top)
    if preferred == "file":
        raise CredentialError("an encrypted file needs a key", hint="set CONN_VAULT_KEY", category="store")
    return None
