"""Jinja templates to JSONata. The face: `translated` reads a template as a tree, the rest writes trees."""

from conn_engine.imports.airbyte.jinja.nodes import (
    Call,
    Concat,
    Cond,
    Default,
    Kind,
    ListOf,
    Lit,
    Node,
    ObjectOf,
    Path,
    Secret,
    Untranslatable,
    children,
    literal,
    secrets_in,
)
from conn_engine.imports.airbyte.jinja.printing import condition, expression, quoted, step, textual, truth
from conn_engine.imports.airbyte.jinja.reading import Names, Root, translated

__all__ = [
    "Call",
    "Concat",
    "Cond",
    "Default",
    "Kind",
    "ListOf",
    "Lit",
    "Names",
    "Node",
    "ObjectOf",
    "Path",
    "Root",
    "Secret",
    "Untranslatable",
    "children",
    "condition",
    "expression",
    "literal",
    "quoted",
    "secrets_in",
    "step",
    "textual",
    "translated",
    "truth",
]
