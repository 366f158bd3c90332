"""XML bodies as data, and back.

An element is an object: its attributes as `@name`, its children by name, and text next to either as `#text`. An element
with only text is that text, and an empty one is null; children with the same name are a list. The document is an object
with the root's name. A document type (and with it every custom entity) is refused, and so is a document that is too
deep or too large.
"""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO
from xml.parsers import expat

from conn_engine.bodies.faults import XmlProblem
from conn_engine.bodies.json_text import MAX_DEPTH
from conn_engine.errors import ConfigurationError

__all__ = ["CONTENT_TYPE", "decode_xml", "encode_xml"]

CONTENT_TYPE = "application/xml"
_MOST_NODES = 2_000_000
_PIECE = 64 * 1024
_NAME = re.compile(r"[^\W\d][\w.\-]*(?::[^\W\d][\w.\-]*)?")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class _Element:
    __slots__ = ("children", "name", "text")

    def __init__(self, name: str, children: dict[str, Any]) -> None:
        self.name = name
        self.children = children
        self.text: list[str] = []


class _Reader:
    """The document, built from expat's events."""

    def __init__(self, lists: tuple[str, ...], *, strip: bool) -> None:
        self.root: dict[str, Any] = {}
        self._open = [_Element("", self.root)]
        self._lists = frozenset(lists)
        self._strip = strip
        self._nodes = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._nodes += 1 + len(attributes)
        if self._nodes > _MOST_NODES:
            raise XmlProblem(f"it has more than {_MOST_NODES} elements and attributes")
        if len(self._open) > MAX_DEPTH:
            raise XmlProblem(f"it is nested deeper than {MAX_DEPTH} levels")
        if self._strip:
            name = name.rpartition(":")[2]
            attributes = {
                key.rpartition(":")[2]: value
                for key, value in attributes.items()
                if key != "xmlns" and not key.startswith("xmlns:")
            }
        self._open.append(_Element(name, {f"@{key}": value for key, value in attributes.items()}))

    def end(self, _name: str) -> None:
        element = self._open.pop()
        text = "".join(element.text).strip()
        value: Any = element.children
        if not value:
            value = text or None
        elif text:
            value["#text"] = text
        siblings = self._open[-1].children
        if element.name in siblings:
            existing = siblings[element.name]
            if isinstance(existing, list):
                existing.append(value)
            else:
                siblings[element.name] = [existing, value]
        else:
            siblings[element.name] = [value] if element.name in self._lists else value

    def text(self, text: str) -> None:
        self._open[-1].text.append(text)


def _refuse_type(*_arguments: Any) -> None:
    raise XmlProblem("it has a document type (<!DOCTYPE …>), which is refused: it may define entities")


def decode_xml(reader: BinaryIO, *, lists: tuple[str, ...] = (), strip: bool = False) -> dict[str, Any]:
    """Return the data of a UTF-8 XML document. `lists` has the names that are always lists; `strip` removes the
    prefixes of names. Raises XmlProblem."""
    document = _Reader(lists, strip=strip)
    parser = expat.ParserCreate(encoding="utf-8")  # whatever its first line declares: the bytes are already UTF-8
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_type
    parser.EntityDeclHandler = _refuse_type
    parser.StartElementHandler = document.start
    parser.EndElementHandler = document.end
    parser.CharacterDataHandler = document.text
    try:
        has_started = False
        while piece := reader.read(_PIECE):
            if not has_started:  # vendors' templates often have blank lines before the first tag
                piece = piece.lstrip()
                has_started = bool(piece)
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise XmlProblem(f"{expat.ErrorString(error.code)}, line {error.lineno}") from None
    return document.root


def encode_xml(data: Any, *, declaration: bool = True) -> bytes:
    """Return data in the format above as UTF-8 XML. Raises ConfigurationError for data that XML cannot represent."""
    if not isinstance(data, dict) or len(data) != 1 or isinstance(next(iter(data.values())), list):
        raise _build_error(
            "an XML body must be an object with one key, the root element",
            "to send text that is already XML, use `body_format: raw` with a content_type",
        )
    name, value = next(iter(data.items()))
    head = '<?xml version="1.0" encoding="UTF-8"?>' if declaration else ""
    return (head + "".join(_write_element(name, value, 0))).encode("utf-8")


def _write_element(name: str, value: Any, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise _build_error(f"an XML body is nested deeper than {MAX_DEPTH} levels")
    tag = _check_name(name)
    if not isinstance(value, dict):
        text = _text(value)
        yield f"<{tag}>{text}</{tag}>" if text else f"<{tag}/>"
        return
    attributes = "".join(
        f' {_check_name(key[1:])}="{_escape_text(_plain(item), {chr(34): "&quot;", chr(10): "&#10;", chr(9): "&#9;"})}"'
        for key, item in value.items()
        if key.startswith("@") and item is not None
    )
    children = [(key, item) for key, item in value.items() if not key.startswith("@")]
    yield f"<{tag}{attributes}{'>' if children else '/>'}"
    if not children:
        return
    for key, item in children:
        if key == "#text":
            yield _text(item)
            continue
        for child in item if isinstance(item, list) else [item]:
            yield from _write_element(key, child, depth + 1)
    yield f"</{tag}>"


def _text(value: Any) -> str:
    return _escape_text(_plain(value), {"\r": "&#13;"})


def _escape_text(text: str, entities: dict[str, str]) -> str:
    from xml.sax.saxutils import escape  # not at the top: it loads an HTTP client, which would slow down every command

    return escape(text, entities)


def _plain(value: Any) -> str:
    if isinstance(value, dict | list):
        raise _build_error("the text or an attribute of an XML element cannot be a list or an object")
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if _FORBIDDEN.search(text):
        raise _build_error("XML cannot contain control characters")
    return text


def _check_name(name: Any) -> str:
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise _build_error(f"{str(name)[:40]!r} is not a valid name of an XML element or attribute")
    return name


def _build_error(message: str, hint: str = "") -> ConfigurationError:
    return ConfigurationError(message, hint=hint)
