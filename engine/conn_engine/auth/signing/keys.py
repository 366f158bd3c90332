"""Private keys of accounts, and signing with them. A key that cannot be used raises a CredentialError that does not
quote it. cryptography is imported when the first key is loaded."""

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from conn_engine.errors import CredentialError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = [
    "AGAIN",
    "Digest",
    "KeyEncoding",
    "Scheme",
    "decode_shared_key",
    "load_private_key",
    "load_seed_key",
    "sign_with_key",
]

Scheme: TypeAlias = Literal["rsa_pkcs1v15", "rsa_pss", "ecdsa_der", "ecdsa_pair", "eddsa"]
Digest: TypeAlias = Literal["sha256", "sha1", "sha384", "sha512"]
KeyEncoding: TypeAlias = Literal["text", "base64", "hex"]

AGAIN = "log the account in again with the key exactly as the vendor issued it, including its first and last line"
_LONGEST_KEY = 64 * 1024


def load_private_key(text: str, passphrase: str | None = None) -> "PrivateKeyTypes":
    """Return a private key from PEM (line breaks may be written as `\\n`, as in JSON) or from a JWK (RFC 7517).

    Raises CredentialError, without any part of the key, when it is neither.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if len(text) > _LONGEST_KEY:
        raise CredentialError(f"the account's key is longer than {_LONGEST_KEY:,} characters", hint=AGAIN)
    text = text.strip()
    try:
        if text.startswith("{"):
            return _jwk(json.loads(text))
        if "\\n" in text:
            text = text.replace("\\n", "\n")
        if "-----BEGIN" not in text:
            raise CredentialError("the account's key is neither a private key in PEM format nor a JWK", hint=AGAIN)
        return load_pem_private_key(text.encode("utf-8", "replace"), passphrase.encode() if passphrase else None)
    except TypeError:  # `cryptography` raises it for a missing or an unneeded passphrase
        raise _build_passphrase_error(bool(passphrase)) from None
    except (ValueError, KeyError, RecursionError, UnsupportedAlgorithm):
        raise CredentialError("the account's private key cannot be read", hint=AGAIN) from None


def _build_passphrase_error(has_passphrase: bool) -> CredentialError:
    if has_passphrase:
        return CredentialError(
            "the account's private key is not encrypted, but has a `passphrase`",
            hint="log the account in again without a passphrase",
        )
    return CredentialError(
        "the account's private key is encrypted, and its `passphrase` is missing",
        hint="log the account in again with its passphrase; if no field asks for one, set `passphrase` next to `key`",
    )


def load_seed_key(text: str, encoding: KeyEncoding) -> "PrivateKeyTypes":
    """Return an Ed25519 key from its seed: 32 bytes (or 64, with the public key after it) in base64 or hex."""
    from cryptography.hazmat.primitives.asymmetric import ed25519

    raw = decode_shared_key(text, encoding)
    if len(raw) not in (32, 64):
        raise CredentialError(
            f"the account's key has {len(raw)} bytes instead of the 32 of an Ed25519 seed", hint=AGAIN
        )
    return ed25519.Ed25519PrivateKey.from_private_bytes(raw[:32])


def decode_shared_key(text: str, encoding: KeyEncoding) -> bytes:
    """Return a shared secret as bytes. Raises CredentialError when it does not have the declared encoding."""
    if len(text) > _LONGEST_KEY:
        raise CredentialError(f"the account's key is longer than {_LONGEST_KEY:,} characters", hint=AGAIN)
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
        raise CredentialError(
            f"the account's key is not valid {encoding}",
            hint="check `key_encoding`, and log the account in again with the key",
        ) from None
    return text.encode("utf-8", "replace")


def sign_with_key(key: "PrivateKeyTypes", scheme: Scheme, digest: Digest, content: bytes, *, label: str) -> bytes:
    """Return the signature of the content. `label` is the algorithm's name in the configuration, for messages.

    `ecdsa_pair` returns the two numbers as JWTs have them, `ecdsa_der` returns DER. EdDSA has a fixed digest. Raises
    CredentialError when the key is not for the scheme.
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
        raise CredentialError(f"the account's key is too small for {label}", hint=AGAIN) from None
    except UnsupportedAlgorithm:
        raise CredentialError(
            f"the installed version of cryptography cannot sign with {label}",
            hint="upgrade it: pip install --upgrade cryptography",
        ) from None
    raise CredentialError(
        f"the account's key cannot be used for {label}",
        hint="check `algorithm`, and that the account has the right key",
    )


def _hash(digest: Digest) -> "hashes.HashAlgorithm":
    from cryptography.hazmat.primitives import hashes

    algorithm: hashes.HashAlgorithm = getattr(hashes, digest.upper())()
    return algorithm


def _pair(signature: bytes, size: int) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    r, s = decode_dss_signature(signature)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _jwk(data: Any) -> "PrivateKeyTypes":
    """Return a private key from a JWK (RFC 7517). Raises ValueError, KeyError or TypeError when it is not one."""
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
