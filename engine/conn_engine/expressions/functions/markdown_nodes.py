"""Convert Markdown to a document of nested nodes with marks, for `documents`."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from markdown_it.tree import SyntaxTreeNode

from conn_engine.expressions.functions.markdown_blocks import read_markdown, table_rows

__all__ = ["markdown_to_nodes"]

Node: TypeAlias = dict[str, Any]
_MARKS = {"strong": "strong", "em": "em", "s": "strike"}
_ALLOWED_INSIDE = frozenset({"paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle"})
"""The blocks that a list item or a quote may contain. Other blocks become paragraphs."""


def markdown_to_nodes(text: str | None) -> Node | None:
    """Return the document."""
    if text is None:
        return None
    return {"version": 1, "type": "doc", "content": list(_blocks(read_markdown(text).children))}


def _blocks(nodes: Iterable[SyntaxTreeNode]) -> Iterator[Node]:
    for node in nodes:
        match node.type:
            case "heading":
                yield {"type": "heading", "attrs": {"level": int(node.tag[1])}, "content": _inline(node)}
            case "paragraph":
                yield from _paragraphs(node)
            case "hr":
                yield {"type": "rule"}
            case "fence" | "code_block":
                yield _code(node)
            case "blockquote":
                yield {"type": "blockquote", "content": _read_inside(node)}
            case "bullet_list":
                yield {"type": "bulletList", "content": _items(node)}
            case "ordered_list":
                order = {"order": int(node.attrs.get("start", 1))}
                yield {"type": "orderedList", "attrs": order, "content": _items(node)}
            case "table":
                yield {"type": "table", "content": [_row(cells) for cells in table_rows(node)]}


def _code(node: SyntaxTreeNode) -> Node:
    text = node.content.rstrip("\n")
    language = (node.info or "").split(" ")[0] or "text"
    return {"type": "codeBlock", "attrs": {"language": language}, "content": [_text(text, [])] if text else []}


def _items(node: SyntaxTreeNode) -> list[Node]:
    return [{"type": "listItem", "content": _read_inside(item)} for item in node.children]


def _read_inside(node: SyntaxTreeNode) -> list[Node]:
    """Return the blocks of a list item or a quote. If it is empty, it has an empty paragraph."""
    return [child for block in _blocks(node.children) for child in _flatten(block)] or [_paragraph([])]


def _flatten(block: Node) -> Iterator[Node]:
    """Yield the block if it is allowed there, or else its text in paragraphs."""
    if block["type"] in _ALLOWED_INSIDE:
        yield block
    elif block["type"] == "heading":
        yield _paragraph(block["content"])
    elif block["type"] == "tableRow":
        cells = [part["content"] for cell in block["content"] for part in cell["content"]]
        yield _paragraph([run for cell in cells for run in (*cell, _text(" ", []))])
    else:
        for inner in block.get("content", ()):
            yield from _flatten(inner)


def _row(cells: list[SyntaxTreeNode]) -> Node:
    kinds = {"th": "tableHeader", "td": "tableCell"}
    content = [{"type": kinds[cell.type], "content": [_paragraph(_inline(cell))]} for cell in cells]
    return {"type": "tableRow", "content": content}


def _paragraphs(node: SyntaxTreeNode) -> Iterator[Node]:
    """Yield the paragraph. An image in it becomes a separate block and splits the paragraph."""
    runs: list[Node] = []
    for run in _inline(node):
        if run["type"] == "mediaSingle":
            yield from [_paragraph(runs)] if runs else []
            yield run
            runs = []
        else:
            runs.append(run)
    yield from [_paragraph(runs)] if runs else []


def _paragraph(runs: list[Node]) -> Node:
    return {"type": "paragraph", "content": [run for run in runs if run["type"] != "mediaSingle"]}


def _inline(node: SyntaxTreeNode) -> list[Node]:
    nodes: list[Node] = []
    for child in node.children:
        _collect(child, [], nodes)
    return nodes


def _collect(node: SyntaxTreeNode, marks: list[Node], nodes: list[Node]) -> None:
    if node.type in _MARKS:
        marks = [*marks, {"type": _MARKS[node.type]}]
    elif node.type == "link":
        marks = [*marks, {"type": "link", "attrs": {"href": str(node.attrs.get("href", ""))}}]
    match node.type:
        case "text":
            _add_text(node.content, marks, nodes)
        case "softbreak":
            _add_text(" ", marks, nodes)
        case "hardbreak":
            nodes.append({"type": "hardBreak"})
        case "code_inline":  # code can be combined only with a link
            _add_text(node.content, [mark for mark in marks if mark["type"] == "link"] + [{"type": "code"}], nodes)
        case "image":
            place = {"type": "external", "url": str(node.attrs.get("src", "")), "alt": node.content or ""}
            nodes.append(
                {"type": "mediaSingle", "attrs": {"layout": "center"}, "content": [{"type": "media", "attrs": place}]}
            )
        case _:
            for child in node.children:
                _collect(child, marks, nodes)


def _add_text(text: str, marks: list[Node], nodes: list[Node]) -> None:
    """Add a string, or append it to the previous one if that has the same marks. Empty strings are left out."""
    before = nodes[-1] if nodes else {}
    if text and before.get("type") == "text" and before.get("marks", []) == marks:
        before["text"] += text
    elif text:
        nodes.append(_text(text, marks))


def _text(text: str, marks: list[Node]) -> Node:
    return {"type": "text", "text": text, **({"marks": marks} if marks else {})}
