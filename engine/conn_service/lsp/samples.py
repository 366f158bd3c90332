"""What expressions see, from the recordings: the fields of the vendor's records, and the names of a first record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec import UNSET, to_builtins

from conn_engine.analysis.fields import FieldIndex, IndexedRecording, RecordedField
from conn_engine.analysis.fields.index import collect_fields, write_name
from conn_engine.conditions import Conditions
from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.errors import ConnError
from conn_engine.expressions import UNDEFINED
from conn_engine.recordings.files import load_recording
from conn_engine.roles import SCOPES
from conn_engine.secrets import is_secret_name
from conn_service.lsp.response_schemas import find_response_nodes
from conn_service.lsp.schema_nodes import SchemaNodes

__all__ = ["RecordedSamples", "Sample", "follow_steps", "hide_secrets"]

_HIDDEN = "(not shown)"
_MOST = 8
"""The recordings whose responses are read to find the fields of a response."""
_OF_RECORDS = frozenset({"mapped", "error", "after"})
_OF_BODY = frozenset({"body"})
_OF_ITEM = frozenset({"item", "row"})


@dataclass(frozen=True, slots=True)
class Sample:
    """What one expression sees on the first record of a recording. `scope` has the names, or is the value itself.

    `fields` are the fields of the vendor's records by path, if the expression sees a record as `response`, and `schema`
    is that of the contract, if there is one. `recording` is the file, and `conditions` are those of its replay.
    `others` are the scopes of other recordings.
    """

    scope: Any
    fields: Mapping[tuple[str, ...], RecordedField]
    records: int = 0
    recording: str = ""
    schema: SchemaNodes | None = None
    conditions: Conditions | None = None
    others: tuple[Any, ...] = ()

    def find_fields(self, steps: Sequence[str]) -> list[RecordedField]:
        """Return the fields of the value at a path."""
        if steps[:1] == ("response",) and self.fields:
            return _list_children(self.fields, tuple(steps[1:]))
        values = [follow_steps(scope, steps) for scope in (self.scope, *self.others)]
        found, _ = collect_fields(item for value in values for item in (value if isinstance(value, list) else [value]))
        return _list_children(found, ())


def _list_children(fields: Mapping[tuple[str, ...], RecordedField], above: tuple[str, ...]) -> list[RecordedField]:
    """Return the fields directly below a path. An object is one because of the fields in it."""
    children: dict[str, RecordedField] = {}
    for path, field in fields.items():
        if len(path) <= len(above) or path[: len(above)] != above:
            continue
        name, place = path[len(above)], path[: len(above) + 1]
        if path == place:
            children[name] = field
        elif name not in children:
            children[name] = RecordedField(place, write_name(place), {"object": 1}, filled=field.filled)
        elif children[name].types == {"object": 1} and children[name].example is None:
            children[name].filled = max(children[name].filled, field.filled)
    return list(children.values())


class RecordedSamples:
    """Finds samples in the recordings of a workspace. Recordings are replayed once, whatever is typed."""

    def __init__(self) -> None:
        self._index = FieldIndex()
        self.chosen = ""
        """The recording whose values are shown, if it is one of the operation. Default: the first."""

    def find_sample(
        self, workspace: Workspace, effective: Effective, names: Sequence[OperationName], over: str
    ) -> Sample:
        """Return a sample for an expression over a scope of `SCOPES`; an empty one without a recording."""
        context = {"context": hide_secrets(effective.context)}
        schema = find_response_nodes(effective, names, of_record=over in _OF_RECORDS | _OF_ITEM)
        of_records = over in _OF_RECORDS | _OF_ITEM
        try:
            recordings = self._index.read_recordings(workspace, effective, names)
            found = [recording for recording in recordings if recording.records.scopes or not of_records]
            recorded = self._index.find_fields(workspace, effective, names) if over in _OF_RECORDS else None
        except ConnError:  # lint reports it
            found = []
        if not found:
            return Sample(None if over in _OF_BODY | _OF_ITEM else context, {}, schema=schema)
        found.sort(key=lambda it: (workspace.format_path(it.path) != self.chosen, not it.records.scopes))
        scopes = [_build_scope(recording, over, context) for recording in found[:_MOST]]
        sample = Sample(scopes[0], {}, 0, workspace.format_path(found[0].path), schema, found[0].records.conditions)
        if recorded is not None:
            return replace(sample, fields=recorded.fields, records=recorded.records)
        return replace(sample, others=tuple(scopes[1:]))


def _build_scope(recording: IndexedRecording, over: str, context: Mapping[str, Any]) -> Any:
    """Return what an expression over a record, a response or a request sees."""
    first = recording.records.scopes[0] if recording.records.scopes else {"response": None}
    if over in _OF_RECORDS:
        return {**first, **context}
    if over in _OF_ITEM:
        return first["response"]
    recorded = load_recording(recording.path, recording.path.name)
    exchange = recorded.exchanges[0] if recorded.exchanges else None
    body = None if exchange is None or exchange.response.body is UNSET else exchange.response.body
    if over in _OF_BODY:
        return body
    if "response" not in (SCOPES.get(over) or ()):
        call = to_builtins(recorded.call)
        return {"query": {}, "params": {}, **(call if isinstance(call, dict) else {}), **context}
    return {
        **first,
        **context,
        "response": body,
        "body": body,
        "record": first["response"],
        "records": [scope["response"] for scope in recording.records.scopes],
        "headers": {} if exchange is None else exchange.response.headers,
        "status": None if exchange is None else exchange.response.status,
    }


def follow_steps(value: Any, steps: Sequence[str]) -> Any:
    """Return the value at a path of names; of a list, that of the first item that has one. UNDEFINED if there is
    none."""
    for step in steps:
        if isinstance(value, list):
            value = next((item for item in value if isinstance(item, Mapping) and step in item), None)
        if not isinstance(value, Mapping) or step not in value:
            return UNDEFINED
        value = value[step]
    return value


def hide_secrets(value: Any) -> Any:
    """Return data without the values whose names are those of secrets."""
    if isinstance(value, Mapping):
        return {key: _HIDDEN if is_secret_name(str(key)) else hide_secrets(item) for key, item in value.items()}
    return [hide_secrets(item) for item in value] if isinstance(value, list) else value
