"""A secret in a cookie."""

import re
from typing import Annotated

from msgspec import Meta

from conn_engine.auth.names import filled, header_value
from conn_engine.errors import CredentialError
from conn_engine.strategies import Draft, Scope, Settings

__all__ = ["Cookie"]

_UNFIT = re.compile(r"[;,\s\"\\]")


class Cookie(Settings, frozen=True, kw_only=True, tag_field="format", tag="cookie"):
    """`Cookie: SESSION=<token>`. Cookies that the request has already stay."""

    name: Annotated[
        str | None,
        Meta(
            description="Name of the cookie. Default: the value is all cookies, as a Cookie header has them (`cookie`)."
        ),
    ] = None
    value: Annotated[str, Meta(description="Template for its value.")] = "{{session.access_token}}"

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Put the value into the Cookie header. Raises CredentialError when the account lacks it or a cookie cannot
        carry it."""
        purpose = f'the cookie "{self.name}"' if self.name is not None else "the Cookie header"
        value = header_value(str(filled(self.value, scope, purpose=purpose)), purpose=f"the value of {purpose}")
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
