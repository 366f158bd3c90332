"""Show text from elsewhere as code in Markdown, so that it cannot be a mention, a link, an image, HTML or a cell's end.

Text from a document, a vendor, a store or a file name goes through `code` or `cell`. Only our own words and numbers are
written outside of them.
"""

import re

__all__ = ["cell", "code", "html_code"]

_TICKS = re.compile("`+")
_ACTIVE = re.compile(r"[^a-zA-Z0-9 ]", re.ASCII)


def code(text: str) -> str:
    """Format the text as a code span on one line; an empty string stays empty."""
    line = " ".join(text.split())
    if not line:
        return ""
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(line)), default=0))
    pad = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def cell(text: str) -> str:
    """Format the text as a code span in a table, where a bar must be escaped; after a backslash it is replaced."""
    return code(re.sub(r"(\\?)\|", lambda found: "\\\u00a6" if found[1] else "|", text)).replace("|", "\\|")


def html_code(text: str) -> str:
    """Format the text as code in a line of HTML, in which Markdown still applies."""
    line = _ACTIVE.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))
    return f"<code>{line}</code>"
