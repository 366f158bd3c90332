"""Find fenced code blocks in Markdown, and the lines that somebody wrote. `parse` reads the content of blocks, with
places in the Markdown file."""

import re
from typing import Final

from conn_engine.documents.document import FencedBlock

__all__ = ["END_OF_GENERATED", "GENERATED", "count_written_lines", "find_markdown_blocks"]

GENERATED: Final = "<!-- generated: replace this part, or write outside of it. conn score does not count it -->"
"""The line before the part of a README that a command writes."""
END_OF_GENERATED: Final = "<!-- / -->"

_FENCE = re.compile(r"(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>.*)")


def find_markdown_blocks(text: str) -> list[FencedBlock]:
    """Return every fenced block, in order. A fence that is not closed ends with the text.

    Blocks inside list items are found too: the indentation of the fence is removed from every line and stored in
    `indent`.
    """
    blocks: list[FencedBlock] = []
    opened: re.Match[str] | None = None
    first, block_lines = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.fullmatch(line)
        if opened is None:
            # An info string after backticks cannot contain a backtick: that is inline code.
            if match and not (match["fence"][0] == "`" and "`" in match["info"]):
                opened, first, block_lines = match, number + 1, []
        elif match and not match["info"].strip() and match["fence"].startswith(opened["fence"]):
            blocks.append(_build_block(opened, first, block_lines))
            opened = None
        else:
            block_lines.append(line)
    if opened is not None:
        blocks.append(_build_block(opened, first, block_lines))
    return blocks


def _build_block(opened: re.Match[str], first: int, lines: list[str]) -> FencedBlock:
    indent = opened["indent"]
    # A line that is indented less than its fence keeps its text, but its columns still count from the fence.
    dedented = [line[len(indent) :] if line.startswith(indent) else line.lstrip(" \t") for line in lines]
    words = opened["info"].split()
    language = words[0].strip("{}.").lower() if words else ""
    return FencedBlock(language, first, "".join(f"{line}\n" for line in dedented), len(indent))


def count_written_lines(text: str) -> int:
    """Return the number of lines with text outside of the parts that commands write."""
    count, is_generated = 0, False
    for line in map(str.strip, text.splitlines()):
        if line == GENERATED:
            is_generated = True
        elif is_generated:
            is_generated = line != END_OF_GENERATED
        else:
            count += bool(line)
    return count
