"""Fenced code blocks of a Markdown text.

What is in them is read by `parse`, whose spans can count in the Markdown file.
"""

import re

from conn_engine.documents.document import FencedBlock

__all__ = ["find_markdown_blocks"]

_FENCE = re.compile(r"(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>.*)")


def find_markdown_blocks(text: str) -> list[FencedBlock]:
    """Every fenced block, in order. `line` is the file's line of the block's first line.

    A fence left open ends the text.

    Blocks inside list items are found too: the fence's own indentation is taken off every line and kept in
    `indent`.
    """
    blocks: list[FencedBlock] = []
    opened: re.Match[str] | None = None
    first, block_lines = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        found = _FENCE.fullmatch(line)
        if opened is None:
            # An info string after backticks cannot hold a backtick: that is inline code.
            if found and not (found["fence"][0] == "`" and "`" in found["info"]):
                opened, first, block_lines = found, number + 1, []
        elif found and not found["info"].strip() and found["fence"].startswith(opened["fence"]):
            blocks.append(_build_block(opened, first, block_lines))
            opened = None
        else:
            block_lines.append(line)
    if opened is not None:
        blocks.append(_build_block(opened, first, block_lines))
    return blocks


def _build_block(opened: re.Match[str], first: int, lines: list[str]) -> FencedBlock:
    indent = opened["indent"]
    # A line that is indented less than its fence keeps its text; the column then counts from the fence
    # all the same.
    dedented = [line[len(indent) :] if line.startswith(indent) else line.lstrip(" \t") for line in lines]
    words = opened["info"].split()
    language = words[0].strip("{}.").lower() if words else ""
    return FencedBlock(language, first, "".join(f"{line}\n" for line in dedented), len(indent))
