"""OAuth 1.0a (RFC 5849): HMAC and plain text, in the Authorization header. A realm makes it token-based
authentication as some business suites have it. Getting the token (three legs) is not here."""

import base64
import hmac
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import parse_qsl, quote, urlsplit

from msgspec import Meta

from conn_engine.signatures.moment import Moment, filled
from conn_engine.strategies import Scope, Settings
from conn_engine.wire import Request

__all__ = ["OAuth1", "base_string"]

_PORTS = {"http": 80, "https": 443}


class OAuth1(Settings, frozen=True, kw_only=True, tag_field="format", tag="oauth1"):
    """OAuth 1.0a over method, URL, query and form."""

    algorithm: Annotated[
        Literal["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "PLAINTEXT"], Meta(description="The signature's method.")
    ] = "HMAC-SHA1"
    consumer_key: Annotated[str, Meta(description="Template for the consumer's key.")] = "{{consumer_key}}"
    consumer_secret: Annotated[str, Meta(description="Template for its secret.")] = "{{consumer_secret}}"  # noqa: S105
    token: Annotated[str, Meta(description='Template for the account\'s token; "" for none.')] = "{{token}}"  # noqa: S105
    token_secret: Annotated[str, Meta(description='Template for its secret; "" for none.')] = "{{token_secret}}"  # noqa: S105
    version: Annotated[bool, Meta(description="Whether `oauth_version` is said.")] = True
    realm: Annotated[str | None, Meta(description="Template for the realm. Default: none is said.")] = None

    def sign(self, request: Request, scope: Scope, moment: Moment) -> Request:
        """The request with its signature. Raises CredentialError when the account lacks a part of it."""

        def value(template: str) -> str:
            return filled(template, scope, purpose="the signature")

        said = {
            "oauth_consumer_key": value(self.consumer_key),
            "oauth_nonce": moment.nonce,
            "oauth_signature_method": self.algorithm,
            "oauth_timestamp": str(int(moment.now)),
        }
        if self.version:
            said["oauth_version"] = "1.0"
        if self.token:
            said["oauth_token"] = value(self.token)
        key = f"{_encoded(value(self.consumer_secret))}&{_encoded(value(self.token_secret))}"
        if self.algorithm == "PLAINTEXT":
            said["oauth_signature"] = key
        else:
            content = base_string(request, said).encode("ascii")
            digest = hmac.digest(key.encode("ascii"), content, self.algorithm.removeprefix("HMAC-").lower())
            said["oauth_signature"] = base64.b64encode(digest).decode("ascii")
        shown = [f'realm="{_encoded(value(self.realm))}"'] if self.realm is not None else []
        shown += [f'{name}="{_encoded(text)}"' for name, text in said.items()]
        headers = request.headers.with_("authorization", f"OAuth {', '.join(shown)}")
        return replace(request, headers=headers, authorized=True)


def _encoded(text: str) -> str:
    return quote(text, safe="-._~")


def base_string(request: Request, said: dict[str, str]) -> str:
    """The signature base string of RFC 5849, 3.4.1."""
    parts = urlsplit(request.url)
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    port = f":{parts.port}" if parts.port not in (None, _PORTS.get(parts.scheme)) else ""
    pairs = parse_qsl(parts.query, keep_blank_values=True) + list(said.items())
    if request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        pairs += parse_qsl((request.body or b"").decode("utf-8", "replace"), keep_blank_values=True)
    spelled = sorted((_encoded(name), _encoded(value)) for name, value in pairs)
    joined = "&".join(f"{name}={value}" for name, value in spelled)
    address = f"{parts.scheme}://{host}{port}{parts.path or '/'}"
    return "&".join(_encoded(part) for part in (request.method.upper(), address, joined))
