"""The report of the impact of a change on accounts. It has no value of a record or of the configuration."""

from typing import ClassVar

import msgspec

from conn_engine.analysis.impact.model import (
    Approval,
    ChangedSetting,
    ChangeKind,
    Consequence,
    FieldImpact,
    Impact,
    SideName,
    Unjudged,
)
from conn_engine.reports import Finding, Report, describe_fault, describe_finding, format_file

__all__ = ["ImpactReport", "find_accepted", "make_row_key"]


class ComparedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """The version that the change was compared with: a commit with its branch and date (UTC), or a folder or a release
    (`name`)."""

    revision: str
    branch: str
    date: str
    name: str


class AccountCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The number of accounts, in total and of each status."""

    total: int
    changed: int
    unchanged: int
    shielded: int
    unknown: int
    unjudged: int


class ConcernedAccounts(msgspec.Struct, frozen=True, kw_only=True):
    """Names of accounts, empty if the report may not contain any. `renamed` maps new names to earlier ones."""

    changed: list[str]
    breaking: list[str]
    renamed: dict[str, str]


class ChangedResult(msgspec.Struct, frozen=True, kw_only=True):
    """A change of one field of an operation's result or request. `accepted` is true if documents of `changes/` accept
    it for every account."""

    connector: str
    operation: str
    field: str
    kind: ChangeKind
    accounts: int
    records: int
    breaking: bool
    shielded_accounts: int
    own_accounts: int
    accepted: bool


class UnknownResult(msgspec.Struct, frozen=True, kw_only=True):
    """Why the results of an operation ("": of all) cannot be compared, and for how many accounts."""

    operation: str
    reason: str
    accounts: int
    breaking: bool


class UnjudgedAccounts(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts whose configuration cannot be used on one side. The message of the finding is the title of its code."""

    accounts: list[str]
    side: SideName
    finding: Finding | None


class AcceptedChanges(msgspec.Struct, frozen=True, kw_only=True):
    """A document of `changes/`, with the number of effects and accounts that it accepts. `findings` has effects that no
    longer occur."""

    file: str
    reason: str
    effects: int
    accounts: int
    findings: list[Finding]


class ConfigurationChange(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that the change adds, changes or removes, or an override that it affects; `note` says how."""

    level: str
    path: str
    note: str
    file: str | None
    line: int | None


class ImpactReport(Report, frozen=True, kw_only=True):
    """The impact of a change on every account. `compared` is false if nothing differs from `base`."""

    kind: ClassVar[str] = "impact"
    base: ComparedVersion | None
    compared: bool
    breaking: bool
    accounts: AccountCounts
    names: ConcernedAccounts
    fields: list[ChangedResult]
    unknown: list[UnknownResult]
    unjudged: list[UnjudgedAccounts]
    accepted: list[AcceptedChanges]
    changes: list[ConfigurationChange]
    overrides: list[ConfigurationChange]

    @classmethod
    def from_impact(cls, impact: Impact, *, names: bool = True) -> "ImpactReport":
        """Report an impact. Without `names`, it has no account names."""
        return cls(
            base=_describe_base(impact),
            compared=impact.compared,
            breaking=impact.breaking,
            accounts=_count_accounts(impact),
            names=_name_accounts(impact, names=names),
            fields=_describe_fields(impact),
            unknown=[
                UnknownResult(operation=row.operation, reason=row.reason, accounts=row.accounts, breaking=row.breaking)
                for row in impact.unknown
            ],
            unjudged=[_describe_unjudged(row, names=names) for row in impact.unjudged],
            accepted=[_describe_approval(approval) for approval in impact.accepted],
            changes=[_describe_statement(statement, names=names) for statement in impact.statements],
            overrides=[_describe_statement(statement, names=names) for statement in impact.overrides],
        )


def make_row_key(row: FieldImpact | Consequence) -> tuple[str, str, str, str]:
    """Return the key that identifies a changed field."""
    return row.connector, row.operation, row.field, row.kind


def find_accepted(impact: Impact) -> set[tuple[str, str, str, str]]:
    """Return the keys of the breaking rows that are accepted for every account."""
    if not impact.accepted:
        return set()
    breaking = {make_row_key(row) for row in impact.fields if row.breaking}
    return breaking - {make_row_key(row) for row in impact.find_failures("breaking")}


def _describe_base(impact: Impact) -> ComparedVersion | None:
    base = impact.base
    if base is None:
        return None
    return ComparedVersion(revision=base.revision, branch=base.branch, date=base.date, name=base.name)


def _count_accounts(impact: Impact) -> AccountCounts:
    return AccountCounts(
        total=len(impact.accounts),
        changed=impact.count("changed"),
        unchanged=impact.count("unchanged"),
        shielded=impact.count("shielded"),
        unknown=impact.count("unknown"),
        unjudged=impact.count("unjudged"),
    )


def _name_accounts(impact: Impact, *, names: bool) -> ConcernedAccounts:
    accounts = impact.accounts if names else ()
    return ConcernedAccounts(
        changed=[account.name for account in accounts if account.status == "changed"],
        breaking=[account.name for account in accounts if account.breaking],
        renamed=dict(impact.renamed) if names else {},
    )


def _describe_fields(impact: Impact) -> list[ChangedResult]:
    accepted = find_accepted(impact)
    return [
        ChangedResult(
            connector=row.connector,
            operation=row.operation,
            field=row.field,
            kind=row.kind,
            accounts=row.accounts,
            records=row.records,
            breaking=row.breaking,
            shielded_accounts=row.shielded,
            own_accounts=row.own,
            accepted=make_row_key(row) in accepted,
        )
        for row in impact.fields
    ]


def _describe_unjudged(row: Unjudged, *, names: bool) -> UnjudgedAccounts:
    return UnjudgedAccounts(
        accounts=list(row.accounts) if names else [],
        side=row.side,
        finding=describe_fault(row.findings[0], names=names) if row.findings else None,
    )


def _describe_approval(approval: Approval) -> AcceptedChanges:
    return AcceptedChanges(
        file=approval.file,
        reason=approval.reason,
        effects=len(approval.covers),
        accounts=approval.accounts,
        findings=[describe_finding(finding) for finding in approval.findings],
    )


def _describe_statement(statement: ChangedSetting, *, names: bool) -> ConfigurationChange:
    span = statement.span
    return ConfigurationChange(
        level=statement.level,
        path=statement.path,
        note=statement.note,
        file=format_file(span.file, names=names) if span else None,
        line=span.line if span else None,
    )
