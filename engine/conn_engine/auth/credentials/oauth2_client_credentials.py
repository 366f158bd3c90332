"""OAuth 2 for a client that acts for itself: a token for its own id and secret."""

from typing import Annotated, Any

from msgspec import Meta

from conn_engine.auth.credentials.client import OAuthClient
from conn_engine.auth.token_request import TokenRequest
from conn_engine.roles import TEMPLATE

__all__ = ["OAuth2ClientCredentials"]


class OAuth2ClientCredentials(
    OAuthClient, frozen=True, kw_only=True, tag_field="format", tag="oauth2_client_credentials"
):
    """The client credentials grant. The token is asked for when there is none, and again when it ends."""

    audience: Annotated[str | None, Meta(description="Audience to ask for; a template.", extra=TEMPLATE)] = None
    request: Annotated[
        TokenRequest | None,
        Meta(description="The whole token request, for a vendor with one of its own. Default: the standard grant."),
    ] = None

    def grant(self) -> dict[str, Any]:
        """The client credentials grant."""
        return {"grant_type": "client_credentials", "scope": self.scope_text(), "audience": self.audience}

    def own_request(self) -> TokenRequest | None:
        """The connector's own token request."""
        return self.request
