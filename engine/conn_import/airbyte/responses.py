"""Decoders of a manifest as `response_format` and its options."""

from collections.abc import Mapping
from typing import Any

from conn_import.airbyte.custom import read_code
from conn_import.airbyte.notes import Notes

__all__ = ["LINES", "build_response_format"]

LINES = r"$ = '' ? [] : [$split($replace($, /\r?\n$/, ''), /\r?\n/).{'record': $}]"
"""The lines of a string as records, in the kit's form."""

_FORMATS = {
    "JsonDecoder": "",
    "JsonlDecoder": "jsonl",
    "XmlDecoder": "xml",
    "CsvDecoder": "csv",
    "IterableDecoder": "text",
}


def build_response_format(decoder: Any, notes: Notes) -> dict[str, Any]:
    """Return the keys that set how a response is read; none for JSON."""
    row: dict[str, Any] = {}
    depth = 0
    while isinstance(decoder, Mapping) and decoder.get("type") in ("GzipDecoder", "ZipfileDecoder") and depth < 5:
        # Both are recognized by their first bytes and unpacked.
        decoder, depth = decoder.get("decoder"), depth + 1
    decoder = read_code(decoder, "decoding responses", notes) if isinstance(decoder, Mapping) else None
    if decoder is None:
        return row
    kind = str(decoder.get("type") or "JsonDecoder")
    if kind not in _FORMATS:
        notes.add(f"the decoder {kind}")
        return row
    if _FORMATS[kind]:
        row["response_format"] = _FORMATS[kind]
    options: dict[str, Any] = {}
    if kind == "CsvDecoder":
        delimiter = decoder.get("delimiter")
        if isinstance(delimiter, str) and delimiter not in (",", ""):
            options["delimiter"] = "\t" if delimiter in ("\\t", "\t") else delimiter
        charset = str(decoder.get("encoding") or "utf-8").lower().replace("_", "-")
        if charset not in ("utf-8", "utf8", "utf-8-sig"):  # a byte order mark is always read
            options["charset"] = charset
        if decoder.get("set_values_to_none"):
            options["nulls"] = [str(one) for one in decoder["set_values_to_none"]]
    if options:
        row["response_options"] = options
    return row
