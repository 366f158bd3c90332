"""Convert Markdown to HTML and to blocks, for `documents`. This module imports markdown-it, which parses Markdown."""

import re
from collections.abc import Iterator
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from conn_engine.expressions.functions.rows import check_length

__all__ = ["markdown_to_html", "markdown_to_message", "markdown_to_page", "read_markdown", "table_rows"]

_LONGEST = 300_000
_LONGEST_HEADER = 150
_LONGEST_SECTION = 3000
_LONGEST_RUN = 2000
_TASK = re.compile(r"\[([ xX])\]\s+")


def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def read_markdown(text: str) -> SyntaxTreeNode:
    """Return the tree of a Markdown text. Blocks nested more than 20 levels deep, the limit of markdown-it, stay
    text."""
    return SyntaxTreeNode(_reader().parse(check_length(text, "a Markdown text", _LONGEST)))


def table_rows(table: SyntaxTreeNode) -> list[list[SyntaxTreeNode]]:
    """Return the cells of each row, starting with the head."""
    return [row.children for part in table.children for row in part.children]


def markdown_to_html(text: str | None) -> str | None:
    """Return HTML. HTML in the text is escaped, and a URL that could run a script does not become a link."""
    return None if text is None else str(_reader().render(check_length(text, "a Markdown text", _LONGEST)))


# Message blocks


def markdown_to_message(text: str | None) -> list[dict[str, Any]] | None:
    """Return header, section and divider blocks, with at most the length that each kind may have."""
    if text is None:
        return None
    blocks: list[dict[str, Any]] = []
    for node in read_markdown(text).children:
        if node.type == "heading":
            title = {"type": "plain_text", "text": _plain(node)[:_LONGEST_HEADER], "emoji": True}
            blocks.append({"type": "header", "text": title})
        elif node.type == "hr":
            blocks.append({"type": "divider"})
        else:
            whole = _message(node)
            for start in range(0, len(whole), _LONGEST_SECTION):
                piece = {"type": "mrkdwn", "text": whole[start : start + _LONGEST_SECTION]}
                blocks.append({"type": "section", "text": piece})
    return blocks


def _plain(node: SyntaxTreeNode) -> str:
    if node.type in ("text", "code_inline"):
        return str(node.content)
    if node.type in ("softbreak", "hardbreak"):
        return " "
    return "".join(_plain(child) for child in node.children)


def _escape_html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _message(node: SyntaxTreeNode) -> str:
    """Return a block's text in the markup of messages."""
    if node.type in ("fence", "code_block"):
        return f"```\n{_escape_html(node.content.rstrip())}\n```"
    if node.type in ("bullet_list", "ordered_list"):
        return "\n".join(_message_items(node))
    if node.type == "blockquote":
        inner = "\n".join(_message(child) for child in node.children)
        return "\n".join(f"> {line}" for line in inner.split("\n"))
    if node.type == "table":
        return "\n".join(" | ".join(map(_message, cells)) for cells in table_rows(node))
    if node.children and node.type not in ("paragraph", "inline", "th", "td", "heading"):
        return "\n".join(_message(child) for child in node.children)
    return "".join(_message_inline(child) for child in node.children)


def _message_items(node: SyntaxTreeNode) -> Iterator[str]:
    number = int(node.attrs.get("start", 1))
    for index, item in enumerate(node.children):
        mark = "• " if node.type == "bullet_list" else f"{number + index}. "
        yield mark + "\n".join(_message(child) for child in item.children).replace("\n", "\n    ")


def _message_inline(node: SyntaxTreeNode) -> str:
    inner = "".join(_message_inline(child) for child in node.children)
    match node.type:
        case "text":
            return _escape_html(node.content)
        case "code_inline":
            return f"`{_escape_html(node.content)}`"
        case "strong":
            return f"*{inner}*"
        case "em":
            return f"{node.markup}{inner}{node.markup}"
        case "s":
            return f"~{inner}~"
        case "softbreak" | "hardbreak":
            return "\n"
        case "link" | "image":
            label = inner or _escape_html(node.content or "")
            return f"<{node.attrs.get('href') or node.attrs.get('src')}|{label}>"
    return inner


