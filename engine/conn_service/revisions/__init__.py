"""Changes that admins make while the service runs, each as a revision in the database, and the log of what they did.

This is the public interface.
"""

from conn_service.revisions.audit import AuditEntry, AuditLog

__all__ = ["AuditEntry", "AuditLog"]
