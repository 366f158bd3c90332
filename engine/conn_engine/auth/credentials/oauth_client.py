"""What the OAuth 2 presets share: the client, its token endpoint, and how the client authenticates.

Each preset chooses its grant.
"""

import base64
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote_plus

from msgspec import Meta, field, structs

from conn_engine.auth.credential_document import CredentialField, fill_templates
from conn_engine.auth.credentials.exchanged import ExchangedCredentials
from conn_engine.auth.signing.assertion import Assertion
from conn_engine.auth.token_request import TokenRequest
from conn_engine.bodies import BodyFormat
from conn_engine.errors import ConfigurationError
from conn_engine.roles import ADDRESS, PLAIN, SECRET, TEMPLATE
from conn_engine.settings import Scope

__all__ = ["OAuthClient"]

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class OAuthClient(ExchangedCredentials, frozen=True, kw_only=True):
    """A client of an OAuth 2 server. Stored as `{oauth: {token: {access_token, refresh_token, expires_at,
    …}}}`."""

    vendor: Annotated[
        str | None,
        Meta(
            description="Vendor whose public endpoints and ways to authenticate apply where the document sets none.",
            extra=PLAIN,
        ),
    ] = None
    token_url: Annotated[str | None, Meta(description="The token endpoint's absolute URL.", extra=ADDRESS)] = None
    client_id: Annotated[
        str | None,
        Meta(
            description="Template for the client ID (`{{env.X}}`). Default: the account supplies `client_id`.",
            extra=TEMPLATE,
        ),
    ] = None
    client_secret: Annotated[
        str | None,
        Meta(
            description="Template for the client secret. Default: the account's secret, or none (a public client).",
            extra=SECRET,
        ),
    ] = None
    client_authentication: Annotated[
        Literal["basic", "body", "private_key_jwt", "client_secret_jwt"],
        Meta(
            description="How the client authenticates: with a Basic header, with fields of the body, or with a "
            "JWT signed with its private key or its secret (RFC 7523)."
        ),
    ] = "basic"
    client_assertion: Annotated[
        Assertion | None,
        Meta(
            description="The client's JWT. Default: RS256 with the account's `private_key` (HS256 with the "
            "client secret), `iss` and `sub` set to the client ID, `aud` to the token URL."
        ),
    ] = None
    scopes: Annotated[tuple[str, ...], Meta(description="Scopes to request.", extra=TEMPLATE)] = ()
    scope_separator: Annotated[str, Meta(description="Separator between two scopes.", extra=TEMPLATE)] = " "
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

    def client_fields(self) -> list[CredentialField]:
        """Return what the account supplies of the client: what the connector does not set."""
        by_key = self.client_authentication == "private_key_jwt"
        fields = [] if self.client_id is not None else [CredentialField("client_id", "Client ID", secret=False)]
        if by_key and self._client_assertion().key == Assertion().key:
            fields.append(CredentialField("private_key", "Private key", lines=True))
        elif not by_key and self.client_id is None and self.client_secret is None:
            fields.append(CredentialField("client_secret", "Client secret"))
        return fields

    def usual_fields(self) -> list[CredentialField]:
        """Return the fields of the client."""
        return self.client_fields()

    def grant(self) -> dict[str, Any]:
        """Return the fields of the grant that requests a new token: templates, null for a field to leave out."""
        raise NotImplementedError

    def custom_request(self) -> TokenRequest | None:
        """Return the complete token request if the connector declares one."""
        return None

    def renewable(self, document: Mapping[str, Any]) -> bool:
        """Return whether a new token can be requested without a person."""
        return self.token_url is not None or self.custom_request() is not None

    def attempts(self, stored: Mapping[str, Any], names: Scope) -> list[TokenRequest]:
        """Return the connector's own request, else the grant at `token_url`."""
        request = self.custom_request()
        return [
            self.add_reading_settings(request)
            if request is not None
            else self.build_standard_request(self.grant(), names)
        ]

    def build_template_scope(self, names: Scope) -> Scope:
        """Add `client`: `{client_id, client_secret, basic}`, as far as they are known."""
        return names | {"client": self._client(names, required=self.custom_request() is None)}

    def scope_text(self) -> str | None:
        """Return the scopes as they are sent; None without scopes."""
        return self.scope_separator.join(self.scopes) or None

    def build_standard_request(self, grant: Mapping[str, Any], names: Scope) -> TokenRequest:
        """Return the standard token request for a grant, with the configured client authentication."""
        if self.token_url is None:
            raise ConfigurationError(
                "the token cannot be renewed: `credentials` has no `token_url`",
                hint="add `token_url`, the vendor's token endpoint, to `credentials`",
            )
        headers: dict[str, str | None] = {}
        fields = dict(grant)
        client = names["client"]
        assertion: Assertion | None = None
        if self.client_authentication in ("private_key_jwt", "client_secret_jwt"):
            assertion = self._client_assertion()
            fields |= {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": "{{assertion}}"}
        elif self.client_authentication == "basic" and "basic" in client:
            headers["authorization"] = "{{client.basic}}"
        else:
            fields |= {name: f"{{{{client.{name}}}}}" for name in ("client_id", "client_secret") if name in client}
        fields.update(self.token_params)
        return TokenRequest(
            url=self.token_url,
            headers={**headers, **self.token_headers},
            body={name: value for name, value in fields.items() if value is not None},
            body_format=self.body_format,
            assertion=assertion,
            **self.get_reading_settings(),
        )

    def _client_assertion(self) -> Assertion:
        by_secret = self.client_authentication == "client_secret_jwt"
        assertion = self.client_assertion
        if assertion is None:
            assertion = Assertion(algorithm="HS256", key="{{client.client_secret}}") if by_secret else Assertion()
        build_standard_request = {"iss": "{{client.client_id}}", "sub": "{{client.client_id}}", "aud": self.token_url}
        return structs.replace(assertion, claims={**build_standard_request, **assertion.claims})

    def _client(self, names: Scope, *, required: bool) -> dict[str, str]:
        client_id = self.client_id or "{{client_id}}"
        if self.client_id is None and not names.get("client_id") and not required:
            return {}
        client = {"client_id": str(fill_templates(client_id, names, purpose="the token request"))}
        secret = self.client_secret or ("{{client_secret}}" if names.get("client_secret") else None)
        if secret is not None:
            client["client_secret"] = str(fill_templates(secret, names, purpose="the token request"))
            # RFC 6749, 2.3.1: each part is form-encoded before the two are joined.
            pair = f"{quote_plus(client['client_id'])}:{quote_plus(client['client_secret'])}"
            client["basic"] = "Basic " + base64.b64encode(pair.encode("ascii")).decode("ascii")
        return client
