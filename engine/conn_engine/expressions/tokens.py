"""The lexer of JSONata: strings, comments, regular expressions, quoted names, variables and operators, with their
positions.

It finds the end of an expression inside `{{…}}`, and the functions and variables that an expression names. Precedence
and meaning are up to the evaluator.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["Analysis", "LexError", "Token", "analyse", "has_join", "lex", "lex_template", "read_arguments"]

Kind = Literal["name", "quoted", "variable", "string", "number", "regex", "operator"]

_STOP = r" \t\n\r\v.\[\]{}(),@#;:?+\-*/%|=<>^&!~"
_TOKEN = re.compile(
    rf"""(?P<blank>[ \t\n\r\v]+|/\*.*?\*/)
    |(?P<string>"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*')
    |(?P<quoted>`[^`]*`)
    |(?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?)
    |(?P<operator>\.\.|:=|!=|>=|<=|\*\*|~>|\?:|\?\?|[.\[\]{{}}(),@\#;:?+\-*/%|=<>^&!~])
    |(?P<variable>\$[^{_STOP}]*)
    |(?P<name>[^{_STOP}"'`][^{_STOP}]*)""",
    re.VERBOSE | re.DOTALL,
)
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_ENDS = frozenset(_CLOSERS.values())
_WORDS = frozenset({"and", "or", "in"})
_FUNCTION_WORDS = frozenset({"function", "λ"})
_UNCLOSED = {'"': "S0101", "'": "S0101", "`": "S0105", "/": "S0106"}
_MESSAGES = {
    "S0101": "this string is not closed",
    "S0105": "this quoted name is not closed",
    "S0106": "this comment is not closed",
    "S0302": "this regular expression is not closed",
}


class Token(NamedTuple):
    """A token: `text` as written, from `start` to `end` (exclusive), in characters."""

    kind: Kind
    text: str
    start: int
    end: int


class LexError(Exception):
    """The text cannot be split into tokens. `code` is JSONata's; `offset` is the start of the invalid part."""

    def __init__(self, code: str, offset: int, message: str = "") -> None:
        super().__init__(message or _MESSAGES[code])
        self.code = code
        self.offset = offset


def lex(text: str) -> list[Token]:
    """Split an expression into tokens. Raises LexError."""
    return _Lexer(text, 0, template=False).run()[0]


def lex_template(text: str, start: int) -> tuple[list[Token], int]:
    """Return the tokens from `start` to the `}}` that ends a template's expression, and the offset of that `}}`.

    A `}}` inside the expression's own strings, brackets, comments or regular expressions does not end it.
    Raises LexError with code `unclosed` if it does not end.
    """
    return _Lexer(text, start, template=True).run()


class _Lexer:
    """One pass over the text. If `operand` is true, an operand must follow, so that `/` starts a regular expression."""

    def __init__(self, text: str, start: int, *, template: bool) -> None:
        self.text = text
        self.start = start
        self.template = template
        self.tokens: list[Token] = []
        self.open: list[tuple[str, int]] = []
        self.operand = True

    def run(self) -> tuple[list[Token], int]:
        position = self.start
        while position < len(self.text):
            character = self.text[position]
            if self.template and character == "}" and not self.open:
                if self.text.startswith("}}", position):
                    return self.tokens, position
                raise LexError("unclosed", position, 'unexpected "}": a template ends with "}}"')
            if character == "/" and self.operand and not self.text.startswith("/*", position):
                end = _regex_end(self.text, position)
                self._add("regex", position, end)
                position = end
                continue
            match = _TOKEN.match(self.text, position)
            if match is None or (
                character == "/" and self.text.startswith("/*", position) and match.lastgroup != "blank"
            ):
                raise LexError(_UNCLOSED.get(character, "S0101"), position)
            if match.lastgroup != "blank":
                self._add(match.lastgroup, position, match.end())  # type: ignore[arg-type]
            position = match.end()
        if self.template:
            raise LexError("unclosed", max(self.start - 2, 0), 'the "{{" has no closing "}}"')
        return self.tokens, position

    def _add(self, kind: Kind, start: int, end: int) -> None:
        text = self.text[start:end]
        if kind == "name" and text in _WORDS and not self.operand:
            kind = "operator"
        self.tokens.append(Token(kind, text, start, end))
        if kind != "operator":
            self.operand = False
        elif text in _CLOSERS:
            self.open.append((_CLOSERS[text], start))
            self.operand = True
        elif text in (")", "]", "}"):
            self._close(text, start)
            self.operand = False
        elif text == "|":
            self._bar(start)
        elif text in ("*", "**", "%") and self.operand:
            self.operand = False  # a wildcard or the parent, not arithmetic
        else:
            self.operand = True

    def _close(self, text: str, start: int) -> None:
        if self.open and self.open[-1][0] == text:
            self.open.pop()
        elif self.template:
            if self.open:
                raise LexError("unclosed", self.open[-1][1], f'a "{self.text[self.open[-1][1]]}" is not closed')
            raise LexError("S0201", start, f'unexpected "{text}"')

    def _bar(self, start: int) -> None:
        """Handle a transform `|place|update|`: the first bar opens it, the second divides it, the third closes it."""
        if self.operand or not self.open or self.open[-1][0] not in ("|", "||"):
            self.open.append(("||", start))
            self.operand = True
            return
        state, opened = self.open.pop()
        if state == "||":
            self.open.append(("|", opened))
            self.operand = True
        else:
            self.operand = False


