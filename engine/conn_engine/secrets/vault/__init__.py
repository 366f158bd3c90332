"""Stores for the credentials of accounts: environment, keyring, encrypted file, memory. Public API.

`auth` defines the content of a credential document; `secrets.Vault` is the interface of a store.
"""

from conn_engine.secrets.vault.choice import LayeredVault, open_vault, rotate_files
from conn_engine.secrets.vault.environment import EnvironmentVault, build_variable_name
from conn_engine.secrets.vault.file import FileVault, RotatedKey
from conn_engine.secrets.vault.folders import find_state_folder
from conn_engine.secrets.vault.keyring import KeyringVault, find_usable_keyring
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.secrets.vault.workspace import Issue, StoredCredential, WorkspaceVault

__all__ = [
    "EnvironmentVault",
    "FileVault",
    "Issue",
    "KeyringVault",
    "LayeredVault",
    "MemoryVault",
    "RotatedKey",
    "StoredCredential",
    "WorkspaceVault",
    "build_variable_name",
    "find_state_folder",
    "find_usable_keyring",
    "open_vault",
    "rotate_files",
]
