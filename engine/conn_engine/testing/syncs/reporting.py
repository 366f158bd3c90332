"""Runs the cases of one sync for one account, and judges the events."""

from collections.abc import Sequence
from dataclasses import replace

from conn_engine.config import Effective, Workspace
from conn_engine.diagnostics import diagnostic
from conn_engine.errors import ConnError
from conn_engine.runtime.variants import to_base_level
from conn_engine.syncs import compile_sync, load_sync_levels
from conn_engine.testing.judgement import Verdict
from conn_engine.testing.operation_report import OperationReport
from conn_engine.testing.syncs.absences import find_empty_data
from conn_engine.testing.syncs.cases import SyncCase, SyncName
from conn_engine.testing.syncs.enriching import RecordedEnricher
from conn_engine.testing.syncs.judging import judge_sync
from conn_engine.testing.syncs.outcome import SyncOutcome
from conn_engine.testing.syncs.replaying import replay_case, replay_sync

__all__ = ["report_on_sync"]


def report_on_sync(
    workspace: Workspace, effective: Effective, name: SyncName, cases: Sequence[SyncCase]
) -> OperationReport:
    """Replay the recordings of what a sync fetches, and judge the events. A recording without records is not a case."""
    report = OperationReport(effective, name)
    document = workspace.document("sync", name.method)
    try:
        plan = compile_sync(workspace, load_sync_levels(workspace, name.method, effective), effective)
    except ConnError as error:
        report.findings.append(diagnostic("SYN101", error.message, document.span(()), hint=error.hint))
        return report
    for case in cases:
        enrich = RecordedEnricher(workspace, effective)
        outcome = replay_sync(effective, plan, case.operation, case.recording, enrich=enrich)
        if outcome.is_listed and outcome.fetched:
            report.judgements.append(_judge_case(workspace, effective, case, outcome))
    outcomes = [one.outcome for one in report.judgements if isinstance(one.outcome, SyncOutcome)]
    report.findings += find_empty_data(workspace, effective, name.method, outcomes)
    if not report.judgements:
        report.recorded = False
        fetched = plan.fetch.operation.text
        report.findings.append(
            diagnostic(
                "REC101",
                f"{name.text} has no case: there is no recording of {fetched} with records",
                document.span(()),
                hint=f"record it: conn record {fetched} --account {effective.account or 'ACCOUNT'}",
            )
        )
    return report


def _judge_case(workspace: Workspace, effective: Effective, case: SyncCase, outcome: SyncOutcome) -> Verdict:
    """Judge an outcome. If the account has no golden of its own, compare it with the outcome without overrides too."""
    has_own_golden = effective.account is not None and case.golden.is_file()
    if has_own_golden or all(layer.level == "base" for layer in effective.layers):
        return judge_sync(workspace, effective, case, outcome)
    base = to_base_level(effective)
    without = replay_case(workspace, base, case)
    if without.plan is None:  # only the account's connector has what the sync fetches
        return judge_sync(workspace, effective, case, outcome)
    judgement = judge_sync(workspace, effective, case, outcome, without)
    if judgement.golden != "same" and case.golden != case.base_golden:
        judgement.shared = judge_sync(workspace, base, replace(case, golden=case.base_golden), without)
    return judgement
