"""Reports what overrides change, in the configuration and in the results of the recordings."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import msgspec

from conn_engine.config import PartialOverride
from conn_engine.config.report import plain_settings
from conn_engine.reports import Finding, Report, describe_finding
from conn_engine.testing.effects import ConfigChange, OverrideReport
from conn_engine.testing.recorded_effects import OperationEffect

__all__ = ["OverridesReport", "RecordedEffect", "describe_effect"]


class LowerValue(msgspec.Struct, frozen=True, kw_only=True):
    """The value that the level below sets, and its place."""

    file: str
    line: int
    value: Any


class OverriddenValue(msgspec.Struct, frozen=True, kw_only=True):
    """One override: its value and place, and the value that it replaces, or null."""

    level: str
    path: str
    file: str
    line: int
    value: Any
    below: LowerValue | None


class FailingOperation(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that fails because of the overrides."""

    operation: str
    finding: Finding


class PartialFields(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that an override changes only in some operations of a resource; `…_unchanged` lists the others."""

    level: str
    resource: str
    mapping: str
    fields: list[str]
    operations: list[str]
    operations_unchanged: list[str]
    events_unchanged: list[str]
    file: str
    line: int


class ChangedField(msgspec.Struct, frozen=True, kw_only=True):
    """A field that differs, and the number of records. The field "" is the record itself."""

    field: str
    kind: str
    records: int


class RecordedEffect(msgspec.Struct, frozen=True, kw_only=True):
    """The effect on one operation or delivery, replayed on its recordings. `reason` explains an unknown effect."""

    operation: str
    status: Literal["failed", "unknown", "changed", "unchanged"]
    reason: str
    records: int
    fields: list[ChangedField]
    records_gone: int
    records_new: int
    requests_changed: int
    errors: list[str]


class OverrideSet(msgspec.Struct, frozen=True, kw_only=True):
    """The overrides of one account, or of an environment for one connector. `dead` overrides equal the level below,
    and `findings` are those for other overrides that do not do what they seem to."""

    account: str | None
    connector: str
    environment: str | None
    changes: list[OverriddenValue]
    dead: list[OverriddenValue]
    failures: list[FailingOperation]
    partial: list[PartialFields]
    findings: list[Finding]
    effects: list[RecordedEffect]


class OverridesReport(Report, frozen=True, kw_only=True):
    """What the overrides of accounts or of an environment change."""

    kind: ClassVar[str] = "diff-override"
    overrides: list[OverrideSet]

    @classmethod
    def from_reports(cls, reports: Sequence[OverrideReport]) -> "OverridesReport":
        """Build the report, with one entry for each effective configuration."""
        return cls(overrides=[_describe_set(report) for report in reports])


def _describe_set(report: OverrideReport) -> OverrideSet:
    effective = report.effective
    return OverrideSet(
        account=effective.account,
        connector=effective.connector_name,
        environment=effective.environment,
        changes=[_describe_change(change) for change in report.changes],
        dead=[_describe_change(change) for change in report.dead],
        failures=[
            FailingOperation(operation=name.text, finding=describe_finding(finding))
            for name, finding in report.failures
        ],
        partial=[_describe_partial(partial) for partial in report.partial],
        findings=[describe_finding(finding) for finding in report.findings],
        effects=[describe_effect(effect) for effect in report.effects],
    )


def _describe_change(change: ConfigChange) -> OverriddenValue:
    below = change.below_at
    return OverriddenValue(
        level=change.level,
        path=change.path,
        file=change.span.file,
        line=change.span.line,
        value=plain_settings(change.value),
        below=None
        if below is None
        else LowerValue(file=below.file, line=below.line, value=plain_settings(change.below)),
    )


def _describe_partial(partial: PartialOverride) -> PartialFields:
    return PartialFields(
        level=partial.level,
        resource=".".join(map(str, partial.resource[1:])),
        mapping=partial.key,
        fields=[".".join(map(str, field)) for field in partial.fields],
        operations=list(partial.operations),
        operations_unchanged=list(partial.others),
        events_unchanged=list(partial.events),
        file=partial.span.file,
        line=partial.span.line,
    )


def describe_effect(effect: OperationEffect) -> RecordedEffect:
    """Return the effect on one operation or delivery in the form of reports."""
    status: Literal["failed", "unknown", "changed", "unchanged"] = "changed" if effect.changes else "unchanged"
    if effect.unknown:
        status = "unknown"
    if effect.failures:
        status = "failed"
    return RecordedEffect(
        operation=effect.name.text,
        status=status,
        reason=effect.reason,
        records=effect.records,
        fields=[
            ChangedField(field=field, kind=kind, records=count)
            for (field, kind), count in sorted(effect.fields.items())
        ],
        records_gone=effect.gone,
        records_new=effect.new,
        requests_changed=len(effect.requests),
        errors=list(effect.errors),
    )
