"""The rows of a load as a table of arrow."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import pyarrow as pa

from conn_service.syncs.loading.columns import build_table, find_columns
from conn_service.syncs.loading.messages import LoadRow, decode_rows

__all__ = ["DELETED", "KEY", "SEQ", "gather_rows"]

KEY: Final = "_key"
SEQ: Final = "_seq"
DELETED: Final = "_deleted"


def gather_rows(messages: Iterable[bytes]) -> pa.Table:
    """Return the rows of messages as a table. It has the fields of the records, and three of its own, by which rows are
    merged: the key, a number that is higher for newer rows, and whether the record is deleted. Nested values are
    JSON."""
    rows: list[dict[str, Any]] = []

    def decode() -> Iterator[dict[str, Any]]:
        for message in messages:
            part = [_to_fields(row) for row in decode_rows(message)]
            rows.extend(part)
            yield from part

    return build_table(rows, find_columns(decode()))


def _to_fields(row: LoadRow) -> dict[str, Any]:
    own = {KEY: row.key, SEQ: row.number, DELETED: row.is_deleted}
    if row.is_deleted:
        return own
    record = msgspec.json.decode(row.payload)
    return {**(record if isinstance(record, dict) else {"value": record}), **own}
