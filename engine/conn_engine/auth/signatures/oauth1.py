"""OAuth 1.0a (RFC 5849) in the Authorization header. A realm and HMAC-SHA256 make it token-based authentication as some
business suites have it. Getting the token (three legs) is the credential's."""

from dataclasses import replace
from typing import Annotated

from msgspec import Meta

from conn_engine.auth.signatures.moment import SigningContext, fill_template
from conn_engine.auth.signing import oauth1
from conn_engine.roles import SECRET, TEMPLATE
from conn_engine.settings import Scope, Settings
from conn_engine.wire import Request

__all__ = ["OAuth1"]


class OAuth1(Settings, frozen=True, kw_only=True, tag_field="format", tag="oauth1"):
    """OAuth 1.0a over method, URL, query and form."""

    algorithm: Annotated[oauth1.Algorithm, Meta(description="The signature's method.")] = "HMAC-SHA1"
    consumer_key: Annotated[str, Meta(description="Template for the consumer's key.", extra=TEMPLATE)] = (
        "{{consumer_key}}"
    )
    consumer_secret: Annotated[
        str,
        Meta(description="Template for its secret; for the RSA methods its private key in PEM form.", extra=SECRET),
    ] = "{{consumer_secret}}"  # noqa: S105
    token: Annotated[str, Meta(description='Template for the account\'s token; "" for none.', extra=SECRET)] = (
        "{{token}}"  # noqa: S105
    )
    token_secret: Annotated[str, Meta(description='Template for its secret; "" for none.', extra=SECRET)] = (
        "{{token_secret}}"  # noqa: S105
    )
    version: Annotated[bool, Meta(description="Whether `oauth_version` is said.")] = True
    realm: Annotated[str | None, Meta(description="Template for the realm. Default: none is said.", extra=TEMPLATE)] = (
        None
    )

    def sign(self, request: Request, scope: Scope, moment: SigningContext) -> Request:
        """The request with its signature. Raises CredentialError when the account lacks a part of it."""

        def value(template: str) -> str:
            return fill_template(template, scope, purpose="the signature", lines=template == self.consumer_secret)

        keys = oauth1.Keys(
            value(self.consumer_key), value(self.consumer_secret), value(self.token), value(self.token_secret)
        )
        realm = value(self.realm) if self.realm is not None else None
        version = "1.0" if self.version else ""
        told = oauth1.header(request, keys, self.algorithm, moment.now, moment.nonce, realm, version)
        return replace(request, headers=request.headers.replace_header("authorization", told), authorized=True)
