"""The results of `conn test` as a report. It contains no value of a record."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec

from conn_engine.reports import Finding, Report, describe_finding
from conn_engine.testing.cases import Outcome
from conn_engine.testing.compare import ChangeKind
from conn_engine.testing.coverage import Coverage
from conn_engine.testing.deliveries.replaying import DeliveryOutcome
from conn_engine.testing.judgement import GoldenState, Verdict
from conn_engine.testing.suite import OperationReport
from conn_engine.testing.syncs.outcome import SyncOutcome

__all__ = ["SuiteReport", "TestedOperation", "describe_operation"]


class ListingEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a listing that is not complete."""

    state: Literal["complete", "incomplete", "unknown", "stopped"]
    reason: str


class DeliveryResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a recorded delivery: the code of its refusal, the status of the reply and the types of events.

    `verified_by` is null if nothing verifies it.
    """

    verified_by: str | None
    challenge: int | None
    refused: str | None
    status: int | None
    events: list[str]


class SyncResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a sync makes of a recording: the recorded operation, the records read, those that a filter left out and
    those that cannot be delivered, the events, and what receives them."""

    operation: str
    read: int
    filtered: int
    failing: int
    events: int
    event: str | None
    destination: str | None


class CaseCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """`seen` counts the records in which each mapped field has a value; `unread` lists unread paths."""

    mapped: int
    seen: dict[str, int]
    unread: list[str]


class GoldenDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A field that differs from the golden, the number of records, and the place that sets it, if known."""

    field: str
    kind: ChangeKind
    records: int
    set_by: str | None


class TestedCase(msgspec.Struct, frozen=True, kw_only=True):
    """A replayed recording. `completeness` is null for a complete listing; `delivery` and `sync` are null for an
    operation."""

    scenario: str
    recording: str
    requests: int
    records: int
    golden: GoldenState
    error: str | None
    completeness: ListingEnd | None
    delivery: DeliveryResult | None
    sync: SyncResult | None
    coverage: CaseCoverage | None
    changes: list[GoldenDifference]


class TestedOperation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation, sync or recorded delivery for one account. An operation without a recording, or one that is not
    enabled and therefore not tested, has not passed."""

    operation: str
    connector: str
    account: str | None
    environment: str | None
    recorded: bool
    enabled: bool
    passed: bool
    cases: list[TestedCase]
    findings: list[Finding]


class SuiteCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The number of operations that passed, failed, have no recording or are disabled."""

    passed: int
    failed: int
    without_recording: int
    disabled: int


class SuiteReport(Report, frozen=True, kw_only=True):
    """The operations that `conn test` replayed, with one entry for each account."""

    kind: ClassVar[str] = "test"
    operations: list[TestedOperation]
    summary: SuiteCounts

    @classmethod
    def from_reports(cls, reports: Sequence[OperationReport]) -> "SuiteReport":
        """Report the operations in the order in which they were tested."""
        operations = [describe_operation(report) for report in reports]
        passed = sum(operation.passed for operation in operations)
        unrecorded = sum(not operation.recorded for operation in operations)
        disabled = sum(not operation.enabled for operation in operations)
        failed = len(operations) - passed - unrecorded - disabled
        counts = SuiteCounts(passed=passed, failed=failed, without_recording=unrecorded, disabled=disabled)
        return cls(operations=operations, summary=counts)


def describe_operation(report: OperationReport) -> TestedOperation:
    """Return the result of one operation as reports have it."""
    effective = report.effective
    return TestedOperation(
        operation=report.name.text,
        connector=effective.connector_name,
        account=effective.account,
        environment=effective.environment,
        recorded=report.recorded,
        enabled=report.enabled,
        passed=report.recorded and report.enabled and not report.failed,
        cases=[_describe_case(judgement) for judgement in report.judgements],
        findings=[describe_finding(finding) for finding in report.all_findings],
    )


def _describe_case(judgement: Verdict) -> TestedCase:
    outcome, verdict = judgement.outcome, judgement.outcome.completeness
    return TestedCase(
        scenario=judgement.case.scenario,
        recording=judgement.case.path.name,
        requests=len(outcome.sent),
        records=len(outcome.records),
        golden=judgement.golden,
        error=None if outcome.error is None else outcome.error.message,
        completeness=None
        if verdict is None or outcome.whole
        else ListingEnd(state=verdict.state, reason=verdict.reason),
        delivery=_describe_delivery(outcome),
        sync=_describe_synced(judgement),
        coverage=_describe_coverage(judgement.coverage),
        changes=_describe_changes(judgement),
    )


def _describe_delivery(outcome: Outcome) -> DeliveryResult | None:
    if not isinstance(outcome, DeliveryOutcome):
        return None
    return DeliveryResult(
        verified_by=outcome.verified_by or None,
        challenge=outcome.challenge,
        refused=None if outcome.refusal is None else outcome.refusal.code,
        status=None if outcome.reply is None else outcome.reply.status,
        events=[event["type"] for event in outcome.records],
    )


def _describe_synced(judgement: Verdict) -> SyncResult | None:
    outcome = judgement.outcome
    if not isinstance(outcome, SyncOutcome) or outcome.plan is None:
        return None
    from conn_engine.testing.syncs.judging import describe_target

    target = describe_target(outcome.plan)
    return SyncResult(
        operation=judgement.case.recording.operation,
        read=outcome.fetched,
        filtered=outcome.filtered,
        failing=len(outcome.faults),
        events=len(outcome.records),
        event=target.get("event"),
        destination=target.get("destination"),
    )


def _describe_coverage(coverage: Coverage | None) -> CaseCoverage | None:
    if coverage is None:
        return None
    return CaseCoverage(mapped=len(coverage.seen), seen=dict(coverage.seen), unread=list(coverage.unread))


def _describe_changes(judgement: Verdict) -> list[GoldenDifference]:
    if judgement.comparison is None:
        return []
    return [
        GoldenDifference(field=field, kind=kind, records=count, set_by=judgement.places.get(field))
        for (field, kind), count in sorted(judgement.comparison.by_field().items())
    ]
