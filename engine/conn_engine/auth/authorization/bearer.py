"""A token in the Authorization header (RFC 6750)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from msgspec import Meta

from conn_engine.auth.absent_parts import reads_absent
from conn_engine.auth.credential_document import check_header_value, find_text
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
            "`oauth.token.access_token`, `session.access_token`, `token` or `api_key`, depending on "
            "the kind of credential.",
            extra=EXPRESSION,
        ),
    ] = None
    prefix: Annotated[str, Meta(description='Text before the token; "" for none.', extra=PLAIN)] = "Bearer"
    header: Annotated[str, Meta(description="Name of the header.", extra=REQUEST_HEADER)] = "Authorization"

    def apply(self, draft: Draft, scope: Scope) -> None:
        """Set the header unless the account has left the optional token out. Raises CredentialError when a required
        token is missing."""
        paths = (self.path,) if self.path is not None else self.usual_paths
        token = next((text for path in paths if (text := find_text(path, scope)) is not None), None)
        if token is None and any(reads_absent(path, draft.absent) for path in paths):
            return
        if token is None:
            raise CredentialError(
                f"the account's credential has no {self.path or 'token'}",
                hint="log the account in: `conn auth login ACCOUNT`",
            )
        value = f"{self.prefix} {token}" if self.prefix else token
        draft.set_header(self.header, check_header_value(value, purpose="the account's token"))
        draft.authorized = True

    def places(self) -> list[CredentialPlace]:
        """Return where a request has the credential."""
        return [CredentialPlace("header", self.header, f"{self.prefix} {{{{token}}}}" if self.prefix else "")]
