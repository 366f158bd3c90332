"""Rewrite the advice of commands for an agent: a command line becomes the call of a tool, an option its argument."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from conn_service.authoring.tools import AUTHORING_TOOLS, AuthoringTool

__all__ = ["POSITIONS", "AdviceWriter"]

POSITIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "show": ("operation",),
    "eval": ("expression",),
    "map": ("operation",),
    "lint": (),
    "test": ("operations",),
    "why": ("operation", "path"),
    "diff-override": ("operation",),
    "override": ("account", "resource", "field", "expression"),
    "new": ("name",),
    "import": ("document",),
    "record": ("operation",),
    "explain": ("word",),
}
"""The arguments of tools, in the order in which a command line has them without options."""

_TOOLS: Final = {"import": "new", "diff-override": "diff_override"}
_ARGUMENTS: Final = {
    "-a": "account",
    "-c": "connector",
    "-i": "input",
    "-p": "params",
    "--from": "document",
    "--from-body": "body",
    "--header": "headers",
    "--page": "pages",
    "--param": "params",
}
_OMITTED: Final = frozenset({"-v", "--verbose", "--format=json", "--dry-run", "--remove"})
"""Options without an argument: results are complete, and `override` does what its arguments are."""
_IMPLIED: Final = {"override": "write"}
"""What a command does without an option, and a tool with an argument only; not with `--dry-run`."""
_TEXTS: Final = frozenset({"message", "fix", "next", "notes", "reason", "difference"})
_WORD = r"""(?:"[^"]*"|'[^']*'|[^\s,;:()`"']+)"""
_COMMAND = re.compile(rf"\bconn ([a-z]+(?:-[a-z]+)*)((?: (?!&&){_WORD}+)*)")
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)(?![\w-])(?: [A-Z][A-Z_|]*\b| (?=:))?")


class AdviceWriter:
    """Rewrites the advice in the results of one tool. `tools` are those that the server has."""

    def __init__(self, tool: str, tools: Iterable[str] = tuple(AUTHORING_TOOLS)) -> None:
        self._tool = AUTHORING_TOOLS[tool]
        self._tools = frozenset(tools)

    def rewrite(self, data: Any, key: str = "", texts: frozenset[str] = _TEXTS) -> Any:
        """Return data with its messages and fixes rewritten. Other values stay: they are the user's."""
        if isinstance(data, dict):
            texts = texts | {"text"} if data.get("kind") == "explain" else texts
            return {name: self.rewrite(value, name, texts) for name, value in data.items()}
        if isinstance(data, list):
            return [self.rewrite(item, key, texts) for item in data]
        return self.rewrite_text(data) if isinstance(data, str) and key in texts else data

    def rewrite_text(self, text: str) -> str:
        """Return a sentence with the tools and arguments that it names as options and command lines."""
        parts, end = [], 0
        for found in _COMMAND.finditer(text):
            parts += [self._rewrite_options(text[end : found.start()]), self._rewrite_command(found)]
            end = found.end()
        return "".join([*parts, self._rewrite_options(text[end:])])

    def _rewrite_command(self, found: re.Match[str]) -> str:
        command, rest = found[1], found[2]
        name = _TOOLS.get(command, command)
        if name not in self._tools or command not in POSITIONS:
            return f"{found[0]} (run by the user)"
        try:
            given, prose = _read_words(rest, AUTHORING_TOOLS[name], POSITIONS[command])
            if command in _IMPLIED and "--dry-run" not in rest.split():
                given[_IMPLIED[command]] = "true"
        except ValueError:
            return f"{found[0]} (run by the user)"
        arguments = ", ".join(f"{argument}: {value}" for argument, value in given.items())
        return f"the tool {name}{f' ({arguments})' if arguments else ''}{prose}"

    def _rewrite_options(self, text: str) -> str:
        def rewrite(found: re.Match[str]) -> str:
            argument = _find_argument(found[1])
            if argument in self._tool.properties:
                return f"the argument {argument}{' ' if found[0].endswith(' ') else ''}"
            return f"{found[1]} (an option for the user){found[0].removeprefix(found[1])}"

        return _OPTION.sub(rewrite, text)


def _find_argument(option: str) -> str:
    return _ARGUMENTS.get(option, option.lstrip("-"))


def _read_words(text: str, tool: AuthoringTool, positions: tuple[str, ...]) -> tuple[dict[str, str], str]:
    """Return the arguments of a command line, and the prose that follows it: words after options, or too many words.

    Raises ValueError for an option that is not an argument of the tool.
    """
    words, free, given = _split(text), iter(positions), dict[str, str]()
    has_options = False
    for start, word in words:
        option, sign, value = word.partition("=")
        if word in _OMITTED:
            continue
        if not word.startswith("-"):
            position = None if has_options else next(free, None)
            if position is None:
                return given, text[start:]
            given[position] = word
            continue
        argument, has_options = _find_argument(option), True
        if argument not in tool.properties:
            raise ValueError(option)
        is_flag = tool.properties[argument].get("type") == "boolean"
        given[argument] = "true" if is_flag else value if sign else next(words, (0, "…"))[1]
    return given, ""


def _split(text: str) -> Iterator[tuple[int, str]]:
    """Yield the words of a command line as a shell reads them, each with where its gap starts."""
    for found in re.finditer(rf" ({_WORD}+)", text):
        yield found.start(), "".join(shlex.split(found[1]))
