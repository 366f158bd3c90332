"""Find what is written at the cursor in an expression: the start of a function, a variable or a name, and the path to
the value whose fields may follow.

Only what is before the cursor counts. It is split into tokens by the lexer of the expressions and followed from left to
right; what cannot be followed, such as the result of a function, has no known fields.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from conn_engine.expressions.tokens import LexError, Token, lex

__all__ = ["ExpressionPlace", "locate_in_expression", "locate_in_template"]

Steps = tuple[str, ...]
_WORD = re.compile(r"[$\w]*\Z")
_PREDEFINED: dict[str, Steps] = {"$base": ("$base",)}
_SAME_ITEMS = frozenset({"filter", "sort", "reverse", "distinct", "append"})
_OVER_ITEMS = _SAME_ITEMS | {"map", "each", "single", "sift"}


@dataclass(frozen=True, slots=True)
class ExpressionPlace:
    """What is being typed in an expression: a `function` or variable (with its `$`), a `name` in scope, or a `field` of
    the value at `steps`; None if these are unknown. `typed` is the part before the cursor.

    `variables` are the variables that the expression itself defines.
    """

    kind: Literal["function", "name", "field"]
    typed: str
    steps: Steps | None = ()
    variables: tuple[str, ...] = ()


@dataclass(slots=True)
class _Bracket:
    """An open bracket. Names inside are fields of `context`; `before` is the value in front of the bracket."""

    sign: str
    context: Steps | None
    before: Steps | None = None
    function: str = ""
    first: Steps | None = None
    assigned: str = ""


def locate_in_template(text: str) -> ExpressionPlace | None:
    """Return the place at the end of a text with `{{…}}`; None outside of an expression."""
    start = text.rfind("{{")
    return None if start < 0 or "}}" in text[start:] else locate_in_expression(text[start + 2 :])


def locate_in_expression(text: str) -> ExpressionPlace | None:
    """Return the place at the end of the start of an expression; None in a text, a comment or a regular expression."""
    typed = (_WORD.search(text) or [""])[0]
    quoted = text[: len(text) - len(typed)].endswith("`")
    try:
        tokens = lex(text[: len(text) - len(typed) - quoted])
    except LexError:
        return None
    if typed[:1].isdigit():
        return None
    reader = _TokenReader(tokens)
    reader.read_tokens()
    variables = tuple(dict.fromkeys(reader.variables))
    if typed.startswith("$"):
        return ExpressionPlace("function", typed, (), variables)
    if reader.after_dot:
        return ExpressionPlace("field", typed, reader.value, variables)
    if not reader.expects_operand:
        return None
    context = reader.brackets[-1].context
    return ExpressionPlace("name" if context == () else "field", typed, context, variables)


@dataclass(slots=True)
class _TokenReader:
    """Follows the tokens. `value` is the path of the value before the next token, None if it is unknown."""

    tokens: list[Token]
    brackets: list[_Bracket] = field(default_factory=lambda: [_Bracket("", ())])
    variables: dict[str, Steps | None] = field(default_factory=dict)
    value: Steps | None = None
    after_dot: bool = False
    expects_operand: bool = True
    _function: str = ""
    _variable: str = ""

    def read_tokens(self) -> None:
        for index, token in enumerate(self.tokens):
            if token.kind == "operator":
                self._read_operator(token.text)
            elif token.kind == "name" and token.text in ("and", "or", "in") and not self.expects_operand:
                self._expect()
            elif token.kind in ("name", "quoted"):
                self._read_name(token.text.strip("`"))
            elif token.kind == "variable":
                self._read_variable(token.text, index)
            else:
                self._take(None)

    def _read_name(self, name: str) -> None:
        context = self.value if self.after_dot else self.brackets[-1].context
        self._function = name if name in ("function", "λ") else ""
        self._take(None if context is None else (*context, name))

    def _read_variable(self, name: str, index: int) -> None:
        following = self.tokens[index + 1].text if index + 1 < len(self.tokens) else ""
        if following == "(":
            self._take(None)
            self._function = name[1:]
            return
        self._variable = name[1:]
        known = {"$": self.value if self.after_dot else self.brackets[-1].context, "$$": ()}
        self._take(known[name] if name in known else self.variables.get(name[1:], _PREDEFINED.get(name)))
        if self.brackets[-1].function == "parameters" and name[1:] not in self.variables:
            self.variables[name[1:]] = self._find_items() if self.brackets[-1].first is None else None
            self.brackets[-1].first = ()

    def _find_items(self) -> Steps | None:
        """Return the path of the items that the call around a function passes to it."""
        call = self.brackets[-2] if len(self.brackets) > 1 else None
        return call.first if call is not None and call.function in _OVER_ITEMS else None

    def _read_operator(self, sign: str) -> None:
        if sign in (".", "^"):  # the keys of a sort are fields of the items
            self.after_dot, self.expects_operand = True, True
        elif sign in "([{":
            self._open(sign)
        elif sign in ")]}":
            self._close()
        elif sign == ":=":
            self.brackets[-1].assigned = self._variable
            self._expect()
        elif sign == "*" and self.expects_operand:
            self._take(None)
        else:
            if sign in ",;":
                self._end_part()
            self._expect()

    def _open(self, sign: str) -> None:
        before = None if self.expects_operand and not self.after_dot else self.value
        follows = self.after_dot or (not self.expects_operand and sign in "[{" and not self._function)
        context = before if follows else self.brackets[-1].context
        function = ""
        if sign == "(" and not self.expects_operand:
            function = "parameters" if self._function in ("function", "λ") else self._function
        self.brackets.append(_Bracket(sign, context, before, function))
        self._expect()

    def _close(self) -> None:
        self._end_part()
        bracket = self.brackets.pop() if len(self.brackets) > 1 else self.brackets[0]
        value = bracket.before if bracket.sign == "[" else None
        if bracket.sign == "(" and bracket.function in _SAME_ITEMS:
            value = bracket.first
        elif bracket.sign == "(" and not bracket.function:
            value = self.value  # parentheses have the value of their last expression
        self._take(value)
        self._function = "function" if bracket.function == "parameters" else ""

    def _end_part(self) -> None:
        bracket = self.brackets[-1]
        value = None if self.expects_operand else self.value
        if bracket.assigned:
            self.variables[bracket.assigned] = value
            bracket.assigned = ""
        if bracket.function and bracket.function != "parameters" and bracket.first is None:
            bracket.first = value

    def _take(self, value: Steps | None) -> None:
        self.value, self.after_dot, self.expects_operand = value, False, False

    def _expect(self) -> None:
        self.value, self.after_dot, self.expects_operand = None, False, True
        self._function = ""
