"""Compares two effective configurations on the same recordings and deliveries, record by record.

Any two configurations of an account will do: its base level and all its levels, or what is saved and a draft
(`Workspace.with_texts`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from conn_engine.config import MAPPINGS, Effective, OperationName, Workspace, format_place, mapping_layers
from conn_engine.diagnostics import Diagnostic, Span
from conn_engine.errors import ConnError, ExpressionError, MissingRecording, UsageError
from conn_engine.expressions import compile_mapping
from conn_engine.runtime.field_problems import find_failing_fields
from conn_engine.runtime.model_check import ModelCheck
from conn_engine.runtime.places import error_finding
from conn_engine.syncs import compile_sync, load_sync_levels
from conn_engine.testing.absences import find_emptied_fields, find_empty_fields
from conn_engine.testing.cases import Case, Outcome, find_cases, replay
from conn_engine.testing.compare import ChangeKind, RecordComparison, RequestChange, compare_requests
from conn_engine.testing.deliveries.cases import DeliveryCase, find_deliveries
from conn_engine.testing.deliveries.replaying import replay_delivery
from conn_engine.testing.judgement import Verdict, authors_fault, measure_outcome
from conn_engine.testing.outcomes import compare_outcomes
from conn_engine.testing.syncs.cases import SyncCase, SyncName, find_sync_cases
from conn_engine.testing.syncs.judging import find_faults
from conn_engine.testing.syncs.outcome import SyncOutcome
from conn_engine.testing.syncs.replaying import replay_case

__all__ = ["CaseEffect", "OperationEffect", "compare_configurations"]


@dataclass(frozen=True, slots=True)
class CaseEffect:
    """The difference between the results on one recording or delivery. `records` counts those after the change."""

    case: Case
    records: int
    comparison: RecordComparison


@dataclass(slots=True)
class OperationEffect:
    """The difference between two configurations for one operation or delivery, on its recordings.

    `cases` has the recordings that both could be replayed on. `unknown` is true if there is no recording, or if a
    recording has no response to the changed requests; `reason` explains it. `failures` has, by place, the errors that
    only the second configuration has: expressions that fail, fields that an override empties, and values that the
    unified model does not allow. `empty` has the warnings for fields that it maps, and that no record has.
    """

    name: OperationName
    cases: list[CaseEffect] = field(default_factory=list)
    requests: list[RequestChange] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    failures: dict[Span | None, Diagnostic] = field(default_factory=dict)
    empty: list[Diagnostic] = field(default_factory=list)
    unknown: bool = False
    reason: str = ""

    @property
    def changes(self) -> bool:
        """Whether anything differs."""
        return bool(self.fields or self.gone or self.new or self.requests or self.errors or self.failures)

    @property
    def records(self) -> int:
        """The number of records after the change."""
        return sum(effect.records for effect in self.cases)

    @property
    def fields(self) -> dict[tuple[str, ChangeKind], int]:
        """The number of records by field and kind of change."""
        return sum((Counter(effect.comparison.by_field()) for effect in self.cases), Counter())

    @property
    def gone(self) -> int:
        """The number of records that only the first configuration returns."""
        return sum(len(effect.comparison.gone) for effect in self.cases)

    @property
    def new(self) -> int:
        """The number of records that only the second configuration returns."""
        return sum(len(effect.comparison.new) for effect in self.cases)

    def add_failures(self, findings: Sequence[Diagnostic]) -> None:
        """Add findings, one for each place."""
        for finding in findings:
            self.failures.setdefault(finding.span, finding)


def compare_configurations(
    workspace: Workspace,
    before: Effective,
    after: Effective,
    names: Sequence[OperationName],
    *,
    syncs: Sequence[SyncName] = (),
    deliveries: bool = False,
    saved: Workspace | None = None,
) -> tuple[OperationEffect, ...]:
    """Compare two configurations of one connector on every recording of `names` that the account of `after` uses, and
    the events that `syncs` make of recordings. With `deliveries`, every recorded delivery is compared too.

    An operation that `before` does not have is all new. `workspace` has the recordings, and the models of `after`;
    `saved` is that of `before`, if its syncs are other ones.
    """
    cases: dict[OperationName, list[Case]] = {name: [] for name in names}
    for case in find_cases(workspace, after, names):
        cases[case.name].append(case)
    cases |= {name: list(_find_sync_cases(workspace, after, name)) for name in syncs}
    for received in find_deliveries(workspace, after) if deliveries else ():
        cases[received.name] = [received]
    known = {*before.operations(), *(name for name in cases if name not in names)}
    comparison = _Comparison(workspace, before, after, saved or workspace)
    return tuple(comparison.compare(name, cases[name], is_new=name not in known) for name in cases)


@dataclass(frozen=True, slots=True)
class _Comparison:
    workspace: Workspace
    before: Effective
    after: Effective
    saved: Workspace

    def compare(self, name: OperationName, cases: Sequence[Case], *, is_new: bool) -> OperationEffect:
        """Return the effect on one operation; `is_new` is set if only the second configuration has it."""
        effect = OperationEffect(name)
        if not cases:
            effect.unknown, effect.reason = True, "no recording"
            below = set() if is_new else {error.text for error in _find_unreadable_mappings(self.before, name)}
            errors = [error for error in _find_unreadable_mappings(self.after, name) if error.text not in below]
            effect.add_failures([error_finding(self.after, name, error, "") for error in errors])
            return effect
        results = [(case, *self._replay(case, is_new=is_new)) for case in cases]
        compared = sum(self._add_case(effect, case, before, after) for case, before, after in results)
        if name.kind == "unified":
            self._add_absences(effect, [result for result in results if not authors_fault(result[2].error)])
        if not compared and not effect.unknown:
            effect.unknown = True
            effect.reason = "recorded only with the overrides: there is no result without them to compare with"
        return effect

    def _replay(self, case: Case, *, is_new: bool) -> tuple[Outcome, Outcome]:
        after = self._run(self.workspace, self.after, case)
        return Outcome() if is_new else self._run(self.saved, self.before, case), after

    def _run(self, workspace: Workspace, effective: Effective, case: Case) -> Outcome:
        if isinstance(case, SyncCase):
            return replay_case(workspace, effective, case)
        if isinstance(case, DeliveryCase):
            return replay_delivery(effective, case.delivery)
        return replay(effective, case.name, case.recording)

    def _add_case(self, effect: OperationEffect, case: Case, before: Outcome, after: Outcome) -> bool:
        """Add the effect on one recording. Return whether it has a result."""
        if isinstance(before.error, MissingRecording | UsageError) and case.golden == case.base_golden:
            return False  # recorded with the overridden requests: the level below never sent them
        missing = next((o.error for o in (after, before) if isinstance(o.error, MissingRecording)), None)
        if missing is not None:
            effect.unknown, effect.reason = True, missing.message
            effect.requests += compare_requests(before.requests(), after.requests())
            return False
        if after.error is not None and authors_fault(after.error):
            if before.failure != after.failure:
                path_text = self.workspace.format_path(case.path)
                effect.add_failures([error_finding(self.after, effect.name, after.error, path_text)])
            return True  # the missing results are not an effect
        effect.cases.append(CaseEffect(case, len(after.records), compare_outcomes(before, after)))
        effect.requests += compare_requests(before.requests(), after.requests())
        if before.failure != after.failure:
            effect.errors.append(f"{before.failure or 'no error'} -> {after.failure or 'no error'}")
        failing = {problem.at for problem in before.problems}
        problems = find_failing_fields(self.after, after.problems, len(after.records))
        effect.add_failures([finding for finding in problems if finding.path not in failing])
        effect.add_failures(self._find_violations(effect.name, before, after, case))
        if isinstance(case, SyncCase) and isinstance(before, SyncOutcome) and isinstance(after, SyncOutcome):
            more = len(after.faults) > len(before.faults)
            effect.add_failures(find_faults(self.workspace, self.after, case, after) if more else [])
        return True

    def _add_absences(self, effect: OperationEffect, results: Sequence[tuple[Case, Outcome, Outcome]]) -> None:
        """Add a failure for each field that an override empties, and a warning for each that no record has, unless it
        was so before."""
        emptied = find_emptied_fields([_measure(self.after, *result) for result in results], self.after)
        effect.add_failures(emptied)
        empty = find_empty_fields([_measure(self.after, *result) for result in results], self.after)
        if empty:
            earlier = [_measure(self.before, case, before, before) for case, before, _ in results]
            known = {finding.path for finding in (*emptied, *find_empty_fields(earlier, self.before))}
            effect.empty += [finding for finding in empty if finding.path not in known]

    def _find_violations(self, name: OperationName, before: Outcome, after: Outcome, case: Case) -> list[Diagnostic]:
        """Return a finding for each way in which only the records after the change break their model."""
        check = ModelCheck(self.workspace.models, self.after, name)
        check.add(after.records)
        if not check.invalid:
            return []
        earlier = ModelCheck(self.workspace.models, self.after, name)
        earlier.add(before.records)
        return check.findings(Span(self.workspace.format_path(case.path)), without=earlier)


def _find_unreadable_mappings(effective: Effective, name: OperationName) -> Iterator[ExpressionError]:
    """Yield the errors of mappings that do not compile. If there is a recording, its replay reports them."""
    operation = effective.get_unified(name.model, name.resource, name.method) if name.kind == "unified" else None
    for key in sorted(MAPPINGS) if operation is not None else ():
        try:
            compile_mapping(mapping_layers(getattr(operation, key)))
        except ExpressionError as error:
            at = format_place((*name.path, key))
            error.at = f"{at}.{error.at}" if error.at else at
            yield error


def _measure(effective: Effective, case: Case, before: Outcome, after: Outcome) -> Verdict:
    """Return the coverage of the mapping on the results after the change, next to those before it."""
    coverage = None if authors_fault(after.error) else measure_outcome(effective, case.name, after)
    return Verdict(case, after, coverage=coverage if after.raw else None, below=before)


def _find_sync_cases(workspace: Workspace, effective: Effective, name: SyncName) -> Iterator[SyncCase]:
    """Yield the recordings with records of what a sync fetches; none if it cannot run."""
    try:
        plan = compile_sync(workspace, load_sync_levels(workspace, name.method, effective), effective)
    except ConnError:
        return
    for case in find_sync_cases(workspace, effective, name.method, plan.fetch.operation):
        if replay_case(workspace, effective, case).fetched:
            yield case
