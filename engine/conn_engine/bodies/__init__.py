"""Bodies: data to bytes and back, and query strings. `encode` knows the request formats, `read` the answers': a new
one is a file and its row there. What is sent where is decided elsewhere."""

from collections.abc import Mapping
from typing import Any, get_args

from conn_engine.bodies import form as _form
from conn_engine.bodies import json_text as _json
from conn_engine.bodies.contents import BodyContent
from conn_engine.bodies.decoding import MAX_BYTES, ROWS, Decoded, decode, read, text_of
from conn_engine.bodies.graphql import encode_graphql, only_asks
from conn_engine.bodies.json_text import MAX_DEPTH
from conn_engine.bodies.options import BodyFormat, BodyOptions, ResponseFormat, ResponseOptions
from conn_engine.bodies.parts import Payload, Upload
from conn_engine.bodies.query import QueryFormat, encode_query
from conn_engine.errors import ConfigurationError

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "BodyContent",
    "BodyFormat",
    "BodyOptions",
    "Decoded",
    "Payload",
    "QueryFormat",
    "ResponseFormat",
    "ResponseOptions",
    "Upload",
    "accept_header",
    "by_rows",
    "decode",
    "encode",
    "encode_query",
    "encode_upload",
    "only_asks",
    "read",
    "streams",
    "text_of",
]

_NO_FILES: Mapping[str, Upload] = {}
_ACCEPTED = {
    "json": "application/json",
    "jsonl": "application/x-ndjson, application/jsonl, */*;q=0.5",
    "csv": "text/csv, */*;q=0.5",
    "tsv": "text/tab-separated-values, */*;q=0.5",
    "sse": "text/event-stream, */*;q=0.5",
    "xml": "application/xml, text/xml, */*;q=0.5",
}


def encode(
    format: str,  # noqa: A002
    data: Any,
    query_format: QueryFormat | None = None,
    options: BodyOptions | None = None,
) -> tuple[bytes, str]:
    """Bytes and content type of a request body. `query_format` spells the lists and objects of a form.

    Raises ConfigurationError for an unknown format and for data that the format cannot carry, UsageError for data that
    needs a file.
    """
    payload, content_type = encode_upload(format, data, query_format, options)
    return payload if isinstance(payload, bytes) else payload.read_all(payload.size) or b"", content_type


def encode_upload(
    format: str,  # noqa: A002
    data: Any,
    query_format: QueryFormat | None = None,
    options: BodyOptions | None = None,
    files: Mapping[str, Upload] = _NO_FILES,
) -> tuple[bytes | Payload, str]:
    """As `encode`, with the files that the caller gives. A body with files that are large stays a Payload."""
    options = options or BodyOptions()
    if format == "json":
        return _json.encode_json(data), _json.CONTENT_TYPE
    if format == "form":
        return _form.encode_form(data, query_format), _form.CONTENT_TYPE
    if format in ("multipart", "raw"):
        return _parts(format, data, query_format, options, files)
    if format == "xml":
        from conn_engine.bodies.xml_text import CONTENT_TYPE, encode_xml

        return encode_xml(data, declaration=options.declaration), CONTENT_TYPE
    if format == "graphql":
        return encode_graphql(data), _json.CONTENT_TYPE
    raise ConfigurationError(f'"{format}" is no body format', hint="known: " + ", ".join(get_args(BodyFormat)))


def _parts(
    format: str,  # noqa: A002
    data: Any,
    query_format: QueryFormat | None,
    options: BodyOptions,
    files: Mapping[str, Upload],
) -> tuple[bytes | Payload, str]:
    from conn_engine.bodies.multipart import encode_multipart
    from conn_engine.bodies.raw import encode_raw

    if format == "raw":
        payload, content_type = encode_raw(data, files)
    else:
        payload, content_type = encode_multipart(data, options, files, query_format)
    whole = payload.read_all()
    return payload if whole is None else whole, content_type


def streams(format: str) -> bool:  # noqa: A002
    """Whether answers of this format may be large: they are read row by row, or handed on as they are."""
    return by_rows(format) or format in ("text", "binary")


def by_rows(format: str) -> bool:  # noqa: A002
    """Whether answers of this format are rows, read some at a time."""
    return format in ROWS


def accept_header(format: str) -> str:  # noqa: A002
    """The Accept header for answers of this format."""
    return _ACCEPTED.get(format, "*/*")
