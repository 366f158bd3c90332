"""Rules for operations that use others: `parents`, `chunk`, `enrich` name known operations and form no cycle."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from conn_engine.config import Path_, VendorOperation
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import format_path
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.lint.reference_rules import find_disabled_operation
from conn_engine.listing.flows import ParentSource, steps_of

if TYPE_CHECKING:
    from conn_engine.lint.target import LintTarget

__all__ = ["check_flow_operations", "check_record_types", "find_parent_cycles"]


def check_flow_operations(target: "LintTarget") -> Iterator[Diagnostic]:
    """REF102: `parents`, `chunk` or `enrich` names a vendor operation that the connector does not have. REF141: it
    names a disabled one."""
    effective = target.effective
    for operation in effective.vendor_operations():
        if effective.explain_disabled(operation.operation_name):
            continue
        for path, name in (*_find_source_operations(operation), *_find_enrichment_operations(operation)):
            resource, _, method = name.partition(".")
            try:
                yield from find_disabled_operation(target, effective.vendor(resource, method), path)
            except UsageError as error:
                yield diagnostic("REF102", error.message, effective.span(path), path=format_path(path), hint=error.hint)
            except ConfigurationError:
                continue  # reported by the schema


def find_parent_cycles(target: "LintTarget") -> Iterator[Diagnostic]:
    """REF104: an operation is its own parent, directly or through others. Each cycle is reported once."""
    above = {
        operation.text: [(path, name) for path, name in _find_source_operations(operation) if path[3] == "parents"]
        for operation in target.effective.vendor_operations()
    }
    reported: set[frozenset[str]] = set()
    for start, sources in above.items():
        cycle = _find_cycle(start, above)
        if cycle and frozenset(cycle) not in reported:
            reported.add(frozenset(cycle))
            path = next(path for path, name in sources if name == cycle[1])
            yield diagnostic(
                "REF104",
                f"the parents of {start} lead back to it: {' <- '.join(cycle)}",
                target.effective.span(path),
                path=format_path(path),
                hint="name another operation in `from`, or use `recurse` for records inside records",
            )


def check_record_types(target: "LintTarget") -> Iterator[Diagnostic]:
    """MAP203: `record_types` names a field that `record_mapping` does not set."""
    effective = target.effective
    for operation in effective.vendor_operations():
        mapped = operation.record_mapping
        if not isinstance(mapped, Mapping):
            continue
        for place in operation.record_types:
            first = steps_of(place)[0]
            if first not in mapped:
                path = (*operation.get_path("record_types"), place)
                yield diagnostic(
                    "MAP203",
                    f'record_types of {operation.text} has "{place}", which record_mapping does not set',
                    effective.span(path),
                    path=format_path(path),
                    hint=did_you_mean(str(first), [str(name) for name in mapped])
                    or f"use a field that it sets: {', '.join(mapped)}",
                )


def _find_cycle(start: str, above: dict[str, list[tuple[Path_, str]]]) -> list[str]:
    """Return the operations from `start` back to itself, or an empty list."""
    visited: set[str] = set()
    waiting = [[start]]
    while waiting:
        chain = waiting.pop()
        for _, name in above.get(chain[-1], ()):
            if name == start:
                return [*chain, name]
            if name not in visited:
                visited.add(name)
                waiting.append([*chain, name])
    return []


def _find_source_operations(operation: VendorOperation) -> Iterator[tuple[Path_, str]]:
    """Yield the path and the name of each operation whose records are an operation's values."""
    place = operation.get_path("parents")
    for index, parents in enumerate(operation.parents):
        parents_path = place if len(operation.parents) == 1 else (*place, index)
        if parents.from_ is not None:
            yield (*parents_path, "from"), parents.from_
        for inner, source in enumerate(parents.union or ()):
            if source.from_ is not None:
                yield (*parents_path, "union", inner, "from"), source.from_
    values = operation.chunk.values if operation.chunk is not None else None
    if isinstance(values, ParentSource) and values.from_ is not None:
        yield (*operation.get_path("chunk"), "values", "from"), values.from_


def _find_enrichment_operations(operation: VendorOperation) -> Iterator[tuple[Path_, str]]:
    for index, enrich in enumerate(operation.enrich):
        request = enrich.request
        if request.path is None and "{{" not in f"{request.resource}{request.method}":
            yield (*operation.get_path("enrich"), index, "request", "resource"), f"{request.resource}.{request.method}"
