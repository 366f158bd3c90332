"""Convert Markdown to requests that write it to an empty word-processor document, for `documents`.

Strings, tables and images are inserted in order, each at the index after the previous one. Then paragraphs and
strings get their styles, and lists their bullets, the last list first, because bullets remove the tabs before an
item. Indexes count UTF-16 units.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

from markdown_it.tree import SyntaxTreeNode

from conn_engine.expressions.functions.markdown_blocks import read_markdown, table_rows

__all__ = ["markdown_to_requests"]

Style: TypeAlias = dict[str, Any]
_STYLES: dict[str, Style] = {"strong": {"bold": True}, "em": {"italic": True}, "s": {"strikethrough": True}}
_MONOSPACE: Style = {"weightedFontFamily": {"fontFamily": "Courier New"}}
_INDENT: Style = {"indentStart": {"magnitude": 36, "unit": "PT"}}
_BULLETS = {"bullet_list": "BULLET_DISC_CIRCLE_SQUARE", "ordered_list": "NUMBERED_DECIMAL_ALPHA_ROMAN"}


def markdown_to_requests(text: str | None) -> dict[str, Any] | None:
    """Return `{requests}`."""
    if text is None:
        return None
    writer = _DocumentWriter()
    writer.blocks(read_markdown(text).children)
    return {"requests": [*writer.inserts, *writer.styles, *reversed(writer.bullets)]}


class _DocumentWriter:
    """The requests so far, and the index of the next text."""

    def __init__(self) -> None:
        self.inserts: list[dict[str, Any]] = []
        self.styles: list[dict[str, Any]] = []
        self.bullets: list[dict[str, Any]] = []
        self._index = 1

    def blocks(self, nodes: Iterable[SyntaxTreeNode], *, depth: int = 0, style: Style | None = None) -> None:
        """Write blocks, each with the end of its paragraph. `depth` is the number of lists that contain them."""
        for node in nodes:
            start = self._index
            if node.type in _BULLETS:
                self.items(node, depth)
            elif node.type == "blockquote":
                self.blocks(node.children, depth=depth, style=_INDENT)
            elif node.type == "table":
                self.table(node)
            else:
                self.paragraph(node, depth)
                heading = {"namedStyleType": f"HEADING_{node.tag[1]}"} if node.type == "heading" else {}
                self._style_paragraph(start, {**(style or {}), **heading})

    def paragraph(self, node: SyntaxTreeNode, depth: int) -> None:
        """Write one paragraph."""
        self._insert("\t" * max(depth - 1, 0))
        if node.type in ("fence", "code_block"):
            self._insert(node.content.rstrip("\n").replace("\n", "\v"), _MONOSPACE)  # one paragraph of several lines
        for child in node.children:
            self._inline(child, {})
        self._insert("\n")

    def items(self, node: SyntaxTreeNode, depth: int) -> None:
        """Write a list. The bullets of nested lists are added with those of the outermost list."""
        start = self._index
        for item in node.children:
            self.blocks(item.children or [], depth=depth + 1)
        if depth == 0 and self._index > start:
            bullets = {"range": self._range(start), "bulletPreset": _BULLETS[node.type]}
            self.bullets.append({"createParagraphBullets": bullets})

    def table(self, node: SyntaxTreeNode) -> None:
        """Write a table. It follows an end of line, as does the content of each cell."""
        rows = table_rows(node)
        place = {"rows": len(rows), "columns": max(map(len, rows), default=0)}
        self.inserts.append({"insertTable": {**place, "location": {"index": self._index}}})
        self._index += 2  # the end of line, and the table
        for row in rows:
            self._index += 1
            for cell in row:
                self._index += 1
                for child in cell.children:
                    self._inline(child, {})
                self._index += 1
        self._index += 1

    def _inline(self, node: SyntaxTreeNode, style: Style) -> None:
        style = {**style, **_STYLES.get(node.type, {})}
        if node.type == "link":
            style["link"] = {"url": str(node.attrs.get("href", ""))}
        match node.type:
            case "text":
                self._insert(node.content, style)
            case "softbreak":
                self._insert(" ", style)
            case "hardbreak":
                self._insert("\v", style)
            case "code_inline":
                self._insert(node.content, {**style, **_MONOSPACE})
            case "image":
                image = {"uri": str(node.attrs.get("src", "")), "location": {"index": self._index}}
                self.inserts.append({"insertInlineImage": image})
                self._index += 1
            case _:
                for child in node.children:
                    self._inline(child, style)

    def _insert(self, text: str, style: Style | None = None) -> None:
        if not text:
            return
        start = self._index
        self.inserts.append({"insertText": {"text": text, "location": {"index": start}}})
        self._index += len(text.encode("utf-16-le")) // 2
        if style:
            self.styles.append(
                {"updateTextStyle": {"textStyle": style, "fields": ",".join(style), "range": self._range(start)}}
            )

    def _style_paragraph(self, start: int, style: Style) -> None:
        if style:
            fields = {"paragraphStyle": style, "fields": ",".join(style), "range": self._range(start)}
            self.styles.append({"updateParagraphStyle": fields})

    def _range(self, start: int) -> dict[str, int]:
        return {"startIndex": start, "endIndex": self._index}
