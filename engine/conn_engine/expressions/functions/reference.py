"""The page of documentation about the functions, and one function's entry as text. Generated from the registry."""

import json
from typing import NamedTuple

from conn_engine.expressions.functions import FUNCTIONS, THEMES, Function

__all__ = ["DEPARTURES", "MISSING", "entry", "example", "page"]

_HEAD = """\
# Functions

Added to the functions of JSONata itself, in every expression. This page is generated from their registry
(`python -m conn_engine.expressions.functions`), every example is run as a test under both evaluators, and
`conn explain functions` and `conn explain '$name'` show the same.

- The angle brackets behind a name are its signature: `s` text, `n` number, `b` boolean, `o` object, `a` list, `x`
  anything; `?` may be left out, `-` stands for the context when left out, the type after `:` is the result's.
- An undefined argument gives undefined. An argument that makes no sense is an error that says why (`D3137`), one
  that is too large or too deep too.
- Time and randomness are those of the evaluation: a replay always sees the same.
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
        "JSONata's error T0412, as its own `$join`. Write "
        "`$join($map(list, function($v) {$v = null ? '' : $v}), '-')`.",
    ),
    FunctionDeparture(
        ("removeEmpty-obj",),
        "$removeEmpty({'a': 1, 'b': null})",
        "undefined: the object is lost",
        '`{"a": 1}`, as documented there',
    ),
    FunctionDeparture(
        ("xml2js-nc",), "$xmlToJs(text, {'compact': false})", "an error on any options", "the tree, as documented there"
    ),
    FunctionDeparture(
        ("sql-or-key",),
        "$convertQueryToSql({'or': {…}})",
        "an internal error",
        "the conditions in brackets, joined by OR",
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
        "a list of ids is ignored",
        "the item depends on each of them",
    ),
    FunctionDeparture(
        ("graph-itself",),
        "$dependencyGraph(items, 'parent', 'id')",
        "as a result itself, objects that are empty",
        "the nodes and what each needs; end with a method",
    ),
    FunctionDeparture(
        ("chunks-emoji",),
        "$recursiveCharacterTextSplitter('😀😀😀', {'chunkSize': 4, 'chunkOverlap': 0})",
        "two chunks: it counts UTF-16 units",
        "one chunk: it counts characters",
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
        "each block is a paragraph of its own; `fields` names what a style sets; strikethrough, code and quotes have a "
        "style; a line break stays one",
    ),
)

MISSING = (
    (
        ("blob", "base64ToBlob", "bufferToString", "getArrayBuffer", "getDataUri", "teeStream"),
        "files and streams are `request_format` and `response_format` of an operation",
    ),
    (
        ("convertMdToPdf", "jsonToParquet", "parseDocument"),
        "an expression has no binary results: convert what the engine delivers",
    ),
    (("generateEmbeddingsCohere",), "an expression sends no requests: describe it as an operation"),
    (("convertNotionToMd",), "`$convertNotionToMarkdown` takes one block too"),
)
"""The functions of other platforms that do not exist here, and what to use instead."""

_TAIL = """\
## Where other platforms' helpers differ

The helpers have the names and the meaning that mappings written for other platforms expect, but for these cases,
where what they give is a fault or contradicts JSONata:

{departures}

Also, quotes inside a value that `$convertQueryToSql` puts in quotes are always made harmless, and a date object
(`$dtFromIso`) that is a result itself shows its fields: end with `.toISO()`.

These functions do not exist here:

{missing}
"""


def _tail() -> str:
    lines = ["| Case | There | Here |", "|---|---|---|"]
    for departure in DEPARTURES:
        names = ", ".join(f"`{name}`" for name in departure.cases)
        lines.append(f"| {names}: `{departure.example}` | {departure.there} | {departure.here} |")
    missing = [f"- {', '.join(f'`${name}`' for name in names)}: {reason}." for names, reason in MISSING]
    return _TAIL.format(departures="\n".join(lines), missing="\n".join(missing))


def _shown(row: Function) -> str:
    return json.dumps(row.expected, ensure_ascii=False)


def example(row: Function) -> str:
    """The example and its value, on a line."""
    return f"{json.dumps(row.example)[1:-1] if chr(10) in row.example else row.example} = {_shown(row)}"


def entry(row: Function) -> str:
    """What the function does and its example, as plain text."""
    return f"${row.name}{row.signature}\n\n{row.doc}\n\n  {row.example}\n  = {_shown(row)}"


def page() -> str:
    """docs/functions.md."""
    parts = [_HEAD]
    for title, rows in THEMES.items():
        parts.append(f"## {title}\n")
        for row in rows:
            parts.append(f"### ${row.name}\n\n`${row.name}{row.signature}` {row.doc}\n")
            parts.append(f"```jsonata\n{row.example}\n```\n\n```json\n{_shown(row)}\n```\n")
    names = ", ".join(f"[`${name}`](#{name.lower()})" for name in sorted(FUNCTIONS, key=str.lower))
    parts.insert(1, f"{names}\n")
    return "\n".join([*parts, _tail()])
