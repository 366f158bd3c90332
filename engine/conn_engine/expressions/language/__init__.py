"""The documentation of the expression language: functions, operators, and the names in scope.

Each entry has a signature, one sentence and an example that runs. Import it where it is needed: it is not part of what
evaluates expressions.
"""

import json
import re
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from conn_engine.diagnostics import did_you_mean
from conn_engine.expressions.functions import FUNCTIONS, Function
from conn_engine.expressions.language.built_in import BUILT_IN_ENTRIES
from conn_engine.expressions.language.entries import LanguageEntry, Topic
from conn_engine.expressions.language.operators import OPERATOR_ENTRIES
from conn_engine.expressions.language.variables import VARIABLE_ENTRIES

__all__ = [
    "BUILT_IN_ENTRIES",
    "OPERATOR_ENTRIES",
    "VARIABLE_ENTRIES",
    "LanguageEntry",
    "Topic",
    "find_entry",
    "format_entry",
    "format_example",
    "format_value",
    "list_entries",
    "suggest_entry",
]

_TYPES: Final = MappingProxyType(
    {"s": "text", "n": "number", "b": "boolean", "l": "null", "o": "object", "a": "list", "f": "function", "x": "value",
     "j": "value", "u": "value"}
)  # fmt: skip
_FOREIGN_OPERATORS: Final = MappingProxyType(
    {
        "==": "=",
        "===": "=",
        "!==": "!=",
        "<>": "!=",
        "&&": "and",
        "||": "or",
        "!": "$not",
        "?.": ".",
        "|>": "~>",
        "->": "~>",
    }
)
_PARAMETER: Final = re.compile(r"(?P<type>\([a-z]+\)|[a-z])(?:<[^>]*>)?(?P<mark>[-?+]*)")


def list_entries() -> tuple[LanguageEntry, ...]:
    """Return every entry. A function of Conn's replaces one of JSONata with its name."""
    return tuple(_entries().values())


def find_entry(name: str) -> LanguageEntry | None:
    """Return the entry of a function (`$pick`), an operator (`&`, `^(`) or a name (`$base`, `response`), or None."""
    return _entries().get(name) or _other_spellings().get("".join(name.split()))


def suggest_entry(word: str) -> str:
    """Return a did-you-mean for a function, an operator or a name that does not exist, or an empty string."""
    if word in _FOREIGN_OPERATORS:
        return f'did you mean "{_FOREIGN_OPERATORS[word]}"?'
    known = [entry.name for entry in list_entries() if entry.topic != "operator"]
    near = {name.lower(): name for name in known}.get(word.lower())
    return f'did you mean "{near}"?' if near else did_you_mean(word, known)


def format_entry(entry: LanguageEntry) -> str:
    """Return the entry as plain text: signature, sentence, and the example with its data and result."""
    lines = [entry.signature, "", entry.doc, "", f"  {entry.example}"]
    lines += [f"  over {format_value(entry.data)}"] if entry.data else []
    lines += [f"  over the level below: {entry.below}"] if entry.below else []
    return "\n".join([*lines, f"  = {format_value(entry.result)}"])


def format_example(entry: LanguageEntry) -> str:
    """Return the example and its result on one line."""
    example = json.dumps(entry.example)[1:-1] if "\n" in entry.example else entry.example
    return f"{example}  →  {format_value(entry.result)}"


def format_value(value: Any) -> str:
    """Return data as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


@cache
def _entries() -> dict[str, LanguageEntry]:
    entries = (*BUILT_IN_ENTRIES, *map(_describe_function, FUNCTIONS.values()), *OPERATOR_ENTRIES, *VARIABLE_ENTRIES)
    return {entry.name: entry for entry in entries}


@cache
def _other_spellings() -> dict[str, LanguageEntry]:
    spellings = [(other, entry) for entry in _entries().values() for other in (entry.name, *entry.also)]
    return {"".join(other.split()): entry for other, entry in spellings}


def _describe_function(row: Function) -> LanguageEntry:
    parameters, _, result = row.signature.strip("<>").rpartition(":")
    names = ", ".join(_name_parameter(match) for match in _PARAMETER.finditer(parameters))
    signature = f"${row.name}({names}) → {_name_types(result)}"
    return LanguageEntry("function", f"${row.name}", signature, row.doc, row.example, row.expected)


def _name_parameter(match: "re.Match[str]") -> str:
    optional = "?" if set(match["mark"]) & {"?", "-"} else ""
    return f"{_name_types(match['type'])}{optional}{', …' if '+' in match['mark'] else ''}"


def _name_types(types: str) -> str:
    return " or ".join(dict.fromkeys(_TYPES.get(letter, "value") for letter in types.strip("()")))
