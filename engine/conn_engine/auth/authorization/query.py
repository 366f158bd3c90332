"""A secret in the query."""

from typing import Annotated
from urllib.parse import unquote_plus

from msgspec import Meta

from conn_engine.auth.absent_parts import fill_if_present
from conn_engine.roles import PARAMETER, TEMPLATE
from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.settings import Draft, Scope, Settings

__all__ = ["Query"]


class Query(Settings, frozen=True, kw_only=True, tag_field="format", tag="query"):
    """`?api_token=<key>`. If a next URL already has the parameter, its value is replaced, not repeated."""

    name: Annotated[str, Meta(description="Name of the query parameter.", extra=PARAMETER)]
    value: Annotated[str, Meta(description="Template for the parameter's value.", extra=TEMPLATE)] = "{{api_key}}"

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Set the parameter unless the account has left the optional part out. Raises CredentialError when a required
        part is missing."""
        value = fill_if_present(self.value, scope, draft.absent, purpose=f'the parameter "{self.name}"')
        if value is None:
            return
        before, mark, query = draft.url.partition("?")
        if mark:
            other_pairs = [pair for pair in query.split("&") if unquote_plus(pair.partition("=")[0]) != self.name]
            draft.url = f"{before}?{'&'.join(other_pairs)}" if any(other_pairs) else before
        draft.set_query(self.name, value)
        draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Return where a request has the credential."""
        return [CredentialPlace("parameter", self.name, self.value)]
