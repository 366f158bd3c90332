"""Run both sides of an operation, each on its recording, and count the differences. Only this module evaluates.

A task is small data that another process can receive: names, paths and levels, but no configuration.
"""

import json
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from conn_engine.analysis.impact.model import ChangeKind, Effect, Work
from conn_engine.analysis.impact.results import (
    KINDS_OF_FIELDS,
    count_other_results,
    count_records,
    list_other_results,
)
from conn_engine.analysis.population import find_route, join_digests
from conn_engine.config import Effective, OperationName, Workspace, WorkspaceSource, find_own_fields, singular
from conn_engine.errors import ConnError, MissingRecording, UsageError
from conn_engine.recordings.files import Recording, load_recording
from conn_engine.runtime.model_schemas import check_records, schema_path
from conn_engine.runtime.variants import in_context, up_to
from conn_engine.syncs import compile_sync, load_sync_levels
from conn_engine.testing.cases import Outcome, golden_request
from conn_engine.testing.compare import RecordComparison, RequestChange, compare_requests, nameable
from conn_engine.testing.deliveries.cases import DeliveryName
from conn_engine.testing.deliveries.judging import compare_replies
from conn_engine.testing.deliveries.replaying import replay_delivery
from conn_engine.testing.outcomes import compare_outcomes
from conn_engine.testing.refusals import find_refusal
from conn_engine.testing.replays import Replays
from conn_engine.testing.syncs.cases import SyncName
from conn_engine.testing.syncs.enriching import RecordedEnricher
from conn_engine.testing.syncs.judging import have_other_keys
from conn_engine.testing.syncs.outcome import SyncOutcome
from conn_engine.testing.syncs.replaying import replay_sync
from conn_engine.webhooks.recorded import RecordedDelivery, load_delivery

__all__ = [
    "EffectiveKey",
    "Effectives",
    "EvaluatedSide",
    "Evaluation",
    "EvaluationSide",
    "EvaluationTask",
    "Level",
    "Pair",
    "compare_sides",
    "evaluate_side",
]

Recorded = Recording | RecordedDelivery
FieldChangeKind = tuple[str, ChangeKind]
Level = Literal["base", "environment", "account"]

EffectiveKey = tuple[WorkspaceSource, str, Level]
"""A workspace, an account, and its highest level."""
Effectives = Mapping[EffectiveKey, Effective]

MOST_KEPT = 256
UNANSWERED = "the recording has no response to the request"


@dataclass(frozen=True, slots=True)
class EvaluationSide:
    """One side to evaluate: an account of a workspace with its levels up to `level`, on a recording.

    `key` identifies the result, and `request_key` the result without the records.
    """

    source: WorkspaceSource
    account: str
    level: Level
    key: str
    request_key: str
    recording: Path


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sides to compare; None if a side does not have the operation. `same` is set if both use the same version of
    the recording."""

    before: EvaluationSide | None
    after: EvaluationSide | None
    same: bool = True


@dataclass(slots=True)
class EvaluationTask:
    """Every pair of one operation on one recording (its latest version). Sides that several pairs share are evaluated
    once."""

    name: OperationName
    recording: Path
    pairs: list[Pair] = field(default_factory=list)
    size: int = 0

    @property
    def key(self) -> tuple[OperationName, str]:
        """The operation and the recording, which identify the task."""
        return self.name, str(self.recording)


@dataclass(frozen=True, slots=True)
class EvaluatedSide:
    """The results of one run: the outcome, its requests, and the violations of the model's schema by field."""

    outcome: Outcome
    requests: list[dict[str, Any]]
    violations: dict[str, int]
    writes: bool


