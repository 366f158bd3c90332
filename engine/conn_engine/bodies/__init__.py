"""Bodies: data to bytes and back, and query strings. `FORMATS` is the list of request body formats: a new
one is a file and its row here. What is sent where is decided elsewhere."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from conn_engine.bodies import form as _form
from conn_engine.bodies import json_text as _json
from conn_engine.bodies.decoding import MAX_BYTES, decode, text_of
from conn_engine.bodies.json_text import MAX_DEPTH
from conn_engine.bodies.query import QueryFormat, encode_query
from conn_engine.errors import ConfigurationError

__all__ = [
    "FORMATS",
    "MAX_BYTES",
    "MAX_DEPTH",
    "BodyFormat",
    "QueryFormat",
    "ResponseFormat",
    "decode",
    "encode",
    "encode_query",
    "text_of",
]

BodyFormat: TypeAlias = Literal["json", "form"]
ResponseFormat: TypeAlias = Literal["json", "text"]

FORMATS: dict[str, tuple[str, Callable[[Any, QueryFormat | None], bytes]]] = {
    "json": (_json.CONTENT_TYPE, lambda data, _: _json.encode_json(data)),
    "form": (_form.CONTENT_TYPE, _form.encode_form),
}


def encode(format: str, data: Any, query_format: QueryFormat | None = None) -> tuple[bytes, str]:  # noqa: A002
    """Bytes and content type of a request body. `query_format` spells the lists and objects of a form.

    Raises ConfigurationError for an unknown format and for data that the format cannot carry.
    """
    if format not in FORMATS:
        raise ConfigurationError(f'"{format}" is no body format', hint="known: " + ", ".join(FORMATS))
    content_type, encoder = FORMATS[format]
    return encoder(data, query_format), content_type
