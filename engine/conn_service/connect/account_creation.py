"""Create the account of a link when its customer has connected it: an account that nobody connects does not exist."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conn_engine.config import Workspace
from conn_engine.documents.dump import dump_yaml
from conn_engine.errors import UsageError
from conn_service.connect.links import ConnectLink
from conn_service.revisions import Changes, RevisionRequest, Subject

__all__ = ["AccountCreation", "add_account"]


def add_account(workspace: Workspace, account: str, document: Mapping[str, Any]) -> Workspace:
    """Return a workspace with one more account. Raises UsageError for a document that is not JSON-like."""
    return workspace.with_texts({f"accounts/{account}.yaml": _to_text(document)})


@dataclass(frozen=True, slots=True)
class AccountCreation:
    """Creates accounts in the store of a service. Both methods block."""

    changes: Changes

    def check(self, account: str, document: Mapping[str, Any], tenant: str) -> None:
        """Raise UsageError if the account cannot be created with this document, except for what its customer enters."""
        Subject("account", account).check_files({f"accounts/{account}.yaml": _to_text(document)})
        self._check_unused(account, tenant)

    def create(self, link: ConnectLink, document: Mapping[str, Any]) -> None:
        """Make the first revision of a link's account. Raises UsageError and RefusedChangeError."""
        self._check_unused(link.account, link.tenant)
        files = {f"accounts/{link.account}.yaml": _to_text(document)}
        request = RevisionRequest(
            by=link.created_by, action="create", reason="connected by its customer", tenant=link.tenant or None
        )
        self.changes.put(Subject("account", link.account), files, request)

    def _check_unused(self, account: str, tenant: str) -> None:
        """Raise UsageError if there is such an account, or was one of another tenant: its revisions are not ours."""
        current = self.changes.find(Subject("account", account))
        is_foreign = current is not None and tenant not in ("", current.tenant or account)
        if is_foreign or (current is not None and not current.is_deleted):
            raise UsageError(
                f'the name "{account[:100]}" is taken',
                hint="leave document out to connect that account, or choose another name",
            )


def _to_text(document: Mapping[str, Any]) -> str:
    try:
        return dump_yaml(json.loads(json.dumps(document)))
    except (TypeError, ValueError):
        raise UsageError("the document of the account is not JSON data", hint='send {"connector": "NAME"}') from None