def _regex_end(text: str, start: int) -> int:
    """Return the end of the regular expression that starts at `start`, including its flags. A `/` in brackets does not
    end it."""
    depth = 0
    position = start + 1
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 2
            continue
        if character == "/" and depth == 0:
            position += 1
            while position < len(text) and text[position] in "im":
                position += 1
            return position
        depth += (character in "([{") - (character in ")]}")
        position += 1
    raise LexError("S0302", start)


@dataclass(frozen=True, slots=True)
class Analysis:
    """The names in an expression.

    `calls` are the functions that it calls (name without `$`, offset of the `$`). `bound` are the names that it binds
    (`:=`, parameters, `@$x`, `#$i`), and `variables` are those that it uses but does not bind. `root` is true if it
    contains `$$`, and `assigns` if it contains `:=`.
    """

    tokens: tuple[Token, ...]
    calls: tuple[tuple[str, int], ...]
    bound: frozenset[str]
    variables: frozenset[str]
    root: bool
    assigns: bool


def analyse(tokens: list[Token]) -> Analysis:
    """Collect the names in tokens. Scopes are not distinguished: a name that is bound anywhere counts as bound."""
    calls: list[tuple[str, int]] = []
    bound: set[str] = set()
    used: set[str] = set()
    for index, token in enumerate(tokens):
        if token.kind == "name" and token.text in _FUNCTION_WORDS:
            bound.update(_parameters(tokens, index + 1))
        if token.kind != "variable":
            continue
        name = token.text[1:]
        before = tokens[index - 1].text if index and tokens[index - 1].kind == "operator" else ""
        after = tokens[index + 1].text if index + 1 < len(tokens) and tokens[index + 1].kind == "operator" else ""
        if after == ":=" or before in ("@", "#"):
            bound.add(name)
        elif name not in ("", "$"):
            used.add(name)
            if after == "(" or before == "~>":
                calls.append((name, token.start))
    return Analysis(
        tokens=tuple(tokens),
        calls=tuple((name, offset) for name, offset in calls if name not in bound),
        bound=frozenset(bound),
        variables=frozenset(used - bound),
        root=any(token.kind == "variable" and token.text == "$$" for token in tokens),
        assigns=any(token.kind == "operator" and token.text == ":=" for token in tokens),
    )


def has_join(tokens: Iterable[Token]) -> bool:
    """Return whether a step of a path is bound to a variable (`orders@$o`), which produces all combinations."""
    return any(token.kind == "operator" and token.text == "@" for token in tokens)


def _parameters(tokens: list[Token], index: int) -> list[str]:
    if index >= len(tokens) or tokens[index].text != "(":
        return []
    names: list[str] = []
    for token in tokens[index + 1 :]:
        if token.kind == "variable":
            names.append(token.text[1:])
        elif token.text != ",":
            break
    return names


def read_arguments(tokens: tuple[Token, ...], index: int) -> list[list[Token]]:
    """Return the tokens of each argument of the call whose bracket is at `index`; empty if there is no call."""
    if index >= len(tokens) or tokens[index].text != "(" or tokens[index].kind != "operator":
        return []
    arguments: list[list[Token]] = [[]]
    depth = 0
    for token in tokens[index + 1 :]:
        mark = token.text if token.kind == "operator" else ""
        if mark == "," and depth == 0:
            arguments.append([])
            continue
        if mark in _ENDS and depth == 0:
            break
        depth += (mark in _CLOSERS) - (mark in _ENDS)
        arguments[-1].append(token)
    return arguments
