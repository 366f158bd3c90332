"""A user name and a password. Stored as `{username, password}`."""

from typing import Annotated

from msgspec import Meta

from conn_engine.auth.authorization import BasicAuthorization
from conn_engine.auth.credential_document import CredentialField
from conn_engine.auth.credentials.static import StaticCredentials
from conn_engine.roles import REMARK

__all__ = ["BasicCredentials"]


class BasicCredentials(StaticCredentials, frozen=True, kw_only=True, tag_field="format", tag="basic"):
    """A user name and a password. Templates of `authorization` refer to them as `username` and `password`."""

    username_label: Annotated[str, Meta(description="The vendor's name for the user name.", extra=REMARK)] = "User name"
    password_label: Annotated[str, Meta(description="The vendor's name for the password.", extra=REMARK)] = "Password"  # noqa: S105
    username_required: Annotated[
        bool,
        Meta(
            description="Whether a user name is required. Without user name and password, requests are sent "
            "without the header."
        ),
    ] = True
    password_required: Annotated[
        bool, Meta(description="Whether a password is required. Without one, an empty password is sent.")
    ] = True

    def imply_authorization(self) -> BasicAuthorization:
        """Return that user name and password are sent in the Authorization header."""
        return BasicAuthorization()

    def usual_fields(self) -> list[CredentialField]:
        """Return the fields of user name and password."""
        return [
            CredentialField("username", self.username_label, secret=False, required=self.username_required),
            CredentialField("password", self.password_label, required=self.password_required),
        ]
