"""Signed JWTs (RFC 7519, in the compact form of RFC 7515) by which an account proves itself to a token endpoint.

Where one goes is a template's affair (`{{assertion}}`). Verifying JWTs is not here.
"""

import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from msgspec import Meta, field

from conn_engine.auth.names import filled
from conn_engine.errors import CredentialError
from conn_engine.strategies import Scope, Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["Algorithm", "Assertion", "SignedAssertion", "signed"]

Algorithm: TypeAlias = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"
]

_CURVES = {"ES256": ("secp256r1", 32), "ES384": ("secp384r1", 48), "ES512": ("secp521r1", 66)}
_LONGEST_KEY = 64 * 1024
_AGAIN = "log the account in again with the key as the vendor gave it, its first and last line too"


class Assertion(Settings, frozen=True, kw_only=True):
    """A JWT that is made and signed afresh for each request. `iat` and `exp` are set unless `claims` says them."""

    algorithm: Annotated[Algorithm, Meta(description="The signature's algorithm, as `alg` names it.")] = "RS256"
    key: Annotated[
        str,
        Meta(
            description="Template for the key: a private key in PEM form (also with `\\n` written out, as in JSON) or "
            "as a JWK; for HS algorithms the shared secret."
        ),
    ] = "{{private_key}}"
    key_encoding: Annotated[
        Literal["text", "base64", "hex"], Meta(description="How a shared secret is written (HS algorithms).")
    ] = "text"
    passphrase: Annotated[str | None, Meta(description="Template for the passphrase of an encrypted key.")] = None
    key_id: Annotated[str | None, Meta(description="Template for `kid` in the header.")] = None
    headers: Annotated[
        dict[str, Any], Meta(description="Further fields of the header; templates. null leaves one out.")
    ] = field(default_factory=dict)
    claims: Annotated[
        dict[str, Any], Meta(description="The claims (`iss`, `sub`, `aud` …); templates. null leaves one out.")
    ] = field(default_factory=dict)
    lifetime_seconds: Annotated[int, Meta(ge=1, description="`exp` less now.")] = 300
    backdate_seconds: Annotated[
        int, Meta(ge=0, description="How long before now `iat` is, for clocks that differ.")
    ] = 0
    unique: Annotated[bool, Meta(description="Whether there is a random `jti`.")] = True

    def __post_init__(self) -> None:
        if "alg" in self.headers:
            raise ValueError("`headers` of an assertion may not say `alg`: say `algorithm`")


@dataclass(frozen=True, slots=True, repr=False)
class SignedAssertion:
    """The JWT, and its end in Unix seconds (None when its claims have none)."""

    text: str
    expires_at: float | None


def signed(told: Assertion, names: Scope, now: float) -> SignedAssertion:
    """Make and sign the JWT. Raises CredentialError, without a part of the key, when the key does not serve."""
    purpose = "the signed assertion"
    usual: dict[str, Any] = {"iat": int(now) - told.backdate_seconds, "exp": int(now) + told.lifetime_seconds}
    if told.unique:
        usual["jti"] = secrets.token_hex(16)
    claims = {**usual, **filled(told.claims, names, purpose=purpose)}
    header: dict[str, Any] = {"alg": told.algorithm, "typ": "JWT"}
    if told.key_id is not None:
        header["kid"] = filled(told.key_id, names, purpose=purpose)
    header |= filled(told.headers, names, purpose=purpose)
    content = f"{_part(header)}.{_part(claims)}"
    signature = _signature(told, names, content.encode("ascii"))
    ends = claims.get("exp")
    return SignedAssertion(
        f"{content}.{_encoded(signature)}",
        float(ends) if isinstance(ends, int | float) and not isinstance(ends, bool) else None,
    )


def _part(data: Mapping[str, Any]) -> str:
    kept = {name: value for name, value in data.items() if value is not None}
    return _encoded(json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace"))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _signature(told: Assertion, names: Scope, content: bytes) -> bytes:
    text = str(filled(told.key, names, purpose="the signed assertion"))
    if len(text) > _LONGEST_KEY:
        raise CredentialError("the account's key is longer than a key can be", hint=_AGAIN)
    if told.algorithm.startswith("HS"):
        import hmac

        return hmac.digest(_shared(text, told.key_encoding), content, f"sha{told.algorithm[2:]}")
    passphrase = told.passphrase and str(filled(told.passphrase, names, purpose="the signed assertion"))
    key = _private_key(text, passphrase)
    try:
        return _by_key(key, told.algorithm, content)
    except ValueError:
        raise CredentialError(f"the account's key is too small for {told.algorithm}", hint=_AGAIN) from None


def _shared(text: str, encoding: str) -> bytes:
    try:
        if encoding == "hex":
            return bytes.fromhex(text.strip())
        if encoding == "base64":
            return base64.b64decode(text.strip().replace("-", "+").replace("_", "/") + "=" * (-len(text.strip()) % 4))
    except (ValueError, binascii.Error):
        raise CredentialError(f"the account's secret is not {encoding}", hint="check `key_encoding`") from None
    return text.encode("utf-8", "replace")


def _private_key(text: str, passphrase: str | None) -> "PrivateKeyTypes":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = text.strip()
    try:
        if text.startswith("{"):
            return _jwk(json.loads(text))
        if "\\n" in text:
            text = text.replace("\\n", "\n")
        if "-----BEGIN" not in text:
            raise CredentialError("the account's key is neither a private key in PEM form nor a JWK", hint=_AGAIN)
        return load_pem_private_key(text.encode("utf-8", "replace"), passphrase.encode() if passphrase else None)
    except TypeError:  # what `cryptography` raises for a passphrase too many or too few
        wanted = "is encrypted: say its `passphrase`" if not passphrase else "is not encrypted, but has a `passphrase`"
        raise CredentialError(f"the account's private key {wanted}") from None
    except (ValueError, KeyError, RecursionError, UnsupportedAlgorithm):
        raise CredentialError("the account's private key cannot be read", hint=_AGAIN) from None


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


def _by_key(key: "PrivateKeyTypes", algorithm: str, content: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    if algorithm == "EdDSA" and isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return key.sign(content)
    digests: dict[str, hashes.HashAlgorithm] = {
        "256": hashes.SHA256(),
        "384": hashes.SHA384(),
        "512": hashes.SHA512(),
    }
    digest = digests.get(algorithm[2:])
    if digest is not None and algorithm.startswith("RS") and isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), digest)
    if digest is not None and algorithm.startswith("PS") and isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    if digest is not None and algorithm in _CURVES and isinstance(key, ec.EllipticCurvePrivateKey):
        curve, size = _CURVES[algorithm]
        if key.curve.name == curve:
            r, s = decode_dss_signature(key.sign(content, ec.ECDSA(digest)))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    raise CredentialError(
        f"the account's key is not one for {algorithm}", hint="check `algorithm`, and that it is the right key"
    )
