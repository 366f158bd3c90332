"""Write the generated parts of the pages in `docs/`. With `--check`, only list the pages that differ from the models.

A generated part is between `<!-- keys pagination.cursor -->` (or `formats`, `codes`, `kinds`, `rules`, `vocabulary`)
and the next `<!-- / -->`. The rest of a page is written manually and does not change.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from conn_engine.documents import write_whole
from conn_engine.documents.locate import find_packaged
from conn_engine.roles import RULE
from conn_engine.schemas.kinds import find_kinds
from conn_engine.schemas.reference import format_key_table, format_strategy_table

__all__ = ["fill_page", "find_parts", "run"]

_PART = re.compile(
    r"<!-- (?P<what>keys|formats|codes|kinds|rules|vocabulary)(?: (?P<name>\S+))? -->\n(?P<text>.*?)<!-- / -->", re.S
)

FEWEST_REPEATED = 3
"""Rows of a table that an earlier table of the page has too, from which on they are joined."""


def find_parts(text: str) -> list[tuple[str, str]]:
    """Return the generated parts of a page as pairs such as `("keys", "pagination.cursor")`."""
    return [(part["what"], part["name"] or "") for part in _PART.finditer(text)]


def fill_page(text: str) -> str:
    """Return a page with up-to-date generated parts. Raises KeyError for an unknown kind."""

    rules = [f"*{RULE}*\n\n"]  # once, at the beginning of the first table of keys
    shown: dict[str, str] = {}

    def part(match: re.Match[str]) -> str:
        kind, name = match["what"], match["name"] or ""
        content = (
            {"keys": format_key_table, "formats": format_strategy_table, "vocabulary": _build_vocabulary}[kind](name)
            if name
            else _build_part(kind)
        )
        rule = rules.pop() if kind == "keys" and rules else ""
        if kind == "keys":
            content = _join_repeated_rows(content, name, shown)
        return f"<!-- {kind}{' ' if name else ''}{name} -->\n{rule}{content}<!-- / -->"

    return _PART.sub(part, text)


def _join_repeated_rows(table: str, name: str, shown: dict[str, str]) -> str:
    """Return the table of a kind's keys, with one row for those that the table of another kind on the page shows.

    `shown` has the kind that shows a row; the rows of this table are added to it.
    """
    lines = table.splitlines()
    joined: dict[str, list[str]] = {}
    for row in lines:
        if row.startswith("| `") and (earlier := shown.setdefault(row, name)) != name:
            joined.setdefault(earlier, []).append(row)
    for earlier, rows in joined.items():
        if len(rows) >= FEWEST_REPEATED:
            keys = ", ".join(row.removeprefix("| ").partition(" | ")[0] for row in rows)
            lines[lines.index(rows[-1])] = f"| {keys} |  |  | As in `{earlier}`. |"
            lines = [line for line in lines if line not in rows]
    return "\n".join(lines) + "\n"


def run(arguments: Sequence[str], folder: Path) -> int:
    """Return the exit code: 0 if all pages are written or up to date, 1 if some differ, 2 for an unknown argument."""
    if [argument for argument in arguments if argument not in ("--check", "--write")]:
        sys.stderr.write("usage: python -m conn_engine.schemas.docs [--check | --write]\n")
        return 2
    drifted = 0
    for path in sorted(folder.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        filled = fill_page(text)
        if filled == text:
            continue
        drifted += 1
        if "--check" not in arguments:
            write_whole(path, filled)
        sys.stdout.write(
            f"{'differs' if '--check' in arguments else 'written'}: {path.relative_to(folder).as_posix()}\n"
        )
    return 1 if drifted and "--check" in arguments else 0


def _build_part(kind: str) -> str:
    if kind == "codes":
        return _build_codes()
    if kind == "kinds":
        return ", ".join(f"`{name}`" for name in find_kinds()) + "\n"
    return _build_rules()


def _build_vocabulary(name: str) -> str:
    """Return a table of what public connectors need. Raises KeyError for an unknown table."""
    from conn_engine.schemas.vocabulary import build_tables

    return build_tables(find_packaged("docs", "reference"))[name]


def _build_codes() -> str:
    from conn_engine.diagnostics.codes import CODES

    parts = []
    for row in CODES.values():
        parts.append(f"### {row.id}\n\n{row.title} ({row.severity}).\n\n{row.explanation.strip()}\n")
    return "\n".join(parts)


def _build_rules() -> str:
    """Return the table of the default error rules, which apply if no rule of the connector matches."""
    from conn_engine.responses.failures import DEFAULT_RULES

    rows = ["| when | then |", "|---|---|"]
    for rule in DEFAULT_RULES:
        then = rule.then
        if isinstance(then, str):
            action = f"`{then}`"
        elif then.retry is not None:
            last = then.retry.then
            action = f"`retry` {then.retry.times} times, then `{last if isinstance(last, str) else last.kind}`"
        else:
            action = f"`fail`: {then.fail.kind if then.fail is not None else ''}"
        rows.append(f"| `{rule.when}` | {action} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:], find_packaged("docs")))
