"""A token in the Authorization header (RFC 6750)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from msgspec import Meta

from conn_engine.auth.names import header_value, looked_up
from conn_engine.auth.omission import reads
from conn_engine.errors import CredentialError
from conn_engine.roles import EXPRESSION, PLAIN, REQUEST_HEADER
from conn_engine.secrets.credential_places import CredentialPlace
from conn_engine.settings import Draft, Scope, Settings

__all__ = ["Bearer"]


class Bearer(Settings, frozen=True, kw_only=True, tag_field="format", tag="bearer"):
    """`Authorization: Bearer <token>`."""

    aliases: ClassVar[Mapping[str, str]] = {"token_path": "path", "token_field": "path"}
    usual_paths: ClassVar[tuple[str, ...]] = ("oauth.token.access_token", "session.access_token", "token", "api_key")

    path: Annotated[
        str | None,
        Meta(
            description="Expression over the stored credential for the token. Default: "
            "`oauth.token.access_token`, `session.access_token`, `token` or `api_key`, by the kind of the credential.",
            extra=EXPRESSION,
        ),
    ] = None
    prefix: Annotated[str, Meta(description='What stands before the token; "" for nothing.', extra=PLAIN)] = "Bearer"
    header: Annotated[str, Meta(description="Name of the header.", extra=REQUEST_HEADER)] = "Authorization"

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Put the token into the header, if the account has not left it out. Raises CredentialError when it has
        none."""
        paths = (self.path,) if self.path is not None else self.usual_paths
        token = next((found for path in paths if (found := looked_up(path, scope)) is not None), None)
        if token is None and any(reads(path, draft.absent) for path in paths):
            return
        if token is None:
            raise CredentialError(
                f"the account's credential has no {self.path or 'token'}",
                hint="log the account in: `conn auth login ACCOUNT`",
            )
        value = f"{self.prefix} {token}" if self.prefix else token
        draft.set_header(self.header, header_value(value, purpose="the account's token"))
        draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Where the credential stands in a request."""
        return [CredentialPlace("header", self.header, f"{self.prefix} {{{{token}}}}" if self.prefix else "")]
