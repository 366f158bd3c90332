"""Find and compile the JSON Schemas of unified records, in the workspace first, and check records against them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from conn_engine.config import compile_schema
from conn_engine.documents.locate import find_packaged

__all__ = ["SchemaTally", "Violation", "check_records", "schema_path"]


@dataclass(frozen=True, slots=True)
class Violation:
    """A problem at `path` (dotted), with the number of records that have it.

    `example` is the key of the first record. `fix` is the advice for a value of its kind.
    """

    path: str
    message: str
    records: int
    example: str
    fix: str = ""


def schema_path(model_folders: Sequence[Path], model: str, record: str) -> Path | None:
    """Return the schema file of one unified record, or None if neither the workspace nor the bundle has one."""
    folders = [*model_folders, find_packaged("schemas", "models")]
    candidates = (folder / model / f"{record}.schema.json" for folder in folders)
    return next((path for path in candidates if path.is_file()), None)


@lru_cache(maxsize=256)
def _validator(path: Path, changed: int) -> Any:
    """Compile the schema. `changed` is the file's modification time, so that an edited schema is read again."""
    return compile_schema(path, "/".join(path.parts[-3:]))


class SchemaTally:
    """Checks records against a schema, page by page, and counts the violations by field. `schema` is a model's file
    or a validator. `own_fields` are fields that the records may have in addition."""

    def __init__(self, schema: Path | Any, own_fields: frozenset[str] = frozenset()) -> None:
        self._own_fields = own_fields
        self._validator = _validator(schema, schema.stat().st_mtime_ns) if isinstance(schema, Path) else schema
        self._rows: dict[tuple[str, str, str], Violation] = {}
        self.records = 0
        self.invalid = 0

    def add(self, records: Sequence[Any]) -> None:
        """Check some records."""
        for whole in records:
            record = whole
            if self._own_fields and isinstance(whole, dict):
                record = {key: value for key, value in whole.items() if key not in self._own_fields}
            self.records += 1
            if not self._validator.is_valid(record):
                self.invalid += 1
                self._count(record)

    def check_apart(self, records: Sequence[Any]) -> list[Violation]:
        """Return the violations of these records, which are not counted."""
        tally = SchemaTally(self._validator, self._own_fields)
        tally.add(records)
        return tally.violations

    def _count(self, record: Any) -> None:
        identifier = record.get("id") if isinstance(record, dict) else None
        example = f"#{self.records}" if identifier is None else str(identifier)
        kinds = {
            (
                ".".join(str(part) for part in error.instance_path if not isinstance(part, int)),
                _generic(error),
                _fix(error),
            )
            for error in self._validator.iter_errors(record)
        }
        for kind in kinds:
            where, text, fix = kind
            row = self._rows.get(kind)
            if row is not None:
                self._rows[kind] = replace(row, records=row.records + 1)
            elif len(self._rows) < _MOST_KINDS:  # a vendor's names may be unlimited
                self._rows[kind] = Violation(where, text, 1, example, fix)

    @property
    def violations(self) -> list[Violation]:
        """The distinct violations with their number of records, at most `_MOST` of them."""
        return sorted(self._rows.values(), key=lambda row: (-row.records, row.path, row.message))[:_MOST]


def check_records(path: Path, records: Sequence[Any], own_fields: frozenset[str] = frozenset()) -> list[Violation]:
    """Return the distinct violations in the records, with the number of records that have each."""
    tally = SchemaTally(path, own_fields)
    tally.add(records)
    return tally.violations


_MOST = 50
_MOST_KINDS = 1_000
_FORMATS = {
    "date-time": 'convert it to 2026-01-31T09:30:00Z: $dateParse(…, "dd.MM.yyyy") for another date format, '
    "$fromEpoch(…) for a number",
    "date": "convert it to 2026-01-31: $substring(…, 0, 10) removes a time",
}


def _fix(error: Any) -> str:
    """Return the advice for an expression, by the kind of the value. It never contains the value itself."""
    kind, value = error.kind, error.instance
    name = getattr(kind, "name", "")
    if name == "format":
        return _FORMATS.get(kind.format, "")
    if name == "additionalProperties":
        return "map them to custom_fields, or add them to your own model"
    if name != "type":
        return ""
    type_names = {str(type_name) for type_name in kind.types}
    if value is None:
        return "omit the field when the value is null, or set a default"
    if "array" in type_names:
        return "put the value in brackets, so that it is always a list: [ … ]"
    if isinstance(value, list):
        return 'the value is a list: select an item, …[0], or join them, $join(…, ", ")'
    if isinstance(value, dict):
        return "the value is an object: select one of its fields, ….name"
    if "string" in type_names:
        return "convert it to text: $string(…)"
    if isinstance(value, str) and type_names & {"number", "integer"}:
        return "convert it to a number: $number(…)"
    return 'compare it with a value: … = "yes"' if "boolean" in type_names else ""


def _generic(error: Any) -> str:
    """Describe the error without the record's value, so that the same problem in many records is one row."""
    kind = error.kind
    name = getattr(kind, "name", "")
    if name == "type":
        return f"is not of type {' or '.join(str(t) for t in kind.types)}"
    if name == "format":
        return f"is not a valid {kind.format}"
    if name == "additionalProperties":
        return f"has fields that are not in the model: {', '.join(sorted(kind.unexpected))}"
    if name == "required":
        return f"lacks the required field {kind.property}"
    if name == "enum":
        return f"is not one of {kind.options}"
    return f"breaks the rule {name or 'of the model'}"
