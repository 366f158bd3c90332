"""A token that a person copies from the vendor. Stored as `{token}`."""

from typing import Annotated

from msgspec import Meta

from conn_engine.auth.credentials.static import StaticCredentials
from conn_engine.auth.names import CredentialField
from conn_engine.roles import REMARK

__all__ = ["BearerCredentials"]


class BearerCredentials(StaticCredentials, frozen=True, kw_only=True, tag_field="format", tag="bearer"):
    """One token. Templates of `authorization` call it `token`."""

    label: Annotated[str, Meta(description="What the vendor calls the token.", extra=REMARK)] = "Access token"
    required: Annotated[
        bool, Meta(description="Whether there has to be a token. Without one, requests go out without its place.")
    ] = True

    def usual_fields(self) -> list[CredentialField]:
        """The token."""
        return [CredentialField("token", self.label, required=self.required)]
