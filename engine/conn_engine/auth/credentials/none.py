"""No credential: a public API."""

from conn_engine.auth.credentials.static import StaticCredentials

__all__ = ["NoCredentials"]


class NoCredentials(StaticCredentials, frozen=True, kw_only=True, tag_field="format", tag="none"):
    """The login asks for nothing, and nothing is stored."""
