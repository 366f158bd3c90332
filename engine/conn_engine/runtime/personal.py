"""A recording without personal data: values are traced through the mappings, replaced, and the operation is replayed.

What is found and how it is replaced is `conn_engine.personal`'s; this knows operations.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, Unpack

from msgspec import UNSET

from conn_engine.config import Effective, OperationName, mapping_layers
from conn_engine.diagnostics import Span, diagnostic
from conn_engine.documents import Placing, read_regular, remove_file
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.expressions import UNDEFINED, Path_, mapping
from conn_engine.lint.models import model_schema
from conn_engine.personal import (
    PersonalMarks,
    PersonalSummary,
    PersonalValues,
    Pseudonyms,
    Replacements,
    collect_mapped,
    collect_recording,
    find_values,
    replaced_recording,
)
from conn_engine.runtime.cases import Outcome, replay
from conn_engine.runtime.naming import named_texts
from conn_engine.secrets import Redactor
from conn_engine.transport.recordings import MAX_BYTES, Recording, load_recording, save_recording

__all__ = [
    "PersonalData",
    "PersonalTracer",
    "Pseudonymised",
    "check_unchanged",
    "refuse_personal",
    "save_pseudonymised",
    "without_personal_data",
]


@dataclass(frozen=True, slots=True)
class PersonalData:
    """How personal data is replaced: by which pseudonyms, and where the workspace's own models with their marks are."""

    pseudonyms: Pseudonyms
    models: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Pseudonymised:
    """A recording with replacements, and what was done. `outcome` is what the operation gives with the recording as it
    came."""

    recording: Recording
    summary: PersonalSummary
    outcome: Outcome
    values: PersonalValues
    replacements: Replacements


def save_pseudonymised(  # noqa: PLR0917
    path: Path,
    effective: Effective,
    name: OperationName,
    recording: Recording,
    personal: PersonalData,
    redactor: Redactor,
    **placing: Unpack[Placing],
) -> tuple[Outcome, PersonalSummary]:
    """Write a recording (which has no secret any more) with its personal data replaced. Returns what the operation
    gives with the recording as it came, and what was done.

    The file is searched for every value that was replaced, and deleted when one is found. Raises ConfigurationError as
    `without_personal_data` and `save_recording`.
    """
    file = path.as_posix()
    made = without_personal_data(effective, name, recording, personal, file)
    _refuse_values(file, made, made.recording, "")
    save_recording(path, made.recording, redactor, **placing)
    try:
        written = read_regular(path, MAX_BYTES).decode("utf-8", "replace")
        _refuse_values(file, made, load_recording(path), written)
    except ConfigurationError:
        remove_file(path, placing.get("within"))
        raise
    return made.outcome, made.summary


def _refuse_values(file: str, made: Pseudonymised, written: Recording, text: str) -> None:
    again = replaced_recording(written, made.replacements)
    kinds = find_values(text, made.values)
    if again != written or kinds:
        refuse_personal(file, f"personal data was still found in it ({', '.join(kinds) or 'in a form that hid it'})")


def without_personal_data(
    effective: Effective, name: OperationName, recording: Recording, personal: PersonalData, file: str
) -> Pseudonymised:
    """Replace the personal data of a recording (which has no secret any more) and replay the operation.

    Raises ConfigurationError (REC005) when its requests or the shape of its result are not what they were.
    """
    tracer = PersonalTracer(effective, personal)
    outcome = replay(effective, name, recording, tracer.observe)
    tracer.read_call(name, recording)
    tracer.read_records(name, outcome.raw)
    try:
        collect_recording(recording, tracer.values)
        replacements = tracer.replacements()
        made = replaced_recording(recording, replacements)
    except RecursionError:
        refuse_personal(file, "an answer is nested too deeply to look for personal data in it")
    check_unchanged(outcome, replay(effective, name, made), replacements, file)
    return Pseudonymised(made, PersonalSummary.of(tracer.values), outcome, tracer.values, replacements)


