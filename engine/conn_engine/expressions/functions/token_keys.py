"""Signing with secrets and private keys, for `tokens`. cryptography is imported at the first asymmetric key."""

import base64
import binascii
import json
import re
from typing import Any

from conn_engine.expressions.functions.digests import encode_digest
from conn_engine.expressions.functions.moment import EvaluationContext
from conn_engine.expressions.functions.rows import FunctionFault, check_length

__all__ = ["decode_jwt", "key_fingerprint", "sign_jwt", "sign_key"]

_HASHES = {"256": "SHA256", "384": "SHA384", "512": "SHA512"}
_CURVES = {"256": ("secp256r1", 32), "384": ("secp384r1", 48), "512": ("secp521r1", 66)}
_SPAN = re.compile(
    r"\s*(?P<count>-?[0-9]+(?:\.[0-9]+)?)\s*(?:(?P<ms>ms|msecs?|milliseconds?)|(?P<m>m|mins?|minutes?)|(?P<h>h|hrs?|hours?)"
    r"|(?P<d>d|days?)|(?P<w>w|weeks?)|(?P<y>y|yrs?|years?)|(?P<s>s|secs?|seconds?))?\s*",
    re.IGNORECASE,
)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31_557_600}
_CLAIMS = {"issuer": "iss", "subject": "sub", "audience": "aud", "jwtid": "jti"}
_LONGEST_KEY = 20_000


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _json(value: Any) -> str:
    return _base64url(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))


def sign_jwt(
    moment: EvaluationContext, claims: Any, key: str | None, options: Any = None, headers: Any = None
) -> str | None:
    """Sign a JWT and return it in compact form. The algorithm comes from `alg` in the headers, then `algorithm` or
    `alg` in the options; the default is HS256."""
    if claims is None or key is None:
        return None
    settings = dict(options or {})
    header_fields = settings.get("header") or {}
    if not isinstance(header_fields, dict):
        raise FunctionFault("the header option of $signJwt must be an object")
    extra = {**header_fields, **(headers or {})}
    algorithm = extra.pop("alg", None) or settings.get("algorithm") or settings.get("alg") or "HS256"
    header = {"alg": algorithm, "typ": "JWT", **extra}
    if settings.get("keyid") or settings.get("kid"):
        header["kid"] = settings.get("keyid") or settings["kid"]
    body = f"{_json(header)}.{_json(_claims(dict(claims), settings, int(moment.now)))}"
    return f"{body}.{_base64url(_signature(body.encode('ascii'), str(algorithm), key))}"


def _claims(claims: dict[str, Any], options: dict[str, Any], now: int) -> dict[str, Any]:
    claims.update({short: options[name] for name, short in _CLAIMS.items() if name in options})
    if "expiresIn" in options:
        claims["exp"] = _read_issued_at(claims, now) + _span(options["expiresIn"], "expiresIn")
    if "notBefore" in options:
        claims["nbf"] = _read_issued_at(claims, now) + _span(options["notBefore"], "notBefore")
    return claims


def _read_issued_at(claims: dict[str, Any], now: int) -> int:
    stamp = claims.setdefault("iat", now)
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        raise FunctionFault("the claim iat of $signJwt must be a number of seconds since 1970")
    return int(stamp)


def _span(value: Any, name: str) -> int:
    """Seconds: a number of them, or a string such as 30s, 15m, 1h, 2 days, 1y (365.25 days)."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    match = _SPAN.fullmatch(value) if isinstance(value, str) and len(value) < 40 else None
    if match is None:
        raise FunctionFault(
            f"{name} of $signJwt must be seconds or text such as 15m, 1h or 7 days, not {str(value)[:40]!r}"
        )
    return int(float(match["count"]) * _SECONDS[match.lastgroup if match.lastgroup in _SECONDS else "s"])


def decode_jwt(token: str | None) -> dict[str, Any] | None:
    """`{header, payload}`, from the compact form."""
    if token is None:
        return None
    parts = check_length(token, "a token", 100_000).strip().removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        raise FunctionFault(f"a JWT has three parts separated by dots, and this text has {len(parts)}")
    try:
        header, payload = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2])
    except (binascii.Error, ValueError, RecursionError):
        raise FunctionFault("a part of the JWT is not base64-encoded JSON") from None
    return {"header": header, "payload": payload}


def sign_key(text: str | None, algorithm: str | None, key: str | None, encoding: str | None = None) -> str | None:
    """Sign text and encode the signature. ES algorithms return the two numbers concatenated, as in JWTs."""
    if text is None or algorithm is None or key is None:
        return None
    if algorithm.startswith("HS"):
        raise FunctionFault("$signKey needs an asymmetric algorithm: to create an HMAC, use $sign")
    return encode_digest(_signature(text.encode("utf-8", "replace"), algorithm, key), encoding or "base64")


def key_fingerprint(key: str | None) -> str | None:
    """`SHA256:` and the digest of the public half, in base64: how issuers of key-pair JWTs name a key."""
    if key is None:
        return None
    import hashlib

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = _private(key, "a fingerprint").public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"SHA256:{base64.b64encode(hashlib.sha256(der).digest()).decode()}"


def _signature(body: bytes, algorithm: str, key: str) -> bytes:
    kind, size = algorithm[:2], algorithm[2:]
    if kind == "HS" and size in _HASHES:
        import hmac

        return hmac.new(key.encode("utf-8", "replace"), body, _HASHES[size].lower()).digest()
    if algorithm == "EdDSA" or (kind in ("RS", "PS", "ES") and size in _HASHES):
        return _asymmetric(body, kind, size, _private(key, algorithm), algorithm)
    names = "HS, RS, PS or ES with 256, 384 or 512, or EdDSA"
    raise FunctionFault(f'unknown signature algorithm "{algorithm[:20]}": use {names}')


def _private(key: str, algorithm: str) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = check_length(key, "a key", _LONGEST_KEY).replace("\\n", "\n").strip()
    try:
        return load_pem_private_key(pem.encode("ascii"), password=None)
    except TypeError:
        raise FunctionFault(f"the private key for {algorithm} is encrypted: store it without a passphrase") from None
    except Exception as error:  # ValueError, UnsupportedAlgorithm, and what the binding lets through
        problem = "is not PEM text" if "-----BEGIN" not in pem else "cannot be read (malformed, or of an unknown kind)"
        raise FunctionFault(f"the private key for {algorithm} {problem}") from error


def _asymmetric(body: bytes, kind: str, size: str, key: Any, algorithm: str) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    if algorithm == "EdDSA" and isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return bytes(key.sign(body))
    digest = getattr(hashes, _HASHES.get(size, ""), hashes.SHA256)()
    if kind == "RS" and isinstance(key, rsa.RSAPrivateKey):
        return key.sign(body, padding.PKCS1v15(), digest)
    if kind == "PS" and isinstance(key, rsa.RSAPrivateKey):
        return key.sign(body, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    if kind == "ES" and isinstance(key, ec.EllipticCurvePrivateKey):
        curve, length = _CURVES[size]
        if key.curve.name == curve:
            first, second = decode_dss_signature(key.sign(body, ec.ECDSA(digest)))
            return first.to_bytes(length, "big") + second.to_bytes(length, "big")
    raise FunctionFault(f"the private key is not of the right type for {algorithm}")
