"""An API key. Stored as `{api_key}`."""

from typing import Annotated

from msgspec import Meta

from conn_engine.auth.credentials.static import StaticCredentials
from conn_engine.auth.names import CredentialField
from conn_engine.roles import REMARK

__all__ = ["ApiKey"]


class ApiKey(StaticCredentials, frozen=True, kw_only=True, tag_field="format", tag="api_key"):
    """One key. Templates of `authorization` call it `api_key`."""

    label: Annotated[str, Meta(description="What the vendor calls the key.", extra=REMARK)] = "API key"
    required: Annotated[
        bool, Meta(description="Whether there has to be a key. Without one, requests go out without its place.")
    ] = True

    def usual_fields(self) -> list[CredentialField]:
        """The key."""
        return [CredentialField("api_key", self.label, required=self.required)]