class PersonalTracer:
    """Collects what the marked fields of unified records read. `values` is everything that was collected."""

    def __init__(self, effective: Effective, personal: PersonalData) -> None:
        self._effective = effective
        self._personal = personal
        named, self._names = named_texts(effective)
        self.values = PersonalValues(named)

    def observe(self, name: OperationName, scopes: Sequence[Mapping[str, Any]], results: Sequence[Any]) -> None:
        """Collect from what a response mapping ran on and gave (`Session.observer`)."""
        marks = self._marks(name)
        if marks is not None:
            collect_mapped(marks, self._reads(name), scopes, results, self.values)

    def read_call(self, name: OperationName, recording: Recording) -> None:
        """Collect from what the caller of a unified operation said: a body is a record, a query may name its fields."""
        marks = self._marks(name)
        call = recording.call
        for said in (call.query, call.params, call.body) if marks is not None else ():
            for kind, text in marks.texts(said) if marks is not None and said is not UNSET else ():
                if kind is not None:
                    self.values.add(kind, text)

    def read_records(self, name: OperationName, records: Sequence[Any]) -> None:
        """Collect from the records of a vendor's own operation what the unified ones of it read."""
        for other in self._effective.operations() if name.kind == "vendor" else ():
            if other.kind == "unified" and self._is_behind(name, other):
                scopes = [{"response": record, "page": record} for record in records]
                self.observe(other, scopes, [UNDEFINED] * len(scopes))

    def replacements(self) -> Replacements:
        """How everything that was collected is replaced. Nothing is to be collected any more."""
        self.values.settle()
        return Replacements(self.values, self._personal.pseudonyms, names=self._names)

    def _is_behind(self, name: OperationName, unified: OperationName) -> bool:
        with suppress(ConnError):
            operation = self._effective.unified(unified.model, unified.resource, unified.method)
            return operation is not None and (operation.resource, operation.method) == (name.resource, name.method)
        return False

    def _marks(self, name: OperationName) -> PersonalMarks | None:
        if name not in self._known:
            self._known[name] = self._made(name)
        return self._known[name]

    @cached_property
    def _known(self) -> dict[OperationName, PersonalMarks | None]:
        return {}

    def _made(self, name: OperationName) -> PersonalMarks | None:
        with suppress(ConnError):
            operation = self._effective.unified(name.model, name.resource, name.method)
            record = operation.record if operation is not None else None
            schema = model_schema(self._personal.models, name.model, record) if record else None
            if schema is not None:
                marks = PersonalMarks(schema)
                self.values.named |= marks.enumerated
                return marks
        return None

    def _reads(self, name: OperationName) -> Mapping[str, frozenset[Path_]]:
        with suppress(ConnError):
            operation = self._effective.unified(name.model, name.resource, name.method)
            layers = mapping_layers(operation.response_mapping) if operation is not None else []
            return mapping(layers).reads() if layers else {}
        return {}


def check_unchanged(before: Outcome, after: Outcome, replacements: Replacements, file: str) -> None:
    """Raise ConfigurationError (REC005) where a replay with replacements does something else."""
    fault = _changed(before, after, replacements)
    if fault:
        refuse_personal(file, f"with personal data replaced, {fault}")


def refuse_personal(file: str, what: str) -> NoReturn:
    """Raise ConfigurationError (REC005): the file is not kept."""
    hint = "--keep-personal-data records it as it came; conn explain REC005 tells what else helps"
    finding = diagnostic("REC005", what, Span(file), hint=hint)
    raise ConfigurationError(f"{file} was not written: {what}", hint=hint, findings=[finding])


def _changed(before: Outcome, after: Outcome, replacements: Replacements) -> str:
    if _failure(before) != _failure(after):
        said = f"ends with: {after.error.message}" if after.error is not None else "ends without its error"
        return f"the operation {said}"
    asked = [(sent.method, sent.status) for sent in before.sent], [(sent.method, sent.status) for sent in after.sent]
    if asked[0] != asked[1] or before.unused != after.unused:
        return f"the operation asks for something else ({len(asked[1])} requests, {len(asked[0])} before)"
    if len(before.records) != len(after.records):
        return f"the operation gives {len(after.records)} records, {len(before.records)} before"
    for number, (one, other) in enumerate(zip(before.records, after.records, strict=True), 1):
        place = _other_shape(one, other, replacements)
        if place is not None:
            return f"record {number} has another shape{f' at {place}' if place else ''}"
    return ""


def _failure(outcome: Outcome) -> tuple[type, str]:
    return type(outcome.error), getattr(outcome.error, "kind", getattr(outcome.error, "code", ""))


def _other_shape(one: Any, other: Any, replacements: Replacements, place: str = "") -> str | None:
    """Where two values differ in more than the texts and numbers in them; None where they do not."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        names = {replacements.key(str(name)): name for name in one}
        if names.keys() != other.keys():
            return place
        inner = [
            _other_shape(one[name], other[made], replacements, f"{place}.{name}".lstrip("."))
            for made, name in names.items()
        ]
        return next((found for found in inner if found is not None), None)
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return place
        inner = [_other_shape(left, right, replacements, place) for left, right in zip(one, other, strict=True)]
        return next((found for found in inner if found is not None), None)
    numbers = isinstance(one, int | float) and isinstance(other, int | float) and type(one) is type(other)
    return None if type(one) is type(other) or numbers else place
