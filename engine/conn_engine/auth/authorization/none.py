"""Requests carry no credential."""

from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.settings import Draft, Scope, Settings

__all__ = ["NoAuthorization"]


class NoAuthorization(Settings, frozen=True, kw_only=True, tag_field="format", tag="none"):
    """Nothing is added."""

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Leave the request as it is."""

    def places(self) -> list[CredentialPlace]:
        """Where the credential stands in a request."""
        return []
