"""Where the credentials of accounts are kept: environment, keyring, encrypted file, memory. The face.

What a credential document holds is `auth`'s; the contract of a store is `secrets.Vault`.
"""

from conn_engine.secrets.vault.choice import LayeredVault, open_vault
from conn_engine.secrets.vault.environment import EnvironmentVault, build_variable_name
from conn_engine.secrets.vault.file import FileVault
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
    "StoredCredential",
    "WorkspaceVault",
    "build_variable_name",
    "find_state_folder",
    "find_usable_keyring",
    "open_vault",
]
