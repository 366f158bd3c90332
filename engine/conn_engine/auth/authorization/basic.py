"""A user name and a password in the Authorization header (RFC 7617)."""

import base64
from typing import Annotated, Literal

from msgspec import Meta

from conn_engine.auth.absent_parts import fill_if_present
from conn_engine.errors import CredentialError
from conn_engine.roles import SECRET, TEMPLATE
from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.settings import Draft, Scope, Settings

__all__ = ["BasicAuthorization"]


class BasicAuthorization(Settings, frozen=True, kw_only=True, tag_field="format", tag="basic"):
    """`Authorization: Basic <base64>`."""

    username: Annotated[str, Meta(description='Template for the user name (`{{api_key}}`, "").', extra=TEMPLATE)] = (
        "{{username}}"
    )
    password: Annotated[
        str | None,
        Meta(
            description='Template for the password; "" for an empty one. Default: the stored `password`, if '
            "there is one.",
            extra=SECRET,
        ),
    ] = None
    encoding: Annotated[
        Literal["utf-8", "latin-1"], Meta(description="Character set of user name and password before base64.")
    ] = "utf-8"

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Set the header. An optional part that the account has left out is empty; if both are left out, there is no
        header. Raises CredentialError when a required part is missing or cannot be encoded."""
        password_template = (
            self.password if self.password is not None else ("{{password}}" if "password" in scope else "")
        )
        parts = [
            fill_if_present(part, scope, draft.absent, purpose="the Authorization header")
            for part in (self.username, password_template)
        ]
        if None in parts and not any(parts):
            return
        name, password = (part or "" for part in parts)
        if ":" in name:
            raise CredentialError(
                'the account\'s user name contains ":", which Basic authorization does not allow',
                hint="log the account in again with the right user name",
            )
        try:
            pair = f"{name}:{password}".encode(self.encoding)
        except UnicodeEncodeError:
            raise CredentialError(
                f"the account's user name or password has characters that {self.encoding} does not have",
                hint="set `encoding: utf-8`",
            ) from None
        draft.set_header("Authorization", "Basic " + base64.b64encode(pair).decode("ascii"))
        draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Return where a request has the credential."""
        return [CredentialPlace("header", "Authorization")]
