"""The library face over a workspace of the tests: an account's credential is given, kept in a vault of the test's own,
and can be looked at afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import conn_engine
from conn_engine import Call, Connection, Page, Policy, Vault

__all__ = ["Library"]


@dataclass
class Library:
    """The accounts of one workspace. `environ` are the variables that its connectors name."""

    root: Path
    vault: Vault
    environ: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def over(cls, root: Path, **environ: str) -> "Library":
        """A workspace with an empty vault beside it."""
        told = {"CONN_NO_KEYRING": "1", "CONN_VAULT_KEY": "a key for the tests alone, long enough", **environ}
        return cls(root, conn_engine.open_vault(told, folder=root.with_name(root.name + "-vault")), told)

    def knows(self, account: str, **document: Any) -> "Library":
        """Store the credential of an account."""
        self.vault.save(account, document)
        return self

    def stored(self, account: str) -> dict[str, Any]:
        """The credential that is stored now."""
        return dict(self.vault.load(account) or {})

    def connect(self, account: str, *, wait: bool = False) -> Connection:
        """The account, to be used as a context manager. `wait`: a rate limit is waited out."""
        return conn_engine.connect(
            conn_engine.load_workspace(self.root),
            account,
            environ=self.environ,
            vault=self.vault,
            policy=Policy(wait=wait, max_wait_seconds=60),
        )

    def pages(self, account: str, operation: str, call: Call | None = None, *, wait: bool = False) -> list[Page]:
        """All pages of an operation."""
        with self.connect(account, wait=wait) as connected:
            return list(connected.pages(operation, call))

    def records(self, account: str, operation: str, *, wait: bool = False, **call: Any) -> list[Any]:
        """All records of an operation."""
        return [record for page in self.pages(account, operation, Call(**call), wait=wait) for record in page.records]
