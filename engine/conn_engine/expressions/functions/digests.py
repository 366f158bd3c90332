"""Digests, checksums and keyed digests of text. Not here: tokens and asymmetric signatures (`tokens`)."""

import base64
import binascii

from conn_engine.expressions.functions.rows import Function, FunctionFault

__all__ = ["ROWS", "encode_digest"]

_ALGORITHMS = {
    "MD5": "md5",
    "SHA1": "sha1",
    "SHA224": "sha224",
    "SHA256": "sha256",
    "SHA384": "sha384",
    "SHA512": "sha512",
}


def _algorithm(name: str) -> str:
    algorithm = _ALGORITHMS.get(name.upper().replace("-", ""))
    if algorithm is None:
        raise FunctionFault(f'unknown digest algorithm "{name}": use MD5, SHA-1, SHA-224, SHA-256, SHA-384 or SHA-512')
    return algorithm


def encode_digest(raw: bytes, encoding: str | None) -> str:
    """Encode bytes as text: hex (default), base64, base64-urlSafe. Raises FunctionFault for another encoding."""
    match (encoding or "hex").lower():
        case "hex":
            return raw.hex()
        case "base64":
            return base64.b64encode(raw).decode()
        case "base64-urlsafe" | "base64url":
            return base64.urlsafe_b64encode(raw).decode().rstrip("=")
    raise FunctionFault(f'unknown encoding "{encoding}": use hex, base64 or base64-urlSafe')


def _digest(text: str | None, algorithm: str | None = None, encoding: str | None = None) -> str | None:
    if text is None:
        return None
    import hashlib

    digest = hashlib.new(_algorithm(algorithm or "SHA-256"), text.encode("utf-8", "replace"), usedforsecurity=False)
    return encode_digest(digest.digest(), encoding)


def _crc32(text: str | None) -> int | None:
    if text is None:
        return None
    import zlib

    return zlib.crc32(text.encode("utf-8", "replace"))


def _key(key: str, encoding: str | None) -> bytes:
    try:
        match (encoding or "text").lower():
            case "text":
                return key.encode("utf-8", "replace")
            case "hex":
                return bytes.fromhex(key)
            case "base64":
                plain = key.strip().replace("-", "+").replace("_", "/").rstrip("=")
                return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise FunctionFault(f"the key of $sign is not valid {encoding}") from None
    raise FunctionFault(f'unknown encoding of a key "{encoding}": use text, hex or base64')


def _sign(
    text: str | None,
    algorithm: str | None,
    key: str | None,
    encoding: str | None = None,
    key_encoding: str | None = None,
) -> str | None:
    if text is None or key is None:
        return None
    import hmac

    secret = _key(key, key_encoding)
    digest = hmac.new(secret, text.encode("utf-8", "replace"), _algorithm(algorithm or "SHA-256"))
    return encode_digest(digest.digest(), encoding)


ROWS: tuple[Function, ...] = (
    Function(
        "digest",
        _digest,
        "<s-s?s?:s>",
        "Compute a digest of text. Arguments: algorithm (SHA-256), encoding (hex, base64, base64-urlSafe).",
        "$digest('Hello, World!', 'SHA-1', 'base64')",
        "CgqfKmdylCVXq1NV12r0Qvj2XgE=",
    ),
    Function(
        "crc32",
        _crc32,
        "<s-:n>",
        "Compute the CRC-32 of text (as UTF-8), as a non-negative number.",
        "$crc32('Hello, World!')",
        3964322768,
    ),
    Function(
        "sign",
        _sign,
        "<s-ss?s?s?:s>",
        "Compute an HMAC. Arguments: algorithm, key, encoding (hex, base64, base64-urlSafe), key encoding (text …).",
        "$sign('Hello, World!', 'SHA-256', 'mySecretKey')",
        "90a37738924dcbbc7a2ea3bf5bcc7aa6debdf67d95d783306b2550ca2da64b2d",
    ),
)
