"""A keyed or plain digest over what an expression says, put where the vendor wants it. WSSE is one of its uses."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import quote

from msgspec import Meta, field

from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.signatures.moment import Moment, filled, request_names
from conn_engine.strategies import Scope, Settings, ask
from conn_engine.wire import Request

__all__ = ["Hmac"]


class Hmac(Settings, frozen=True, kw_only=True, tag_field="format", tag="hmac"):
    """HMAC of an expression's text, in headers or in the query."""

    content: Annotated[
        str,
        Meta(
            description="Expression for the text that is signed: over `request` (method, url, host, path, query and "
            "target as sent, headers, body), `timestamp` (seconds), `timestamp_ms`, `date` (RFC 3339), `nonce`, the "
            "stored credential's keys, `env` and `context`. Such as `request.method & request.path & request.body`."
        ),
    ]
    algorithm: Annotated[Literal["sha256", "sha1", "sha384", "sha512", "md5"], Meta(description="The digest.")] = (
        "sha256"
    )
    key: Annotated[
        str,
        Meta(description='Template for the key. "": a plain digest without a key (the content then has the secret).'),
    ] = "{{api_key}}"
    key_encoding: Annotated[Literal["text", "base64", "hex"], Meta(description="How the key is written.")] = "text"
    encoding: Annotated[Literal["hex", "base64", "base64url"], Meta(description="How the signature is written.")] = (
        "hex"
    )
    headers: Annotated[
        dict[str, str],
        Meta(
            description="Headers to set: templates over the same names and `signature`, such as "
            '`{X-Signature: "{{signature}}", X-Timestamp: "{{timestamp}}"}`.'
        ),
    ] = field(default_factory=dict)
    query: Annotated[dict[str, str], Meta(description="Query parameters to add; templates as for headers.")] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        if not self.headers and not self.query:
            raise ValueError("an hmac signature needs `headers` or `query` to put it in")

    def sign(self, request: Request, scope: Scope, moment: Moment) -> Request:
        """The request with its signature. Raises CredentialError when the account lacks the key, ConfigurationError
        when the expression gives no text."""
        names: Scope = {**scope, **moment.names(), "request": request_names(request)}
        content = ask(self.content, names)
        if not isinstance(content, str):
            raise ConfigurationError("`content` of the signature gives no text", hint=f"it is {self.content}")
        names["signature"] = self._written(self._digest(content.encode("utf-8", "surrogateescape"), names))
        headers = request.headers
        for name, template in self.headers.items():
            headers = headers.with_(name, filled(template, names, purpose=f'the header "{name}"'))
        url = request.url
        for name, template in self.query.items():
            value = filled(template, names, purpose=f'the parameter "{name}"')
            url += f"{'&' if '?' in url else '?'}{quote(name, safe='-._~')}={quote(value, safe='-._~')}"
        return replace(request, headers=headers, url=url, authorized=True)

    def _digest(self, content: bytes, names: Scope) -> bytes:
        if not self.key:
            return hashlib.new(self.algorithm, content, usedforsecurity=False).digest()
        text = filled(self.key, names, purpose="the signature")
        try:
            if self.key_encoding == "hex":
                key = bytes.fromhex(text.strip())
            elif self.key_encoding == "base64":
                key = base64.b64decode(text.strip(), validate=True)
            else:
                key = text.encode()
        except (ValueError, binascii.Error):
            words = f"the account's key is not {self.key_encoding}"
            raise CredentialError(words, hint="check `key_encoding`") from None
        return hmac.digest(key, content, self.algorithm)

    def _written(self, signature: bytes) -> str:
        if self.encoding == "hex":
            return signature.hex()
        if self.encoding == "base64":
            return base64.b64encode(signature).decode("ascii")
        return base64.urlsafe_b64encode(signature).decode("ascii").rstrip("=")
