"""Reading and writing XML, for `xml`. A document type (and with it every entity of its own) is refused, and so is
what is too large or too deep: nothing is fetched or expanded."""

import re
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

from conn_engine.expressions.functions.rows import FunctionFault, check_length

__all__ = ["js_to_xml", "xml_to_js"]

_DEEPEST = 100
_MOST_NODES = 200_000
_NAME = re.compile(r"[^\W\d][\w.\-]*(?::[^\W\d][\w.\-]*)?")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class _Tree:
    """Builds the document from expat's events: nodes `{type, name, attributes, elements}` and `{type, text}`."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {"elements": []}
        self._open = [self.root]
        self._cdata = False
        self._nodes = 0

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        """Return the XML declaration."""
        attributes = {"version": version, "encoding": encoding, "standalone": {0: "no", 1: "yes"}.get(standalone)}
        self.root["declaration"] = {"attributes": {name: value for name, value in attributes.items() if value}}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Handle an opening tag."""
        node = {"type": "element", "name": name, **({"attributes": attributes} if attributes else {}), "elements": []}
        self._add(node)
        self._open.append(node)
        if len(self._open) > _DEEPEST:
            raise FunctionFault(f"the XML is nested deeper than {_DEEPEST}", "D1011")

    def end(self, _name: str) -> None:
        """Handle a closing tag."""
        node = self._open.pop()
        if not node["elements"]:
            del node["elements"]

    def text(self, text: str) -> None:
        """Handle text, which may come in pieces."""
        kind = "cdata" if self._cdata else "text"
        siblings = self._open[-1]["elements"]
        if siblings and siblings[-1]["type"] == kind:
            siblings[-1]["pieces"].append(text)
        else:
            self._add({"type": kind, "pieces": [text]})

    def cdata(self, begins: bool) -> None:
        """Handle the start or end of a CDATA section."""
        self._cdata = begins

    def _add(self, node: dict[str, Any]) -> None:
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise FunctionFault(f"the XML has more than {_MOST_NODES} nodes", "U1001")
        self._open[-1]["elements"].append(node)


def _refuse_type(*_arguments: Any) -> None:
    raise FunctionFault("the XML has a document type (<!DOCTYPE …>), which is refused: it may define entities")


