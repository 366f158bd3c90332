"""Digests of configuration data, including merged data with `Layers`. Equal data has equal digests."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from conn_engine.config import Layers

__all__ = ["Digests", "digest_in_order", "join_digests"]


def join_digests(*texts: str) -> str:
    """Return one digest of several strings, in this order."""
    return _hash("\0".join(texts))


class Digests:
    """Computes digests of JSON-like data and caches them by identity, as many accounts share parts of configurations.

    The order of an object's keys is ignored; true differs from 1. Objects and lists are kept alive, because otherwise
    another object could get the same identity. Pass only long-lived data.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, str]] = {}

    def digest(self, value: Any) -> str:
        """Return the digest of `value`: 32 hexadecimal digits."""
        if not isinstance(value, Mapping | list | tuple):
            return _hash(json.dumps(value, ensure_ascii=False, default=repr))
        cached = self._known.get(id(value))
        if cached is not None:
            return cached[1]
        if isinstance(value, Mapping):
            rows = [f"{json.dumps(str(key))}:{self.digest(item)}" for key, item in sorted(value.items(), key=_by_name)]
            digest = _hash("{" + ",".join(rows) + "}")
        else:
            kind = "layers" if isinstance(value, Layers) else "list"
            digest = _hash(kind + ",".join(map(self.digest, value)))
        self._known[id(value)] = (value, digest)
        return digest


def digest_in_order(value: Any) -> str:
    """Return a digest of JSON-like data that depends on the order of an object's keys, as XML does."""
    return _hash(json.dumps(value, ensure_ascii=False, default=repr))


def _by_name(item: tuple[Any, Any]) -> str:
    return str(item[0])


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
