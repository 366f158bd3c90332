"""Removes personal data from a recording: traces values through the mappings, replaces them and replays the operation.

`conn_engine.personal` finds and replaces values; this module knows operations.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from msgspec import UNSET

from conn_engine.config import Effective, OperationName, mapping_layers
from conn_engine.documents import WriteOptions
from conn_engine.errors import ConnError
from conn_engine.expressions import UNDEFINED, Path_, compile_mapping
from conn_engine.personal import (
    PersonalMarks,
    PersonalSummary,
    PersonalValues,
    Pseudonyms,
    Replacements,
    collect_mapped,
    collect_recording,
    replace_in_recording,
)
from conn_engine.recordings.files import Recording, keep_authored, load_recording, save_recording
from conn_engine.secrets import Redactor
from conn_engine.testing.cases import Outcome, replay
from conn_engine.testing.naming import find_named_texts
from conn_engine.testing.unchanged import check_file, check_unchanged, refuse_personal, refuse_values

__all__ = [
    "PersonalData",
    "PersonalTracer",
    "Pseudonymised",
    "replace_personal_data",
    "save_without_personal_data",
]


@dataclass(frozen=True, slots=True)
class PersonalData:
    """How to replace personal data: with which pseudonyms."""

    pseudonyms: Pseudonyms


@dataclass(frozen=True, slots=True)
class Pseudonymised:
    """A recording with replacements, and a summary of them. `outcome` is the result of the original recording."""

    recording: Recording
    summary: PersonalSummary
    outcome: Outcome
    values: PersonalValues
    replacements: Replacements


def save_without_personal_data(  # noqa: PLR0917
    path: Path,
    effective: Effective,
    name: OperationName,
    recording: Recording,
    personal: PersonalData,
    redactor: Redactor,
    **placing: Unpack[WriteOptions],
) -> tuple[Outcome, PersonalSummary]:
    """Write a recording without secrets, with its personal data replaced. Returns the outcome of the original recording
    and a summary of the replacements.

    The written file is searched for every replaced value, and deleted if one is found. Raises ConfigurationError as
    `replace_personal_data` and `save_recording` do.
    """
    file = path.as_posix()
    recording = keep_authored(path, recording)  # a note may name the person in the response
    replaced = replace_personal_data(effective, name, recording, personal, file)

    def check(written: Recording, text: str) -> None:
        changes = replace_in_recording(written, replaced.replacements) != written
        refuse_values(file, text, replaced.values, changes=changes)

    check(replaced.recording, "")
    save_recording(path, replaced.recording, redactor, **placing)
    check_file(path, placing.get("within"), lambda text: check(load_recording(path), text))
    return replaced.outcome, replaced.summary


def replace_personal_data(
    effective: Effective, name: OperationName, recording: Recording, personal: PersonalData, file: str
) -> Pseudonymised:
    """Replace the personal data of a recording without secrets, and replay the operation.

    Raises ConfigurationError (REC005) if its requests or the shape of its result change.
    """
    tracer = PersonalTracer(effective, personal)
    outcome = replay(effective, name, recording, tracer.observe)
    tracer.read_call(name, recording)
    tracer.read_records(name, outcome.raw)
    try:
        collect_recording(recording, tracer.values)
        replacements = tracer.make_replacements()
        replaced = replace_in_recording(recording, replacements)
    except RecursionError:
        refuse_personal(file, "a response is nested too deeply to search for personal data")
    check_unchanged(outcome, replay(effective, name, replaced), replacements, tracer.values, file)
    return Pseudonymised(replaced, PersonalSummary.from_values(tracer.values), outcome, tracer.values, replacements)


class PersonalTracer:
    """Collects the values that the marked fields of unified records read, in `values`."""

    def __init__(self, effective: Effective, personal: PersonalData) -> None:
        self._effective = effective
        self._personal = personal
        named_texts, self._names = find_named_texts(effective)
        self._known: dict[OperationName, PersonalMarks | None] = {}
        self.values = PersonalValues(named_texts)

    def observe(self, name: OperationName, scopes: Sequence[Mapping[str, Any]], results: Sequence[Any]) -> None:
        """Collect from the scopes and the results of a response mapping (`Session.observer`)."""
        marks = self._find_marks(name)
        if marks is not None:
            collect_mapped(marks, self._find_reads(name), scopes, results, self.values)

    def read_call(self, name: OperationName, recording: Recording) -> None:
        """Collect from a unified operation's call: the body is a record, and the query may contain its fields."""
        marks = self._find_marks(name)
        call = recording.call
        for values in (call.query, call.params, call.body):
            for kind, text in marks.find_texts(values) if marks is not None and values is not UNSET else ():
                if kind is not None:
                    self.values.add(kind, text)

    def read_records(self, name: OperationName, records: Sequence[Any]) -> None:
        """Collect from the records of a vendor operation what the unified operations on it read."""
        for other in self._effective.operations() if name.kind == "vendor" else ():
            if other.kind == "unified" and self._is_behind(name, other):
                scopes = [{"response": record, "page": record} for record in records]
                self.observe(other, scopes, [UNDEFINED] * len(scopes))

    def make_replacements(self) -> Replacements:
        """Return the replacements of all collected values. Call it after everything is collected."""
        self.values.settle()
        return Replacements(self.values, self._personal.pseudonyms, names=self._names)

    def _is_behind(self, name: OperationName, unified: OperationName) -> bool:
        with suppress(ConnError):
            operation = self._effective.get_unified(unified.model, unified.resource, unified.method)
            return operation is not None and (operation.resource, operation.method) == (name.resource, name.method)
        return False

    def _find_marks(self, name: OperationName) -> PersonalMarks | None:
        if name not in self._known:
            self._known[name] = self._load_marks(name)
        return self._known[name]

    def _load_marks(self, name: OperationName) -> PersonalMarks | None:
        with suppress(ConnError):
            operation = self._effective.get_unified(name.model, name.resource, name.method)
            record = operation.record if operation is not None else None
            schema = self._effective.schemas.find_record(name.model, record) if record else None
            if schema is not None:
                marks = PersonalMarks(schema)
                self.values.named |= marks.find_enumerated()
                return marks
        return None

    def _find_reads(self, name: OperationName) -> Mapping[str, frozenset[Path_]]:
        with suppress(ConnError):
            operation = self._effective.get_unified(name.model, name.resource, name.method)
            layers = mapping_layers(operation.response_mapping) if operation is not None else []
            return compile_mapping(layers).reads() if layers else {}
        return {}
