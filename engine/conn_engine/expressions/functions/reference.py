"""The page of documentation about the functions, and one function's entry as text. Generated from the registry."""

import json

from conn_engine.expressions.functions import FUNCTIONS, THEMES, Function

__all__ = ["entry", "example", "page"]

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

_TAIL = """\
## Where other platforms' helpers differ

The helpers have the names and the meaning that mappings written for other platforms expect, but for these cases,
where what they give is a fault or contradicts JSONata:

| Case | There | Here |
|---|---|---|
| `join-null`: `$join(['a', null, 'b'], '-')` | `"a--b"` | JSONata's error T0412, as its own `$join`. Write `$join($map(list, function($v) {$v = null ? '' : $v}), '-')`. |
| `removeEmpty-obj`: `$removeEmpty({'a': 1, 'b': null})` | undefined: the whole object is lost | `{"a": 1}`, as documented there |
| `xml2js-nc`: `$xmlToJs(text, {'compact': false})` | an error on any options | the tree, as documented there |
| `sql-or-key`: `$convertQueryToSql({'or': {…}})` | an internal error | the conditions in brackets, joined by OR |

Besides, quotes inside a value that `$convertQueryToSql` puts in quotes are always made harmless, a null that is compared
is `IS NULL` or `IS NOT NULL` (also one in a list), `$pick` and `$omit` take paths, and a date object (`$dtFromIso`) that
is a result itself shows its fields: end with `.toISO()`.
"""  # noqa: E501


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
    return "\n".join([*parts, _TAIL])
