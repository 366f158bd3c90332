"""`FieldIndex`: the vendor's fields in recordings, by operation. Records are data from outside: names and examples are
arbitrary text."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conn_engine.analysis.population import Digests, RecordedFile, RecordedFiles, Side, Slicer, join_digests
from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.documents import dump_json
from conn_engine.recordings.files import load_recording
from conn_engine.testing.coverage import iterate_fields
from conn_engine.testing.judgement import authors_fault
from conn_engine.testing.value_types import name_type
from conn_engine.testing.vendor_records import VendorRecords, read_vendor_records

__all__ = ["FieldIndex", "IndexedRecording", "RecordedField", "RecordedFields", "write_name"]

MAX_FIELDS = 5_000
"""The most fields of an operation. Records with more have keys that are data, such as IDs."""
MOST_BYTES = 16 * 1024 * 1024
"""The most bytes of recordings whose records stay in memory."""
_LONGEST_EXAMPLE = 200
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset({"and", "or", "in", "true", "false", "null", "function"})


@dataclass(slots=True)
class RecordedField:
    """A field of the vendor's records. A record is `response` in a mapping, so that the field is `response.<name>`.

    `path` has the names that lead to it, without positions in lists, and `name` is the same in JSONata:
    `properties.email`. `types` are those of its values, most frequent first, without null; with `is_item`, they are of
    the items of a list. `example` is the first value (null if there is none), and `filled` counts the records in which
    it has a value other than null, "", [] and {}.
    """

    path: tuple[str, ...]
    name: str
    types: dict[str, int] = field(default_factory=dict)
    is_item: bool = False
    example: Any = None
    filled: int = 0

    def add(self, value: Any, *, is_item: bool = False) -> bool:
        """Add a value or, of a list, its items. Return whether it is filled; the caller counts the record."""
        if isinstance(value, list) and value:
            return sum(self.add(item, is_item=True) for item in value) > 0
        self.is_item = self.is_item or is_item
        if value is None:
            return False
        type_name = name_type(value)
        self.types[type_name] = self.types.get(type_name, 0) + 1
        if value in ("", [], {}):
            return False
        if self.example is None:
            self.example = value[:_LONGEST_EXAMPLE] if isinstance(value, str) else value
        return True

    @property
    def type(self) -> str:
        """The types in words: "string", "number or string", "list of object"; "" without a value."""
        names = " or ".join(sorted(self.types, key=lambda name: -self.types[name]))
        return f"list of {names}" if self.is_item and names and names != "list" else names


@dataclass(frozen=True, slots=True)
class RecordedFields:
    """The fields of some operations, in the order of the records. `records` counts the records in `recordings`.

    `problems` are the recordings that cannot be read or replayed, with the reason. `is_complete` is false if there are
    more fields than the index has.
    """

    operations: tuple[OperationName, ...]
    fields: Mapping[tuple[str, ...], RecordedField]
    records: int
    recordings: tuple[str, ...]
    problems: tuple[str, ...]
    is_complete: bool


@dataclass(slots=True)
class IndexedRecording:
    """One recording of an operation: its records as a mapping sees them, and their fields."""

    name: OperationName
    file: RecordedFile
    records: VendorRecords
    fields: dict[tuple[str, ...], RecordedField]
    is_complete: bool

    @property
    def path(self) -> Path:
        """The recording's file."""
        return self.file.path

    def describe_problem(self, workspace: Workspace) -> list[str]:
        """Return why the configuration cannot read the recording; nothing if it can, or if the vendor refused."""
        error = self.records.error
        return [f"{workspace.format_path(self.path)}: {error}"] if authors_fault(error) else []


