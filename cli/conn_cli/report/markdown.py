"""Texts of others in Markdown: as code, where nothing is a mention, a link, an image, HTML or the end of a cell.

Whatever comes from a document, a vendor, a store or a file name goes through `code` or `cell`; outside of them stand
our own words and numbers alone.
"""

import re

__all__ = ["cell", "code", "html_code"]

_TICKS = re.compile("`+")
_ACTIVE = re.compile(r"[^a-zA-Z0-9 ]", re.ASCII)


def code(text: str) -> str:
    """The text as a code span on one line; nothing for an empty one."""
    line = " ".join(text.split())
    if not line:
        return ""
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(line)), default=0))
    pad = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def cell(text: str) -> str:
    """The text as a code span in a table, where a bar is escaped even so; after a backslash it could not be."""
    return code(re.sub(r"(\\?)\|", lambda found: "\\\u00a6" if found[1] else "|", text)).replace("|", "\\|")


def html_code(text: str) -> str:
    """The text as code in a line of HTML, where Markdown would still be read."""
    line = _ACTIVE.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))
    return f"<code>{line}</code>"
