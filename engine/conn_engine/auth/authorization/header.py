"""Secrets in headers of the vendor's own."""

from typing import Annotated

from msgspec import Meta, field

from conn_engine.auth.names import header_value
from conn_engine.auth.omission import text_if_present
from conn_engine.roles import REQUEST_HEADER, TEMPLATE
from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.settings import Draft, Scope, Settings

__all__ = ["Header"]


class Header(Settings, frozen=True, kw_only=True, tag_field="format", tag="header"):
    """`X-Api-Key: <key>` and the like; one header, or several under `headers`."""

    name: Annotated[str | None, Meta(description="Name of the header.", extra=REQUEST_HEADER)] = None
    value: Annotated[str, Meta(description="Template for its value (`Token {{api_key}}`).", extra=TEMPLATE)] = (
        "{{api_key}}"
    )
    headers: Annotated[
        dict[str, str],
        Meta(description="Further headers with their templates, for a vendor that wants several.", extra=TEMPLATE),
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name is None and not self.headers:
            raise ValueError("header authorization needs `name` (or `headers`)")

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Put the values into the headers, but those that the account may leave out and has left out. Raises
        CredentialError when it lacks another."""
        templates = {**({self.name: self.value} if self.name is not None else {}), **self.headers}
        for name, template in templates.items():
            value = text_if_present(template, scope, draft.absent, purpose=f'the header "{name}"')
            if value is None:
                continue
            draft.set_header(name, header_value(value, purpose=f'the value of the header "{name}"'))
            draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Where the credential stands in a request."""
        own = {self.name: self.value} if self.name is not None else {}
        return [CredentialPlace("header", name, template) for name, template in {**own, **self.headers}.items()]