class FieldIndex:
    """Finds the vendor's fields in the recordings of a workspace. Share one among the drafts of a workspace: a
    recording is replayed again only if the file or the requests of its operation change. Threads must not share it.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._files = RecordedFiles()
        self._known: dict[str, IndexedRecording] = {}
        self._bytes = 0
        self.replayed = 0
        """The number of recordings that were replayed."""

    def read_recordings(
        self, workspace: Workspace, effective: Effective, names: Iterable[OperationName]
    ) -> Iterator[IndexedRecording]:
        """Yield the recordings of these operations for the account, in the order of their files; an account's own one
        replaces a shared one. Raises ConfigurationError for a file that cannot be read."""
        digests = Digests()
        slicer = Slicer(digests)
        names_by_text = {name.text: name for name in names}
        recordings = Side(workspace, digests, files=self._files).recordings(
            effective.connector_name, effective.account or ""
        )
        for _, file in sorted(recordings.items()):
            name = names_by_text.get(file.operation)
            if name is None:
                continue
            requests = slicer.cut(effective, name).requests_in_context(digests, effective.context, file.context)
            yield self._index_recording(
                workspace, effective, name, file, join_digests(file.digest, requests, effective.evaluator)
            )

    def find_fields(self, workspace: Workspace, effective: Effective, names: Sequence[OperationName]) -> RecordedFields:
        """Return the fields of these operations' records. Raises ConfigurationError for a file that cannot be read."""
        fields: dict[tuple[str, ...], RecordedField] = {}
        recordings: list[str] = []
        problems: list[str] = []
        count, is_complete = 0, True
        for recording in self.read_recordings(workspace, effective, names):
            problems += recording.describe_problem(workspace)
            count += len(recording.records.scopes)
            recordings += [workspace.format_path(recording.path)] if recording.records.scopes else []
            is_complete &= _merge(fields, recording.fields) and recording.is_complete
        above = {path[:length] for path in fields for length in range(1, len(path))}
        leaves = {path: one for path, one in fields.items() if one.filled or path not in above}
        return RecordedFields(tuple(names), leaves, count, tuple(recordings), tuple(problems), is_complete)

    def _index_recording(
        self, workspace: Workspace, effective: Effective, name: OperationName, file: RecordedFile, key: str
    ) -> IndexedRecording:
        known = self._known.pop(key, None)
        if known is None:
            self.replayed += 1
            self._bytes += file.size
            records = read_vendor_records(effective, name, load_recording(file.path, workspace.format_path(file.path)))
            fields, is_complete = collect_fields(scope["response"] for scope in records.scopes)
            known = IndexedRecording(name, file, records, fields, is_complete)
        self._known[key] = known  # the most recent one is the last
        while self._bytes > self._most_bytes and len(self._known) > 1:
            self._bytes -= self._known.pop(next(iter(self._known))).file.size
        return known


def collect_fields(records: Iterable[Any]) -> tuple[dict[tuple[str, ...], RecordedField], bool]:
    """Return the fields of records, and whether these are all of them."""
    fields: dict[tuple[str, ...], RecordedField] = {}
    is_complete = True
    for record in records:
        counted: set[tuple[str, ...]] = set()
        for path, value, is_item in iterate_fields(record):
            known = fields.get(path)
            if known is None:
                if len(fields) >= MAX_FIELDS:
                    is_complete = False
                    continue
                known = fields[path] = RecordedField(path, write_name(path))
            if known.add(value, is_item=is_item) and path not in counted:
                counted.add(path)
                known.filled += 1
    return fields, is_complete


def _merge(fields: dict[tuple[str, ...], RecordedField], more: Mapping[tuple[str, ...], RecordedField]) -> bool:
    """Add the fields of another recording; return whether there is room for all of them."""
    for path, other in more.items():
        known = fields.get(path)
        if known is None:
            if len(fields) >= MAX_FIELDS:
                return False
            fields[path] = RecordedField(
                path, other.name, dict(other.types), other.is_item, other.example, other.filled
            )
            continue
        for name, count in other.types.items():
            known.types[name] = known.types.get(name, 0) + count
        known.is_item = known.is_item or other.is_item
        known.example = other.example if known.example is None else known.example
        known.filled += other.filled
    return True


def write_name(path: Sequence[str]) -> str:
    """Return a path as JSONata. A name that is not an identifier is quoted."""
    return ".".join(name if _PLAIN.fullmatch(name) and name not in _WORDS else _quote(name) for name in path)


def _quote(name: str) -> str:
    return f"`{name}`" if name and "`" not in name and name.isprintable() else dump_json(name).strip()
