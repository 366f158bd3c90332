"""A log-in by a request of the vendor's own: its answer brings a token, a header or a cookie for a while."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.auth.credentials.exchanged import ExchangedCredentials
from conn_engine.auth.names import Asked, token_of
from conn_engine.auth.token_request import TokenRequest
from conn_engine.settings import Scope

__all__ = ["SessionCredentials"]


class SessionCredentials(ExchangedCredentials, frozen=True, kw_only=True, tag_field="format", tag="session"):
    """A session: log in, use what comes back, log in again when it has ended. Stored as `{session: {access_token, …}}`
    beside what the account supplies."""

    place: ClassVar[tuple[str, ...]] = ("session",)

    ask: Annotated[
        tuple[Asked, ...], Meta(description="What the account supplies. Default: `username` and `password`.")
    ] = (Asked(name="username", label="User name", secret=False), Asked(name="password"))
    login: Annotated[
        TokenRequest,
        Meta(
            description="The request that logs in (with `before`: several, in this order). Templates see what the "
            "account supplies, `env` and `context`. `response` finds what is stored, for example `response.token`, "
            "`headers.'x-auth-token'`, `cookies.SESSION`, or `cookie` for all of them; templates of `authorization` "
            "call it `session.access_token`."
        ),
    ]
    refresh: Annotated[
        TokenRequest | None,
        Meta(
            description="A request that prolongs a session that has ended; templates see `session.access_token` too. "
            "When it is refused: log in again, which is the default."
        ),
    ] = None

    def attempts(self, stored: Mapping[str, Any], names: Scope) -> list[TokenRequest]:
        """The refresh when there is something to refresh, then the log-in."""
        login = self.add_reading_settings(self.login)
        if self.refresh is None or not token_of(stored, self.place):
            return [login]
        return [self.add_reading_settings(self.refresh), login]
