"""A secret in a cookie."""

import re
from typing import Annotated

from msgspec import Meta

from conn_engine.auth.names import header_value
from conn_engine.auth.omission import text_if_present
from conn_engine.errors import CredentialError
from conn_engine.roles import FIELD, RESERVED
from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.settings import Draft, Scope, Settings

__all__ = ["Cookie"]

_UNFIT = re.compile(r"[;,\s\"\\]")


class Cookie(Settings, frozen=True, kw_only=True, tag_field="format", tag="cookie"):
    """`Cookie: SESSION=<token>`. Cookies that the request has already stay."""

    name: Annotated[
        str | None,
        Meta(
            description="Name of the cookie. Default: the value is all cookies, as a Cookie header has them "
            "(`cookie`).",
            extra=FIELD,
        ),
    ] = None
    value: Annotated[str, Meta(description="Template for its value.", extra=RESERVED)] = "{{session.access_token}}"

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Put the value into the Cookie header, if the account has not left it out. Raises CredentialError when it
        lacks it or a cookie cannot carry it."""
        purpose = f'the cookie "{self.name}"' if self.name is not None else "the Cookie header"
        told = text_if_present(self.value, scope, draft.absent, purpose=purpose)
        if told is None:
            return
        value = header_value(told, purpose=f"the value of {purpose}")
        if self.name is not None and _UNFIT.search(value):
            raise CredentialError(
                f"the value of {purpose} has a character that a cookie cannot carry", hint="log the account in again"
            )
        own = value if self.name is None else f"{self.name}={value}"
        names = {pair.partition("=")[0].strip() for pair in own.split(";")}
        said = next((text for name, text in draft.headers.items() if name.lower() == "cookie"), "")
        kept = [
            pair.strip() for pair in said.split(";") if pair.strip() and pair.partition("=")[0].strip() not in names
        ]
        draft.set_header("Cookie", "; ".join([*kept, own]))
        draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Where the credential stands in a request."""
        return [CredentialPlace("header", "Cookie")]
