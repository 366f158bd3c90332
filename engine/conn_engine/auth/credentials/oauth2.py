"""OAuth 2 with a person's consent: an access token and, usually, a refresh token."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, field

from conn_engine.auth.credentials.client import OAuthClient
from conn_engine.auth.names import CredentialField, token_of
from conn_engine.auth.token_request import TokenRequest

__all__ = ["OAuth2"]


class OAuth2(OAuthClient, frozen=True, kw_only=True, tag_field="format", tag="oauth2"):
    """Authorization code with refresh. The refresh token may rotate: the new one is stored before it is
    used."""

    authorization_url: Annotated[str | None, Meta(description="Where a person consents; a template.")] = None
    authorization_params: Annotated[
        dict[str, Any], Meta(description="Further parameters of the authorization URL; templates.")
    ] = field(default_factory=dict)
    pkce: Annotated[bool, Meta(description="Whether the consent is protected by PKCE (S256).")] = True
    refresh: Annotated[
        TokenRequest | None,
        Meta(
            description="The whole refresh request, for a vendor with one of its own; templates see "
            "`oauth.token.access_token`, `oauth.token.refresh_token`, `client.client_id`, "
            "`client.client_secret` and `client.basic`. Default: the standard refresh grant."
        ),
    ] = None

    def fields(self) -> list[CredentialField]:
        """A token made elsewhere: access token, refresh token, and the client when the account supplies
        it."""
        return [
            *self.client_fields(),
            CredentialField("oauth.token.access_token", "Access token"),
            CredentialField("oauth.token.refresh_token", "Refresh token", required=False),
        ]

    def renewable(self, document: Mapping[str, Any]) -> bool:
        """Whether there is something to refresh with."""
        token = token_of(document)
        if self.refresh is not None:
            return bool(token)
        return self.token_url is not None and bool(token.get("refresh_token"))

    def grant(self) -> dict[str, Any]:
        """The refresh grant."""
        return {"grant_type": "refresh_token", "refresh_token": "{{oauth.token.refresh_token}}"}

    def own_request(self) -> TokenRequest | None:
        """The connector's own refresh request."""
        return self.refresh
