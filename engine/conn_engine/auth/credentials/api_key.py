"""An API key. Stored as `{api_key}`."""

from typing import Annotated

from msgspec import Meta

from conn_engine.auth.credential_document import CredentialField
from conn_engine.auth.credentials.static import StaticCredentials
from conn_engine.roles import REMARK

__all__ = ["ApiKey"]


class ApiKey(StaticCredentials, frozen=True, kw_only=True, tag_field="format", tag="api_key"):
    """An API key. Templates of `authorization` refer to it as `api_key`."""

    label: Annotated[str, Meta(description="The vendor's name for the key.", extra=REMARK)] = "API key"
    required: Annotated[
        bool, Meta(description="Whether a key is required. If not, requests can be sent without one.")
    ] = True

    def usual_fields(self) -> list[CredentialField]:
        """Return the field of the key."""
        return [CredentialField("api_key", self.label, required=self.required)]
