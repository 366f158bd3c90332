"""Rules over what makes one operation many requests: whether the operations it names are there, and come to an end."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from conn_engine.config import Path_, VendorOperation
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.documents import format_path
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.listing.flows import ParentSource, steps_of

if TYPE_CHECKING:
    from conn_engine.lint.target import LintTarget

__all__ = ["check_flow_operations", "check_record_types", "find_parent_cycles"]


def check_flow_operations(target: "LintTarget") -> Iterator[Diagnostic]:
    """REF102: `parents`, `chunk` or `enrich` names a vendor operation that the connector does not have."""
    effective = target.effective
    for operation in effective.vendor_operations():
        for path, name in (*_find_source_operations(operation), *_find_enrichment_operations(operation)):
            resource, _, method = name.partition(".")
            try:
                effective.vendor(resource, method)
            except UsageError as error:
                yield diagnostic("REF102", error.message, effective.span(path), path=format_path(path), hint=error.hint)
            except ConfigurationError:
                continue  # reported by the schema


def find_parent_cycles(target: "LintTarget") -> Iterator[Diagnostic]:
    """REF104: an operation is its own parent, directly or through others. Told once per circle."""
    above = {
        operation.text: [(path, name) for path, name in _find_source_operations(operation) if path[3] == "parents"]
        for operation in target.effective.vendor_operations()
    }
    told: set[frozenset[str]] = set()
    for start, sources in above.items():
        way = _find_cycle(start, above)
        if way and frozenset(way) not in told:
            told.add(frozenset(way))
            path = next(path for path, name in sources if name == way[1])
            yield diagnostic(
                "REF104",
                f"the parents of {start} lead back to it: {' <- '.join(way)}",
                target.effective.span(path),
                path=format_path(path),
                hint="an operation that repeats itself for its own records says `recurse`",
            )


def check_record_types(target: "LintTarget") -> Iterator[Diagnostic]:
    """MAP203: a place of `record_types` that the object of `record_mapping` does not make."""
    effective = target.effective
    for operation in effective.vendor_operations():
        made = operation.record_mapping
        if not isinstance(made, Mapping):
            continue
        for place in operation.record_types:
            first = steps_of(place)[0]
            if first not in made:
                path = (*operation.get_path("record_types"), place)
                yield diagnostic(
                    "MAP203",
                    f'record_types of {operation.text} has "{place}", which record_mapping does not make',
                    effective.span(path),
                    path=format_path(path),
                    hint=did_you_mean(str(first), [str(name) for name in made]) or f"it makes {', '.join(made)}",
                )


def _find_cycle(start: str, above: dict[str, list[tuple[Path_, str]]]) -> list[str]:
    """The operations from one back to itself, or nothing."""
    seen: set[str] = set()
    waiting = [[start]]
    while waiting:
        way = waiting.pop()
        for _, name in above.get(way[-1], ()):
            if name == start:
                return [*way, name]
            if name not in seen:
                seen.add(name)
                waiting.append([*way, name])
    return []


def _find_source_operations(operation: VendorOperation) -> Iterator[tuple[Path_, str]]:
    """Where an operation names another one whose records are values, and the name."""
    at = operation.get_path("parents")
    for index, parents in enumerate(operation.parents):
        here = at if len(operation.parents) == 1 else (*at, index)
        if parents.from_ is not None:
            yield (*here, "from"), parents.from_
        for inner, source in enumerate(parents.union or ()):
            if source.from_ is not None:
                yield (*here, "union", inner, "from"), source.from_
    values = operation.chunk.values if operation.chunk is not None else None
    if isinstance(values, ParentSource) and values.from_ is not None:
        yield (*operation.get_path("chunk"), "values", "from"), values.from_


def _find_enrichment_operations(operation: VendorOperation) -> Iterator[tuple[Path_, str]]:
    for index, enrich in enumerate(operation.enrich):
        request = enrich.request
        if request.path is None and "{{" not in f"{request.resource}{request.method}":
            yield (*operation.get_path("enrich"), index, "request", "resource"), f"{request.resource}.{request.method}"
