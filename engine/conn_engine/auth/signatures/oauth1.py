"""OAuth 1.0a (RFC 5849) in the Authorization header. With a realm and HMAC-SHA256 it is the token-based authentication
of some business suites. The credentials obtain the token (three legs)."""

from dataclasses import replace
from typing import Annotated

from msgspec import Meta

from conn_engine.auth.signatures.request_scope import SigningContext, fill_template
from conn_engine.auth.signing import oauth1
from conn_engine.roles import SECRET, TEMPLATE
from conn_engine.settings import Scope, Settings
from conn_engine.wire import Request

__all__ = ["OAuth1"]


class OAuth1(Settings, frozen=True, kw_only=True, tag_field="format", tag="oauth1"):
    """OAuth 1.0a over method, URL, query and form."""

    algorithm: Annotated[oauth1.Algorithm, Meta(description="Signature method.")] = "HMAC-SHA1"
    consumer_key: Annotated[str, Meta(description="Template for the consumer key.", extra=TEMPLATE)] = (
        "{{consumer_key}}"
    )
    consumer_secret: Annotated[
        str,
        Meta(
            description="Template for the consumer secret; for the RSA methods, the private key in PEM format.",
            extra=SECRET,
        ),
    ] = "{{consumer_secret}}"  # noqa: S105
    token: Annotated[str, Meta(description='Template for the account\'s token; "" for none.', extra=SECRET)] = (
        "{{token}}"  # noqa: S105
    )
    token_secret: Annotated[str, Meta(description='Template for the token secret; "" for none.', extra=SECRET)] = (
        "{{token_secret}}"  # noqa: S105
    )
    version: Annotated[bool, Meta(description="Whether to send `oauth_version`.")] = True
    realm: Annotated[str | None, Meta(description="Template for the realm. Default: no realm.", extra=TEMPLATE)] = None

    def sign(self, request: Request, scope: Scope, moment: SigningContext) -> Request:
        """Return the signed request. Raises CredentialError when the account lacks a part of the key."""

        def fill(template: str) -> str:
            return fill_template(template, scope, purpose="the signature", lines=template == self.consumer_secret)

        keys = oauth1.Keys(
            fill(self.consumer_key), fill(self.consumer_secret), fill(self.token), fill(self.token_secret)
        )
        realm = fill(self.realm) if self.realm is not None else None
        version = "1.0" if self.version else ""
        authorization = oauth1.header(request, keys, self.algorithm, moment.now, moment.nonce, realm, version)
        return replace(request, headers=request.headers.replace_header("authorization", authorization), authorized=True)
