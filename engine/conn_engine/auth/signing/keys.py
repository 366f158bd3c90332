"""Private keys as accounts keep them, and what they sign. A key that does not serve is a CredentialError which does
not quote it. cryptography is imported at the first key."""

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from conn_engine.errors import CredentialError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["AGAIN", "Digest", "KeyEncoding", "Scheme", "by_key", "private_key", "seed_key", "shared_key"]

Scheme: TypeAlias = Literal["rsa_pkcs1v15", "rsa_pss", "ecdsa_der", "ecdsa_pair", "eddsa"]
Digest: TypeAlias = Literal["sha256", "sha1", "sha384", "sha512"]
KeyEncoding: TypeAlias = Literal["text", "base64", "hex"]

AGAIN = "log the account in again with the key as the vendor gave it, its first and last line too"
_LONGEST_KEY = 64 * 1024


def private_key(text: str, passphrase: str | None = None) -> "PrivateKeyTypes":
    """A private key in PEM form (also with `\\n` written out, as in JSON) or as a JWK (RFC 7517).

    Raises CredentialError, without a part of the key, when it is none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if len(text) > _LONGEST_KEY:
        raise CredentialError("the account's key is longer than a key can be", hint=AGAIN)
    text = text.strip()
    try:
        if text.startswith("{"):
            return _jwk(json.loads(text))
        if "\\n" in text:
            text = text.replace("\\n", "\n")
        if "-----BEGIN" not in text:
            raise CredentialError("the account's key is neither a private key in PEM form nor a JWK", hint=AGAIN)
        return load_pem_private_key(text.encode("utf-8", "replace"), passphrase.encode() if passphrase else None)
    except TypeError:  # what `cryptography` raises for a passphrase too many or too few
        wanted = "is encrypted: say its `passphrase`" if not passphrase else "is not encrypted, but has a `passphrase`"
        raise CredentialError(f"the account's private key {wanted}") from None
    except (ValueError, KeyError, RecursionError, UnsupportedAlgorithm):
        raise CredentialError("the account's private key cannot be read", hint=AGAIN) from None


def seed_key(text: str, encoding: KeyEncoding) -> "PrivateKeyTypes":
    """An Ed25519 key by its seed: 32 bytes (or 64, with the public key after it) in base64 or hex."""
    from cryptography.hazmat.primitives.asymmetric import ed25519

    raw = shared_key(text, encoding)
    if len(raw) not in (32, 64):
        raise CredentialError(f"the account's key has {len(raw)} bytes; the seed of an Ed25519 key has 32", hint=AGAIN)
    return ed25519.Ed25519PrivateKey.from_private_bytes(raw[:32])


def shared_key(text: str, encoding: KeyEncoding) -> bytes:
    """A shared secret as bytes. Raises CredentialError when it is not written as said."""
    if len(text) > _LONGEST_KEY:
        raise CredentialError("the account's key is longer than a key can be", hint=AGAIN)
    plain = text.strip()
    if not plain:
        raise CredentialError("the account has no key to sign with", hint=AGAIN)
    try:
        if encoding == "hex":
            return bytes.fromhex(plain)
        if encoding == "base64":
            plain = plain.replace("-", "+").replace("_", "/").rstrip("=")
            return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise CredentialError(f"the account's key is not {encoding}", hint="check `key_encoding`") from None
    return text.encode("utf-8", "replace")


def by_key(key: "PrivateKeyTypes", scheme: Scheme, digest: Digest, content: bytes, *, called: str) -> bytes:
    """The signature of the content. `called` names the algorithm for people, as the configuration does.

    `ecdsa_pair` gives the pair of numbers as JWTs have it, `ecdsa_der` as everything else does. EdDSA has its own
    digest. Raises CredentialError when the key is not one for the scheme.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

    try:
        if scheme == "eddsa" and isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
            return key.sign(content)
        algorithm = _hash(digest)
        if scheme == "rsa_pkcs1v15" and isinstance(key, rsa.RSAPrivateKey):
            return key.sign(content, padding.PKCS1v15(), algorithm)
        if scheme == "rsa_pss" and isinstance(key, rsa.RSAPrivateKey):
            return key.sign(content, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
        if scheme in ("ecdsa_der", "ecdsa_pair") and isinstance(key, ec.EllipticCurvePrivateKey):
            signature = key.sign(content, ec.ECDSA(algorithm))
            return signature if scheme == "ecdsa_der" else _pair(signature, (key.key_size + 7) // 8)
    except ValueError:
        raise CredentialError(f"the account's key is too small for {called}", hint=AGAIN) from None
    except UnsupportedAlgorithm:
        raise CredentialError(f"this machine's cryptography does not sign by {called}") from None
    raise CredentialError(
        f"the account's key is not one for {called}", hint="check `algorithm`, and that it is the right key"
    )


def _hash(digest: Digest) -> "hashes.HashAlgorithm":
    from cryptography.hazmat.primitives import hashes

    made: hashes.HashAlgorithm = getattr(hashes, digest.upper())()
    return made


def _pair(signature: bytes, size: int) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    r, s = decode_dss_signature(signature)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _jwk(data: Any) -> "PrivateKeyTypes":
    """A private key in the form of RFC 7517. Raises ValueError, KeyError or TypeError when it is none."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if not isinstance(data, dict):
        raise ValueError("not an object")
    if data.get("kty") == "OKP" and data.get("crv") == "Ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(_number_bytes(data["d"]))
    if data.get("kty") == "EC":
        curves: dict[str, ec.EllipticCurve] = {
            "P-256": ec.SECP256R1(),
            "P-384": ec.SECP384R1(),
            "P-521": ec.SECP521R1(),
        }
        return ec.derive_private_key(_number(data["d"]), curves[data["crv"]])
    if data.get("kty") != "RSA":
        raise ValueError("no such kind of key")
    public = rsa.RSAPublicNumbers(_number(data["e"]), _number(data["n"]))
    p, q, d = _number(data["p"]), _number(data["q"]), _number(data["d"])
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public
    )
    return numbers.private_key()


def _number_bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        raise ValueError("not a number of a JWK")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: Any) -> int:
    return int.from_bytes(_number_bytes(text), "big")
