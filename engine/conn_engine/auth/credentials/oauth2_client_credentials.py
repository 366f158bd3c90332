"""OAuth 2 for a client that acts on its own behalf: a token for its ID and secret."""

from typing import Annotated, Any

from msgspec import Meta

from conn_engine.auth.credentials.oauth_client import OAuthClient
from conn_engine.auth.token_request import TokenRequest
from conn_engine.roles import TEMPLATE

__all__ = ["OAuth2ClientCredentials"]


class OAuth2ClientCredentials(
    OAuthClient, frozen=True, kw_only=True, tag_field="format", tag="oauth2_client_credentials"
):
    """The client credentials grant of OAuth 2. A token is requested when none is stored, and again when it expires."""

    audience: Annotated[str | None, Meta(description="Audience to request.", extra=TEMPLATE)] = None
    request: Annotated[
        TokenRequest | None,
        Meta(
            description="The complete token request, for a vendor that does not use the standard one. Default: "
            "the standard grant."
        ),
    ] = None

    def grant(self) -> dict[str, Any]:
        """Return the fields of the client credentials grant."""
        return {"grant_type": "client_credentials", "scope": self.scope_text(), "audience": self.audience}

    def custom_request(self) -> TokenRequest | None:
        """Return the token request if the connector declares one."""
        return self.request
