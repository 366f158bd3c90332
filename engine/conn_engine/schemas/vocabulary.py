"""What public connectors need, and the keys and functions for it: the tables of `docs/reference/vocabulary.md`.

The rows are in `docs/reference/vocabulary.yaml`. A test checks that their keys, examples and tests exist.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from conn_engine.documents import parse
from conn_engine.schemas.kinds import find_kinds

__all__ = ["Need", "Vocabulary", "build_tables", "is_known", "read_vocabulary"]

FILE = "vocabulary.yaml"
_WORD = re.compile(r"(?P<kind>[a-z][a-z0-9_.]*)(?:=(?P<value>\w+))?")


class Need(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that connectors need. `says`: keys (`kind.key`, `kind.key=value`) and functions (`$name`). `shown`:
    examples (`page.md#heading`) and tests. `missing`: what is not supported, and the alternative."""

    need: str
    says: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    missing: str = ""
    number: int | None = None
    manifests: int | None = None
    providers: int | None = None


class Vocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rows by capability, cases that simple designs do not cover, and needs that were not counted."""

    rows: tuple[Need, ...]
    odd: tuple[Need, ...]
    beyond: tuple[Need, ...]


def read_vocabulary(folder: Path) -> Vocabulary:
    """Read the data of the page. Raises msgspec.ValidationError for data of another form."""
    path = folder / FILE
    return msgspec.convert(parse(path.read_text(encoding="utf-8"), FILE, language="yaml").data, Vocabulary)


def is_known(word: str) -> bool:
    """Return whether a key, a value of a key, or a function exists."""
    from conn_engine.expressions import known_functions

    if word.startswith("$"):
        return word.removeprefix("$") in known_functions()
    match = _WORD.fullmatch(word)
    if match is None:
        return False
    name, value = match["kind"], match["value"]
    if name in find_kinds() and value is None:
        return True
    holder, _, key_name = name.rpartition(".")
    kind = find_kinds().get(holder)
    holders = (
        [kind, find_kinds()[kind.common]] if kind is not None and kind.common else [kind] if kind is not None else []
    )
    keys = [key for kind in holders for key in kind.keys if key.name == key_name]
    return bool(keys) and (value is None or value in re.split(r"[ ,|]+", keys[0].type))


def build_tables(folder: Path) -> dict[str, str]:
    """Return the Markdown tables by name: `rows`, `odd`, `beyond`."""
    vocabulary = read_vocabulary(folder)
    return {
        "rows": _build_table(("", "need", "manifests", "providers", "keys", "example"), vocabulary.rows),
        "odd": _build_table(("", "case", "keys", "example"), vocabulary.odd),
        "beyond": _build_table(("need", "keys", "example"), vocabulary.beyond),
    }


def _build_table(head: tuple[str, ...], needs: Sequence[Need]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for need in needs:
        counted = [str(need.number)] if need.number is not None else []
        numbers = [f"{count}" for count in (need.manifests, need.providers) if count is not None]
        cells = [*counted, need.need, *numbers, _describe_need(need), _format_examples(need)]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _describe_need(need: Need) -> str:
    keys = ", ".join(f"`{word.replace('=', ': ')}`" for word in need.says)
    missing = f"**not**: {need.missing}" if need.missing else ""
    return ". ".join(part for part in (keys, missing) if part)


def _format_examples(need: Need) -> str:
    examples = [place for place in need.shown if ".md#" in place]
    return ", ".join(f"[{place.partition('#')[2].replace('-', ' ')}]({place})" for place in examples)
