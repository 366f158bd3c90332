"""A user name and a password. Stored as `{username, password}`."""

from typing import Annotated

from msgspec import Meta

from conn_engine.auth.credentials.static import StaticCredentials
from conn_engine.auth.names import CredentialField
from conn_engine.roles import REMARK

__all__ = ["BasicCredentials"]


class BasicCredentials(StaticCredentials, frozen=True, kw_only=True, tag_field="format", tag="basic"):
    """A pair. Templates of `authorization` call it `username` and `password`."""

    username_label: Annotated[str, Meta(description="What the vendor calls the user name.", extra=REMARK)] = "User name"
    password_label: Annotated[str, Meta(description="What the vendor calls the password.", extra=REMARK)] = "Password"  # noqa: S105
    username_required: Annotated[
        bool,
        Meta(description="Whether there has to be a user name. Without the pair, requests go out without its header."),
    ] = True
    password_required: Annotated[
        bool, Meta(description="Whether there has to be a password. Without one, an empty one is sent.")
    ] = True

    def usual_fields(self) -> list[CredentialField]:
        """The pair."""
        return [
            CredentialField("username", self.username_label, secret=False, required=self.username_required),
            CredentialField("password", self.password_label, required=self.password_required),
        ]
