"""Check unified records against their model. The findings point at lines of the mapping.

`conn test` and live runs use it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conn_engine.config import Effective, OperationName, Path_, find_own_fields, format_place, lookup, singular
from conn_engine.diagnostics import Diagnostic, Span, diagnostic
from conn_engine.runtime.model_schemas import SchemaTally, Violation, schema_path
from conn_engine.runtime.places import blame_rerouting, origin_of
from conn_engine.runtime.unified import find_operation_behind

__all__ = ["ModelCheck"]


class ModelCheck:
    """Checks the records of one unified operation, page by page. `schema` is a name such as `crm.contact`, or empty if
    the operation's records have no model."""

    def __init__(self, folders: Sequence[Path], effective: Effective, name: OperationName) -> None:
        self._effective, self._name = effective, name
        self.schema = ""
        self._tally: SchemaTally | None = None
        if name.kind != "unified" or name.method == "delete":
            return
        operation = effective.get_unified(name.model, name.resource, name.method)
        record = operation.record if operation is not None and operation.record else singular(name.resource)
        self.schema = f"{name.model}.{record}"
        path = schema_path(folders, name.model, record)
        self._tally = None if path is None else SchemaTally(path, find_own_fields(effective, name))

    @property
    def is_without_schema(self) -> bool:
        """Whether the records have a model that has no schema."""
        return bool(self.schema) and self._tally is None

    @property
    def records(self) -> int:
        """The number of checked records."""
        return 0 if self._tally is None else self._tally.records

    @property
    def invalid(self) -> int:
        """The number of records that do not match the model."""
        return 0 if self._tally is None else self._tally.invalid

    def add(self, records: Sequence[Any]) -> None:
        """Check some records."""
        if self._tally is not None:
            self._tally.add(records)

    def check(self, records: Sequence[Any]) -> list[Violation]:
        """Check some records, and return the violations of these only."""
        if self._tally is None:
            return []
        self._tally.add(records)
        return self._tally.check_apart(records)

    @property
    def violations(self) -> list[Violation]:
        """The violations of all records, most frequent first."""
        return [] if self._tally is None else self._tally.violations

    def findings(self, fallback: Span | None = None, without: "ModelCheck | None" = None) -> list[Diagnostic]:
        """Return MAP301 for each violation, most frequent first, or MAP302 if there is no schema.

        `fallback` is the place of findings that no mapping line explains. The violations of `without` are left out.
        """
        if self._tally is None:
            return [self._without_schema(fallback)] if self.is_without_schema else []
        unread = self._find_unread_path()
        known = {(row.path, row.message) for row in without._tally.violations} if without and without._tally else set()
        findings = [
            diagnostic(
                "MAP301",
                f"{row.path or 'the record'} {row.message} ({row.records} of {self._tally.records} records, "
                f"first id={row.example})",
                self._place(row.path, fallback),
                path=format_place(self._path(row.path)),
                hint=row.fix or unread or f"correct the mapping; to see the model: conn schema {self.schema}",
            )
            for row in self._tally.violations
            if (row.path, row.message) not in known
        ]
        return [blame_rerouting(self._effective, self._name, finding) for finding in findings]

    def _find_unread_path(self) -> str:
        """Advise to set `response_path` if no record matches, and the operation does not inherit the one of lists."""
        vendor = find_operation_behind(self._effective, self._name)
        inherited = lookup(self._effective.data, ("response_path",))
        if vendor is None or vendor.is_listing or vendor.response_path or not inherited or self.invalid < self.records:
            return ""
        operation = f"{vendor.resource}.{vendor.name}"
        return (
            f"correct the mapping; or, if the record is below a key of the response, set response_path of {operation}: "
            f"only lists inherit the connector's, which is {inherited}"
        )

    def _without_schema(self, fallback: Span | None) -> Diagnostic:
        model, _, record = self.schema.partition(".")
        return diagnostic(
            "MAP302",
            f"there is no schema for {self.schema}",
            fallback,
            hint=f"add models/{model}/{record}.schema.json or set `record` in the unified mapping",
        )

    def _path(self, field: str) -> Path_:
        return (*self._name.path, "response_mapping", *field.split(".")) if field else self._name.path

    def _place(self, field: str, fallback: Span | None) -> Span | None:
        origin = origin_of(self._effective, self._path(field))
        return origin.span if origin else fallback
