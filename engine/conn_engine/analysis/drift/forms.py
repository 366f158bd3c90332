"""`Form`: what an answer looks like, learned from answers or read from a schema: paths, types, values of a closed set.

It holds no value that was not seen as one of a few: and those never leave this package.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Shape
from conn_engine.testing.compare import is_name

__all__ = ["FieldForm", "Form", "form_of_answers", "form_of_schema"]

Path = tuple[str, ...]
MAX_FIELDS = 20_000
MAX_VALUES = 12
DEEPEST = 10


@dataclass(slots=True)
class FieldForm:
    """One path. `seen` counts how often it was there (nulls too), `types` without null; `null` that it was null.

    `values` are the texts it had while these were few; None: too many to be a closed set. `closed` says that a
    document lists them.
    """

    types: set[str] = field(default_factory=set)
    null: bool = False
    seen: int = 0
    filled: int = 0
    values: set[str] | None = field(default_factory=set)
    closed: bool = False

    @property
    def enumerated(self) -> bool:
        """Whether it looks like one of a few words: listed as such, or seen again and again."""
        return bool(self.values) and (self.closed or self.filled >= 3 * len(self.values or ()) + 3)


@dataclass(slots=True)
class Form:
    """The paths of an answer; a list is looked through. `described` says that a document and not data gave it."""

    fields: dict[Path, FieldForm] = field(default_factory=dict)
    answers: int = 0
    described: bool = False

    def holders(self) -> set[Path]:
        """The paths that have something below them."""
        return {path[:-1] for path in self.fields}

    def expected(self, path: Path) -> int:
        """How often the object that holds the path was there."""
        above = self.fields.get(path[:-1])
        return above.filled if above is not None else self.answers


def form_of_answers(bodies: Iterable[Any]) -> Form:
    """What decoded answers look like."""
    form = Form()
    for body in bodies:
        form.answers += 1
        _learn(form, body, ())
    return form


def _learn(form: Form, value: Any, path: Path) -> None:
    if len(path) > DEEPEST or len(form.fields) > MAX_FIELDS:
        return
    if isinstance(value, list):
        if path:
            form.fields.setdefault(path, FieldForm()).types.add("list")
        for item in value:
            _learn(form, item, path)
        return
    if path:
        _note(form.fields.setdefault(path, FieldForm()), value)
    if isinstance(value, Mapping):
        for key, item in value.items():
            # Objects keyed by ids or addresses are one form; and such a key is a value, which no report may hold.
            _learn(form, item, (*path, str(key) if is_name(str(key)) else "*"))


def _note(one: FieldForm, value: Any) -> None:
    one.seen += 1
    if value is None:
        one.null = True
        return
    one.filled += 1
    one.types.add(_type(value))
    if isinstance(value, str) and one.values is not None:
        one.values.add(value)
        if len(one.values) > MAX_VALUES or len(value) > 60:
            one.values = None
    elif not isinstance(value, str):
        one.values = None


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "object"


def form_of_schema(shape: Shape) -> Form:
    """What a document says of an answer. References that lead round are followed once."""
    form = Form(described=True, answers=1)
    _read(form, shape, (), frozenset())
    return form


_SCHEMA_TYPES = {"integer": "number", "number": "number", "array": "list"}


def _read(form: Form, shape: Shape, path: Path, above: frozenset[int]) -> None:
    if len(path) > DEEPEST or len(form.fields) > MAX_FIELDS:
        return
    said = shape.type
    if path:
        one = form.fields.setdefault(path, FieldForm(values=None))
        one.seen = one.filled = 1
        one.types |= {_SCHEMA_TYPES.get(said, said)} if said else set()
        options = shape.said("enum")
        if isinstance(options, list) and options and all(isinstance(option, str) for option in options):
            one.values, one.closed = set(options), True
        one.null = one.null or _nullable(shape)
    if id(shape.node) in above:
        return
    within = above | {id(shape.node)}
    if said == "array":
        items = shape.items()
        if items is not None:
            _read(form, items, path, within)
        return
    for name, inner in shape.properties().items():
        _read(form, inner, (*path, name), within)


def _nullable(shape: Shape) -> bool:
    said = shape.said("type")
    return shape.said("nullable") is True or (isinstance(said, list) and "null" in said) or said is UNSET
