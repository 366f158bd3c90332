"""A key that signs JWTs: for a service account, for an app installation, or as the token itself (RFC 7523)."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, field, structs

from conn_engine.auth.absent_parts import blank_absent
from conn_engine.auth.credential_document import SuppliedValue
from conn_engine.auth.credentials.exchanged import ExchangedCredentials
from conn_engine.auth.signing.assertion import Assertion, sign_assertion
from conn_engine.auth.token_request import Grant, TokenRequest
from conn_engine.bodies import BodyFormat
from conn_engine.roles import ADDRESS, TEMPLATE
from conn_engine.settings import Scope
from conn_engine.wire import Clock, Flow

__all__ = ["JwtBearer"]

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class JwtBearer(ExchangedCredentials, frozen=True, kw_only=True, tag_field="format", tag="jwt_bearer"):
    """A signed JWT that is exchanged for a token at `token_url` or by `request`. With neither, the JWT is the token."""

    ask: Annotated[
        tuple[SuppliedValue, ...], Meta(description="What the account supplies. Default: `private_key`.")
    ] = (SuppliedValue(name="private_key", label="Private key", lines=True),)
    assertion: Annotated[
        Assertion,
        Meta(
            description="The JWT. `aud` is the token URL and `scope` the scopes, unless `claims` sets them. If "
            "the account supplies the key as a JSON document, take a part of it: "
            "`{{$jsonParse(service_account).private_key}}`."
        ),
    ] = field(default_factory=Assertion)
    scopes: Annotated[tuple[str, ...], Meta(description="Scopes to request.", extra=TEMPLATE)] = ()
    scope_separator: Annotated[str, Meta(description="Separator between two scopes.", extra=TEMPLATE)] = " "
    token_url: Annotated[str | None, Meta(description="The token endpoint's absolute URL.", extra=ADDRESS)] = None
    token_headers: Annotated[
        dict[str, str | None], Meta(description="Additional headers of the token request.", extra=TEMPLATE)
    ] = field(default_factory=dict)
    token_params: Annotated[
        dict[str, Any],
        Meta(
            description="Additional fields of the token request's body. null removes a standard field.",
            extra=TEMPLATE,
        ),
    ] = field(default_factory=dict)
    body_format: Annotated[BodyFormat, Meta(description="Format of the token request's body.")] = "form"
    request: Annotated[
        TokenRequest | None,
        Meta(
            description="The complete token request, for a vendor that does not use the standard one (`Bearer "
            "{{assertion}}` in a header for the token of an app installation). Default: the standard "
            "grant at token_url."
        ),
    ] = None

    def attempts(self, stored: Mapping[str, Any], names: Scope) -> list[TokenRequest]:
        """Return the connector's own request, else the standard grant."""
        if self.request is not None:
            request = self.add_reading_settings(self.request)
            return [request if request.assertion is not None else structs.replace(request, assertion=self._assertion())]
        fields: dict[str, Any] = {"grant_type": _GRANT, "assertion": "{{assertion}}", **self.token_params}
        return [
            TokenRequest(
                url=self.token_url or "",
                headers=self.token_headers,
                body={name: value for name, value in fields.items() if value is not None},
                body_format=self.body_format,
                assertion=self._assertion(),
                **self.get_reading_settings(),
            )
        ]

    def obtain_token(
        self, stored: Mapping[str, Any], names: Scope, hosts: tuple[str, ...], clock: Clock
    ) -> Flow[Grant]:
        """Trade the JWT for a token, or return the JWT itself. Raises as `request_token` and `sign_assertion` do."""
        if self.token_url is not None or self.request is not None:
            return (yield from super().obtain_token(stored, names, hosts, clock))
        assertion = sign_assertion(self._assertion(), blank_absent(names, self.absent(stored)), clock.now())
        token: dict[str, Any] = {"access_token": assertion.text}
        if assertion.expires_at is not None:
            token |= {"expires_at": assertion.expires_at, "obtained_at": clock.now()}
        return Grant(token)

    def _assertion(self) -> Assertion:
        usual: dict[str, Any] = {}
        if self.token_url is not None:
            usual["aud"] = self.token_url
        if self.scopes:
            usual["scope"] = self.scope_separator.join(self.scopes)
        return structs.replace(self.assertion, claims={**usual, **self.assertion.claims})
