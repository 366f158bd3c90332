"""Secrets in vendor-specific headers."""

from typing import Annotated

from msgspec import Meta, field

from conn_engine.auth.absent_parts import fill_if_present
from conn_engine.auth.credential_document import check_header_value
from conn_engine.roles import REQUEST_HEADER, TEMPLATE
from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.settings import Draft, Scope, Settings

__all__ = ["Header"]


class Header(Settings, frozen=True, kw_only=True, tag_field="format", tag="header"):
    """`X-Api-Key: <key>` and similar: one header, or several with `headers`."""

    name: Annotated[str | None, Meta(description="Name of the header.", extra=REQUEST_HEADER)] = None
    value: Annotated[
        str, Meta(description="Template for the header's value (`Token {{api_key}}`).", extra=TEMPLATE)
    ] = "{{api_key}}"
    headers: Annotated[
        dict[str, str],
        Meta(description="Additional headers with their templates.", extra=TEMPLATE),
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name is None and not self.headers:
            raise ValueError("header authorization needs `name` or `headers`")

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Set the headers, except those whose optional part the account has left out. Raises CredentialError when a
        required part is missing."""
        templates = {**({self.name: self.value} if self.name is not None else {}), **self.headers}
        for name, template in templates.items():
            value = fill_if_present(template, scope, draft.absent, purpose=f'the header "{name}"')
            if value is None:
                continue
            draft.set_header(name, check_header_value(value, purpose=f'the value of the header "{name}"'))
            draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Return where a request has the credential."""
        header = {self.name: self.value} if self.name is not None else {}
        return [CredentialPlace("header", name, template) for name, template in {**header, **self.headers}.items()]
