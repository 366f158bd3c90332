"""Signatures with the account's private key: RSA, ECDSA, Ed25519."""

from typing import Annotated, Literal

from msgspec import Meta

from conn_engine.auth.signatures.content_signature import ContentSignature
from conn_engine.auth.signatures.request_scope import fill_template
from conn_engine.auth.signing.keys import Digest, Scheme, load_private_key, load_seed_key, sign_with_key
from conn_engine.roles import SECRET
from conn_engine.settings import Scope

__all__ = ["EcdsaSignature", "Ed25519Signature", "RsaSignature"]

_PURPOSE = "the signature"


class _PrivateKeySignature(ContentSignature, frozen=True, kw_only=True):
    key: Annotated[
        str,
        Meta(
            description="Template for the private key, in PEM format (line breaks may be written as `\\n`) or as "
            "a JWK.",
            extra=SECRET,
        ),
    ] = "{{private_key}}"
    passphrase: Annotated[
        str | None, Meta(description="Template for the passphrase of an encrypted key.", extra=SECRET)
    ] = None

    def sign_content(self, content: bytes, names: Scope, scheme: Scheme, digest: Digest, label: str) -> bytes:
        text = fill_template(self.key, names, purpose=_PURPOSE, lines=True)
        word = fill_template(self.passphrase, names, purpose=_PURPOSE, lines=True) if self.passphrase else None
        return sign_with_key(load_private_key(text, word), scheme, digest, content, label=label)


class RsaSignature(_PrivateKeySignature, frozen=True, kw_only=True, tag_field="format", tag="rsa"):
    """An RSA signature of the text that an expression returns, in headers or in the query."""

    padding: Annotated[
        Literal["pkcs1v15", "pss"],
        Meta(description="Signature scheme (RFC 8017). The salt of PSS is as long as the digest."),
    ] = "pkcs1v15"
    digest: Annotated[Digest, Meta(description="Digest algorithm.")] = "sha256"

    def signature(self, content: bytes, names: Scope) -> bytes:
        """Sign the content with the account's key."""
        scheme: Scheme = "rsa_pss" if self.padding == "pss" else "rsa_pkcs1v15"
        return self.sign_content(content, names, scheme, self.digest, f"rsa with {self.digest}")


class EcdsaSignature(_PrivateKeySignature, frozen=True, kw_only=True, tag_field="format", tag="ecdsa"):
    """An ECDSA signature of the text that an expression returns, in headers or in the query."""

    digest: Annotated[Digest, Meta(description="Digest algorithm.")] = "sha256"
    form: Annotated[
        Literal["der", "pair"], Meta(description="Signature format: DER, or the two numbers concatenated, as in JWTs.")
    ] = "der"

    def signature(self, content: bytes, names: Scope) -> bytes:
        """Sign the content with the account's key."""
        return self.sign_content(
            content, names, "ecdsa_pair" if self.form == "pair" else "ecdsa_der", self.digest, "ecdsa"
        )


class Ed25519Signature(_PrivateKeySignature, frozen=True, kw_only=True, tag_field="format", tag="ed25519"):
    """An Ed25519 signature of the text that an expression returns, in headers or in the query."""

    key_encoding: Annotated[
        Literal["pem", "base64", "hex"],
        Meta(description="Format of the key: PEM (or a JWK), or its 32-byte seed in base64 or hex."),
    ] = "pem"

    def signature(self, content: bytes, names: Scope) -> bytes:
        """Sign the content with the account's key."""
        if self.key_encoding == "pem":
            return self.sign_content(content, names, "eddsa", "sha512", "ed25519")
        key = load_seed_key(fill_template(self.key, names, purpose=_PURPOSE), self.key_encoding)
        return sign_with_key(key, "eddsa", "sha512", content, label="ed25519")
