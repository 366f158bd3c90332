"""A JWT for each request. Its claims can depend on the request: its method, its path, a digest of its body."""

from typing import Annotated

from msgspec import Meta, field

from conn_engine.auth.signatures.content_signature import add_to_request
from conn_engine.auth.signatures.request_scope import SigningContext, request_names
from conn_engine.auth.signing.assertion import Assertion, sign_assertion
from conn_engine.roles import TEMPLATE
from conn_engine.settings import Scope, Settings
from conn_engine.wire import Request

__all__ = ["JwtSignature"]


class JwtSignature(Settings, frozen=True, kw_only=True, tag_field="format", tag="jwt"):
    """A new JWT for each request, in headers or in the query."""

    assertion: Annotated[
        Assertion,
        Meta(
            description="The JWT. Its templates see `request` (method, url, host, path, query and target as sent, "
            "headers, body, body_sha256 in hex), `timestamp`, `timestamp_ms`, `date`, `nonce`, the stored credential's "
            "keys, `env` and `context`."
        ),
    ]
    headers: Annotated[
        dict[str, str],
        Meta(description="Headers to set: templates over the same names and `signature`, the JWT.", extra=TEMPLATE),
    ] = field(default_factory=lambda: {"Authorization": "Bearer {{signature}}"})
    query: Annotated[
        dict[str, str], Meta(description="Query parameters to add; templates as for headers.", extra=TEMPLATE)
    ] = field(default_factory=dict)

    def sign(self, request: Request, scope: Scope, moment: SigningContext) -> Request:
        """Return the request with its JWT. Raises CredentialError when the account lacks the key or the key cannot be
        used."""
        names: Scope = scope | moment.names() | {"request": request_names(request)}
        text = sign_assertion(self.assertion, names, moment.now, moment.nonce).text
        return add_to_request(request, names | {"signature": text}, self.headers, self.query)
