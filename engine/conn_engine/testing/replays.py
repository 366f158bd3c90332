"""Replays of one operation for configurations that differ in their response mappings: sent once, mapped for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conn_engine.conditions import Conditions
from conn_engine.config import Effective, OperationName
from conn_engine.errors import ConnError, CredentialError, MissingRecording, VendorError
from conn_engine.expressions import UNDEFINED, KnownColumns
from conn_engine.recordings.files import Recording
from conn_engine.testing.cases import Outcome, replay

__all__ = ["Replays"]

Scopes = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Sent:
    """What configurations that send the same requests have in common: an outcome but for its records, and the pages."""

    outcome: Outcome
    pages: list[tuple[Scopes, KnownColumns]]


class Replays:
    """Replays of one operation. `sent` counts those that were run in full.

    For a configuration that sends what another has sent, only the response mapping is evaluated, and of that only the
    expressions that no mapping before had.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Sent] = {}
        self.sent = 0

    @property
    def evaluated(self) -> int:
        """How many expressions were evaluated over a page, besides those of the replays in full."""
        return sum(known.evaluated for sent in self._known.values() for _, known in sent.pages)

    def replay(self, effective: Effective, name: OperationName, recording: Recording, request_key: str) -> Outcome:
        """What `cases.replay` gives. `request_key` is equal for configurations that are equal but for the mapping."""
        sent = self._known.get(request_key)
        outcome = _map_again(sent, effective, name) if sent is not None else None
        if outcome is not None:
            return outcome
        self.sent += 1
        pages: list[Scopes] = []
        outcome = replay(effective, name, recording, lambda _, scopes, results: pages.append(scopes))
        if sent is None and len(pages) == outcome.pages and _depends_in_records_only(effective, name, outcome):
            outcome.vendor_paths()  # found once for all
            self._known[request_key] = _Sent(outcome, [(scopes, KnownColumns()) for scopes in pages])
        return outcome


def _depends_in_records_only(effective: Effective, name: OperationName, outcome: Outcome) -> bool:
    """Whether of an outcome only the records depend on the response mapping: nothing else sees its results."""
    if outcome.error is not None and not isinstance(outcome.error, CredentialError | MissingRecording | VendorError):
        return False  # perhaps the mapping's
    operation = effective.get_unified(name.model, name.resource, name.method) if name.kind == "unified" else None
    return operation is not None and not operation.after and operation.each != "page"


def _map_again(sent: _Sent, effective: Effective, name: OperationName) -> Outcome | None:
    """The outcome with a configuration's own mapping; None when only a replay in full can give it."""
    try:
        mapping = effective.response_mapping(name.model, name.resource, name.method)
        if mapping is None or not mapping.is_repeatable():
            return None
        conditions = Conditions(evaluator=effective.evaluator)  # it asks neither for the time nor for chance
        results = [value for scopes, known in sent.pages for value in mapping.apply(scopes, conditions, known=known)]
    except ConnError:
        return None
    return replace(sent.outcome, records=[value for value in results if value is not UNDEFINED and value is not None])
