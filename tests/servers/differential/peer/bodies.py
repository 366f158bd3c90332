"""Records as the body of an answer: wrapped where the extractor looks, in the form that the decoder reads."""

import csv
import gzip
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["encode", "nest"]


def nest(path: Sequence[str], records: list[Any], root: bool = False) -> Any:
    """Records at a path. A `*` has one entry per record; at the root it is an object, elsewhere a list."""
    if not path:
        return records
    step, rest = path[0], path[1:]
    if step != "*":
        inner = nest(rest, records)
        return {step: inner}
    if not rest:
        return {f"k{at}": record for at, record in enumerate(records)}
    if "*" in rest:
        inner = records if rest == ["*"] else nest(rest, records)
        return {"all": inner} if root else [inner]
    groups = [_single(rest, record) for record in records]
    return {f"k{at}": group for at, group in enumerate(groups)} if root else groups


def _single(path: Sequence[str], record: Any) -> Any:
    return {path[0]: _single(path[1:], record)} if path else record


def encode(decoder: Mapping[str, Any], data: Any) -> tuple[str, bytes]:
    """Content type and bytes of an answer in the form that a decoder reads."""
    kind = str(decoder.get("type") or "JsonDecoder")
    inner = decoder.get("decoder") or decoder.get("parser") or decoder.get("inner_parser") or {}
    if kind == "CompositeRawDecoder":
        return encode(inner, data)
    if kind in ("GzipDecoder", "GzipParser"):
        mime, raw = encode(inner, data)
        if inner.get("type") == "GzipDecoder":  # what does not say that it is packed, once
            return "application/octet-stream", raw
        return ("application/gzip" if kind == "GzipDecoder" else mime), gzip.compress(raw, mtime=0)
    if kind == "ZipfileDecoder":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(zipfile.ZipInfo("data.json"), encode(inner, data)[1])
        return "application/zip", packed.getvalue()
    rows = data if isinstance(data, list) else [data]
    if kind in ("JsonlDecoder", "JsonLineParser", "IterableDecoder"):
        return "application/jsonl", "\n".join(json.dumps(row) for row in rows).encode()
    if kind in ("CsvDecoder", "CsvParser"):
        return "text/csv", _csv(decoder, rows)
    if kind == "XmlDecoder":
        import xmltodict

        body = data if isinstance(data, dict) and len(data) == 1 else {"root": {"item": data}}
        return "application/xml", xmltodict.unparse(_for_xml(body)).encode()
    return "application/json", json.dumps(data, ensure_ascii=False).encode()


def _csv(decoder: Mapping[str, Any], rows: list[Any]) -> bytes:
    out = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    mark = str(decoder.get("delimiter") or ",").replace("\\t", "\t")
    writer = csv.DictWriter(out, names, delimiter=mark)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(str(decoder.get("encoding") or "utf-8"))


def _for_xml(data: Any) -> Any:
    """Without what XML names cannot hold."""
    if isinstance(data, dict):
        return {re.sub(r"[^\w.-]", "_", str(name)): _for_xml(value) for name, value in data.items()}
    return [_for_xml(row) for row in data] if isinstance(data, list) else data