# Page blocks


def markdown_to_page(text: str | None) -> dict[str, Any] | None:
    """Return the blocks of a page: `{children}`."""
    return None if text is None else {"children": list(_blocks(read_markdown(text).children))}


def _blocks(nodes: list[SyntaxTreeNode]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        match node.type:
            case "heading":
                yield _block(f"heading_{min(int(node.tag[1]), 3)}", _runs(node))
            case "paragraph":
                yield from _paragraph(node)
            case "hr":
                yield {"type": "divider", "divider": {}}
            case "fence" | "code_block":
                language = (node.info or "").split(" ")[0] or "plain text"
                yield _block("code", _run(node.content.rstrip("\n"), {}, None), language=language)
            case "blockquote":
                runs = [run for child in node.children for run in _runs(child)]
                yield _block("quote", runs)
            case "table":
                yield _table(node)
            case "bullet_list" | "ordered_list":
                for item in node.children:
                    yield _item(item, ordered=node.type == "ordered_list")


def _block(kind: str, runs: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"type": kind, kind: {"rich_text": runs, **more}}


def _paragraph(node: SyntaxTreeNode) -> Iterator[dict[str, Any]]:
    runs = _runs(node)
    if runs:
        yield _block("paragraph", runs)
    for image in (descendant for descendant in node.walk() if descendant.type == "image"):
        external = {"type": "external", "external": {"url": image.attrs.get("src", "")}}
        yield {"type": "image", "image": external}


def _item(item: SyntaxTreeNode, *, ordered: bool) -> dict[str, Any]:
    first, rest = (item.children[0], item.children[1:]) if item.children else (None, [])
    runs = _runs(first) if first is not None and first.type == "paragraph" else []
    if first is not None and first.type != "paragraph":
        rest = item.children
    kind, more = "numbered_list_item" if ordered else "bulleted_list_item", {}
    task = _TASK.match(runs[0]["text"]["content"]) if runs and not ordered else None
    if task is not None:
        kind, more = "to_do", {"checked": task[1] != " "}
        runs[0]["text"]["content"] = runs[0]["text"]["content"][task.end() :]
        runs = [run for run in runs if run["text"]["content"]]
    children = list(_blocks(rest))
    return _block(kind, runs, **more, **({"children": children} if children else {}))


def _table(node: SyntaxTreeNode) -> dict[str, Any]:
    rows = [[_runs(cell) for cell in cells] for cells in table_rows(node)]
    row_blocks = [{"type": "table_row", "table_row": {"cells": cells}} for cells in rows]
    width = max(map(len, rows), default=0)
    table = {"table_width": width, "has_column_header": True, "has_row_header": False, "children": row_blocks}
    return {"type": "table", "table": table}


def _runs(node: SyntaxTreeNode) -> list[dict[str, Any]]:
    """Return the pieces of rich text in a block. Each piece is a string with one set of marks."""
    pieces: list[dict[str, Any]] = []
    for child in node.children:
        _collect(child, {}, None, pieces)
    return pieces


def _collect(node: SyntaxTreeNode, marks: dict[str, bool], link: str | None, pieces: list[dict[str, Any]]) -> None:
    name = {"strong": "bold", "em": "italic", "s": "strikethrough"}.get(node.type)
    inner = {**marks, name: True} if name else marks
    if node.type == "link":
        link = str(node.attrs.get("href", ""))
    if node.type == "image":
        return
    if node.type in ("text", "softbreak", "hardbreak"):
        pieces.extend(_run(node.content if node.type == "text" else "\n", inner, link))
    elif node.type == "code_inline":
        pieces.extend(_run(node.content, {**inner, "code": True}, link))
    for child in node.children:
        _collect(child, inner, link, pieces)


def _run(text: str, marks: dict[str, bool], link: str | None) -> list[dict[str, Any]]:
    target = {"link": {"url": link}} if link else {}
    return [
        {
            "type": "text",
            "text": {"content": text[start : start + _LONGEST_RUN], **target},
            **({"annotations": dict(marks)} if marks else {}),
        }
        for start in range(0, len(text), _LONGEST_RUN)
    ]
