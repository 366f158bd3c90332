"""What the OAuth 2 presets have in common: the client, its token endpoint, and the stored token.

Which grant is sent is each preset's.
"""

import base64
import copy
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote_plus

from msgspec import Meta, field

from conn_engine.auth.names import CredentialField, document_of, filled, token_of
from conn_engine.auth.token_request import TokenReading, TokenRequest, request_token
from conn_engine.errors import ConfigurationError
from conn_engine.strategies import Scope
from conn_engine.wire import Clock, Flow

__all__ = ["OAuthClient"]


class OAuthClient(TokenReading, frozen=True, kw_only=True):
    """A client of an OAuth 2 server. Stored as `{oauth: {token: {access_token, refresh_token, expires_at,
    …}}}`."""

    token_url: Annotated[str | None, Meta(description="The token endpoint's absolute URL; a template.")] = (
        None
    )
    client_id: Annotated[
        str | None,
        Meta(
            description="Template for the client's id (`{{env.X}}`). Default: the account supplies "
            "`client_id`."
        ),
    ] = None
    client_secret: Annotated[
        str | None,
        Meta(
            description="Template for the client's secret. Default: the account's own, or none (a public "
            "client)."
        ),
    ] = None
    client_authentication: Annotated[
        Literal["basic", "body"],
        Meta(description="How the client proves itself: by a Basic header, or by fields of the body."),
    ] = "basic"
    scopes: Annotated[tuple[str, ...], Meta(description="Scopes to ask for.")] = ()
    scope_separator: Annotated[str, Meta(description="What stands between two scopes.")] = " "
    token_headers: Annotated[
        dict[str, str | None], Meta(description="Further headers of the token request; templates.")
    ] = field(default_factory=dict)
    token_params: Annotated[
        dict[str, Any],
        Meta(description="Further fields of the token request's body; templates. null removes a usual one."),
    ] = field(default_factory=dict)
    body_format: Annotated[
        Literal["form", "json"], Meta(description="How the token request's body is written.")
    ] = "form"

    def client_fields(self) -> list[CredentialField]:
        """What the account supplies of the client, when the connector does not say it."""
        if self.client_id is not None:
            return []
        return [
            CredentialField("client_id", "Client ID", secret=False),
            CredentialField("client_secret", "Client secret"),
        ]

    def fields(self) -> list[CredentialField]:
        """What a log-in asks for."""
        return self.client_fields()

    def document(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The stored document for the values of `fields`, by their names. Raises UsageError for a missing
        one."""
        return document_of(self.fields(), values)

    def sample(self, number: int = 1) -> dict[str, Any]:
        """A made-up document of the right shape, another for each number; it holds no secret and does not
        end."""
        document = document_of(self.fields(), {asked.name: f"sample-{number}" for asked in self.fields()})
        token: dict[str, Any] = {"access_token": f"sample-{number}", **token_of(document)}
        return {**document, "oauth": {"token": token}}

    def expired(self, document: Mapping[str, Any], now: float) -> bool:
        """Whether the token is missing or ends within the buffer (at most half of its life)."""
        token = token_of(document)
        if not token.get("access_token"):
            return True
        ends, began = _number(token.get("expires_at")), _number(token.get("obtained_at"))
        if ends is None:
            return False
        buffer = (
            self.buffer_seconds if began is None else min(self.buffer_seconds, max(0.0, ends - began) / 2)
        )
        return now >= ends - buffer

    def grant(self) -> dict[str, Any]:
        """The fields of the grant that asks for a new token; templates, null for what is left out."""
        raise NotImplementedError

    def own_request(self) -> TokenRequest | None:
        """The whole token request, when the connector writes it itself."""
        return None

    def renewable(self, document: Mapping[str, Any]) -> bool:
        """Whether a new token can be asked for without a person."""
        return self.token_url is not None or self.own_request() is not None

    def exchange(
        self, scope: Scope, hosts: tuple[str, ...], clock: Clock
    ) -> Callable[[Mapping[str, Any]], Flow[dict[str, Any]]]:
        """What asks for a new token: given the stored document, a generator that returns the renewed one.

        Everything else in the document is kept, and of the token what the vendor does not say again: a
        refresh token that is not returned stays, one that is returned replaces it. `scope` gives `env` and
        `context`. Errors as in `request_token`.
        """

        def run(stored: Mapping[str, Any]) -> Flow[dict[str, Any]]:
            names: Scope = dict(stored)
            names.update({name: scope[name] for name in ("env", "context") if name in scope})
            told = self.own_request()
            names["client"] = client = self._client(names, required=told is None)
            token = yield from request_token(told or self._usual(client), names, hosts, clock)
            return _renewed(stored, token)

        return run

    def _client(self, names: Scope, *, required: bool) -> dict[str, str]:
        """The client as templates see it: `{client_id, client_secret, basic}`, what there is of them."""
        own_id = self.client_id or "{{client_id}}"
        if self.client_id is None and not names.get("client_id") and not required:
            return {}
        client = {"client_id": str(filled(own_id, names, purpose="the token request"))}
        secret = self.client_secret or ("{{client_secret}}" if names.get("client_secret") else None)
        if secret is not None:
            client["client_secret"] = str(filled(secret, names, purpose="the token request"))
            # RFC 6749, 2.3.1: each part is form-encoded before the pair is put together.
            pair = f"{quote_plus(client['client_id'])}:{quote_plus(client['client_secret'])}"
            client["basic"] = "Basic " + base64.b64encode(pair.encode("ascii")).decode("ascii")
        return client

    def _usual(self, client: Mapping[str, str]) -> TokenRequest:
        if self.token_url is None:
            raise ConfigurationError(
                "the token cannot be renewed: `credentials` has no `token_url`",
                hint="add the vendor's token endpoint",
            )
        headers: dict[str, str | None] = {}
        fields = dict(self.grant())
        if self.client_authentication == "basic" and "basic" in client:
            headers["authorization"] = "{{client.basic}}"
        else:
            fields.update(
                {name: f"{{{{client.{name}}}}}" for name in ("client_id", "client_secret") if name in client}
            )
        fields.update(self.token_params)
        return TokenRequest(
            url=self.token_url,
            headers={**headers, **self.token_headers},
            body={name: value for name, value in fields.items() if value is not None},
            body_format=self.body_format,
            response=self.response,
            expires=self.expires,
            expires_unit=self.expires_unit,
            lifetime_seconds=self.lifetime_seconds,
            buffer_seconds=self.buffer_seconds,
        )


def _renewed(stored: Mapping[str, Any], token: Mapping[str, Any]) -> dict[str, Any]:
    """The stored document with a new token laid over the old one."""
    old = token_of(stored)
    kept = {
        name: value for name, value in old.items() if name not in ("expires_at", "obtained_at", "expires_in")
    }
    new = {**kept, **token}
    if not new.get("refresh_token") and old.get("refresh_token"):
        new["refresh_token"] = old["refresh_token"]  # null and "" mean "not returned"
    document = copy.deepcopy(dict(stored))
    oauth = document.get("oauth")
    document["oauth"] = {**(oauth if isinstance(oauth, dict) else {}), "token": new}
    return document


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
