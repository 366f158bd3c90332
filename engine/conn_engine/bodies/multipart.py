"""Multipart bodies: fields and files (form-data), or parts in a row (related, mixed).

The boundary is made of what the parts hold. So a request that is made again is the same to the last byte (a recording
answers it, a signature holds), and who writes a part's content cannot know the boundary and end the part with it.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from conn_engine.bodies.options import BodyOptions
from conn_engine.bodies.parts import Payload, Upload, UploadPart, part_of
from conn_engine.bodies.query import QueryFormat, flatten
from conn_engine.errors import ConfigurationError

__all__ = ["encode_multipart"]


def encode_multipart(
    data: Any, options: BodyOptions, files: Mapping[str, Upload], query_format: QueryFormat | None = None
) -> tuple[Payload, str]:
    """The body and its content type. Raises ConfigurationError for data that is no parts, UsageError for a file that
    the caller has not given.

    form-data takes an object of fields: scalars, lists and objects spelled by `query_format`, and parts. A caller's
    file that no part names is the field of its name. The others take a list of parts, or an object whose names only
    tell the parts apart.
    """
    fields = _fields(data, files, query_format, form=options.multipart == "form-data")
    if not fields:
        raise ConfigurationError(
            "a multipart body has no parts",
            hint="make `body` an object of fields, or give a file: conn run … --file FIELD=PATH",
        )
    boundary = _boundary(fields)
    pieces: list[bytes | Upload] = []
    for name, part in fields:
        pieces.append(f"--{boundary}\r\n{_head(name, part, form=options.multipart == 'form-data')}\r\n".encode())
        pieces += [part.content, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    kind = f"multipart/{options.multipart}; boundary={boundary}"
    if options.multipart == "related":
        kind += f'; type="{fields[0][1].content_type.split(";")[0] or "text/plain"}"'
    return Payload(pieces), kind


def _fields(
    data: Any, files: Mapping[str, Upload], query_format: QueryFormat | None, *, form: bool
) -> list[tuple[str, UploadPart]]:
    rows: list[tuple[str, Any]]
    if isinstance(data, dict):
        rows = list(data.items())
    elif isinstance(data, list) and not form:
        rows = [("", item) for item in data]
    elif data is None:
        rows = []
    else:
        raise ConfigurationError(
            f"a multipart body is {'an object of fields' if form else 'a list of parts'}, not {type(data).__name__}"
        )
    found: list[tuple[str, UploadPart]] = []
    for name, value in rows:
        found += _field(str(name), value, files, query_format)
    used = {id(part.content) for _, part in found}
    for name, upload in files.items():
        if id(upload) not in used:
            part = part_of({"file": name}, files)
            found += [(name, part)] if part is not None else []
    return found


def _field(
    name: str, value: Any, files: Mapping[str, Upload], query_format: QueryFormat | None
) -> list[tuple[str, UploadPart]]:
    part = part_of(value, files)
    if part is not None:
        return [(name, part)]
    if isinstance(value, list) and value and all(part_of(item, files) is not None for item in value):
        suffix = "[]" if query_format is not None and query_format.arrays == "brackets" else ""
        return [(name + suffix, part) for item in value if (part := part_of(item, files)) is not None]
    return [(key, UploadPart(text.encode())) for key, text in flatten([(name, value)], query_format)]


def _boundary(fields: list[tuple[str, UploadPart]]) -> str:
    made = hashlib.sha256()
    for name, part in fields:
        inside = Payload([part.content])
        for text in (name, part.filename, part.content_type, str(inside.size), inside.digest):
            made.update(f"{len(text)}:{text}".encode())
    return f"conn-{made.hexdigest()[:40]}"


def _head(name: str, part: UploadPart, *, form: bool) -> str:
    lines = []
    if form:
        disposition = f'form-data; name="{_quote_name(name)}"'
        if part.filename:
            disposition += f'; filename="{_quote_name(part.filename)}"'
        lines.append(f"Content-Disposition: {disposition}")
    elif part.filename:
        lines.append(f'Content-Disposition: attachment; filename="{_quote_name(part.filename)}"')
    if part.content_type:
        lines.append(f"Content-Type: {part.content_type}")
    lines += [f"{key}: {value}" for key, value in part.headers.items()]
    return "".join(f"{line}\r\n" for line in lines)


def _quote_name(text: str) -> str:
    """As browsers write names: quotes and line breaks percent-encoded, everything else as UTF-8."""
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
