"""`ResponsePaths`: the paths of a response, with their types and, for a closed set, their values.

They are learned from responses or read from a schema. A string that is a date, a time or a number has a type of its
own. The headers of a response, and error responses, are stored under names that no body has. Values are stored only
while a field looks like a closed set, and never leave this package.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Shape
from conn_engine.testing.compare import is_name
from conn_engine.testing.value_types import TEXTS, name_type

__all__ = [
    "ERROR",
    "HEADERS",
    "FieldStatistics",
    "Observed",
    "ResponsePaths",
    "collect_paths",
    "collect_response_paths",
    "collect_schema_paths",
]

Path = tuple[str, ...]
MAX_FIELDS = 20_000
MAX_VALUES = 12
DEEPEST = 10


HEADERS, ERROR = "$headers", "$error"
"""The names under which the headers of a response, and error responses, are stored."""


@dataclass(slots=True)
class FieldStatistics:
    """The statistics of one path. `seen` counts its occurrences, including nulls; `null` is set if it was ever null.

    `types` are its types except null, and `items` the types in a list. `objects` counts the objects at the path or in
    its list. `values` are the strings it had, or None if there are too many for a closed set. `closed` is set if a
    document lists them.
    """

    types: set[str] = field(default_factory=set)
    items: set[str] = field(default_factory=set)
    null: bool = False
    seen: int = 0
    filled: int = 0
    objects: int = 0
    values: set[str] | None = field(default_factory=set)
    closed: bool = False

    @property
    def is_enumerated(self) -> bool:
        """Whether its values look like a closed set: a document lists them, or each was seen several times."""
        return bool(self.values) and (self.closed or self.filled >= 3 * len(self.values or ()) + 3)


@dataclass(slots=True)
class ResponsePaths:
    """The paths of a response. A list's items are merged. `described` is set if they come from a document, not data."""

    fields: dict[Path, FieldStatistics] = field(default_factory=dict)
    root: FieldStatistics = field(default_factory=FieldStatistics)
    answers: int = 0
    described: bool = False

    def holders(self) -> set[Path]:
        """Return the paths with fields below them."""
        return {path[:-1] for path in self.fields}

    def get_parent(self, path: Path) -> FieldStatistics | None:
        """Return the statistics of the object with the path's field."""
        return self.fields.get(path[:-1]) if len(path) > 1 else self.root

    def count_parents(self, path: Path) -> int:
        """Return how often the object with the path's field was seen."""
        above = self.get_parent(path)
        return above.objects if above is not None else 0

    def _get_or_add(self, path: Path) -> FieldStatistics:
        return self.fields.setdefault(path, FieldStatistics()) if path else self.root

    def learn(self, body: Any, path: Path = ()) -> None:
        """Add a value at a path of a response."""
        if len(path) > DEEPEST or len(self.fields) > MAX_FIELDS:
            return
        statistics = self._get_or_add(path)
        statistics.seen += 1
        if not isinstance(body, list):
            self._note(statistics, statistics.types, body, path)
            return
        statistics.types.add("list")
        for item in body:
            self._note(statistics, statistics.items, item, path)

    def _note(self, statistics: FieldStatistics, types: set[str], value: Any, path: Path) -> None:
        if value is None:
            statistics.null = statistics.null or types is statistics.types
            return
        statistics.filled += 1
        types.add(name_type(value))
        if isinstance(value, Mapping):
            statistics.objects += 1
            for key, item in value.items():
                # Keys such as IDs or addresses are merged. They are data, which no report may have.
                self.learn(item, (*path, str(key) if is_name(str(key)) else "*"))
        if isinstance(value, list):
            for item in value:
                self._note(statistics, types, item, path)
        if isinstance(value, str) and statistics.values is not None:
            statistics.values.add(value)
            if len(statistics.values) > MAX_VALUES or len(value) > 60:
                statistics.values = None
        elif not isinstance(value, str):
            statistics.values = None

    def learn_headers(self, headers: Mapping[str, str], above: Path = ()) -> None:
        """Add the headers of a response. Without recorded headers, nothing is known about them."""
        if headers:
            self.learn({name.lower(): True for name in headers}, (*above, HEADERS))


@dataclass(frozen=True, slots=True)
class Observed:
    """A response to a request: its status, decoded body (UNSET if it is not JSON) and headers."""

    method: str
    url: str
    status: int
    body: Any = UNSET
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether it is not an error."""
        return self.status < 400


def collect_paths(answers: Iterable[Observed]) -> ResponsePaths:
    """Return the paths of responses: bodies and headers, and those of errors."""
    form = ResponsePaths()
    for answer in answers:
        if not answer.good:
            form.learn(answer.body if isinstance(answer.body, Mapping) else {}, (ERROR,))
            form.learn_headers(answer.headers, (ERROR,))
        elif answer.body is not UNSET:
            form.answers += 1
            form.learn(answer.body)
            form.learn_headers(answer.headers)
    return form


def collect_response_paths(bodies: Iterable[Any]) -> ResponsePaths:
    """Return the paths of decoded bodies."""
    return collect_paths(Observed("GET", "", 200, body) for body in bodies)


def collect_schema_paths(shape: Shape) -> ResponsePaths:
    """Return the paths of a response schema. Cyclic references are followed once."""
    form = ResponsePaths(described=True, answers=1)
    _read(form, shape, (), frozenset())
    return form


_SCHEMA_TYPES = {"integer": "number", "number": "number", "array": "list"}


def _read(form: ResponsePaths, shape: Shape, path: Path, above: frozenset[int], *, item: bool = False) -> None:
    if len(path) > DEEPEST or len(form.fields) > MAX_FIELDS:
        return
    type_name = shape.type
    statistics = form.fields.setdefault(path, FieldStatistics(values=None)) if path else form.root
    statistics.seen = statistics.filled = statistics.objects = 1
    types = statistics.items if item else statistics.types
    written = shape.get("format")
    written_type = written if type_name == "string" and written in TEXTS else type_name
    types |= {_SCHEMA_TYPES.get(str(written_type), str(written_type))} if written_type else set()
    options = shape.get("enum")
    if isinstance(options, list) and options and all(isinstance(option, str) for option in options):
        statistics.values, statistics.closed = set(options), True
    statistics.null = statistics.null or (not item and _nullable(shape))
    if id(shape.node) in above:
        return
    within = above | {id(shape.node)}
    if type_name == "array":
        items = shape.items()
        if items is not None:
            _read(form, items, path, within, item=True)
        return
    for name, inner in shape.properties().items():
        _read(form, inner, (*path, name), within)


def _nullable(shape: Shape) -> bool:
    type_name = shape.get("type")
    return shape.get("nullable") is True or (isinstance(type_name, list) and "null" in type_name) or type_name is UNSET
