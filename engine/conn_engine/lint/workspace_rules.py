"""What conn.yaml itself must not say. Its shape is the schema's."""

from collections.abc import Iterator

from conn_engine.config.literals import password_in_url
from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.documents import Document

__all__ = ["workspace_secrets"]


def workspace_secrets(document: Document) -> Iterator[Diagnostic]:
    """SEC101: the address of the store of releases holds a password."""
    address = document.data.get("store") if isinstance(document.data, dict) else None
    if isinstance(address, str) and password_in_url(address):
        yield diagnostic(
            "SEC101",
            "store holds a password",
            document.span(("store",)),
            path="store",
            hint="give the whole address as CONN_STORE, or the password as PGPASSWORD; and change this one",
        )
