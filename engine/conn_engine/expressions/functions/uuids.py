"""Identifiers: random ones from the evaluation's seed, and those made from a name."""

from typing import Any

from conn_engine.expressions.functions.moment import EvaluationContext
from conn_engine.expressions.functions.rows import Function, FunctionFault

__all__ = ["ROWS"]

_MOST_BYTES = 1024


def _uuid(moment: EvaluationContext) -> str:
    import uuid

    return str(uuid.UUID(int=moment.chance.getrandbits(128), version=4))


def _uuid5(name: str | None, namespace: str | None = None) -> str | None:
    import uuid

    if name is None:
        return None
    spaces = {
        "dns": uuid.NAMESPACE_DNS,
        "url": uuid.NAMESPACE_URL,
        "oid": uuid.NAMESPACE_OID,
        "x500": uuid.NAMESPACE_X500,
    }
    try:
        space = spaces.get((namespace or "url").lower()) or uuid.UUID(namespace)
    except ValueError:
        raise FunctionFault(f'"{namespace}" is not a namespace: use a UUID, dns, url, oid or x500') from None
    return str(uuid.uuid5(space, name))


def _random_hex(moment: EvaluationContext, count: Any = None) -> str:
    size = int(count) if count is not None else 16
    if not 0 < size <= _MOST_BYTES:
        raise FunctionFault(f"$randomHex returns 1 to {_MOST_BYTES} bytes, not {size}")
    return moment.chance.getrandbits(8 * size).to_bytes(size, "big").hex()


ROWS: tuple[Function, ...] = (
    Function(
        "uuid",
        _uuid,
        "<:s>",
        "Return a random UUID (version 4) from the seed of the evaluation.",
        "$length($uuid())",
        36,
        moment=True,
    ),
    Function(
        "uuid5",
        _uuid5,
        "<s-s?:s>",
        "Return the UUID (version 5) of a name in a namespace: a UUID, or dns, url (default), oid, x500.",
        "$uuid5('python.org', 'dns')",
        "886313e1-3b8a-5372-9b90-0c9aee199e5d",
    ),
    Function(
        "randomHex",
        _random_hex,
        "<n?:s>",
        "Return N random bytes (default 16) in hexadecimal from the seed of the evaluation, for example as a nonce.",
        "$length($randomHex(8))",
        16,
        moment=True,
    ),
)
