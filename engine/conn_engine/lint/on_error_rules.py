"""Rules for `on_error` of unified operations: entries of fields that no mapping sets."""

from collections.abc import Iterator
from contextlib import suppress

from conn_engine.config import Path_, format_place, lookup
from conn_engine.diagnostics import Diagnostic, diagnostic, did_you_mean
from conn_engine.errors import ExpressionError
from conn_engine.lint.target import LintTarget

__all__ = ["find_unmapped_policies"]

_MOST_NAMES = 12


def find_unmapped_policies(target: LintTarget) -> Iterator[Diagnostic]:
    """MAP205: `on_error` has an entry for a field that the response mapping does not set."""
    effective = target.effective
    unmapped: dict[Path_, list[str]] = {}
    mapped: set[Path_] = set()
    for name, operation in effective.unified_operations():
        if not isinstance(operation.on_error, dict):
            continue
        is_of_operation = isinstance(lookup(effective.data, (*name.path, "on_error")), dict)
        fields: list[str] = []
        with suppress(ExpressionError):  # reported where it is
            mapping = effective.response_mapping(name.model, name.resource, name.method)
            fields = [] if mapping is None else list(mapping.fields)
        for field in operation.on_error:
            path = (*(name.path if is_of_operation else name.path[:3]), "on_error", field)
            if any(f"{mapped_field}.".startswith(f"{field}.") for mapped_field in fields):
                mapped.add(path)
            else:
                unmapped.setdefault(path, []).extend(fields)
    for path, fields in unmapped.items():
        origins = effective.origins(path)
        if path in mapped or (effective.account is not None and (not origins or origins[0].level == "base")):
            continue
        listed = ", ".join(dict.fromkeys(fields[:_MOST_NAMES])) or "none: the mapping is one expression"
        yield diagnostic(
            "MAP205",
            f'on_error names "{path[-1]}", which the response mapping does not set',
            effective.span(path),
            path=format_place(path),
            hint=did_you_mean(str(path[-1]), fields) or f"use a mapped field ({listed})",
        )
