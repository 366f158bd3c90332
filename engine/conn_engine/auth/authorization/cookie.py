"""A secret in a cookie."""

import re
from typing import Annotated

from msgspec import Meta

from conn_engine.auth.absent_parts import fill_if_present
from conn_engine.auth.credential_document import check_header_value
from conn_engine.errors import CredentialError
from conn_engine.roles import FIELD, RESERVED
from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.settings import Draft, Scope, Settings

__all__ = ["Cookie"]

_UNFIT = re.compile(r"[;,\s\"\\]")


class Cookie(Settings, frozen=True, kw_only=True, tag_field="format", tag="cookie"):
    """`Cookie: SESSION=<token>`. Cookies that the request already has are kept."""

    name: Annotated[
        str | None,
        Meta(
            description="Name of the cookie. Default: `value` has all cookies, as a Cookie header lists them "
            "(`cookie`).",
            extra=FIELD,
        ),
    ] = None
    value: Annotated[str, Meta(description="Template for the cookie's value.", extra=RESERVED)] = (
        "{{session.access_token}}"
    )

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Set the cookie unless the account has left the optional part out. Raises CredentialError when a required part
        is missing or a cookie cannot contain it."""
        purpose = f'the cookie "{self.name}"' if self.name is not None else "the Cookie header"
        text = fill_if_present(self.value, scope, draft.absent, purpose=purpose)
        if text is None:
            return
        value = check_header_value(text, purpose=f"the value of {purpose}")
        if self.name is not None and _UNFIT.search(value):
            raise CredentialError(
                f"the value of {purpose} has a character that is not allowed in a cookie",
                hint="log the account in again",
            )
        cookie = value if self.name is None else f"{self.name}={value}"
        names = {pair.partition("=")[0].strip() for pair in cookie.split(";")}
        header = next((value for name, value in draft.headers.items() if name.lower() == "cookie"), "")
        other_cookies = [
            pair.strip() for pair in header.split(";") if pair.strip() and pair.partition("=")[0].strip() not in names
        ]
        draft.set_header("Cookie", "; ".join([*other_cookies, cookie]))
        draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Return where a request has the credential."""
        return [CredentialPlace("header", "Cookie")]
