"""Multipart bodies: fields and files (form-data), or a list of parts (related, mixed).

The boundary is derived from the content of the parts. A request that is built again is therefore identical (so that a
recording matches it and a signature stays valid), and the author of a part's content cannot predict the boundary to end
the part early.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from conn_engine.bodies.options import BodyOptions
from conn_engine.bodies.parts import Payload, Upload, UploadPart, to_part
from conn_engine.bodies.query import QueryFormat, flatten
from conn_engine.errors import ConfigurationError

__all__ = ["encode_multipart"]


def encode_multipart(
    data: Any, options: BodyOptions, files: Mapping[str, Upload], query_format: QueryFormat | None = None
) -> tuple[Payload, str]:
    """Return the body and its content type.

    form-data takes an object of fields: scalars, lists and objects written as `query_format` declares, and parts. A
    caller's file that no part refers to becomes the field of its name. The other kinds take a list of parts, or an
    object whose names only distinguish the parts.

    Raises ConfigurationError for data that is not parts, and UsageError for a file that the caller has not provided.
    """
    fields = _build_fields(data, files, query_format, form=options.multipart == "form-data")
    if not fields:
        raise ConfigurationError(
            "a multipart body has no parts",
            hint="make `body` an object of fields, or pass a file: conn run … --file FIELD=PATH",
        )
    boundary = _compute_boundary(fields)
    pieces: list[bytes | Upload] = []
    for name, part in fields:
        pieces.append(f"--{boundary}\r\n{_build_head(name, part, form=options.multipart == 'form-data')}\r\n".encode())
        pieces += [part.content, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    kind = f"multipart/{options.multipart}; boundary={boundary}"
    if options.multipart == "related":
        kind += f'; type="{fields[0][1].content_type.split(";")[0] or "text/plain"}"'
    return Payload(pieces), kind


def _build_fields(
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
            f"a multipart body must be {'an object of fields' if form else 'a list of parts'}, not "
            f"{type(data).__name__}"
        )
    fields: list[tuple[str, UploadPart]] = []
    for name, value in rows:
        fields += _build_field(str(name), value, files, query_format)
    used = {id(part.content) for _, part in fields}
    for name, upload in files.items():
        if id(upload) not in used:
            part = to_part({"file": name}, files)
            fields += [(name, part)] if part is not None else []
    return fields


def _build_field(
    name: str, value: Any, files: Mapping[str, Upload], query_format: QueryFormat | None
) -> list[tuple[str, UploadPart]]:
    part = to_part(value, files)
    if part is not None:
        return [(name, part)]
    if isinstance(value, list) and value and all(to_part(item, files) is not None for item in value):
        suffix = "[]" if query_format is not None and query_format.arrays == "brackets" else ""
        return [(name + suffix, part) for item in value if (part := to_part(item, files)) is not None]
    return [(key, UploadPart(text.encode())) for key, text in flatten([(name, value)], query_format)]


def _compute_boundary(fields: list[tuple[str, UploadPart]]) -> str:
    digest = hashlib.sha256()
    for name, part in fields:
        content = Payload([part.content])
        for text in (name, part.filename, part.content_type, str(content.size), content.digest):
            digest.update(f"{len(text)}:{text}".encode())
    return f"conn-{digest.hexdigest()[:40]}"


def _build_head(name: str, part: UploadPart, *, form: bool) -> str:
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
    """Quote a name as browsers do: quotes and line breaks percent-encoded, everything else as UTF-8."""
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
