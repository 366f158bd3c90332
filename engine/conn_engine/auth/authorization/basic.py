"""A user name and a password in the Authorization header (RFC 7617)."""

import base64
from typing import Annotated, Literal

from msgspec import Meta

from conn_engine.auth.omission import text_if_present
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
            description='Template for the password; "" for none. Default: the stored `password`, if there is one.',
            extra=SECRET,
        ),
    ] = None
    encoding: Annotated[Literal["utf-8", "latin-1"], Meta(description="Character set of the pair before base64.")] = (
        "utf-8"
    )

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Put the pair into the header; a part that the account may leave out is empty then, and without both there is
        no header. Raises CredentialError when the account lacks one or it cannot be encoded."""
        told = self.password if self.password is not None else ("{{password}}" if "password" in scope else "")
        parts = [
            text_if_present(part, scope, draft.absent, purpose="the Authorization header")
            for part in (self.username, told)
        ]
        if None in parts and not any(parts):
            return
        name, password = (part or "" for part in parts)
        if ":" in name:
            raise CredentialError('the account\'s user name contains ":", which Basic authorization cannot carry')
        try:
            pair = f"{name}:{password}".encode(self.encoding)
        except UnicodeEncodeError:
            raise CredentialError(
                f"the account's user name or password has characters that {self.encoding} does not have",
                hint="say `encoding: utf-8`",
            ) from None
        draft.set_header("Authorization", "Basic " + base64.b64encode(pair).decode("ascii"))
        draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Where the credential stands in a request."""
        return [CredentialPlace("header", "Authorization")]
