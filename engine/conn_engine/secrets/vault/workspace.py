"""The credentials of one workspace: the folders that may use them, and the hosts that each was stored for.

A store has one entry for each account, `{"$format": 2, "document", "hosts", "verified_at"}`, during a renewal with
`renewing_since`, and one for the workspace, `$workspace`, with its folders. An entry without a format is a document
from an earlier release. No account and no field of a credential has a name with a $.

A workspace without an ID uses its folder as name. When it gets an ID, the folder's entries move under the ID, and the
folder's own entry refers to it (`moved_to`), so that an older branch finds them.
"""

import contextlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from conn_engine.errors import CredentialError
from conn_engine.secrets import Vault

__all__ = ["Issue", "StoredCredential", "WorkspaceVault"]

_FORMAT, _VERSION = "$format", 2
_RECORD = "$workspace"


@dataclass(frozen=True, slots=True)
class Issue:
    """The metadata of a stored credential: the patterns of the hosts that it was stored for (None: an earlier release
    did not record them), when the vendor last accepted it, and when a renewal began that was not stored yet."""

    hosts: tuple[str, ...] | None = None
    verified_at: float | None = None
    renewing_since: float | None = None


@dataclass(frozen=True, slots=True, repr=False)
class StoredCredential:
    """An account's document and its metadata (None if it is not stored, but comes from the environment)."""

    document: dict[str, Any]
    issue: Issue | None = None


