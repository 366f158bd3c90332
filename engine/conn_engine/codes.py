"""Every diagnostic code: its title, default severity, explanation. Nothing here decides when one is raised.

A code is a family and a number. Families: DOC (text of a document), CFG (configuration), REF (references
between documents), EXP (expressions), SEC (secrets), MAP (mappings on records), REC (recordings), RUN (requests
and answers), TST (test results).
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["CODES", "Code", "explain"]

SeverityName = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding. `explanation` is Markdown for `conn explain`: what, why it matters, the mend."""

    id: str
    title: str
    severity: SeverityName
    explanation: str


def _table(*rows: Code) -> dict[str, Code]:
    table = {row.id: row for row in rows}
    if len(table) != len(rows):
        raise ValueError("a diagnostic code is defined twice")
    return table


CODES: dict[str, Code] = _table(
    Code(
        "DOC001",
        "document cannot be read",
        "error",
        "The file is missing, is no regular file, may not be read, or is not UTF-8. Check its name and "
        "permissions; save it as UTF-8.",
    ),
    Code(
        "DOC002",
        "not YAML or JSON",
        "error",
        "The text breaks the syntax of its format. Most often a value that starts with `{{`, `*`, `@` or holds "
        "`: ` needs quotes, or an expression is better written as a block:\n\n"
        '```yaml\nresponse_mapping: |\n  response.{ "id": id }\n```',
    ),
    Code(
        "DOC003",
        "key is there twice",
        "error",
        "A mapping gives the same key twice. Other readers silently keep the last one, so the first has no "
        "effect. Keep one.",
    ),
    Code(
        "DOC004",
        "alias cannot be expanded",
        "error",
        "A YAML alias (`*name`) names no anchor, repeats itself, or aliases together repeat so much that the "
        "document would not fit in memory. Write the value out, or quote a text that starts with `*`.",
    ),
    Code(
        "DOC005",
        "document is too large or too deep",
        "error",
        "Documents are bounded: 8 MiB, 100 levels of nesting, 250,000 values, integers of 4,000 digits. Split "
        "the document.",
    ),
    Code(
        "DOC006",
        "tag is not supported",
        "error",
        "Documents hold plain data: mappings, lists, texts, numbers, booleans, null. Language-specific YAML tags "
        "such as `!!python/object`, and dates, sets and binaries, are refused. Remove the tag; quote the value if "
        "it is a text.",
    ),
    Code(
        "DOC007",
        "document is no mapping",
        "error",
        "The top of the document must be `name: value` pairs. An empty file, a list or a text is none.",
    ),
    Code(
        "DOC008",
        "merge key",
        "error",
        "`<<` is a habit of YAML 1.1 and no part of YAML 1.2: other tools read it as a key of that name. What "
        "documents share belongs in the level below (connector, then environment, then account).",
    ),
    Code(
        "DOC009",
        "key is no text",
        "error",
        'A key is a list or a mapping. YAML reads an unquoted `{{id}}` so; write `"{{id}}"`.',
    ),
    Code(
        "DOC010",
        "file cannot be written",
        "error",
        "The file or its folder refuses the write, or a symbolic link leads out of the folder. The old file is "
        "untouched.",
    ),
)


def explain(code: str) -> Code | None:
    """The entry of a code, whatever its letter case; None when there is no such code."""
    return CODES.get(code.upper())
