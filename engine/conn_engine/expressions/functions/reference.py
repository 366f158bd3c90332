"""The page of documentation about the functions, and one function's entry as text. Generated from the registry."""

import json
from typing import NamedTuple

from conn_engine.expressions.functions import FUNCTIONS, THEMES, Function

__all__ = ["DEPARTURES", "MISSING", "page"]

_HEAD = """\
# Functions

You can use these functions in every expression, together with JSONata's own. In the terminal, `conn explain functions`,
`conn explain operators` and `conn explain names` list all that an expression can use, and `conn explain '$name'` shows
one. Each example is run as a test with both evaluators.

- The signature of a function is in angle brackets: `s` text, `n` number, `b` boolean, `o` object, `a` list, `x` any
  value. `?` marks an optional argument, `-` an argument that defaults to the context, and the type after `:` is the
  result's.
- If an argument is undefined, so is the result. An argument that is not valid, too large or too deep is an error with
  the reason (`D3137`).
- Time and random values come from the evaluation, so a replay always gets the same ones.

This page is generated (`python -m conn_engine.expressions.functions`).
"""


class FunctionDeparture(NamedTuple):
    """Where a helper differs from what other platforms give: the `cases` of the table of vectors, an example, and what
    comes there and here."""

    cases: tuple[str, ...]
    example: str
    there: str
    here: str


DEPARTURES = (
    FunctionDeparture(
        ("join-null",),
        "$join(['a', null, 'b'], '-')",
        '`"a--b"`',
        "JSONata's error T0412, as with its own `$join`. Write "
        "`$join($map(list, function($v) {$v = null ? '' : $v}), '-')`.",
    ),
    FunctionDeparture(
        ("removeEmpty-obj",),
        "$removeEmpty({'a': 1, 'b': null})",
        "undefined; the object is lost",
        '`{"a": 1}`, as documented there',
    ),
    FunctionDeparture(
        ("xml2js-nc",),
        "$xmlToJs(text, {'compact': false})",
        "an error with any options",
        "the tree, as documented there",
    ),
    FunctionDeparture(
        ("sql-or-key",),
        "$convertQueryToSql({'or': {…}})",
        "an internal error",
        "the conditions in parentheses, joined by OR",
    ),
    FunctionDeparture(
        ("sql-eq-null", "sql-ne-null", "sql-null", "sql-in-null"),
        "$convertQueryToSql({'a': {'eq': null}})",
        "the condition is left out, or an internal error",
        "`a IS NULL`, `a IS NOT NULL`, `(a in (1) OR a IS NULL)`",
    ),
    FunctionDeparture(
        ("graph-list-of-parents",),
        "$dependencyGraph([{'id': 'a', 'deps': ['b', 'c']}, …], 'deps', 'id')",
        "a list of IDs is ignored",
        "the item depends on each of them",
    ),
    FunctionDeparture(
        ("graph-itself",),
        "$dependencyGraph(items, 'parent', 'id')",
        "as the final result, empty objects",
        "the nodes and their dependencies; end with a method",
    ),
    FunctionDeparture(
        ("chunks-emoji",),
        "$recursiveCharacterTextSplitter('😀😀😀', {'chunkSize': 4, 'chunkOverlap': 0})",
        "two chunks; it counts UTF-16 units",
        "one chunk; it counts characters",
    ),
    FunctionDeparture(
        ("adf-tasks", "adf-html", "adf-entity"),
        "$convertMarkdownToAdf('- [x] done')",
        "`[x]` and tags are dropped, `&amp;` stays",
        "`[x]` and tags are text, `&amp;` is `&`, as in `$convertMarkdownToHtml`",
    ),
    FunctionDeparture(
        tuple(
            f"docs-{name}"
            for name in (
                "heading",
                "lists",
                "blocks",
                "table",
                "image",
                "breaks",
                "tasks",
                "html",
                "start",
                "entity",
                "loose",
            )
        ),
        "$convertMarkdownToGoogleDocs('a\\n\\nb')",
        "empty paragraphs between blocks; a style replaces all others of the text; strikethrough, code and quotes "
        "are plain; a line break is lost",
        "each block is a separate paragraph; `fields` lists what a style sets; strikethrough, code and quotes have a "
        "style; a line break is kept",
    ),
)

MISSING = (
    (
        ("blob", "base64ToBlob", "bufferToString", "getArrayBuffer", "getDataUri", "teeStream"),
        "for files and streams, use `body_format` and `response_format` of an operation",
    ),
    (
        ("convertMdToPdf", "jsonToParquet", "parseDocument"),
        "an expression has no binary results; convert the engine's output",
    ),
    (("generateEmbeddingsCohere",), "an expression cannot send requests; describe the call as an operation"),
    (("convertNotionToMd",), "`$convertNotionToMarkdown` also accepts a single block"),
)
"""The functions of other platforms that do not exist here, and what to use instead."""

_TAIL = """\
## Where other platforms' helpers differ

The functions have the names and the behavior that mappings for other platforms expect, except in these cases, where
the other result is a bug or contradicts JSONata:

{departures}

Also, `$convertQueryToSql` always escapes quotes inside a quoted value, and a date object (`$dtFromIso`) as the final
result shows its fields: end with `.toISO()`.

These functions of other platforms do not exist here:

{missing}
"""


def _tail() -> str:
    lines = ["| Case | There | Here |", "|---|---|---|"]
    for departure in DEPARTURES:
        names = ", ".join(f"`{name}`" for name in departure.cases)
        lines.append(f"| {names}: `{departure.example}` | {departure.there} | {departure.here} |")
    missing = [f"- {', '.join(f'`${name}`' for name in names)}: {reason}." for names, reason in MISSING]
    return _TAIL.format(departures="\n".join(lines), missing="\n".join(missing))


def _format_expected(row: Function) -> str:
    return json.dumps(row.expected, ensure_ascii=False)


def page() -> str:
    """docs/reference/functions.md."""
    parts = [_HEAD]
    for title, rows in THEMES.items():
        parts.append(f"## {title}\n")
        for row in rows:
            parts.append(f"### ${row.name}\n\n`${row.name}{row.signature}` {row.doc}\n")
            parts.append(f"```jsonata\n{row.example}\n```\n\n```json\n{_format_expected(row)}\n```\n")
    names = ", ".join(f"[`${name}`](#{name.lower()})" for name in sorted(FUNCTIONS, key=str.lower))
    parts.insert(1, f"{names}\n")
    return "\n".join([*parts, _tail()])
