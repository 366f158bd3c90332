"""A token that a person copies from the vendor. Stored as `{token}`."""

from typing import Annotated

from msgspec import Meta

from conn_engine.auth.authorization import Bearer
from conn_engine.auth.credential_document import CredentialField
from conn_engine.auth.credentials.static import StaticCredentials
from conn_engine.roles import REMARK

__all__ = ["BearerCredentials"]


class BearerCredentials(StaticCredentials, frozen=True, kw_only=True, tag_field="format", tag="bearer"):
    """A token. Templates of `authorization` refer to it as `token`."""

    label: Annotated[str, Meta(description="The vendor's name for the token.", extra=REMARK)] = "Access token"
    required: Annotated[
        bool, Meta(description="Whether a token is required. If not, requests can be sent without one.")
    ] = True

    def imply_authorization(self) -> Bearer:
        """Return that the token is sent in the Authorization header."""
        return Bearer()

    def usual_fields(self) -> list[CredentialField]:
        """Return the field of the token."""
        return [CredentialField("token", self.label, required=self.required)]
