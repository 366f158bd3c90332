"""What is sent to the process that loads tables, and what it replies."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder

__all__ = ["LoadReply", "LoadRequest", "LoadRow", "decode_reply", "decode_request", "decode_rows", "encode_message"]


class LoadRequest(Struct, frozen=True, kw_only=True):
    """Where rows are loaded. `to` is the file of DuckDB, or the name of a destination of dlt; `folder` is for files of
    the load itself."""

    kind: Literal["duckdb", "dlt"]
    to: str
    dataset: str
    table: str
    pipeline: str
    run_id: str
    folder: str = ""


class LoadRow(NamedTuple):
    """A row of the spool. `payload` is the record as JSON."""

    key: str
    number: int
    is_deleted: bool
    payload: str


class LoadReply(Struct, frozen=True, omit_defaults=True):
    """Empty if the rows are loaded. `fault` is `passing` for one that passes, `missing` for a library, `lasting` for
    what somebody must correct, and `internal` for what nobody expected."""

    fault: Literal["", "passing", "lasting", "missing", "internal"] = ""
    message: str = ""
    hint: str = ""


_ENCODER = Encoder()
_REQUESTS = Decoder(LoadRequest)
_ROWS = Decoder(list[LoadRow])
_REPLIES = Decoder(LoadReply)


def encode_message(message: LoadRequest | LoadReply | Sequence[LoadRow]) -> bytes:
    """Return a message as bytes."""
    return _ENCODER.encode(message)


def decode_reply(message: bytes) -> LoadReply:
    """Return the reply that was encoded."""
    return _REPLIES.decode(message)


def decode_request(message: bytes) -> LoadRequest:
    """Return the request that was encoded."""
    return _REQUESTS.decode(message)


def decode_rows(message: bytes) -> list[LoadRow]:
    """Return the rows that were encoded."""
    return _ROWS.decode(message)
