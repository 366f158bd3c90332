"""The effects of a change on accounts, as data: counts, paths and names. It has no value of a record."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from conn_engine.diagnostics import Diagnostic, Span

__all__ = [
    "BREAKING",
    "KINDS",
    "OWN_BREAKING",
    "AccountImpact",
    "Approval",
    "BaseVersion",
    "ChangeKind",
    "ChangedSetting",
    "Consequence",
    "Effect",
    "EffectKey",
    "FailsOn",
    "FieldImpact",
    "Impact",
    "SideName",
    "Status",
    "Unjudged",
    "Unknown",
    "Work",
]

Status = Literal["changed", "unchanged", "shielded", "unknown", "unjudged"]
"""The result for an account; `unjudged` if its configuration cannot be used after the change."""
SideName = Literal["before", "after"]
ChangeKind = Literal[
    "value_changed",
    "missing",
    "type_changed",
    "added",
    "order_changed",
    "schema_violated",
    "request_changed",
    "now_failing",
    "credential_changed",
    "error_changed",
    "operation_added",
    "operation_missing",
    "account_renamed",
    "destination_changed",
    "key_changed",
    "may_be_missed",
    "sent_again",
    "run_changed",
    "unanswered",
    "unreadable_before",
]
KINDS: Mapping[ChangeKind, str] = {
    "account_renamed": "account renamed",
    "operation_missing": "operation removed or disabled",
    "now_failing": "now fails",
    "credential_changed": "credential changed",
    "missing": "now missing",
    "type_changed": "type changed",
    "schema_violated": "schema violated",
    "destination_changed": "destination changed",
    "key_changed": "key changed",
    "may_be_missed": "records may be missed",
    "sent_again": "records sent again",
    "request_changed": "request changed",
    "value_changed": "value changed",
    "error_changed": "error changed",
    "order_changed": "order changed",
    "added": "added",
    "operation_added": "new or enabled operation",
    "run_changed": "runs differently",
    "unanswered": "no recorded response for a changed request",
    "unreadable_before": "unreadable before the change",
}
"""Every kind with its description, most severe first. The last two are not rows of a report, but can be accepted."""
BREAKING: frozenset[ChangeKind] = frozenset({
    "missing", "type_changed", "schema_violated", "now_failing", "credential_changed", "operation_missing",
    "account_renamed", "unanswered", "destination_changed", "key_changed", "may_be_missed",
})  # fmt: skip
"""Kinds that break consumers of the result. A changed request of an operation that writes is breaking too."""
OWN_BREAKING: frozenset[ChangeKind] = frozenset({"schema_violated", "now_failing", "operation_missing"})
"""Kinds that are breaking even if only the account's own file has changed."""
FailsOn = Literal["breaking", "missing", "type", "any", "none"]
"""The changes that count as failures."""
_FAILING: Mapping[FailsOn, frozenset[ChangeKind]] = {
    "missing": frozenset({
        "missing", "operation_missing", "now_failing", "account_renamed", "unanswered", "may_be_missed",
        "destination_changed", "key_changed",
    }),
    "type": frozenset({"type_changed", "schema_violated", "unanswered"}),
    "any": frozenset(KINDS) - {"unreadable_before"},
    "none": frozenset(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class BaseVersion:
    """The version that a change is compared with: a commit with its branch and date (UTC), or a folder or a release
    (`name`)."""

    revision: str = ""
    branch: str = ""
    date: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """The differences of one operation on one recording.

    `counts` has the number of records by field and kind (a request or an error counts as 1), and `records` is the
    number of compared records. `writes` is set if a changed request may change data at the vendor. `unknown` is the
    reason why the results cannot be compared, and `by_change` is set if the change is the cause. `evidence` has digests
    of the results after the change, which distinguish different changes with equal counts.
    """

    records: int = 0
    counts: Mapping[tuple[str, ChangeKind], int] = field(default_factory=dict)
    writes: bool = False
    unknown: str = ""
    evidence: Mapping[tuple[str, ChangeKind], str] = field(default_factory=dict)
    by_change: bool = False


@dataclass(frozen=True, slots=True)
class FieldImpact:
    """One row of the report: a field (or a part of a request) of one operation, and the number of affected accounts.

    `field` is dotted, or "" for a whole record. For a request it is `url`, `body`, `method` or `headers.<name>`; for a
    page `prev_cursor`, `page.headers.<name>` or `page.state`; for a listing `completeness`; for an error
    `error.retry_after`, `error.limits.<name>` or `error.details`. `records` then counts pages or errors. For all
    operations ("") it is `credentials`, `authorization` or `context.<name>`. For a sync (`sync:NAME`) it is a field of
    its events (`data.<name>`, `version`) or one of its settings, and `records` counts events.

    `shielded` counts accounts that an override protects from the same change of the base, and `own` those where only
    their own file has changed.
    """

    connector: str
    operation: str
    field: str
    kind: ChangeKind
    accounts: int
    records: int
    breaking: bool
    shielded: int = 0
    own: int = 0


@dataclass(frozen=True, slots=True)
class Consequence:
    """A row of the report for a group of accounts that behave the same.

    `digest` distinguishes it from other changes of the same field and kind. `own` is set if only the accounts' own
    files have changed.
    """

    connector: str
    operation: str
    field: str
    kind: ChangeKind
    digest: str
    accounts: tuple[str, ...]
    breaking: bool
    own: bool = False

    def effect_keys(self) -> Iterator["EffectKey"]:
        """Yield the key that accepts the effect, for each account."""
        for account in self.accounts:
            yield self.connector, self.operation, self.field, self.kind, account, self.digest

    def fails(self, on: FailsOn) -> bool:
        """Return whether it is a failure. A change in an account's own file is one only if the operation now fails or
        its results violate the model's schema."""
        if on == "breaking":
            return self.breaking
        return self.kind in _FAILING[on] and (not self.own or self.kind in OWN_BREAKING)


EffectKey = tuple[str, str, str, str, str, str]
"""Connector, operation, field, kind, account and digest of one effect."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A document of `changes/` that is part of the change: the effects that it accepts, and findings for those that the
    change no longer has."""

    name: str
    file: str
    reason: str
    covers: frozenset[EffectKey]
    findings: tuple[Diagnostic, ...] = ()

    @property
    def accounts(self) -> int:
        """The number of accounts with an accepted effect."""
        return len({key[4] for key in self.covers})


@dataclass(frozen=True, slots=True)
class ChangedSetting:
    """A setting that the change adds, changes or removes, or an override that the change affects (`note`).

    `before` and `after` are the values, shortened. They are for people, and never part of a published report.
    """

    level: str
    path: str
    span: Span | None
    note: str
    account: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class AccountImpact:
    """The status of one account; `reason` is why nothing is known, or ""."""

    name: str
    connector: str
    status: Status
    breaking: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why the results of an operation ("": of all) cannot be compared, and for how many accounts.

    It is `breaking` if the reason is a changed request, as a loss of data would stay hidden.
    """

    operation: str
    reason: str
    accounts: int
    breaking: bool = False


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Accounts whose configuration cannot be used on one side, all for the same reason.

    `findings` has the errors with their places on that side; if it is empty, `message` has the reason. Both may quote
    the configuration.
    """

    side: SideName
    accounts: tuple[str, ...]
    message: str
    findings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """The work done: evaluated sides, complete replays for them, and expressions evaluated on single pages."""

    sides: int = 0
    replays: int = 0
    expressions: int = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(self.sides + other.sides, self.replays + other.replays, self.expressions + other.expressions)


@dataclass(frozen=True, slots=True)
class Impact:
    """The complete result. Everything is sorted; the same two sides give the same value.

    `statements` are the differences of the configuration, and `overrides` the overrides that the change makes dead or
    conflicts with. `unjudged` are the accounts that cannot be used on either side. `work` is what was evaluated for the
    number of comparisons in `pairs`. `consequences` are the rows by accounts, `renamed` maps new names of accounts to
    earlier ones, and `accepted` has the documents that accept some of it. `base` is the version compared with;
    `compared` is false if no document differs from it.
    """

    accounts: tuple[AccountImpact, ...]
    fields: tuple[FieldImpact, ...]
    statements: tuple[ChangedSetting, ...]
    overrides: tuple[ChangedSetting, ...]
    unknown: tuple[Unknown, ...]
    work: Work
    pairs: int
    unjudged: tuple[Unjudged, ...] = ()
    consequences: tuple[Consequence, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    accepted: tuple[Approval, ...] = ()
    base: BaseVersion | None = None
    compared: bool = True

    def count(self, status: Status) -> int:
        """Return the number of accounts with this status."""
        return sum(account.status == status for account in self.accounts)

    def find_failures(self, on: FailsOn) -> list[Consequence]:
        """Return the failures that are not accepted."""
        return self._open(row for row in self.consequences if row.fails(on))

    @property
    def not_comparable(self) -> bool:
        """Whether some accounts cannot be compared and this is not accepted."""
        before = (row for row in self.consequences if row.kind == "unreadable_before")
        return any(row.side == "after" for row in self.unjudged) or bool(self._open(before))

    def _open(self, rows: Iterable[Consequence]) -> list[Consequence]:
        """Return the rows with only those accounts for which they are not accepted."""
        covered = {key for approval in self.accepted for key in approval.covers}
        open_rows = (
            replace(row, accounts=tuple(key[4] for key in row.effect_keys() if key not in covered)) for row in rows
        )
        return [row for row in open_rows if row.accounts]

    @property
    def breaking(self) -> bool:
        """Whether a row is breaking, or may be, because changed requests have no recorded response."""
        return any(row.breaking for row in self.fields) or any(row.breaking for row in self.unknown)
