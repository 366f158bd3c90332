"""Encode request bodies, decode response bodies, and write query strings. `encode` knows the request formats and
`read_body` the response formats; to add one, write a module and add it there."""

from collections.abc import Mapping
from typing import Any, get_args

from conn_engine.bodies import form as _form
from conn_engine.bodies import json_text as _json
from conn_engine.bodies.contents import BodyContent
from conn_engine.bodies.decoding import MAX_BYTES, ROWS, Decoded, decode, read_body, read_text
from conn_engine.bodies.graphql import encode_graphql, is_read_only
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
    "decode",
    "encode",
    "encode_query",
    "encode_upload",
    "has_rows",
    "is_read_only",
    "is_streamed",
    "read_body",
    "read_text",
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
    """Return the bytes and the content type of a request body. `query_format` controls how a form writes lists and
    objects.

    Raises ConfigurationError for an unknown format or for data that the format cannot represent, and UsageError for
    data that needs a file.
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
    """Encode a body as `encode` does, with the caller's files. A body with large files is returned as a Payload."""
    options = options or BodyOptions()
    if format == "json":
        return _json.encode_json(data), _json.CONTENT_TYPE
    if format == "form":
        return _form.encode_form(data, query_format), _form.CONTENT_TYPE
    if format in ("multipart", "raw"):
        return _encode_parts(format, data, query_format, options, files)
    if format == "xml":
        from conn_engine.bodies.xml_text import CONTENT_TYPE, encode_xml

        return encode_xml(data, declaration=options.declaration), CONTENT_TYPE
    if format == "graphql":
        return encode_graphql(data), _json.CONTENT_TYPE
    raise ConfigurationError(f'"{format}" is not a body format', hint="use one of: " + ", ".join(get_args(BodyFormat)))


def _encode_parts(
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
    content = payload.read_all()
    return payload if content is None else content, content_type


def is_streamed(format: str) -> bool:  # noqa: A002
    """Return whether responses of this format may be large: they are read row by row or passed on unchanged."""
    return has_rows(format) or format in ("text", "binary")


def has_rows(format: str) -> bool:  # noqa: A002
    """Return whether responses of this format are rows, read in chunks."""
    return format in ROWS


def accept_header(format: str) -> str:  # noqa: A002
    """Return the Accept header for responses of this format."""
    return _ACCEPTED.get(format, "*/*")