def _parse_xml(text: str) -> dict[str, Any]:
    tree = _Tree()
    parser = expat.ParserCreate(encoding="utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_type
    parser.EntityDeclHandler = _refuse_type
    parser.XmlDeclHandler = tree.declaration
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.text
    parser.StartCdataSectionHandler = lambda: tree.cdata(True)
    parser.EndCdataSectionHandler = lambda: tree.cdata(False)
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise FunctionFault(f"the XML is not well-formed: {reason} (line {error.lineno})") from None
    return tree.root


def xml_to_js(text: str | None, options: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """Compact: a name that occurs once holds the element, one that occurs more often a list. Space alone between
    elements is dropped."""
    if text is None:
        return None
    root = _parse_xml(check_length(text, "an XML text").lstrip("\ufeff \t\r\n"))
    compact = (options or {}).get("compact", True)
    if compact:
        declared = {"_declaration": {"_attributes": root["declaration"]["attributes"]}} if "declaration" in root else {}
        return {**declared, **_compact(root)}
    return {
        **({"declaration": root["declaration"]} if "declaration" in root else {}),
        "elements": [_plain(node) for node in _find_content(root)],
    }


def _find_content(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for child in node.get("elements", ()):
        kind = child["type"]
        if kind == "element":
            yield child
        elif (text := "".join(child["pieces"])).strip() or kind == "cdata":
            yield {"type": kind, kind: text}


def _plain(node: dict[str, Any]) -> dict[str, Any]:
    if "elements" not in node:
        return node
    children = [_plain(child) for child in _find_content(node)]
    other_keys = {key: value for key, value in node.items() if key != "elements"}
    return {**other_keys, "elements": children} if children else other_keys


def _compact(node: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"_attributes": node["attributes"]} if "attributes" in node else {}
    counts: dict[str, int] = {}
    for child in _find_content(node):
        element = child["type"] == "element"
        key = child["name"] if element else f"_{child['type']}"
        value = _compact(child) if element else child[child["type"]]
        counts[key] = counts.get(key, 0) + 1
        if counts[key] == 1:
            result[key] = value
        elif counts[key] == 2:
            result[key] = [result[key], value]
        else:
            result[key].append(value)
    return result


def js_to_xml(value: dict[str, Any] | None, options: dict[str, Any] | None = None) -> str | None:
    """Text and attributes are escaped; a name that XML does not allow is refused."""
    if value is None:
        return None
    settings = options or {}
    spaces = settings.get("spaces", 0)
    if isinstance(spaces, bool) or not isinstance(spaces, int) or not 0 <= spaces <= 16:
        raise FunctionFault("spaces of $jsToXml must be a number from 0 to 16")
    compact = settings.get("compact", True)
    declared = value.get("_declaration" if compact else "declaration")
    head = []
    if isinstance(declared, dict):
        attributes = declared.get("_attributes" if compact else "attributes") or {"version": "1.0"}
        head = [f"<?xml{_attributes(attributes)}?>"]
    nodes = list(_from_compact(value, 0)) if compact else _as_list(value.get("elements"))
    return ("\n" if spaces else "").join([*head, *(_write_node(node, spaces, 0) for node in nodes)])


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _from_compact(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Return the child nodes of an element in the compact form."""
    if depth > _DEEPEST:
        raise FunctionFault(f"the value is nested deeper than {_DEEPEST}", "D1011")
    if not isinstance(value, dict):
        yield {"type": "text", "text": value}
        return
    for key, items in value.items():
        if key in ("_attributes", "_declaration"):
            continue
        for item in items if isinstance(items, list) else [items]:
            if key in ("_text", "_cdata"):
                yield {"type": key[1:], key[1:]: item}
            elif item is not None:
                attributes = item.get("_attributes") if isinstance(item, dict) else None
                inside = list(_from_compact(item, depth + 1))
                yield {"type": "element", "name": key, "attributes": attributes or {}, "elements": inside}


def _escape_text(text: str, entities: dict[str, str]) -> str:
    from xml.sax.saxutils import escape  # not at the top: it loads an HTTP client, for every command

    return escape(text, entities)


def _string(value: Any) -> str:
    if isinstance(value, dict | list):
        raise FunctionFault("the text or an attribute of an XML element cannot be a list or an object")
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if _FORBIDDEN.search(text):
        raise FunctionFault("XML cannot contain control characters")
    return text


def _check_name(name: Any) -> str:
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise FunctionFault(f"{str(name)[:40]!r} is not a valid name of an XML element or attribute")
    return name


def _attributes(attributes: Any) -> str:
    if not isinstance(attributes, dict):
        raise FunctionFault("the attributes of an XML element must be an object")
    return "".join(
        f' {_check_name(name)}="{_escape_text(_string(value), {chr(34): "&quot;", chr(10): "&#10;"})}"'
        for name, value in attributes.items()
        if value is not None
    )


def _write_node(node: Any, spaces: int, depth: int) -> str:
    if not isinstance(node, dict) or depth > _DEEPEST:
        raise FunctionFault("a node of XML must be an object with a type, and not nested too deeply")
    kind = node.get("type")
    if kind == "text":
        return _escape_text(_string(node.get("text")), {})
    if kind == "cdata":
        return f"<![CDATA[{_string(node.get('cdata')).replace(']]>', ']]]]><![CDATA[>')}]]>"
    if kind != "element":
        raise FunctionFault(f"unknown type of XML node {str(kind)[:20]!r}: use element, text or cdata")
    name = _check_name(node.get("name"))
    children = _as_list(node.get("elements"))
    start = f"<{name}{_attributes(node.get('attributes') or {})}"
    if not children:
        return f"{start}/>"
    inner = [_write_node(child, spaces, depth + 1) for child in children]
    if spaces and all(isinstance(child, dict) and child.get("type") == "element" for child in children):
        indent = "\n" + " " * (spaces * (depth + 1))
        return f"{start}>{indent}{indent.join(inner)}\n{' ' * (spaces * depth)}</{name}>"
    return f"{start}>{''.join(inner)}</{name}>"
