"""Reports an override of one field, or of one setting of a sync: what it changes, and whether it is written."""

from typing import Any, ClassVar, Literal

import msgspec

from conn_engine.analysis.field_overrides import OverrideDraft
from conn_engine.analysis.sync_overrides import SyncOverrideDraft
from conn_engine.config import format_place
from conn_engine.reports import Finding, Report, describe_finding, describe_findings
from conn_engine.testing.overrides_report import FailingOperation, RecordedEffect, describe_effect

__all__ = ["FieldOverrideReport"]


class ChangedValue(msgspec.Struct, frozen=True, kw_only=True):
    """One field of one recorded record that differs. `before` or `after` is null if the record has no such field."""

    operation: str
    recording: str
    record: str
    field: str
    kind: Literal["added", "changed", "missing", "type_changed"]
    before: Any
    after: Any


class OverriddenSetting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting of a sync that differs, or `runs_per_day`, the number of runs that its schedule starts."""

    field: str
    before: Any
    after: Any


class FieldOverrideReport(Report, frozen=True, kw_only=True):
    """The override of one field for an account, or for an environment if `environment` is set.

    `diff` is what changes in `file`; `written` is false with --dry-run, if nothing changes, or if there are errors in
    `findings` or `failures`. `other_accounts` counts the accounts that the file does not concern, and `other_effects`
    those that it does, by the effect on them. `settings` are those of a sync, other than expressions.
    """

    kind: ClassVar[str] = "override"
    account: str
    connector: str
    environment: str | None
    place: str
    file: str
    diff: str
    written: bool
    findings: list[Finding]
    failures: list[FailingOperation]
    effects: list[RecordedEffect]
    changes: list[ChangedValue]
    settings: list[OverriddenSetting]
    other_accounts: int
    other_effects: dict[str, int]
    next: str

    @classmethod
    def from_draft(cls, draft: OverrideDraft, *, written: bool, following: str) -> "FieldOverrideReport":
        """Build the report. `following` is the command to run next."""
        return cls(
            account=draft.before.account or "",
            connector=draft.before.connector_name,
            environment=draft.file.name if draft.file.kind == "environment" else None,
            place=format_place(draft.path),
            file=draft.document.file,
            diff=draft.format_diff(),
            written=written,
            findings=describe_findings([*draft.findings, *draft.empty_fields]),
            failures=[
                FailingOperation(operation=name.text, finding=describe_finding(finding))
                for name, finding in draft.failures
            ],
            effects=[describe_effect(effect) for effect in draft.effects],
            changes=[
                ChangedValue(
                    operation=effect.name.text,
                    recording=draft.saved.format_path(case.case.path),
                    record=record.key,
                    field=change.field,
                    kind=change.kind,
                    before=change.before,
                    after=change.after,
                )
                for effect in draft.effects
                for case in effect.cases
                for record in case.comparison.changed
                for change in record.fields
            ],
            settings=[
                OverriddenSetting(field=change.field, before=change.before, after=change.after)
                for change in (draft.settings if isinstance(draft, SyncOverrideDraft) else ())
            ],
            other_accounts=draft.count_untouched(),
            other_effects=dict(sorted(draft.other_effects.items())),
            next=following,
        )
