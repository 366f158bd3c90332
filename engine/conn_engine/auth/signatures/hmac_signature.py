"""A keyed or plain digest over what an expression says, put where the vendor wants it. WSSE is one of its uses."""

import hashlib
import hmac
from typing import Annotated, Literal

from msgspec import Meta

from conn_engine.auth.signatures.moment import fill_template
from conn_engine.auth.signatures.placed import PlacedSignature
from conn_engine.auth.signing.keys import KeyEncoding, shared_key
from conn_engine.roles import SECRET
from conn_engine.settings import Scope

__all__ = ["HmacSignature"]


class HmacSignature(PlacedSignature, frozen=True, kw_only=True, tag_field="format", tag="hmac"):
    """HMAC of an expression's text, in headers or in the query."""

    algorithm: Annotated[Literal["sha256", "sha1", "sha384", "sha512", "md5"], Meta(description="The digest.")] = (
        "sha256"
    )
    key: Annotated[
        str,
        Meta(
            description='Template for the key. "": a plain digest without a key (the content then has the secret).',
            extra=SECRET,
        ),
    ] = "{{api_key}}"
    key_encoding: Annotated[KeyEncoding, Meta(description="How the key is written.")] = "text"
    encoding: Annotated[Literal["hex", "base64", "base64url"], Meta(description="How the signature is written.")] = (
        "hex"
    )

    def signature(self, content: bytes, names: Scope) -> bytes:
        """The digest."""
        if not self.key:
            return hashlib.new(self.algorithm, content, usedforsecurity=False).digest()
        key = shared_key(fill_template(self.key, names, purpose="the signature", lines=True), self.key_encoding)
        return hmac.digest(key, content, self.algorithm)
