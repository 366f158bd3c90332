"""What a change does to the accounts, as data: counts, paths and names. It holds no value of any record."""

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
"""What becomes of an account; `unjudged` when its configuration cannot be had after the change."""
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
    "unanswered",
    "unreadable_before",
]
KINDS: Mapping[ChangeKind, str] = {
    "account_renamed": "the account has another name",
    "operation_missing": "the operation is gone",
    "now_failing": "now fails",
    "credential_changed": "credential changed",
    "missing": "now missing",
    "type_changed": "type changed",
    "schema_violated": "schema violated",
    "request_changed": "request changed",
    "value_changed": "value changed",
    "error_changed": "error changed",
    "order_changed": "order changed",
    "added": "added",
    "operation_added": "new operation",
    "unanswered": "a changed request has no recorded answer",
    "unreadable_before": "could not be read before the change",
}
"""Every kind with its words, the gravest first. The last two are no lines of the report, but of what it accepts."""
BREAKING: frozenset[ChangeKind] = frozenset({
    "missing", "type_changed", "schema_violated", "now_failing", "credential_changed", "operation_missing",
    "account_renamed", "unanswered",
})  # fmt: skip
"""Kinds that break whoever relies on the result. A changed request of an operation that writes breaks too."""
OWN_BREAKING: frozenset[ChangeKind] = frozenset({"schema_violated", "now_failing"})
"""Kinds that break although they come from nothing but the account's own file."""
FailsOn = Literal["breaking", "missing", "type", "any", "none"]
"""Which changes are a failure."""
_FAILING: Mapping[FailsOn, frozenset[ChangeKind]] = {
    "missing": frozenset({"missing", "operation_missing", "now_failing", "account_renamed", "unanswered"}),
    "type": frozenset({"type_changed", "schema_violated", "unanswered"}),
    "any": frozenset(KINDS) - {"unreadable_before"},
    "none": frozenset(),
}


@dataclass(frozen=True, slots=True)
class BaseVersion:
    """What a change is compared with: a commit with its branch and day (UTC), or what `name` calls it (a folder, a
    release)."""

    revision: str = ""
    branch: str = ""
    date: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """What differs for one operation on one recording.

    `counts` are records by field and kind (requests and errors count one each), `records` how many were compared.
    `writes` tells that a changed request may change something at the vendor. `unknown` says why the results cannot be
    compared; `by_change`, that the change is the reason. `evidence` is a digest of what is there after the change, so
    that equal counts of different changes can be told apart.
    """

    records: int = 0
    counts: Mapping[tuple[str, ChangeKind], int] = field(default_factory=dict)
    writes: bool = False
    unknown: str = ""
    evidence: Mapping[tuple[str, ChangeKind], str] = field(default_factory=dict)
    by_change: bool = False


@dataclass(frozen=True, slots=True)
class FieldImpact:
    """One line of the report: a field (or a part of a request) of one operation, and how many it touches.

    `field` is dotted; "" for a whole record, `url`, `body`, `method` or `headers.<name>` for a request. Of pages it is
    `prev_cursor` for where they lead back, `page.headers.<name>` or `page.state`, of a listing `completeness`, of an
    error `error.retry_after`, `error.limits.<name>` or `error.details`; `records` are pages or errors then. Of all
    operations ("") it is `credentials`, `authorization` or `context.<name>`. `shielded` are
    accounts for which the same change of the base is kept away by an override, `own` those for which it comes from
    nothing but their own file.
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
    """What a line of the report is for accounts that behave alike: it fails for them, or is their own change.

    `digest` tells it from every other change of the same field and kind.
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
        """What each account's effect is accepted by."""
        for account in self.accounts:
            yield self.connector, self.operation, self.field, self.kind, account, self.digest

    def fails(self, on: FailsOn) -> bool:
        """Whether it is a failure. An account's own change is one only where its results violate the model's schema."""
        if on == "breaking":
            return self.breaking
        return self.kind in _FAILING[on] and (not self.own or self.kind in OWN_BREAKING)


EffectKey = tuple[str, str, str, str, str, str]
"""Connector, operation, field, kind, account and digest of one effect."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A document of `changes/` that comes with the change: the effects it covers, and findings on those that the change
    does not have any more."""

    name: str
    file: str
    reason: str
    covers: frozenset[EffectKey]
    findings: tuple[Diagnostic, ...] = ()

    @property
    def accounts(self) -> int:
        """How many accounts have an effect that it covers."""
        return len({key[4] for key in self.covers})


@dataclass(frozen=True, slots=True)
class ChangedSetting:
    """A line of configuration that the change sets anew, or an override that it touches. `note` says what of it.

    `before` and `after` are what the configuration says, shortened; for people, not for a report that travels.
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
    """One account's verdict; `reason` is why nothing is known, or "" ."""

    name: str
    connector: str
    status: Status
    breaking: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why the results of an operation cannot be compared, and for how many accounts; "" is every operation.

    It is `breaking` when a changed request is the reason: whatever the change loses stays hidden.
    """

    operation: str
    reason: str
    accounts: int
    breaking: bool = False


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Accounts whose configuration cannot be had on one side, all for the same reason.

    `findings` are the faults with their places, on that side; there may be none, `message` says it then. Both may quote
    the configuration.
    """

    side: SideName
    accounts: tuple[str, ...]
    message: str
    findings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """How much was evaluated: sides, replays in full for them, and further expressions, each over a page."""

    sides: int = 0
    replays: int = 0
    expressions: int = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(self.sides + other.sides, self.replays + other.replays, self.expressions + other.expressions)


@dataclass(frozen=True, slots=True)
class Impact:
    """The whole answer. Everything is sorted; the same two sides give the same value.

    `statements` are the differences of the configuration, `overrides` those overrides that the change makes dead or
    overtakes. `unjudged` are the accounts that cannot be had, on either side. `work` is what was really evaluated,
    `pairs` how many comparisons it served. `consequences` are the lines by accounts, `renamed` the names of before of
    accounts that have another one, `accepted` the documents that accept some of it. `base` is what was compared with;
    `compared` is false where no document differs from it, so that there was nothing to compare.
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
        """How many accounts have this status."""
        return sum(account.status == status for account in self.accounts)

    def find_failures(self, on: FailsOn) -> list[Consequence]:
        """What of it is a failure and not accepted."""
        return self._open(row for row in self.consequences if row.fails(on))

    @property
    def not_comparable(self) -> bool:
        """Whether some accounts cannot be compared, accepted ones left out."""
        before = (row for row in self.consequences if row.kind == "unreadable_before")
        return any(row.side == "after" for row in self.unjudged) or bool(self._open(before))

    def _open(self, rows: Iterable[Consequence]) -> list[Consequence]:
        """The rows with the accounts for which nobody has accepted them."""
        covered = {key for one in self.accepted for key in one.covers}
        left = (replace(row, accounts=tuple(key[4] for key in row.effect_keys() if key not in covered)) for row in rows)
        return [row for row in left if row.accounts]

    @property
    def breaking(self) -> bool:
        """Whether any line of it breaks, or may because nothing answers the changed requests."""
        return any(row.breaking for row in self.fields) or any(row.breaking for row in self.unknown)
