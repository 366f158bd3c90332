"""OAuth 2 by a person's own name and password (RFC 6749, 4.3): for vendors that have nothing better."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from conn_engine.auth.credentials.client import OAuthClient
from conn_engine.auth.names import Asked, token_of
from conn_engine.auth.token_request import TokenRequest
from conn_engine.roles import SECRET, TEMPLATE
from conn_engine.settings import Scope

__all__ = ["OAuth2Password"]


class OAuth2Password(OAuthClient, frozen=True, kw_only=True, tag_field="format", tag="oauth2_password"):
    """The password grant. A refresh token is used while the vendor takes it, then the password again."""

    ask: Annotated[
        tuple[Asked, ...], Meta(description="What the account supplies. Default: `username` and `password`.")
    ] = (Asked(name="username", label="User name", secret=False), Asked(name="password"))
    username: Annotated[str, Meta(description="Template for the user name.", extra=TEMPLATE)] = "{{username}}"
    password: Annotated[str, Meta(description="Template for the password.", extra=SECRET)] = "{{password}}"  # noqa: S105
    use_refresh_token: Annotated[
        bool, Meta(description="Whether a refresh token, when the vendor gives one, is used before the password.")
    ] = True

    def grant(self) -> dict[str, Any]:
        """The password grant."""
        return {
            "grant_type": "password",
            "username": self.username,
            "password": self.password,
            "scope": self.scope_text(),
        }

    def attempts(self, stored: Mapping[str, Any], names: Scope) -> list[TokenRequest]:
        """The refresh grant when there is a refresh token, then the password grant."""
        by_password = self.usual(self.grant(), names)
        if not self.use_refresh_token or not token_of(stored).get("refresh_token"):
            return [by_password]
        refresh = {"grant_type": "refresh_token", "refresh_token": "{{oauth.token.refresh_token}}"}
        return [self.usual(refresh, names), by_password]
