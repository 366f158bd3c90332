"""Replays one operation for configurations that differ in their response mappings: sent once, mapped for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conn_engine.conditions import Conditions
from conn_engine.config import Effective, OperationName
from conn_engine.errors import ConnError, CredentialError, MissingRecording, VendorError
from conn_engine.expressions import UNDEFINED, KnownColumns
from conn_engine.recordings.files import Recording
from conn_engine.runtime.field_problems import apply_response_mapping, merge_problems
from conn_engine.testing.cases import Outcome, replay
from conn_engine.wire import FieldProblem

__all__ = ["Replays"]

Scopes = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Sent:
    """What configurations with the same requests share: the outcome without its records, and the pages."""

    outcome: Outcome
    pages: list[tuple[Scopes, KnownColumns]]


class Replays:
    """Replays one operation for several configurations. `sent` counts the replays that ran in full.

    If another configuration has already sent the same requests, only the response mapping is evaluated, and only its
    expressions that no earlier mapping had.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Sent] = {}
        self.sent = 0

    @property
    def stored(self) -> int:
        """The number of replays that are stored to be mapped again."""
        return len(self._known)

    @property
    def evaluated(self) -> int:
        """The number of expressions evaluated over a page, except in replays that ran in full."""
        return sum(columns.evaluated for replay in self._known.values() for _, columns in replay.pages)

    def replay(self, effective: Effective, name: OperationName, recording: Recording, request_key: str) -> Outcome:
        """Return what `cases.replay` returns. Configurations that differ only in the mapping share a `request_key`."""
        earlier = self._known.get(request_key)
        outcome = _map_again(earlier, effective, name) if earlier is not None else None
        if outcome is not None:
            return outcome
        self.sent += 1
        pages: list[Scopes] = []
        outcome = replay(effective, name, recording, lambda _, scopes, results: pages.append(scopes))
        if earlier is None and len(pages) == outcome.pages and _depends_in_records_only(effective, name, outcome):
            outcome.vendor_paths()  # computed once and shared
            self._known[request_key] = _Sent(outcome, [(scopes, KnownColumns()) for scopes in pages])
        return outcome


def _depends_in_records_only(effective: Effective, name: OperationName, outcome: Outcome) -> bool:
    """Return whether the response mapping affects only the records of an outcome."""
    if outcome.error is not None and not isinstance(outcome.error, CredentialError | MissingRecording | VendorError):
        return False  # perhaps the mapping's
    operation = effective.get_unified(name.model, name.resource, name.method) if name.kind == "unified" else None
    return operation is not None and not operation.after and operation.each != "page"


def _map_again(earlier: _Sent, effective: Effective, name: OperationName) -> Outcome | None:
    """Return the outcome with the configuration's mapping; None if that needs a replay in full."""
    results: list[Any] = []
    problems: tuple[FieldProblem, ...] = ()
    try:
        mapping = effective.response_mapping(name.model, name.resource, name.method)
        if mapping is None or not mapping.is_repeatable():
            return None
        conditions = Conditions(evaluator=effective.evaluator)  # it uses neither the time nor random numbers
        for number, (scopes, columns) in enumerate(earlier.pages, 1):
            page = None if earlier.outcome.whole else number
            values, more = apply_response_mapping(effective, name, mapping, scopes, conditions, page, known=columns)
            results, problems = results + values, merge_problems(problems, more)
    except ConnError:
        return None
    records = [value for value in results if value is not UNDEFINED and value is not None]
    return replace(earlier.outcome, records=records, problems=problems)
