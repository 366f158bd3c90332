"""Page blocks with rich text as Markdown, for `documents`."""

from collections.abc import Iterator
from typing import Any

from conn_engine.expressions.functions.rows import FunctionFault

__all__ = ["page_to_markdown"]

_DEEPEST = 50
_MARKS = (("code", "`"), ("bold", "**"), ("italic", "_"), ("underline", "_"), ("strikethrough", "~~"))
_LISTS = ("bulleted_list_item", "numbered_list_item", "to_do")


def page_to_markdown(blocks: Any) -> str | None:
    """Convert blocks to Markdown. Each block ends with a blank line, and a list with one after its last item. A block
    of an unknown kind becomes its rich text."""
    if blocks is None:
        return None
    return "".join(_write_blocks(blocks if isinstance(blocks, list) else [blocks], 0))


def _write_blocks(blocks: list[Any], depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise FunctionFault(f"the blocks are nested deeper than {_DEEPEST}", "D1011")
    number = 0
    listing = False
    for block in blocks:
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            raise FunctionFault("a block must be an object with a type")
        kind = block["type"]
        content = _object(block, kind)
        if listing and kind not in _LISTS and not depth:
            yield "\n"
        listing = kind in _LISTS
        number = number + 1 if kind == "numbered_list_item" else 0
        yield from _block(kind, content, number, depth)
        children = content.get("children") or block.get("children") or []
        if children and kind != "table":
            yield from _write_blocks(children, depth + 1)
    if listing and not depth:
        yield "\n"


def _block(kind: str, content: dict[str, Any], number: int, depth: int) -> Iterator[str]:
    text = _text(content.get("rich_text") or content.get("text"))
    indent = "\t" * depth
    match kind:
        case "heading_1" | "heading_2" | "heading_3":
            yield f"{'#' * int(kind[-1])} {text}\n\n"
        case "bulleted_list_item":
            yield f"{indent}- {text}\n"
        case "numbered_list_item":
            yield f"{indent}{number}. {text}\n"
        case "to_do":
            yield f"{indent}- [{'X' if content.get('checked') else ' '}] {text}\n"
        case "quote" | "callout":
            yield "".join(f"> {line}\n" for line in text.split("\n")) + "\n"
        case "divider":
            yield "---\n\n"
        case "code":
            plain = "".join(_plain(run) for run in content.get("rich_text") or [])
            language = content.get("language") or ""
            yield f"```{'' if language == 'plain text' else language}\n{plain}\n```\n\n"
        case "image" | "file" | "video" | "pdf" | "bookmark" | "embed":
            yield _link(kind, content)
        case "table":
            yield _table(content)
        case _:
            yield f"{indent}{text}\n\n" if text else ""


def _object(value: dict[str, Any], key: str) -> dict[str, Any]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _plain(run: Any) -> str:
    if not isinstance(run, dict):
        return ""
    inner = _object(run, "text")
    return str(run.get("plain_text") or inner.get("content") or "")


def _text(runs: Any) -> str:
    if isinstance(runs, dict):
        runs = [{"text": runs}]
    return "".join(_mark_run(run) for run in runs) if isinstance(runs, list) else ""


def _mark_run(run: Any) -> str:
    text = _plain(run)
    bare = text.strip(" ")
    if not bare:
        return text
    before, after = text[: len(text) - len(text.lstrip(" "))], text[len(text.rstrip(" ")) :]
    annotations = _object(run, "annotations")
    for name, mark in _MARKS:
        if annotations.get(name) and not (name == "underline" and annotations.get("italic")):
            bare = f"{mark}{bare}{mark}"
    address = run.get("href") or _object(_object(run, "text"), "link").get("url")
    return f"{before}[{bare}]({address}){after}" if address else f"{before}{bare}{after}"


def _link(kind: str, content: dict[str, Any]) -> str:
    place = content.get(str(content.get("type")))
    address = (place.get("url") if isinstance(place, dict) else None) or content.get("url") or ""
    label = _text(content.get("caption")) or kind.title()
    return f"{'!' if kind == 'image' else ''}[{label}]({address})\n\n"


def _table(content: dict[str, Any]) -> str:
    row_blocks = [row for row in content.get("children") or [] if isinstance(row, dict)]
    rows = [_object(row, "table_row").get("cells") or [] for row in row_blocks]
    if not rows:
        return ""
    lines = [f"| {' | '.join(_text(cell).replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    lines.insert(1, f"|{'---|' * len(rows[0])}")
    return "\n".join(lines) + "\n\n"
