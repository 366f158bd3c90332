"""Requests without a credential."""

from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.settings import Draft, Scope, Settings

__all__ = ["NoAuthorization"]


class NoAuthorization(Settings, frozen=True, kw_only=True, tag_field="format", tag="none"):
    """Adds nothing."""

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Leave the request unchanged."""

    def places(self) -> list[CredentialPlace]:
        """Return nothing: a request has no credential."""
        return []
