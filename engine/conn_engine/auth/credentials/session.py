"""A login with a vendor-specific request that returns a token, a header or a cookie."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.auth.authorization import Bearer
from conn_engine.auth.credential_document import SuppliedValue, read_token
from conn_engine.auth.credentials.exchanged import ExchangedCredentials
from conn_engine.auth.token_request import TokenRequest
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression
from conn_engine.settings import Scope

__all__ = ["SessionCredentials"]


class SessionCredentials(ExchangedCredentials, frozen=True, kw_only=True, tag_field="format", tag="session"):
    """A session: log in, use the result, and log in again when it has expired. Stored as `{session: {access_token,
    …}}`, next to the values that the account supplies."""

    place: ClassVar[tuple[str, ...]] = ("session",)

    ask: Annotated[
        tuple[SuppliedValue, ...], Meta(description="What the account supplies. Default: `username` and `password`.")
    ] = (SuppliedValue(name="username", label="User name", secret=False), SuppliedValue(name="password"))
    login: Annotated[
        TokenRequest,
        Meta(
            description="The request that logs in (with `before`: several, in this order). Templates see the "
            "values that the account supplies, `env` and `context`. `response` selects what is "
            "stored, for example `response.token`, `headers.'x-auth-token'`, `cookies.SESSION`, or "
            "`cookie` for all cookies; templates of `authorization` refer to it as "
            "`session.access_token`."
        ),
    ]
    refresh: Annotated[
        TokenRequest | None,
        Meta(
            description="A request that extends an expired session; templates also see `session.access_token`. "
            "If the vendor refuses it, the account logs in again. Default: log in again."
        ),
    ] = None

    def imply_authorization(self) -> Bearer | None:
        """Return that a token of the login's body is sent in the Authorization header. A cookie or a header is sent as
        the connector sets it."""
        response = self.add_reading_settings(self.login).response
        return Bearer() if response is None or _reads_only_body(response) else None

    def attempts(self, stored: Mapping[str, Any], names: Scope) -> list[TokenRequest]:
        """Return the refresh if there is something to refresh, then the login."""
        login = self.add_reading_settings(self.login)
        if self.refresh is None or not read_token(stored, self.place):
            return [login]
        return [self.add_reading_settings(self.refresh), login]


def _reads_only_body(text: str) -> bool:
    try:
        return expression(text).roots() == frozenset({"response"})
    except ExpressionError:  # reported where it is used
        return False
