"""Sign events as Standard Webhooks define it: with a shared secret (`v1`), or with a private key (`v1a`)."""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from binascii import Error as BinasciiError
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from conn_engine.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["SigningKey", "create_secret", "parse_signing_key", "sign"]

_SHARED: Final = "whsec_"
_PRIVATE: Final = "whsk_"
_PUBLIC: Final = "whpk_"
_SEED_BYTES: Final = 32
"""A private key of Ed25519 is its seed; many libraries write the public key behind it."""


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A shared secret, or the private key of an Ed25519 pair."""

    content: bytes
    is_private: bool = False

    @property
    def public_key(self) -> str:
        """What a receiver verifies signatures with, such as `whpk_…`; "" for a shared secret."""
        if not self.is_private:
            return ""
        return f"{_PUBLIC}{b64encode(_load_private_key(self.content).public_key().public_bytes_raw()).decode()}"

    @property
    def text(self) -> str:
        """The key as `parse_signing_key` reads it."""
        return f"{_PRIVATE if self.is_private else _SHARED}{b64encode(self.content).decode()}"

    def sign(self, content: bytes) -> str:
        """Return a signature of content, with its version."""
        if self.is_private:
            return f"v1a,{b64encode(_load_private_key(self.content).sign(content)).decode()}"
        return f"v1,{b64encode(hmac.digest(self.content, content, hashlib.sha256)).decode()}"


def parse_signing_key(text: str) -> SigningKey:
    """Return the key in a text: base64 after `whsec_` or `whsk_`, else a shared secret as it is. Raises
    ConfigurationError."""
    if text.startswith(_PUBLIC):
        raise ConfigurationError(
            "the secret is a public key (whpk_), which cannot sign", hint="set the private key, which starts with whsk_"
        )
    prefix = next((prefix for prefix in (_SHARED, _PRIVATE) if text.startswith(prefix)), "")
    if not text.removeprefix(prefix).strip():
        raise ConfigurationError("the secret is empty, so that everybody could sign", hint="set a secret of 32 bytes")
    if not prefix:
        return SigningKey(text.encode())
    try:
        content = b64decode(text.removeprefix(prefix), validate=True)
    except BinasciiError:
        raise ConfigurationError(f"the secret is not base64 after {prefix}", hint="copy the complete secret") from None
    if prefix == _SHARED:
        return SigningKey(content)
    if len(content) not in (_SEED_BYTES, 2 * _SEED_BYTES):
        raise ConfigurationError(
            "the secret is not a private key of Ed25519", hint="use 32 or 64 bytes, as base64 after whsk_"
        )
    return SigningKey(content[:_SEED_BYTES], is_private=True)


def create_secret(*, is_private: bool = False) -> str:
    """Return a new secret: shared, or the private key of an Ed25519 pair."""
    return f"{_PRIVATE if is_private else _SHARED}{b64encode(secrets.token_bytes(_SEED_BYTES)).decode()}"


def sign(keys: Iterable[SigningKey], event_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`: a signature with each key, separated by spaces."""
    content = b".".join((event_id.encode(), str(timestamp).encode(), body))
    return " ".join(key.sign(content) for key in keys)


@lru_cache(64)
def _load_private_key(seed: bytes) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)
