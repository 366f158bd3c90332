"""Finds the strings that a connector's configuration names: those that its expressions and rules compare with, and the
fields that it reads. Recordings keep them unchanged, whatever they look like."""

import re
from collections.abc import Iterator

from conn_engine.config import Effective, is_remark
from conn_engine.documents import iterate_texts
from conn_engine.expressions.tokens import LexError, lex
from conn_engine.lint.sites import find_sites
from conn_engine.personal import fold_case

__all__ = ["find_named_texts"]

_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_PARTS = re.compile(r"[\s/,;&=?#:|()\[\]{}]+")
_ESCAPE = re.compile(r"\\(.)")


def find_named_texts(effective: Effective) -> tuple[frozenset[str], frozenset[str]]:
    """Return the strings that a configuration names, and the names of fields that it knows, in folded case."""
    values: set[str] = set()
    names: set[str] = set()
    for layer in effective.layers:
        kinds = {site.path: site.kind for site in find_sites(layer.data)}
        for path, text in iterate_texts(layer.data):
            names.update(str(part) for part in path if isinstance(part, str))
            if is_remark(path):
                continue
            kind = kinds.get(path)
            for piece, is_expression in _split(text, kind):
                if is_expression:
                    _read_expression(piece, values, names)
                else:
                    parts = {piece, *_PARTS.split(piece)}
                    values |= parts
                    names |= parts
    return frozenset(map(fold_case, values - {""})), frozenset(map(fold_case, names - {""}))


def _split(text: str, kind: str | None) -> Iterator[tuple[str, bool]]:
    """Split a string into parts, each with whether it is an expression."""
    if kind == "expression":
        yield text, True
        return
    for number, piece in enumerate(_BRACES.split(text)):
        yield piece, number % 2 == 1


def _read_expression(text: str, values: set[str], names: set[str]) -> None:
    try:
        tokens = lex(text)
    except LexError:
        return
    for token in tokens:
        if token.kind == "string":
            values.add(_ESCAPE.sub(r"\1", token.text[1:-1]))
        if token.kind in ("name", "string", "quoted"):
            names.add(token.text.strip("`\"'"))
