"""The text of single values, for edits: block and flow YAML, and JSON."""

import json
import re
from typing import Any

from conn_engine.documents.dump import dump_json, dump_yaml

__all__ = ["format_block", "format_flow", "format_json", "format_key", "format_scalar"]

_SAFE_IN_FLOW = re.compile(r"[A-Za-z_][\w.$-]*(?: [\w.$-]+)*")
_ENDLESS = 1_000_000  # columns: no line is wrapped


def format_scalar(value: Any, style: str = "") -> str:
    """Return a scalar or an empty container. `style` is the quote to keep for a string of one line.

    A string of several lines is a literal block: a header and its lines, which the caller indents.
    """
    if isinstance(value, str) and "\n" not in value and value.isprintable():
        if style == "'":
            return "'" + value.replace("'", "''") + "'"
        if style == '"':
            return format_json(value)
    block = _format_literal(value) if isinstance(value, str) and "\n" in value else ""
    if block:
        return block
    head, *lines = dump_yaml([value], width=_ENDLESS).removesuffix("\n").split("\n")
    return "\n".join([head.removeprefix("- "), *(line.removeprefix("  ") for line in lines)])


def _format_literal(text: str) -> str:
    """Return a string with line breaks as a literal block; empty if its lines cannot be in one."""
    body = text.rstrip("\n")
    lines = body.split("\n")
    ends = {0: "|-", 1: "|"}.get(len(text) - len(body))
    first = next((line for line in lines if line), " ")
    is_plain = all(line.replace("\t", "").isprintable() and (line.strip(" \t") or not line) for line in lines)
    return "\n".join([ends, *lines]) if ends and is_plain and first[0] not in " \t" else ""


def format_key(key: str) -> str:
    """Return a key of a block mapping, quoted if needed."""
    return format_scalar(key) if "\n" not in key else format_json(key)


def format_block(value: Any, *, indents_lists: bool = True) -> str:
    """Return the lines of a mapping or list that is not empty, in block style from column 0."""
    return "\n".join(_list_lines(value, indents_lists))


def _list_lines(value: Any, indents_lists: bool) -> list[str]:
    lines: list[str] = []
    if isinstance(value, dict):
        for key, item in value.items():
            inner = _list_inner(item, indents_lists)
            if isinstance(item, dict | list) and item:
                shift = "  " if isinstance(item, dict) or indents_lists else ""
                lines += [f"{format_key(key)}:", *_indent(inner, shift)]
            else:
                lines += [f"{format_key(key)}: {inner[0]}", *_indent(inner[1:], "  ")]
    else:
        for item in value:
            head, *rest = _list_inner(item, indents_lists)
            lines += [f"- {head}", *_indent(rest, "  ")]
    return lines


def _list_inner(item: Any, indents_lists: bool) -> list[str]:
    if isinstance(item, dict | list) and item:
        return _list_lines(item, indents_lists)
    return format_scalar(item).split("\n")


def _indent(lines: list[str], shift: str) -> list[str]:
    return [shift + line if line else line for line in lines]


def format_flow(value: Any, style: str = "") -> str:
    """Return a value on one line, as it can stand between the brackets of flow YAML. `style` is the quote to keep."""
    if style == "'" and isinstance(value, str) and value.isprintable():
        return format_scalar(value, style)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{format_flow(key)}: {format_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(format_flow, value)) + "]"
    if isinstance(value, str):
        plain = format_scalar(value)
        return plain if _SAFE_IN_FLOW.fullmatch(plain) else format_json(value)
    return format_json(value)


def format_json(value: Any, *, indented: bool = False) -> str:
    """Return JSON on one line, or indented by 2. Raises ValueError for NaN and infinities."""
    if indented:
        return dump_json(value).removesuffix("\n")
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
