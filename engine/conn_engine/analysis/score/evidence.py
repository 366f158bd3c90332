"""What a connector covers, found in its documents and in the replayed results of its recordings."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from conn_engine.analysis.coverage import OperationCoverage, list_model_fields, measure_coverage
from conn_engine.analysis.score.contract import PublishedContract
from conn_engine.analysis.score.judging import compute_request_digests
from conn_engine.analysis.score.model import RecordingFigures, ResourceFigures
from conn_engine.config import Effective, OperationName, Workspace, singular
from conn_engine.documents import read_document
from conn_engine.errors import ConnError, UsageError, VendorError
from conn_engine.expressions import expression
from conn_engine.runtime.call import Call
from conn_engine.runtime.model_schemas import schema_path
from conn_engine.testing.cases import Case, Outcome, failure_kind, find_cases, recorded_call, replay
from conn_engine.testing.deliveries.cases import DeliveryCase, find_deliveries
from conn_engine.testing.deliveries.replaying import replay_delivery

__all__ = [
    "SCENARIOS",
    "SECONDS_PER_DAY",
    "UPDATED_AFTER",
    "ReplayedCases",
    "compute_age",
    "find_resources",
    "maps_deleted",
    "replay_cases",
]

SECONDS_PER_DAY: Final = 86_400
PAGES: Final = 3
"""A listing of several pages has at least a first, a middle and a last one."""
SCENARIOS: Final = ("several_pages", "empty", "error", "rate_limited", "unauthorized")
UPDATED_AFTER: Final = "updated_after"
UNAUTHORIZED: Final = 401
DELETED: Final = "deleted"
"""Another part of the score counts it."""
STANDARD_METHODS: Final = ("list", "get", "create", "update", "delete")


@dataclass(slots=True)
class ReplayedCases:
    """What the recordings and deliveries show. `accepted` and `refused` count deliveries.

    `changed` has the operations that return only what changed since a time, `resumed` those that resume from a state,
    `deleted` the listings and the types of events that report a deleted record, and `requests` a digest of the requests
    of each. `authorized` is whether a request carries a credential.
    """

    cases: int = 0
    scenarios: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    resumed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    authorized: bool = False
    accepted: int = 0
    refused: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    days: list[str] = field(default_factory=list)
    operations: set[str] = field(default_factory=set)
    requests: dict[str, str] = field(default_factory=dict)

    def describe(self) -> RecordingFigures:
        """Return the figures, without an age."""
        days = sorted(day for day in self.days if day)
        return RecordingFigures(
            cases=self.cases,
            deliveries=self.accepted + self.refused,
            sources=dict(sorted(self.sources.items())),
            oldest=days[0] if days else "",
            newest=days[-1] if days else "",
            age_days=None,
            scenarios={name: name in self.scenarios for name in SCENARIOS},
        )


def compute_age(day: str, now: float) -> int:
    """Return the days since a date; 0 for one in the future."""
    return max(0, int((now - datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) // SECONDS_PER_DAY))


def replay_cases(workspace: Workspace, effective: Effective) -> ReplayedCases:
    """Replay every recording and delivery of a connector, and collect what they show."""
    replayed = ReplayedCases()
    cases = find_cases(workspace, effective, effective.enabled_operations())
    replayed.requests = compute_request_digests(case.recording for case in cases)
    for case in cases:
        replayed.cases += 1
        replayed.sources[case.recording.source] += 1
        replayed.days.append(_read_day(case.recording.recorded_at))
        replayed.operations.add(case.name.text)
        outcome = replay(effective, case.name, case.recording)
        replayed.authorized |= any(request.authorized for request in outcome.sent)
        replayed.scenarios.update(_classify(case, outcome))
        if case.name.method == "list" and maps_deleted(effective, case.name) and any(map(_is_deleted, outcome.records)):
            replayed.deleted.add(case.name.text)
        for names, call in ((replayed.changed, _omit_time(case)), (replayed.resumed, _omit_state(case))):
            if call is not None and _differs_without(effective, case, outcome, call):
                names.add(case.name.text)
    for delivery in find_deliveries(workspace, effective):
        _add_delivery(replayed, effective, delivery)
    return replayed


def maps_deleted(effective: Effective, name: OperationName) -> bool:
    """Return whether an operation maps `deleted` to something that the vendor says: not to a constant."""
    mapping = effective.response_mapping(name.model, name.resource, name.method) if name.kind == "unified" else None
    text = None if mapping is None else mapping.fields.get(DELETED)
    return text is not None and expression(text).roots() != frozenset()


def _is_deleted(record: Any) -> bool:
    return isinstance(record, dict) and record.get(DELETED) is True


def _omit_time(case: Case) -> Call | None:
    """Return the recorded call without `updated_after`, or None if it has none."""
    call = recorded_call(case.recording)
    query = {name: value for name, value in call.query.items() if name != UPDATED_AFTER}
    return replace(call, query=query) if len(query) < len(call.query) else None


def _omit_state(case: Case) -> Call | None:
    """Return the recorded call without the state that it resumes from, or None if it has none."""
    call = recorded_call(case.recording)
    return None if call.state is None else replace(call, state=None)


def _differs_without(effective: Effective, case: Case, outcome: Outcome, call: Call) -> bool:
    """Return whether a successful replay sends or returns something else with this call."""
    if outcome.error is not None:
        return False
    other = replay(effective, case.name, case.recording, call=call)
    return other.error is not None or (other.requests(), other.records) != (outcome.requests(), outcome.records)


def _add_delivery(replayed: ReplayedCases, effective: Effective, case: DeliveryCase) -> None:
    outcome = replay_delivery(effective, case.delivery)
    replayed.accepted += outcome.error is None
    replayed.refused += outcome.refusal is not None
    replayed.sources[case.delivery.source] += 1
    replayed.days.append(_read_day(case.delivery.received_at))
    replayed.deleted.update(event["type"] for event in outcome.records if event["type"].endswith(f".{DELETED}"))


def _read_day(moment: str) -> str:
    try:
        return datetime.fromisoformat(moment).date().isoformat()
    except ValueError:
        return ""


def _classify(case: Case, outcome: Outcome) -> Iterator[str]:
    refused = outcome.error is not None and failure_kind(outcome.error) == "unauthorized"  # whatever the status
    if refused or any(request.status == UNAUTHORIZED for request in outcome.sent):  # also if a renewed one is accepted
        yield "unauthorized"
    elif isinstance(outcome.error, VendorError):
        yield "rate_limited" if outcome.error.kind == "rate_limited" else "error"
    elif outcome.error is None and case.name.method == "list":
        if outcome.pages >= PAGES:
            yield "several_pages"
        if not outcome.records:
            yield "empty"


def find_resources(workspace: Workspace, effective: Effective, contract: PublishedContract) -> list[ResourceFigures]:
    """Return the coverage of each mapped record of the models, sorted by name."""
    rows: dict[tuple[str, str], list[OperationCoverage]] = defaultdict(list)
    names: dict[tuple[str, str], list[OperationName]] = defaultdict(list)
    by_text = {name.text: name for name in effective.enabled_operations() if name.kind == "unified"}
    for name in by_text.values():
        names[name.model, name.resource].append(name)
    for row in _measure(workspace, effective):
        if row.operation in by_text:
            name = by_text[row.operation]
            rows[name.model, name.resource].append(row)
    return [_describe_resource(workspace, effective, contract, names[key], rows[key]) for key in sorted(names)]


def _measure(workspace: Workspace, effective: Effective) -> list[OperationCoverage]:
    try:
        return list(measure_coverage(workspace, connector=effective.connector_name, alone=True))
    except UsageError:  # there is no unified operation
        return []


def _describe_resource(
    workspace: Workspace,
    effective: Effective,
    contract: PublishedContract,
    names: Sequence[OperationName],
    rows: Sequence[OperationCoverage],
) -> ResourceFigures:
    first = min(names)
    prefix = f"{first.model}.{first.resource}"
    schema = _read_schema(workspace, effective, first)
    properties = schema.get("properties", {})
    methods = {name.method for name in names}
    unmapped_methods = [name for name in schema.get("x-operations", STANDARD_METHODS) if name not in methods]
    declared = [name for name in unmapped_methods if contract.lacks(f"{prefix}.{name}")]
    reads = [row for row in rows if get_method(row) in ("list", "get")] or list(rows)
    reading = next((name for name in names if name.method in ("list", "get")), first)
    model = [name for name in list_model_fields(workspace, effective, reading) if name != DELETED]
    unmapped = set(model).intersection(  # or mapped to what no recording has
        *({field_row.field for field_row in row.fields if field_row.state != "seen"} for row in reads)
    )
    serving = {name: value.get("x-served-by") for name, value in properties.items() if isinstance(value, dict)}
    elsewhere = {
        name
        for name in unmapped
        if (served := serving.get(name.partition(".")[0])) is not None and effective.connector_name not in served
    }
    absent = {name for name in unmapped - elsewhere if contract.lacks(f"{prefix}.{name}")}
    return ResourceFigures(
        record=f"{first.model}.{_find_record(effective, first)}",
        resource=prefix,
        operations=sorted(methods),
        missing_operations=[name for name in unmapped_methods if name not in declared],
        operations_not_offered=declared,
        fields=len(model),
        mapped=len(model) - len(unmapped),
        served_elsewhere=len(elsewhere),
        not_offered=len(absent),
        served_only_here=sum(served is not None and effective.connector_name in served for served in serving.values()),
        missing_fields=[name for name in model if name in unmapped - elsewhere - absent],
    )


def get_method(row: OperationCoverage) -> str:
    """Return the method of a measured operation."""
    return row.operation.rpartition(".")[2]


def _find_record(effective: Effective, name: OperationName) -> str:
    try:
        operation = effective.get_unified(name.model, name.resource, name.method)
    except ConnError:
        operation = None
    return (operation.record if operation is not None else None) or singular(name.resource)


def _read_schema(workspace: Workspace, effective: Effective, name: OperationName) -> dict[str, Any]:
    path = schema_path(workspace.models, name.model, _find_record(effective, name))
    data = {} if path is None else read_document(path, "/".join(path.parts[-3:])).data
    return data if isinstance(data, dict) else {}
