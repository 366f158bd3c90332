"""Find what the expressions of an override read through `$base`, the result of the levels below."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from conn_engine.config.merge import (
    MISSING,
    LayerValue,
    Path_,
    is_replacement,
    lets_through,
    lookup,
    mapping_end,
    statements,
)
from conn_engine.documents import is_overlap, iterate_texts
from conn_engine.expressions import find_tokens
from conn_engine.expressions.tokens import Token

__all__ = ["BASE", "find_readers", "iterate_base_references"]

BASE: Final = "$base"


def iterate_base_references(text: str) -> Iterator[tuple[Token, list[Token]]]:
    """Yield each `$base` of an expression, with the names of the field that follow it: a and b for `$base.a.b`."""
    tokens = find_tokens(text) if BASE in text else ()
    for index, token in enumerate(tokens):
        if token.text == BASE:
            names: list[Token] = []
            for dot, name in zip(tokens[index + 1 :: 2], tokens[index + 2 :: 2], strict=False):
                if dot.text != "." or name.kind not in ("name", "quoted"):
                    break
                names.append(name)
            yield token, names


def find_readers(layers: Sequence[Any], path: Path_, value: LayerValue) -> list[Path_]:
    """Return the paths at which the layers above an overridden value of a mapping read it through `$base`.

    A layer reads what the layers below it set, so the lowest layer that overrides the value is the last one to see it.
    """
    end = mapping_end(path)
    above = [
        one.layer
        for one in statements(layers, path)
        if one.layer > value.layer and not lets_through(one.value, one.path)
    ]
    found: dict[Path_, None] = {}
    for layer in layers[value.layer + 1 : min(above, default=-1) + 1] if end else ():
        written = lookup(layer, path[:end])
        if written is MISSING or is_replacement(written):
            continue
        for place, text in iterate_texts(written, path[:end]):
            for _, names in iterate_base_references(text):
                if is_overlap(tuple(name.text.strip("`") for name in names), path[end:]):
                    found[place] = None
    return list(found)
