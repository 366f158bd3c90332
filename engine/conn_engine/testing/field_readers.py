"""Find the model fields that read a field of the vendor."""

import re
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from typing import TypeAlias

from conn_engine.config import Effective, OperationName, mapping_layers
from conn_engine.errors import ConnError, ExpressionError
from conn_engine.expressions import Expression, expression, find_effective_leaves
from conn_engine.testing.field_trials import FieldTrials
from conn_engine.testing.vendor_records import VendorRecords

__all__ = ["FieldReaders"]

Path: TypeAlias = tuple[str, ...]
_PLAIN = re.compile(r"\s*\w+(?:\.\w+)*\s*")


class FieldReaders:
    """The expressions of some operations' response mappings, by the path of the vendor's record that they read.

    An expression that reads an object may use any part of it, or leave some parts out: `FieldTrials` finds out.
    """

    def __init__(self, effective: Effective, names: Iterable[OperationName]) -> None:
        """`names` are the operations; those without a response mapping are ignored."""
        self._readers: dict[Path, dict[str, Expression]] = {}
        self._readers_below: dict[Path, dict[str, None]] = {}
        for name in names:
            for leaf_field, compiled in _find_expressions(effective, name):
                for path in compiled.reads():
                    if path[:1] == ("response",):
                        names_in_path = tuple(part for part in path[1:] if isinstance(part, str))
                        self._readers.setdefault(names_in_path, {})[leaf_field] = compiled
                        for length in range(1, len(names_in_path)):
                            self._readers_below.setdefault(names_in_path[:length], {})[leaf_field] = None

    def find_all(
        self, paths: Collection[Path], recordings: Sequence[VendorRecords], absent: Container[Path] = ()
    ) -> dict[Path, list[str]]:
        """Return the model fields that read each path, or a part of its value: those that name it first. No record has
        the fields in `absent`, so that an expression has to name them."""
        found = {
            path: dict.fromkeys([*self._readers.get(path, ()), *self._readers_below.get(path, ())]) for path in paths
        }
        candidates: dict[tuple[str, Expression], list[Path]] = {}
        for path in paths:
            for length in range(len(path) if path not in absent else 0):
                for leaf_field, compiled in self._readers.get(path[:length], {}).items():
                    if leaf_field not in found[path]:
                        candidates.setdefault((leaf_field, compiled), []).append(path)
        trials = FieldTrials()
        for (leaf_field, compiled), below in candidates.items():
            is_known = "base" in compiled.analysis.variables or _PLAIN.fullmatch(compiled.text)
            for path in below if is_known else trials.find_used(compiled, below, recordings):
                found[path][leaf_field] = None
        return {path: list(fields) for path, fields in found.items()}


def _find_expressions(effective: Effective, name: OperationName) -> Iterator[tuple[str, Expression]]:
    if name.kind != "unified":
        return
    try:
        operation = effective.get_unified(name.model, name.resource, name.method)
    except ConnError:
        return
    for leaf in find_effective_leaves(mapping_layers(operation.response_mapping) if operation is not None else []):
        try:
            yield leaf.field, expression(leaf.text)
        except ExpressionError:
            continue
