"""OAuth 2 with a person's name and password (RFC 6749, 4.3), for vendors that support nothing better."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from conn_engine.auth.credential_document import SuppliedValue, read_token
from conn_engine.auth.credentials.oauth_client import OAuthClient
from conn_engine.auth.token_request import TokenRequest
from conn_engine.roles import SECRET, TEMPLATE
from conn_engine.settings import Scope

__all__ = ["OAuth2Password"]


class OAuth2Password(OAuthClient, frozen=True, kw_only=True, tag_field="format", tag="oauth2_password"):
    """The password grant. A refresh token is used as long as the vendor accepts it, then the password again."""

    ask: Annotated[
        tuple[SuppliedValue, ...], Meta(description="What the account supplies. Default: `username` and `password`.")
    ] = (SuppliedValue(name="username", label="User name", secret=False), SuppliedValue(name="password"))
    username: Annotated[str, Meta(description="Template for the user name.", extra=TEMPLATE)] = "{{username}}"
    password: Annotated[str, Meta(description="Template for the password.", extra=SECRET)] = "{{password}}"  # noqa: S105
    use_refresh_token: Annotated[
        bool, Meta(description="Whether to use the refresh token, if the vendor issues one, before the password.")
    ] = True

    def grant(self) -> dict[str, Any]:
        """Return the fields of the password grant."""
        return {
            "grant_type": "password",
            "username": self.username,
            "password": self.password,
            "scope": self.scope_text(),
        }

    def attempts(self, stored: Mapping[str, Any], names: Scope) -> list[TokenRequest]:
        """Return the refresh grant if there is a refresh token, then the password grant."""
        by_password = self.build_standard_request(self.grant(), names)
        if not self.use_refresh_token or not read_token(stored).get("refresh_token"):
            return [by_password]
        refresh = {"grant_type": "refresh_token", "refresh_token": "{{oauth.token.refresh_token}}"}
        return [self.build_standard_request(refresh, names), by_password]
