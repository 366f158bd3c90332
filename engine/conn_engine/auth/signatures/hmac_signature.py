"""An HMAC or a plain digest of an expression's text, sent where the vendor expects it. WSSE is one use."""

import hashlib
import hmac
from typing import Annotated, Literal

from msgspec import Meta

from conn_engine.auth.signatures.content_signature import ContentSignature
from conn_engine.auth.signatures.request_scope import fill_template
from conn_engine.auth.signing.keys import KeyEncoding, decode_shared_key
from conn_engine.roles import SECRET
from conn_engine.settings import Scope

__all__ = ["HmacSignature"]


class HmacSignature(ContentSignature, frozen=True, kw_only=True, tag_field="format", tag="hmac"):
    """An HMAC of the text that an expression returns, in headers or in the query."""

    algorithm: Annotated[
        Literal["sha256", "sha1", "sha384", "sha512", "md5"], Meta(description="Digest algorithm.")
    ] = "sha256"
    key: Annotated[
        str,
        Meta(
            description='Template for the key. "" for a plain digest without a key (include the secret in `content`).',
            extra=SECRET,
        ),
    ] = "{{api_key}}"
    key_encoding: Annotated[KeyEncoding, Meta(description="Format of the key.")] = "text"
    encoding: Annotated[Literal["hex", "base64", "base64url"], Meta(description="Encoding of the signature.")] = "hex"

    def signature(self, content: bytes, names: Scope) -> bytes:
        """Return the digest of the content."""
        if not self.key:
            return hashlib.new(self.algorithm, content, usedforsecurity=False).digest()
        key = decode_shared_key(fill_template(self.key, names, purpose="the signature", lines=True), self.key_encoding)
        return hmac.digest(key, content, self.algorithm)
