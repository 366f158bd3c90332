"""Signatures with the account's private key: RSA, ECDSA, Ed25519."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from conn_engine.auth.signatures.content_signature import ContentSignature
from conn_engine.auth.signatures.request_scope import fill_template
from conn_engine.auth.signing.algorithms import (
    FORMAT_ALIASES,
    Algorithm,
    OtherDigest,
    Padding,
    PairForm,
    find_scheme,
)
from conn_engine.auth.signing.keys import load_private_key, load_seed_key, sign_with_key
from conn_engine.roles import SECRET
from conn_engine.settings import Scope

__all__ = ["PublicKeySignature"]

_PURPOSE = "the signature"


class PublicKeySignature(ContentSignature, frozen=True, kw_only=True, tag_field="format", tag="public_key"):
    """A signature with a private key of the text that an expression returns, in headers or in the query. The vendor
    verifies it with the public key."""

    format_aliases: ClassVar[Mapping[str, Mapping[str, Any]]] = FORMAT_ALIASES

    algorithm: Algorithm = "rsa-sha256"
    key: Annotated[
        str,
        Meta(
            description="Template for the private key, in PEM format (line breaks may be written as `\\n`) or as "
            "a JWK.",
            extra=SECRET,
        ),
    ] = "{{private_key}}"
    key_encoding: Annotated[
        Literal["pem", "base64", "hex"],
        Meta(description="Format of the key: PEM (or a JWK), or the 32-byte seed of an Ed25519 key in base64 or hex."),
    ] = "pem"
    passphrase: Annotated[
        str | None, Meta(description="Template for the passphrase of an encrypted key.", extra=SECRET)
    ] = None
    digest: OtherDigest = None
    padding: Padding = None
    form: PairForm = "der"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.key_encoding != "pem" and self.algorithm != "ed25519":
            raise ValueError(f"`key_encoding: {self.key_encoding}` is for `algorithm: ed25519`; write the key as PEM")

    def signature(self, content: bytes, names: Scope) -> bytes:
        """Sign the content with the account's key."""
        scheme, digest = find_scheme(self.algorithm, digest=self.digest, padding=self.padding, form=self.form)
        if self.key_encoding != "pem":
            key = load_seed_key(fill_template(self.key, names, purpose=_PURPOSE), self.key_encoding)
        else:
            text = fill_template(self.key, names, purpose=_PURPOSE, lines=True)
            word = fill_template(self.passphrase, names, purpose=_PURPOSE, lines=True) if self.passphrase else None
            key = load_private_key(text, word)
        return sign_with_key(key, scheme, digest, content, label=self.algorithm)
