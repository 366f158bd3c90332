"""Public keys as vendors publish them, and signature checks with them. cryptography is imported when it is first
needed."""

import json
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from conn_engine.auth.signing.keys import Digest, Scheme, decode_shared_key
from conn_engine.errors import CredentialError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

__all__ = ["PublicKeyForm", "is_signature_valid", "load_public_key"]

PublicKeyForm: TypeAlias = Literal["pem", "base64", "hex"]
_LONGEST = 64 * 1024
_AGAIN = "check the public key that the account has for webhook deliveries, and `key_encoding`"


def load_public_key(data: Any, form: PublicKeyForm = "pem") -> "PublicKeyTypes":
    """Return a public key from PEM (also of a certificate; line breaks may be written as `\\n`), from a JWK (text or
    data), or from base64 or hex: the 32 bytes of an Ed25519 key, or the DER of any key.

    Raises CredentialError when it is not a public key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm

    if isinstance(data, str) and len(data) > _LONGEST:
        raise CredentialError(f"the public key is longer than {_LONGEST:,} characters", hint=_AGAIN)
    try:
        if isinstance(data, dict):
            return _jwk(data)
        text = str(data).strip()
        if text.startswith("{"):
            return _jwk(json.loads(text))
        if form != "pem" and "-----BEGIN" not in text:
            return _raw(decode_shared_key(text, form))
        return _pem(text.replace("\\n", "\n").encode("ascii"))
    except (ValueError, TypeError, KeyError, RecursionError, UnsupportedAlgorithm):
        raise CredentialError("the public key cannot be read", hint=_AGAIN) from None


def _jwk(data: dict[str, Any]) -> "PublicKeyTypes":
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    try:
        key: PublicKeyTypes = PyJWK.from_dict(data).key
    except PyJWTError as error:
        raise ValueError(str(error)) from None
    if not hasattr(key, "public_bytes"):
        raise ValueError("not a public key")
    return key


def _pem(text: bytes) -> "PublicKeyTypes":
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"BEGIN CERTIFICATE" in text:
        from cryptography.x509 import load_pem_x509_certificate

        return load_pem_x509_certificate(text).public_key()
    return load_pem_public_key(text)


def _raw(data: bytes) -> "PublicKeyTypes":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    return Ed25519PublicKey.from_public_bytes(data) if len(data) == 32 else load_der_public_key(data)


def is_signature_valid(key: "PublicKeyTypes", scheme: Scheme, digest: Digest, content: bytes, signature: bytes) -> bool:
    """Return whether the signature of the content was made with the key. Schemes are those of `sign_with_key`.

    Raises CredentialError when the key is not for the scheme.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    algorithm: hashes.HashAlgorithm = getattr(hashes, digest.upper())()
    try:
        if scheme == "eddsa" and isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, content)
        elif scheme == "rsa_pkcs1v15" and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, content, padding.PKCS1v15(), algorithm)
        elif scheme == "rsa_pss" and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, content, padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO), algorithm)
        elif scheme in ("ecdsa_der", "ecdsa_pair") and isinstance(key, ec.EllipticCurvePublicKey):
            if scheme == "ecdsa_pair":
                half = len(signature) // 2
                pair = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
                signature = encode_dss_signature(*pair)
            key.verify(signature, content, ec.ECDSA(algorithm))
        else:
            raise CredentialError(f"the public key cannot be used for {scheme.partition('_')[0]}", hint=_AGAIN)
    except (InvalidSignature, ValueError):
        return False
    except UnsupportedAlgorithm:
        raise CredentialError(
            "the installed version of cryptography does not support the key's algorithm",
            hint="upgrade it: pip install --upgrade cryptography",
        ) from None
    return True
