"""Create the account of a link when its customer has connected it: an account that nobody connects does not exist."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.config import Workspace
from conn_engine.documents.dump import dump_yaml
from conn_engine.errors import UsageError
from conn_service.connect.links import ConnectLink
from conn_service.revisions import Changes, Revision, RevisionRequest, Subject, check_new_name

__all__ = ["AccountCreation", "add_account"]


def add_account(workspace: Workspace, account: str, document: Mapping[str, Any]) -> Workspace:
    """Return a workspace with one more account. Raises UsageError for a document that is not JSON-like."""
    return workspace.with_texts({f"accounts/{account}.yaml": _to_text(document)})


@dataclass(frozen=True, slots=True)
class AccountCreation:
    """Creates accounts in the store of a service. Its methods block."""

    changes: Changes

    def check(self, account: str, document: Mapping[str, Any], tenant: str) -> None:
        """Raise UsageError if the account cannot be created with this document, except for what its customer enters."""
        subject = Subject("account", account)
        subject.check_files({f"{subject.path}.yaml": _to_text(document)})
        self._find_unused(subject, tenant)
        check_new_name(subject, self.changes.configuration.get_current()[1])

    def create(self, link: ConnectLink, document: Mapping[str, Any]) -> None:
        """Make the first revision of a link's account. Raises UsageError, RefusedChangeError, and RevisionConflictError
        if somebody else creates it at the same time."""
        subject = Subject("account", link.account)
        version = self._find_unused(subject, link.tenant).version
        self._put(link, {f"{subject.path}.yaml": _to_text(document)}, "create", version=version)

    def remove(self, link: ConnectLink) -> None:
        """Delete the account again."""
        self._put(link, {}, "delete")

    def _put(self, link: ConnectLink, files: Mapping[str, str], action: str, version: str | None = None) -> None:
        reason = "connected by its customer" if files else "the credential could not be stored"
        tenant = link.tenant or None
        request = RevisionRequest(link.created_by, action, reason, version=version, tenant=tenant)
        self.changes.put(Subject("account", link.account), files, request)

    def _find_unused(self, subject: Subject, tenant: str) -> Revision:
        """Return the revision before the first one. Raises UsageError if there is such an account, or was one of
        another tenant: its revisions are not ours."""
        current = self.changes.find(subject) or Revision(subject, 0, {})
        is_foreign = current.number > 0 and tenant not in ("", current.tenant or subject.name)
        if is_foreign or not current.is_deleted:
            raise UsageError(
                f'the name "{subject.name[:100]}" is taken',
                hint="leave document out to connect that account, or choose another name",
            )
        return current


def _to_text(document: Mapping[str, Any]) -> str:
    try:
        return dump_yaml(json.loads(json.dumps(document)))
    except (TypeError, ValueError):
        raise UsageError("the document of the account is not JSON data", hint='send {"connector": "NAME"}') from None
