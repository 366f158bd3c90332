"""Rules over expressions that parse, and mean something else than in the language their author has in mind."""

from collections.abc import Iterator

from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.documents import format_path
from conn_engine.expressions import find_tokens
from conn_engine.expressions.tokens import Token
from conn_engine.lint.layer_view import LayerView

__all__ = ["find_constant_filters", "find_text_sums"]

_OPERANDS = frozenset({"name", "quoted", "variable"})


def find_constant_filters(view: LayerView) -> Iterator[Diagnostic]:
    """EXP130: `response['name']`, a filter that everything passes, where a field is meant."""
    for site, text, offset in view.parts:
        tokens = find_tokens(text)
        for before, opening, key, closing in zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False):
            if (opening.text, key.kind, closing.text) != ("[", "string", "]") or not _ends_operand(before):
                continue
            span = view.locate(site, offset + opening.start, closing.end - opening.start)
            message = f"[{key.text}] filters by a constant text, which is true for everything"
            hint = f"write .{_write_name(key.text)} to read the field"
            yield diagnostic("EXP130", message, span, path=format_path(site.path), hint=hint)


def find_text_sums(view: LayerView) -> Iterator[Diagnostic]:
    """EXP131: `a + ' ' + b`, a sum of numbers, where texts are to be joined."""
    for site, text, offset in view.parts:
        tokens = find_tokens(text)
        for index, token in enumerate(tokens):
            around = tokens[max(index - 1, 0) : index + 2]
            if token.text != "+" or token.kind != "operator" or not any(one.kind == "string" for one in around):
                continue
            message = "+ adds numbers, and one side is a text"
            yield diagnostic(
                "EXP131",
                message,
                view.locate(site, offset + token.start),
                path=format_path(site.path),
                hint="`&` joins texts; $number(…) makes a number of one",
            )
            break  # the others of one chain are the same mistake


def _ends_operand(token: Token) -> bool:
    """Whether a `[` after the token filters what is before it; else it makes a list."""
    return token.kind in _OPERANDS or (token.kind == "operator" and token.text in (")", "]", "}"))


def _write_name(text: str) -> str:
    inside = text[1:-1]
    return inside if inside.isidentifier() else f"`{inside}`"