class WorkspaceVault:
    """A vault of one workspace over a store. `open_store` opens a store by name.

    `workspace` is the workspace's ID, or its folder if it has none. `folder` is the location of the workspace: only
    registered folders may use the credentials stored under an ID. With "", the caller is responsible for this check.
    """

    def __init__(self, open_store: Callable[[str], Vault], workspace: str = "", folder: str = "") -> None:
        self._open_store = open_store
        self._stores: dict[str, Vault] = {}
        self._name = workspace
        self._folder = folder
        self._registered = not folder or folder == workspace
        self.notices: list[str] = []

    @property
    def kind(self) -> str:
        """The kind of the store."""
        return self._store(self._name).kind

    def load(self, account: str) -> dict[str, Any] | None:
        """Return the account's document, or None. Raises like `find`."""
        entry = self.find(account)
        return None if entry is None else entry.document

    def find(self, account: str) -> StoredCredential | None:
        """Return the account's credential, or None. Raises CredentialError for a folder that may not use it."""
        entry = self._read(self._name, account)
        if entry is None and self._follow():
            entry = self._read(self._name, account)
        if entry is None:
            return self._move_here(account)
        if not self._registered:
            folders = self.folders
            if self._folder not in folders:
                raise self._refusal(folders)
            self._registered = True
        return entry

    def save(self, account: str, document: Mapping[str, Any], issue: Issue | None = None) -> None:
        """Store the document. Without `issue`, it is the same credential, renewed or completed, and keeps its hosts."""
        self._register()
        if issue is None:
            issue_before = None
            with contextlib.suppress(CredentialError):  # what cannot be read is replaced
                issue_before = self.find(account)
            issue = issue_before.issue if issue_before is not None else None
        self._write(self._name, account, document, replace(issue or Issue(), renewing_since=None))

    def mark(self, account: str, *, hosts: tuple[str, ...] | None = None, verified_at: float | None = None) -> None:
        """Update the metadata of a stored credential. A failure is only a notice, because the credential is usable."""
        try:
            with self.exclusive(account):
                entry = self.find(account)
                if entry is not None:
                    issue_before = entry.issue or Issue()
                    verified_at = issue_before.verified_at if verified_at is None else verified_at
                    issue = Issue(issue_before.hosts if hosts is None else hosts, verified_at)
                    self._write(self._name, account, entry.document, issue)
                    if hosts and issue_before.hosts is None:
                        self.notices.append(f'account "{account}": its credential is now for {", ".join(hosts)}')
        except CredentialError as error:
            self.notices.append(f'account "{account}": {error.message}')

    def note_renewal(self, account: str, now: float) -> float | None:
        """Note when a renewal of a stored credential begins, and return when one began that was not stored. The caller
        holds the account's lock, and `save` removes the note. Raises CredentialError like `save`."""
        entry = self.find(account)
        if entry is None:
            return None
        issue = entry.issue or Issue()
        if issue.renewing_since is None:
            self._write(self._name, account, entry.document, replace(issue, renewing_since=now))
        return issue.renewing_since

    def forget_renewal(self, account: str) -> None:
        """Remove the note of a renewal that has changed nothing. The caller holds the account's lock."""
        entry = self.find(account)
        if entry is not None and entry.issue is not None and entry.issue.renewing_since is not None:
            self._write(self._name, account, entry.document, replace(entry.issue, renewing_since=None))

    def delete(self, account: str) -> bool:
        """Remove the credential, and return whether there was one. Raises CredentialError like `find`."""
        self._follow()
        self._check_folder(self._record(self._name))
        with contextlib.suppress(CredentialError):  # an unreadable credential is removed too
            self.find(account)
        return self._store(self._name).delete(account)

    def exclusive(self, account: str) -> AbstractContextManager[None]:
        """Return a lock for one thread of one process at a time."""
        return self._store(self._name).exclusive(account)

    # --- folders ---

    @property
    def folders(self) -> tuple[str, ...]:
        """Return the folders that may use the credentials."""
        return _get_folders(self._record(self._name))

    @property
    def adoptable(self) -> bool:
        """Whether the workspace has an ID, which is required to adopt a folder."""
        return bool(self._folder) and self._name != self._folder

    def issue_of(self, account: str) -> Issue | None:
        """Return the metadata of an account's credential for any folder, because it is shown before adopting one."""
        entry = self._read(self._name, account)
        return None if entry is None else entry.issue

    def adopt(self) -> None:
        """Let this folder use the credentials too, and remove folders that no longer exist."""
        with self._store(self._name).exclusive(_RECORD):
            existing = [folder for folder in self.folders if Path(folder).is_dir()]
            self._save_record(self._name, {"folders": [*dict.fromkeys([*existing, self._folder])]})
        self._registered = True

    def _register(self) -> None:
        """Register this folder if the workspace has none yet. Raises CredentialError if it has others."""
        self._follow()
        if self._registered:
            return
        with self._store(self._name).exclusive(_RECORD):
            record = self._record(self._name)
            if not record:
                self._save_record(self._name, {"folders": [self._folder]})
        self._check_folder(record)
        self._registered = True

    def _check_folder(self, record: Mapping[str, Any]) -> None:
        if self._registered or not record or self._folder in _get_folders(record):
            return
        raise self._refusal(_get_folders(record))

    def _refusal(self, folders: tuple[str, ...]) -> CredentialError:
        users = f"belong to {', '.join(folders)}" if folders else "do not record their folder"
        return CredentialError(
            f'the credentials of workspace "{self._name}" {users}; {self._folder} cannot use them yet',
            hint="conn auth adopt; or give the copy its own id in conn.yaml",
        )

    # --- entries ---

    def _follow(self) -> bool:
        """Use the ID that the workspace had before, if it has none now. Return whether there is one."""
        if not self._folder or self._name != self._folder:
            return False
        moved_to = self._record(self._folder).get("moved_to")
        if not isinstance(moved_to, str):
            return False
        self._name, self._registered = moved_to, False
        return True

    def _move_here(self, account: str) -> StoredCredential | None:
        """Move what the folder stored for an account under the workspace's ID, and return it."""
        if not self._folder or self._name == self._folder:
            return None
        entry = self._read(self._folder, account)
        if entry is None or self._record(self._folder).get("moved_to") not in (None, self._name):
            return None
        self._check_folder(self._record(self._name))
        try:
            self._register()
            with self._store(self._name).exclusive(_RECORD):
                self._write(self._name, account, entry.document, entry.issue or Issue())
                self._save_record(self._folder, {"moved_to": self._name})
                self._store(self._folder).delete(account)
        except CredentialError as error:
            self.notices.append(f'account "{account}": its credential stays stored for the folder: {error.message}')
        return entry

    def _store(self, name: str) -> Vault:
        if name not in self._stores:
            self._stores[name] = self._open_store(name)
        return self._stores[name]

    def _read(self, name: str, account: str) -> StoredCredential | None:
        content = self._store(name).load(account)
        if content is None:
            return None
        if _FORMAT not in content:
            return StoredCredential(content, Issue())
        document, hosts = content.get("document"), content.get("hosts")
        if content[_FORMAT] != _VERSION or not isinstance(document, dict):
            raise CredentialError(
                f'the stored credential of account "{account}" has a format that this version cannot read',
                hint=f"install the version that stored it, or run conn auth login {account}",
            )
        host_names = tuple(str(host) for host in hosts) if isinstance(hosts, list) else None
        moments = (content.get(key) for key in ("verified_at", "renewing_since"))
        return StoredCredential(
            document, Issue(host_names, *(moment if isinstance(moment, int | float) else None for moment in moments))
        )

    def _write(self, name: str, account: str, document: Mapping[str, Any], issue: Issue) -> None:
        content = {_FORMAT: _VERSION, "document": dict(document), **asdict(issue)}
        if issue.renewing_since is None:
            del content["renewing_since"]
        self._store(name).save(account, content)

    def _record(self, name: str) -> dict[str, Any]:
        return self._store(name).load(_RECORD) or {}

    def _save_record(self, name: str, record: Mapping[str, Any]) -> None:
        self._store(name).save(_RECORD, record)


def _get_folders(record: Mapping[str, Any]) -> tuple[str, ...]:
    folders = record.get("folders")
    return tuple(str(folder) for folder in folders) if isinstance(folders, list) else ()
