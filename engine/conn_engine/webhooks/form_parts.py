"""Read multipart forms (multipart/form-data, RFC 7578) of deliveries: names and strings, within limits.

Nested multipart bodies are not supported. `bodies.multipart` writes such bodies.
"""

import re

__all__ = ["read_form_parts"]

_LONGEST_HEAD = 8 * 1024  # the standard library reads longer ones in quadratic time
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


def read_form_parts(content_type: str, body: bytes, most: int) -> list[tuple[str, str]]:
    """Return the fields in order; a file gives its text. An invalid form, or one with more than `most` parts, is
    empty."""
    boundary = _find_boundary(content_type)
    if boundary is None:
        return []
    pieces = re.split(rb"\r?\n--" + re.escape(boundary), b"\n" + body, maxsplit=most + 2)[1:]
    if len(pieces) > most + 1:
        return []
    fields: list[tuple[str, str]] = []
    for piece in pieces:
        if piece.startswith(b"--"):
            break
        end = _END_OF_HEAD.search(piece, 0, _LONGEST_HEAD)
        name = _find_name(piece[: end.start()]) if end is not None else None
        if end is not None and name is not None:
            fields.append((name, piece[end.end() :].decode("utf-8", "replace")))
    return fields


def _find_boundary(content_type: str) -> bytes | None:
    if len(content_type) > _LONGEST_HEAD:
        return None
    from email.message import Message

    head = Message()
    head["content-type"] = content_type
    boundary = head.get_boundary()
    return boundary.encode("latin-1", "replace") if boundary else None


def _find_name(head: bytes) -> str | None:
    from email.parser import HeaderParser
    from email.utils import collapse_rfc2231_value

    name = (
        HeaderParser()
        .parsestr(head.decode("latin-1").strip() + "\r\n\r\n")
        .get_param("name", header="content-disposition")
    )
    if name is None or isinstance(name, tuple):
        return None if name is None else collapse_rfc2231_value(name)
    return name.encode("latin-1", "replace").decode("utf-8", "replace")  # most senders write plain UTF-8