class Evaluation:
    """Runs tasks. It reads a workspace once, so use it for one comparison only. `effectives` are configurations that
    the caller has already loaded."""

    def __init__(self, *workspaces: Workspace, effectives: Effectives | None = None) -> None:
        self._given: Effectives = effectives or {}
        self._workspaces = {workspace.source: workspace for workspace in workspaces}
        self._effectives: dict[EffectiveKey, Effective] = {}

    def effects(self, job: EvaluationTask) -> tuple[list[Effect], Work]:
        """Return the effect of each pair, in order, and the work done."""
        load: Callable[[Path], Recorded] = load_delivery if isinstance(job.name, DeliveryName) else load_recording
        recordings: dict[Path, Recorded] = {}
        sides: dict[str, EvaluatedSide] = {}
        replays = Replays()

        def side(run: EvaluationSide, *, before: bool = False) -> EvaluatedSide:
            if run.key not in sides:
                if run.recording not in recordings:
                    recordings[run.recording] = load(run.recording)
                sides[run.key] = self._run(run, job.name, recordings[run.recording], replays, before=before)
            return sides[run.key]

        effects = []
        for pair in job.pairs:
            if pair.before is not None and pair.after is not None:
                effects.append(compare_sides(side(pair.before, before=True), side(pair.after), same=pair.same))
            elif pair.after is not None:
                effects.append(Effect(0, {("", "operation_added"): len(side(pair.after).outcome.records)}))
            elif pair.before is not None:
                gone = side(pair.before, before=True)
                effects.append(Effect(0, {("", "operation_missing"): len(gone.outcome.records)}))
        return effects, Work(len(sides), replays.sent, replays.evaluated)

    def _workspace(self, source: WorkspaceSource) -> Workspace:
        if source not in self._workspaces:
            self._workspaces[source] = source.load()
        return self._workspaces[source]

    def _effective(self, run: EvaluationSide) -> Effective:
        key = (run.source, run.account, run.level)
        if key in self._given:
            return self._given[key]
        if key not in self._effectives:
            effective = self._workspace(run.source).effective(account=run.account)
            if len(self._effectives) >= MOST_KEPT:
                self._effectives.clear()
            self._effectives[key] = effective if run.level == "account" else up_to(effective, run.level)
        return self._effectives[key]

    def _run(
        self, run: EvaluationSide, name: OperationName, recording: Recorded, replays: Replays, *, before: bool
    ) -> EvaluatedSide:
        workspace = self._workspace(run.source)
        try:
            effective = self._effective(run)
        except ConnError as error:
            return EvaluatedSide(Outcome(error=error), [], {}, False)
        return evaluate_side(workspace, effective, name, recording, replays, key=run.request_key, before=before)


def evaluate_side(
    workspace: Workspace,
    effective: Effective,
    name: OperationName,
    recording: Recorded,
    replays: Replays,
    *,
    key: str,
    before: bool,
) -> EvaluatedSide:
    """Run an operation on a recording. Sides with the same `key` have the same requests in `replays`."""
    try:
        if isinstance(name, SyncName) and isinstance(recording, Recording):
            return EvaluatedSide(_replay_sync(workspace, effective, name, recording), [], {}, writes=False)
        if isinstance(recording, RecordedDelivery):
            outcome: Outcome = replay_delivery(effective, recording)
        else:
            outcome = replays.replay(effective, name, recording, key)
    except ConnError as error:
        return EvaluatedSide(Outcome(error=error), [], {}, False)
    refusal = find_refusal(_in_context(effective, recording), outcome, recording.base_url)
    if refusal is not None and not isinstance(outcome.error, MissingRecording):
        outcome = replace(outcome, error=refusal)
    try:
        violations = _violations(workspace, effective, name, outcome)
    except ConnError:
        if not before:
            raise
        violations = {}  # a schema that could not be read before was not violated
    return EvaluatedSide(outcome, _requests(outcome), violations, _writes(effective, name))


def _replay_sync(workspace: Workspace, effective: Effective, name: SyncName, recording: Recording) -> SyncOutcome:
    """Return the events of a sync. Its requests are compared as those of the recorded operation."""
    plan = compile_sync(workspace, load_sync_levels(workspace, name.method, effective), effective)
    operation = next((one for one in effective.operations() if one.text == recording.operation), None)
    if operation is None:
        raise UsageError(f'there is no operation "{recording.operation}"')
    return replay_sync(effective, plan, operation, recording, enrich=RecordedEnricher(workspace, effective))


def _in_context(effective: Effective, recorded: Recorded) -> Effective:
    context = recorded.account.context if isinstance(recorded, RecordedDelivery) else recorded.context
    return in_context(effective, context)


def _requests(outcome: Outcome) -> list[dict[str, Any]]:
    """Return the requests with complete URLs, because goldens do not show a changed base URL. The places of the
    credential are compared once per account (`find_account_changes`)."""
    return [golden_request(replace(request, url=request.whole_url, credentials=None)) for request in outcome.sent]


def _violations(workspace: Workspace, effective: Effective, name: OperationName, outcome: Outcome) -> dict[str, int]:
    if name.kind != "unified" or name.method == "delete" or not outcome.records:
        return {}
    operation = effective.get_unified(name.model, name.resource, name.method)
    record = operation.record if operation is not None and operation.record else singular(name.resource)
    path = schema_path(workspace.models, name.model, record)
    counts_by_field: dict[str, int] = {}
    own = find_own_fields(effective, name)
    for violation in check_records(path, outcome.records, own) if path is not None else ():
        field = nameable(violation.path)
        counts_by_field[field] = max(counts_by_field.get(field, 0), violation.records)
    return counts_by_field


