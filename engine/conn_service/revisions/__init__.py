"""Accounts, connectors and environments that are changed while a service runs, each change as a revision in the
database, and the log of what admins did. This is the public interface.
"""

from conn_service.revisions.audit import AuditEntry, AuditLog
from conn_service.revisions.changes import (
    Changes,
    CheckedRevision,
    RefusedChangeError,
    RevisionRequest,
    check_new_name,
    set_enabled,
)
from conn_service.revisions.checks import ChangeChecks, check_change
from conn_service.revisions.configuration import (
    ConfigurationSource,
    RevisedConfiguration,
    list_files,
    read_files,
    walk_files,
    with_revisions,
)
from conn_service.revisions.credential_removal import CredentialRemoval, remove_credential
from conn_service.revisions.folder import FolderChanges, write_revisions
from conn_service.revisions.isolated_checks import ChecksUnavailableError, IsolatedChecks
from conn_service.revisions.model import (
    Revision,
    RevisionConflictError,
    Subject,
    SubjectKind,
    describe_version,
    format_difference,
)
from conn_service.revisions.store import RevisionStore

__all__ = [
    "AuditEntry",
    "AuditLog",
    "ChangeChecks",
    "Changes",
    "CheckedRevision",
    "ChecksUnavailableError",
    "ConfigurationSource",
    "CredentialRemoval",
    "FolderChanges",
    "IsolatedChecks",
    "RefusedChangeError",
    "RevisedConfiguration",
    "Revision",
    "RevisionConflictError",
    "RevisionRequest",
    "RevisionStore",
    "Subject",
    "SubjectKind",
    "check_change",
    "check_new_name",
    "describe_version",
    "format_difference",
    "list_files",
    "read_files",
    "remove_credential",
    "set_enabled",
    "walk_files",
    "with_revisions",
    "write_revisions",
]
