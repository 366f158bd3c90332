"""Runs `conn test`: replays the recordings of a selection and judges the results. It prints nothing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from conn_engine.config import Effective, OperationName, Workspace, format_place, parse_place
from conn_engine.diagnostics import Diagnostic, Severity, Span, diagnostic, pluralize
from conn_engine.errors import ConfigurationError
from conn_engine.expressions import evaluators
from conn_engine.runtime.variants import to_base_level, up_to
from conn_engine.testing.absences import find_emptied_fields, find_empty_fields, find_missing_keys
from conn_engine.testing.cases import Case, Outcome, replay
from conn_engine.testing.compare import compare_records
from conn_engine.testing.deliveries.cases import DeliveryCase, delivery_name
from conn_engine.testing.deliveries.judging import judge_delivery
from conn_engine.testing.deliveries.replaying import DeliveryOutcome, replay_delivery
from conn_engine.testing.judgement import Verdict, authors_fault, judge
from conn_engine.testing.operation_report import OperationReport
from conn_engine.testing.planning import PlannedTest, plan_tests
from conn_engine.testing.replays import Replays
from conn_engine.testing.selection import Selection
from conn_engine.testing.syncs.cases import SyncCase, SyncName
from conn_engine.testing.wording import CHANGES

__all__ = [
    "OperationReport",
    "Selection",
    "SharedRuns",
    "delivery_report",
    "report_disabled",
    "report_on",
    "run_planned",
    "run_suite",
]


@dataclass(slots=True)
class SharedRuns:
    """Results that are shared when one operation is tested for several accounts. `request_key` as in `Replays.replay`.

    `without`, `deliveries` and `judged` store the outcome of the base level and its judgement, by the path of the
    recording.
    """

    request_key: Callable[[Effective, Case], str]
    replays: Replays = field(default_factory=Replays)
    without: dict[Path, Outcome] = field(default_factory=dict)
    deliveries: dict[Path, DeliveryOutcome] = field(default_factory=dict)
    judged: dict[Path, Verdict] = field(default_factory=dict)
    base: Effective | None = None

    def to_base_level(self, effective: Effective) -> Effective:
        """Return the base level, which is the same for all accounts."""
        if self.base is None:
            self.base = to_base_level(effective)
        return self.base

    def replay(self, effective: Effective, case: Case) -> Outcome:
        """Replay a recording for an account."""
        return self.replays.replay(effective, case.name, case.recording, self.request_key(effective, case))

    def replay_without(self, base: Effective, case: Case) -> Outcome:
        """Replay a recording for the base level, once."""
        if case.path not in self.without:
            self.without[case.path] = self.replay(base, case)
        return self.without[case.path]

    def replay_delivery_without(self, base: Effective, case: DeliveryCase) -> DeliveryOutcome:
        """Replay a recorded delivery for the base level, once."""
        if case.path not in self.deliveries:
            self.deliveries[case.path] = replay_delivery(base, case.delivery)
        return self.deliveries[case.path]

    def judge_without(self, workspace: Workspace, base: Effective, case: Case) -> Verdict:
        """Judge the replay of the base level, once."""
        if case.path not in self.judged:
            shared_case = replace(case, golden=case.base_golden)
            self.judged[case.path] = judge(workspace, base, shared_case, self.replay_without(base, case))
        return self.judged[case.path]


def _share_nothing() -> SharedRuns:
    """Return the runs of one operation of one account."""
    return SharedRuns(lambda effective, case: f"{id(effective)} {case.path}")


_GOLDEN_BROKEN = frozenset({"TST101", "TST102", "TST104", "TST106", "TST107", "TST108"})


def run_suite(workspace: Workspace, selection: Selection) -> Iterator[OperationReport]:
    """Replay and judge each selected operation and recorded delivery; yield a report as soon as it is ready.

    Raises the errors of `plan_tests`.
    """
    for planned in plan_tests(workspace, selection):
        yield run_planned(workspace, planned, selection)


def run_planned(
    workspace: Workspace, planned: PlannedTest, selection: Selection, *, shared_runs: SharedRuns | None = None
) -> OperationReport:
    """Run one planned test. `shared_runs` as in `report_on`."""
    effective, name = planned.effective, planned.name
    for case in planned.cases:
        if isinstance(case, DeliveryCase):
            return delivery_report(workspace, effective, case, shared_runs=shared_runs)
    chosen = {case.path for case in planned.chosen}
    if isinstance(name, SyncName):
        from conn_engine.testing.syncs.reporting import report_on_sync

        cases = [case for case in planned.cases if isinstance(case, SyncCase) and case.path in chosen]
        return report_on_sync(workspace, effective, name, cases)
    if (disabled := report_disabled(effective, name)) is not None:
        return disabled
    report = report_on(workspace, effective, name, planned.cases, selection, shared_runs=shared_runs)
    report.judgements = [judgement for judgement in report.judgements if judgement.case.path in chosen]
    return report


def report_disabled(effective: Effective, name: OperationName) -> OperationReport | None:
    """Return the report of an operation that is not tested because it is disabled; None for an enabled one."""
    finding = effective.explain_disabled(name)
    if finding is None:
        return None
    return OperationReport(effective, name, findings=[replace(finding, severity=Severity.INFO)], enabled=False)


def delivery_report(
    workspace: Workspace, effective: Effective, case: DeliveryCase, *, shared_runs: SharedRuns | None = None
) -> OperationReport:
    """Replay a recorded delivery and judge it. If the account has no golden of its own, its outcome is also compared
    with the one without overrides. `shared_runs` as in `report_on`."""
    runs = shared_runs or _share_nothing()
    outcome = replay_delivery(effective, case.delivery)
    has_own_golden = effective.account is not None and case.golden.is_file()
    overridden = any(layer.level != "base" for layer in effective.layers)
    report = OperationReport(effective, delivery_name(case.path.stem))
    if has_own_golden or not overridden:
        report.judgements.append(judge_delivery(workspace, effective, case, outcome))
        return report
    base = runs.to_base_level(effective)
    without = runs.replay_delivery_without(base, case)
    judgement = judge_delivery(workspace, effective, case, outcome, without)
    if judgement.golden != "same" and case.golden != case.base_golden:
        judgement.shared = judge_delivery(workspace, base, replace(case, golden=case.base_golden), without)
    report.judgements.append(judgement)
    return report


def report_on(
    workspace: Workspace,
    effective: Effective,
    name: OperationName,
    cases: Sequence[Case],
    selection: Selection,
    *,
    shared_runs: SharedRuns | None = None,
) -> OperationReport:
    """Replay and judge the cases of one operation, or report that it has none. If the configuration of the operation is
    invalid, report its findings.

    Pass `shared_runs` when testing one operation for several accounts: the run without overrides is then computed once.
    """
    runs = shared_runs or _share_nothing()
    report = OperationReport(effective, name)
    try:
        effective.check_operation(name)
    except ConfigurationError as error:
        report.findings += error.findings
        return report
    if not cases:
        report.recorded = False
        report.findings.append(
            diagnostic(
                "REC101",
                f"{name.text} has no recording",
                effective.span(name.path) or Span(f"connectors/{effective.connector_name}/connector.yaml"),
                path=format_place(name.path),
                hint=f"record it: conn record {name.text} --account {effective.account or 'ACCOUNT'}",
            )
        )
        return report
    for case in cases:
        outcome = runs.replay(effective, case)
        judgement = _judge_case(workspace, effective, case, outcome, runs)
        if selection.cross_check:
            judgement.findings += _cross_check(workspace, effective, case, outcome)
        report.judgements.append(judgement)
    emptied = find_emptied_fields(report.judgements, effective)
    for judgement in report.judgements:
        judgement.findings += (
            emptied if judgement.below is not None else []
        )  # so that its result is not saved as a golden
    reported = {finding.path for finding in emptied}
    report.findings += [
        empty_field
        for empty_field in find_empty_fields(report.judgements, effective)
        if empty_field.path not in reported
    ]
    report.findings += find_missing_keys(report.judgements, effective)
    return report


def _judge_case(workspace: Workspace, effective: Effective, case: Case, outcome: Outcome, runs: SharedRuns) -> Verdict:
    """Judge an outcome. If the account has no golden of its own, compare it with the outcome without overrides too."""
    has_own_golden = effective.account is not None and case.golden.is_file()
    overridden = any(layer.level != "base" for layer in effective.layers)
    if has_own_golden or (effective.account is None and not overridden):
        return judge(workspace, effective, case, outcome)
    base = runs.to_base_level(effective)
    without = runs.replay_without(base, case)
    if authors_fault(without.error):  # a value that only accounts have: use this account's
        return judge(workspace, effective, case, outcome, replay(up_to(effective, "base"), case.name, case.recording))
    judgement = judge(workspace, effective, case, outcome, without)
    own_recording = effective.account is not None and case.golden == case.base_golden
    if (judgement.golden != "same" or judgement.outdated) and not own_recording:
        judgement.shared = runs.judge_without(workspace, base, case)
        if judgement.golden == "overridden":  # the golden is broken anyway, and perhaps no other account tests it
            judgement.findings += [finding for finding in judgement.shared.findings if finding.code in _GOLDEN_BROKEN]
    return judgement


def _find_other_failures(
    effective: Effective, evaluator: str, outcome: Outcome, other: Outcome, reported: set[str]
) -> Iterator[Diagnostic]:
    """Report MAP401 for each field that fails with one evaluator only, and is not `reported` yet."""
    ours, theirs = ({problem.at: problem for problem in one.problems} for one in (outcome, other))
    for at in ours.keys() ^ theirs.keys():
        problem = theirs.get(at) or ours[at]
        if problem.field in reported:
            continue
        fails = "fails" if at in theirs else "does not fail"
        message = f"{problem.field} is not portable: with {evaluator}, it {fails}"
        yield diagnostic("MAP401", message, effective.span(parse_place(at)), path=at)


def _cross_check(workspace: Workspace, effective: Effective, case: Case, outcome: Outcome) -> list[Diagnostic]:
    """Run the case with each other evaluator: a mapping whose result differs is not portable."""
    findings: list[Diagnostic] = []
    for evaluator in evaluators()[1:]:
        other = replay(effective, case.name, case.recording, evaluator=evaluator)
        difference = compare_records(outcome.records, other.records)
        findings += _find_other_failures(
            effective, evaluator, outcome, other, {name for name, _ in difference.by_field()}
        )
        for (field_name, kind), count in sorted(difference.by_field().items()):
            path = (*case.name.path, "response_mapping", *field_name.split("."))
            change = f"it {CHANGES[kind]} in {pluralize(count, 'record')}"
            findings.append(
                diagnostic(
                    "MAP401",
                    f"{field_name} is not portable: with {evaluator}, {change}",
                    effective.span(path),
                    path=format_place(path),
                )
            )
        if (outcome.error is None) != (other.error is None):
            ending = f"fails: {other.error.message}" if other.error else "does not fail"
            message = f"with {evaluator}, the operation {ending}"
            findings.append(diagnostic("MAP401", message, Span(workspace.format_path(case.path))))
    return findings