def _writes(effective: Effective, name: OperationName) -> bool:
    route = find_route(effective.data, name)
    if route is None:
        return name.method in ("create", "update", "delete")
    try:
        return effective.vendor(*route).writes
    except ConnError:
        return False


def compare_sides(before: EvaluatedSide, after: EvaluatedSide, *, same: bool) -> Effect:
    """Compare both sides. `same` is set if both ran on the same recording, so that only the configuration differs."""
    counts: dict[tuple[str, ChangeKind], int] = {}
    writes = before.writes or after.writes
    requests = compare_requests(before.requests, after.requests)
    for change in requests:
        for part in _parts(change):
            counts[part, "request_changed"] = counts.get((part, "request_changed"), 0) + 1
    missing = [isinstance(side.outcome.error, MissingRecording) for side in (before, after)]
    if any(missing):
        reason = UNANSWERED if missing[1] else f"{UNANSWERED} before the change"
        evidence = _evidence(counts, (), after, requests)
        return Effect(0, counts, writes, reason, by_change=bool(counts) or not all(missing), evidence=evidence)
    if not counts and same:  # a changed request is reported already, and its previous page differs too
        back = zip(before.outcome.previous, after.outcome.previous, strict=False)
        differing = sum(old != new for old, new in back)
        counts |= {("prev_cursor", "value_changed"): differing} if differing else {}
    difference = compare_outcomes(before.outcome, after.outcome)
    counts.update(count_records(before.outcome, after.outcome, difference, same=same))
    others = count_other_results(before.outcome, after.outcome, same=same)
    counts.update(others)
    if isinstance(before.outcome, SyncOutcome) and isinstance(after.outcome, SyncOutcome):
        changed_keys = have_other_keys(before.outcome, after.outcome)
        counts |= {("key", "key_changed"): len(after.outcome.keys)} if changed_keys else {}
    for name in [name for name, kind in others if kind == "now_failing"]:
        if counts.get((name, "missing"), 0) <= others[name, "now_failing"]:
            counts.pop((name, "missing"), None)  # the failures explain it
    counts |= dict.fromkeys(((part, "value_changed") for part in compare_replies(before.outcome, after.outcome)), 1)
    for path, records in after.violations.items():
        if records > before.violations.get(path, 0):
            counts[path, "schema_violated"] = records - before.violations.get(path, 0)
    if before.outcome.failure != after.outcome.failure:
        failing = after.outcome.error is not None and before.outcome.error is None
        counts["", "now_failing" if failing else "error_changed"] = 1
    evidence = _evidence(counts, others, after, requests, difference)
    return Effect(len(before.outcome.records), counts, writes, evidence=evidence)


def _evidence(
    counts: Iterable[FieldChangeKind],
    others: Container[FieldChangeKind],
    after: EvaluatedSide,
    requests: Iterable[RequestChange],
    difference: RecordComparison | None = None,
) -> dict[FieldChangeKind, str]:
    """Return digests of the results after the change, to distinguish it from other changes of the same field and kind.
    Without `difference` there are no records to compare."""
    evidence: dict[FieldChangeKind, list[Any]] = {row: [] for row in counts}
    for record in difference.changed if difference is not None else ():
        for change in record.fields:
            row = (nameable(change.field), KINDS_OF_FIELDS[change.kind])
            evidence.get(row, []).append((record.key, change.field, change.after))
    for request in requests:
        for part in _parts(request):
            evidence[part, "request_changed"].append(request.after)
    for (field_name, kind), rows in evidence.items():
        if (field_name, kind) in others:
            rows.append(list_other_results(after.outcome))
        elif kind in ("now_failing", "error_changed"):
            rows.append(after.outcome.failure)
        elif difference is not None and kind in ("missing", "added") and not field_name:
            rows.append(difference.gone if kind == "missing" else difference.new)
    return {row: join_digests(json.dumps(rows, default=repr, sort_keys=True)) for row, rows in evidence.items()}


def _parts(change: RequestChange) -> list[str]:
    """Return the parts of a request that differ; each header by its name."""
    if change.part == "headers":
        old, new = change.before or {}, change.after or {}
        names = (name for name in sorted({*old, *new}) if old.get(name) != new.get(name))
        return list(dict.fromkeys(nameable(f"headers.{name}") for name in names))
    return [change.part if change.part in ("method", "url", "body") else "request"]
