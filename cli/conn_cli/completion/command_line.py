"""Find what may be typed next on a command line, from the command tree and the names of the workspace."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from conn_cli.completion.names import WorkspaceNames

__all__ = ["Candidate", "find_candidates", "load_tree"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word that can be typed, and its help in one line; empty for names."""

    text: str
    help: str = ""


@dataclass(slots=True)
class _Position:
    """Where the cursor is: in which command, after how many arguments, or at the value of which option."""

    command: dict[str, Any]
    used: dict[str, str] = field(default_factory=dict)
    arguments: int = 0
    value_of: str = ""
    options_ended: bool = False


@cache
def load_tree() -> dict[str, Any]:
    """Return the command tree, as generated from the commands."""
    tree: dict[str, Any] = json.loads(Path(__file__).with_name("tree.json").read_text(encoding="utf-8"))
    return tree


def find_candidates(words: Sequence[str], incomplete: str, folder: Path, environ: Mapping[str, str]) -> list[Candidate]:
    """Return the candidates for the word that is being typed. `words` are those between `conn` and it."""
    position = _walk(words)
    names = WorkspaceNames(folder / position.used.get("--workspace", ""), position.used, environ)
    name, sign, typed = incomplete.partition("=")
    if position.value_of:
        candidates = _list_values(position.command["options"][position.value_of]["value"], names, incomplete)
    elif sign and name.startswith("--") and not position.options_ended:
        value = position.command["options"].get(name, {}).get("value", {})
        candidates = [Candidate(f"{name}={candidate.text}") for candidate in _list_values(value, names, typed)]
    elif incomplete.startswith("-") and not position.options_ended:
        candidates = [Candidate(name, option["help"]) for name, option in position.command["options"].items()]
    elif position.arguments and "commands" in position.command:
        candidates = []  # there is no such command
    elif "commands" in position.command:
        candidates = [Candidate(name, command["help"]) for name, command in position.command["commands"].items()]
    else:
        candidates = _list_argument(position, names, incomplete)
    return [candidate for candidate in candidates if candidate.text.startswith(incomplete)]


def _walk(words: Sequence[str]) -> _Position:
    position = _Position(load_tree())
    for word in words:
        if position.value_of:
            position.used[position.value_of] = word
            position.value_of = ""
        elif word == "--" and not position.options_ended:
            position.options_ended = True
        elif word.startswith("-") and len(word) > 1 and not position.options_ended:
            _take_option(position, word)
        elif word in position.command.get("commands", {}):
            position.command = position.command["commands"][word]
        else:
            _take_argument(position, word)
    return position


def _take_argument(position: _Position, word: str) -> None:
    """Count an argument. An account decides the operations that follow it, as the option does."""
    arguments = position.command.get("arguments", [])
    if position.arguments < len(arguments) and arguments[position.arguments].get("names") == "accounts":
        position.used["--account"] = word
    position.arguments += 1


def _take_option(position: _Position, word: str) -> None:
    name, sign, value = word.partition("=")
    name = position.command["short"].get(name, name)
    if "value" not in position.command["options"].get(name, {}):
        return
    if sign:
        position.used[name] = value
    else:
        position.value_of = name


def _list_argument(position: _Position, names: WorkspaceNames, incomplete: str) -> list[Candidate]:
    arguments = position.command.get("arguments", [])
    if not arguments:
        return []
    argument = arguments[min(position.arguments, len(arguments) - 1)]
    if position.arguments >= len(arguments) and not argument["repeats"]:
        return []
    return _list_values(argument, names, incomplete)


def _list_values(parameter: Mapping[str, Any], names: WorkspaceNames, incomplete: str) -> list[Candidate]:
    values = [*parameter.get("values", []), *names.list_names(parameter.get("names"), incomplete)]
    return [Candidate(text) for text in values]
