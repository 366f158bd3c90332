"""Read and write encoded signatures and the named parts next to them."""

import base64
import binascii
import re
from typing import Any

__all__ = ["decode_signature", "encode_signature", "group_parts"]

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_URL_SAFE = str.maketrans("-_", "+/")


def group_parts(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the value of each name. Different values of one name become a list, which no signature check accepts."""
    values_by_name: dict[str, dict[str, None]] = {}
    for name, value in pairs:
        values_by_name.setdefault(name, {})[value] = None
    return {name: next(iter(values)) if len(values) == 1 else list(values) for name, values in values_by_name.items()}


def decode_signature(text: str, encoding: str) -> bytes | None:
    """Return the bytes of a signature, or None if the encoding is wrong."""
    if encoding == "hex":
        return bytes.fromhex(text) if _HEX.fullmatch(text) else None
    plain = text.translate(_URL_SAFE).rstrip("=") if encoding == "base64url" else text.rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None


def encode_signature(raw: bytes, encoding: str) -> str:
    """Return the encoded signature."""
    if encoding == "hex":
        return raw.hex()
    text = base64.b64encode(raw).decode()
    return text.translate(str.maketrans("+/", "-_")).rstrip("=") if encoding == "base64url" else text
