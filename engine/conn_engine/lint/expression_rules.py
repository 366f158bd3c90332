"""Rules for expressions that parse but do something else than the same text in JavaScript or Python."""

from collections.abc import Iterator

from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.documents import format_path
from conn_engine.expressions import find_tokens
from conn_engine.expressions.tokens import Token
from conn_engine.lint.layer_view import LayerView

__all__ = ["find_constant_filters", "find_text_sums"]

_OPERANDS = frozenset({"name", "quoted", "variable"})


def find_constant_filters(view: LayerView) -> Iterator[Diagnostic]:
    """EXP130: `response['name']` filters by a constant, where a field is meant."""
    for site, text, offset in view.parts:
        tokens = find_tokens(text)
        for before, opening, key, closing in zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False):
            if (opening.text, key.kind, closing.text) != ("[", "string", "]") or not _ends_operand(before):
                continue
            span = view.locate(site, offset + opening.start, closing.end - opening.start)
            message = f"[{key.text}] is a filter by a constant text, which keeps everything"
            hint = f"write .{_write_name(key.text)} to read the field"
            yield diagnostic("EXP130", message, span, path=format_path(site.path), hint=hint)


def find_text_sums(view: LayerView) -> Iterator[Diagnostic]:
    """EXP131: `a + ' ' + b` adds numbers, where texts should be joined."""
    for site, text, offset in view.parts:
        tokens = find_tokens(text)
        for index, token in enumerate(tokens):
            around = tokens[max(index - 1, 0) : index + 2]
            if token.text != "+" or token.kind != "operator" or not any(one.kind == "string" for one in around):
                continue
            message = "+ adds numbers, but one side is a text"
            yield diagnostic(
                "EXP131",
                message,
                view.locate(site, offset + token.start),
                path=format_path(site.path),
                hint="to join texts, write `&`; to add, convert the text with $number(…)",
            )
            break  # the other signs of the chain are the same mistake


def _ends_operand(token: Token) -> bool:
    """Return whether a `[` after the token is a filter. Otherwise, it starts a list."""
    return token.kind in _OPERANDS or (token.kind == "operator" and token.text in (")", "]", "}"))


def _write_name(text: str) -> str:
    inside = text[1:-1]
    return inside if inside.isidentifier() else f"`{inside}`"
