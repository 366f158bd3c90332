"""Convert HTML to Markdown, for `documents`. The text is read in one pass; its nesting and size are limited.

Conn does this itself because the packages for it depend on a tree parser.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from conn_engine.expressions.functions.rows import check_length

__all__ = ["html_to_markdown"]

_LONGEST = 2_000_000
_DEEPEST = 60
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*)((?:[^>\"']|\"[^\"]*\"|'[^']*')*+)>")
_ATTRIBUTE = re.compile(r"([^\s=\"'/]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']+))")
_SPACE = re.compile(r"[ \t\r\n\f]+")
_SPECIAL = re.compile(r"([\\`*_\[\]])")
_LINE_START = re.compile(r"^(\s*)(#{1,6}(?=\s)|[-+>](?=\s|$)|=+$|\d+(?=[.)]\s))", re.MULTILINE)
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())  # noqa: SIM905
_DROPPED = frozenset("head iframe noscript object script style svg template title".split())  # noqa: SIM905
_BLOCK_NAMES = (
    "address article aside blockquote body dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 "
    "h6 header hr html li main nav ol p pre section summary table tbody td tfoot th thead tr ul"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_CLOSES_ITSELF = {"li": {"li"}, "p": {"p"}, "td": {"td", "th"}, "th": {"td", "th"}, "tr": {"tr", "td", "th"}}
_MARKS = {"em": "_", "i": "_", "strong": "**", "b": "**", "del": "~~", "s": "~~", "strike": "~~"}


@dataclass(slots=True)
class _Node:
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["_Node | str"] = field(default_factory=list)


def html_to_markdown(text: str | None) -> str | None:
    """Return the Markdown, without blank lines around it."""
    if text is None:
        return None
    return _children(_tree(check_length(text, "an HTML text", _LONGEST))).strip("\n ")


def _tree(text: str) -> _Node:
    root = _Node("")
    open_nodes = [root]
    for piece in _pieces(text):
        if isinstance(piece, str):
            open_nodes[-1].children.append(html.unescape(piece))
            continue
        closing, node = piece
        if closing:
            names = [opened.name for opened in open_nodes]
            if node.name in names[1:]:
                del open_nodes[len(names) - 1 - names[::-1].index(node.name) :]
            continue
        while open_nodes[-1].name in _CLOSES_ITSELF.get(node.name, ()) or (
            open_nodes[-1].name == "p" and node.name in _BLOCKS
        ):
            open_nodes.pop()
        open_nodes[-1].children.append(node)
        if node.name not in _VOID and len(open_nodes) < _DEEPEST:
            open_nodes.append(node)
    return root


def _pieces(text: str) -> Iterator[str | tuple[bool, _Node]]:
    """Yield the strings and the tags, with whether a tag closes an element. A part without an end is dropped, as in
    browsers."""
    position = 0
    while position < len(text):
        start = text.find("<", position)
        if start < 0:
            yield text[position:]
            return
        if start > position:
            yield text[position:start]
        if text.startswith("<!--", start):
            end = text.find("-->", start + 4)
            position = len(text) if end < 0 else end + 3
        elif text.startswith(("<!", "<?"), start):
            end = text.find(">", start)
            position = len(text) if end < 0 else end + 1
        elif (match := _TAG.match(text, start)) is not None:
            position = match.end()
            name = match[2].lower()
            if name in _DROPPED:
                position = position if match[1] else _skip_element(text, name, position)
                continue
            attributes = {
                attribute[1].lower(): html.unescape(attribute[2] or attribute[3] or attribute[4] or "")
                for attribute in _ATTRIBUTE.finditer(match[3])
            }
            yield bool(match[1]), _Node(name, attributes)
        elif text[start + 1 : start + 2].isalpha() or text[start + 1 : start + 2] == "/":
            return
        else:
            yield "<"
            position = start + 1


def _skip_element(text: str, name: str, position: int) -> int:
    match = re.compile(rf"</{re.escape(name)}\s*>", re.IGNORECASE).search(text, position)
    return len(text) if match is None else match.end()


def _children(node: _Node) -> str:
    """Return the content, with at most one blank line between blocks and without double spaces."""
    result = ""
    parts: list[str] = []
    for child in node.children:
        markdown = _escape_markdown(child) if isinstance(child, str) else _element(child)
        if not markdown:
            continue
        end = result[-2:]
        if markdown[0] == " " and (not end or end[-1] in " \n"):
            markdown = markdown[1:]
        if markdown[:1] == "\n":
            parts[-1:] = [parts[-1].rstrip(" ")] if parts and not parts[-1].endswith("  \n") else parts[-1:]
            breaks = min(max(len(markdown) - len(markdown.lstrip("\n")), _breaks(parts)), 2)
            _strip_breaks(parts)
            markdown = "\n" * breaks + markdown.lstrip("\n")
        if markdown:
            parts.append(markdown)
            result = markdown if len(markdown) > 1 else result[-1:] + markdown
    return "".join(parts)


def _breaks(parts: list[str]) -> int:
    return len(parts[-1]) - len(parts[-1].rstrip("\n")) if parts else 0


def _strip_breaks(parts: list[str]) -> None:
    if parts and not parts[-1].endswith("  \n"):
        parts[-1] = parts[-1].rstrip("\n")


def _escape_markdown(text: str) -> str:
    plain = _SPECIAL.sub(r"\\\1", _SPACE.sub(" ", text))
    return _LINE_START.sub(_escape_start, plain)


def _escape_start(match: re.Match[str]) -> str:
    if match[2].isdecimal():
        return f"{match[1]}{match[2]}\\"
    return f"{match[1]}\\{match[2]}"


def _element(node: _Node) -> str:
    name = node.name
    if name == "br":
        return "  \n"
    if name == "hr":
        return "\n\n* * *\n\n"
    if name == "img":
        source = node.attributes.get("src", "")
        return f"![{_SPACE.sub(' ', node.attributes.get('alt', ''))}]({_target(source, node)})" if source else ""
    if name == "pre":
        return _code_block(node)
    if name in ("code", "kbd", "samp", "tt"):
        return _code(_raw(node))
    if name == "table":
        return _table(node)
    inner = _children(node)
    if name in _MARKS or name == "a":
        return _inline(node, inner)
    if name in ("ul", "ol"):
        return _list(node)
    if name == "blockquote":
        quoted = "\n".join(f"> {line}".rstrip() for line in inner.strip("\n ").split("\n"))
        return f"\n\n{quoted}\n\n"
    if len(name) == 2 and name[0] == "h" and name[1] in "123456":
        return _format_heading(inner.strip("\n "), int(name[1]))
    if name in _BLOCKS:
        content = inner.strip("\n ")
        return f"\n\n{content}\n\n" if content else ""
    return inner


def _inline(node: _Node, inner: str) -> str:
    content = inner.strip(" \n")
    if not content:
        return " " if inner else ""
    before, after = " " * inner.startswith((" ", "\n")), " " * inner.endswith((" ", "\n"))
    if node.name != "a":
        mark = _MARKS[node.name]
        return f"{before}{mark}{content}{mark}{after}"
    href = node.attributes.get("href", "")
    return f"{before}[{content}]({_target(href, node)}){after}" if href else inner


def _target(address: str, node: _Node) -> str:
    plain = _SPACE.sub("%20", address.strip()).replace("(", "%28").replace(")", "%29")
    title = _SPACE.sub(" ", node.attributes.get("title", "")).replace('"', '\\"')
    return f'{plain} "{title}"' if title else plain


def _format_heading(content: str, level: int) -> str:
    line = content.replace("\n", " ")
    if not line:
        return ""
    if level < 3:
        return f"\n\n{line}\n{('=' if level == 1 else '-') * len(line)}\n\n"
    return f"\n\n{'#' * level} {line}\n\n"


def _raw(node: _Node) -> str:
    """Return the text unchanged."""
    return "".join(
        child if isinstance(child, str) else "\n" if child.name == "br" else _raw(child) for child in node.children
    )


def _code(text: str) -> str:
    content = _SPACE.sub(" ", text).strip()
    if not content:
        return ""
    fence = "`" * (max(map(len, re.findall("`+", content)), default=0) + 1)
    space = " " if "`" in (content[0], content[-1]) else ""
    return f"{fence}{space}{content}{space}{fence}"


def _code_block(node: _Node) -> str:
    text = _raw(node).strip("\n")
    inside = next((child for child in node.children if isinstance(child, _Node) and child.name == "code"), node)
    language = re.search(r"language-([\w+#-]+)", inside.attributes.get("class", ""))
    fence = "`" * max(max(map(len, re.findall("`+", text)), default=0) + 1, 3)
    return f"\n\n{fence}{language[1] if language else ''}\n{text}\n{fence}\n\n"


def _list(node: _Node) -> str:
    items = [child for child in node.children if isinstance(child, _Node)]
    first = node.attributes.get("start", "1")
    number = int(first) if first.isdecimal() and len(first) < 10 else 1
    lines = []
    for index, item in enumerate(items):
        mark = f"{number + index}.  " if node.name == "ol" else "*   "
        content = (_children(item) if item.name == "li" else _element(item)).strip("\n ")
        lines.append(mark + content.replace("\n", "\n    ").replace("\n    \n", "\n\n"))
    return "\n\n" + "\n".join(lines) + "\n\n" if lines else ""


def _table(node: _Node) -> str:
    rows = [
        [
            _children(cell).strip("\n ").replace("|", "\\|").replace("\n", " ")
            for cell in row.children
            if isinstance(cell, _Node) and cell.name in ("td", "th")
        ]
        for row in _rows(node)
    ]
    width = max(map(len, rows), default=0)
    if not width:
        return ""
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    lines.insert(1, f"|{' --- |' * width}")
    return "\n\n" + "\n".join(lines) + "\n\n"


def _rows(node: _Node) -> Iterator[_Node]:
    for child in node.children:
        if isinstance(child, _Node):
            if child.name == "tr":
                yield child
            elif child.name in ("tbody", "thead", "tfoot"):
                yield from _rows(child)
