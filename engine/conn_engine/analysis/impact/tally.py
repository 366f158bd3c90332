"""Sum up the effects of comparisons: the status of each account, and the accounts and records per changed field."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from conn_engine.analysis.impact.model import (
    BREAKING,
    KINDS,
    OWN_BREAKING,
    AccountImpact,
    ChangeKind,
    Consequence,
    Effect,
    FieldImpact,
    SideName,
    Status,
    Unjudged,
    Unknown,
)
from conn_engine.analysis.impact.plan import Group, OperationPlan, PairKey
from conn_engine.analysis.population import join_digests
from conn_engine.errors import ConnError

__all__ = ["Tally"]

NO_RECORDING = "no recording"
UNUSABLE = "the configuration cannot be used"
Row = tuple[str, str, str, ChangeKind]


@dataclass(slots=True)
class _Count:
    accounts: int = 0
    records: int = 0
    breaking: bool = False
    shielded: int = 0
    own: int = 0


@dataclass(slots=True)
class Tally:
    """Collects the results group by group. `effects` are by the key of their pair."""

    effects: Mapping[PairKey, Effect]
    accounts: list[AccountImpact] = field(default_factory=list)
    consequences: list[Consequence] = field(default_factory=list)
    _rows: dict[Row, _Count] = field(default_factory=dict)
    _unknown: Counter[tuple[str, str, bool]] = field(default_factory=Counter)
    _unjudged: dict[tuple[SideName, object], tuple[ConnError, list[str]]] = field(default_factory=dict)

    def add(self, group: Group) -> None:
        """Add the results of a group."""
        number = len(group.accounts)
        for side, error in group.faults.items():
            # An error in a document that many accounts use is one error.
            reason = error.findings or error.message
            self._unjudged.setdefault((side, reason), (error, []))[1].extend(group.accounts)
        if group.faults:
            if group.fails_now:
                self._add(group, "", Effect(counts={("", "now_failing"): 1}), own=False)
            elif "after" not in group.faults:
                self._keep(group, "", "unreadable_before", str(group.faults["before"].message), breaking=False)
            self._verdict(group, "unjudged", group.fails_now, UNUSABLE)
            return
        changed = breaking = shielded = False
        if group.renamed:
            changed = breaking = self._add(group, "", Effect(counts={("", "account_renamed"): 1}), own=False)
        reasons: list[tuple[str, str, bool]] = []
        if group.changes:
            changed = True
            breaking |= self._add(group, "", Effect(counts=group.changes), own=group.changes_from_own_file)
        for plan in group.operations:
            effect = self._compare_operation(plan)
            away = {} if effect.unknown else self._kept_away(plan, effect.counts)
            if effect.counts:
                changed = True
                breaking |= self._add(group, plan.name.text, effect, own=plan.from_own_file)
            if effect.unknown:
                open_ = effect.by_change and not plan.from_own_file
                breaking |= open_
                reasons.append((plan.name.text, effect.unknown, open_))
                if open_:
                    request_digest = join_digests(
                        *(f"{name} {digest}" for (name, _), digest in sorted(effect.evidence.items()))
                    )
                    self._keep(group, plan.name.text, "unanswered", f"{effect.unknown} {request_digest}", breaking=True)
            if away:
                shielded = True
                self._shield(group, plan.name.text, away, number)
        if not group.recorded and not changed:
            reasons = reasons or [("", NO_RECORDING, False)]
        for reason_row in reasons:
            self._unknown[reason_row] += number
        status: Status = "changed" if changed else "unknown" if reasons else "shielded" if shielded else "unchanged"
        self._verdict(group, status, breaking, reasons[0][1] if reasons and status == "unknown" else "")

    def _compare_operation(self, plan: OperationPlan) -> Effect:
        """Return the effect on an operation of these accounts, over all recordings."""
        settings = {row: join_digests(value) for row, value in plan.settings.items()}
        if not plan.reached:
            return Effect(counts=dict.fromkeys(settings, 0), evidence=settings)
        if not plan.recorded and settings:
            return Effect(counts=dict.fromkeys(settings, 0), evidence=settings, unknown=NO_RECORDING)
        if not plan.recorded:  # a removed operation is known without a recording
            return Effect(counts={("", "operation_missing"): 0}) if plan.gone else Effect(unknown=NO_RECORDING)
        counts: Counter[tuple[str, ChangeKind]] = Counter(dict.fromkeys(settings, 0))
        evidence: dict[tuple[str, ChangeKind], str] = settings
        for key in plan.own:
            counts.update(self.effects[key].counts)
            for row, digest in self.effects[key].evidence.items():
                evidence[row] = join_digests(evidence.get(row, ""), digest)
        known_before = [key for key in plan.own if key not in plan.new]
        unanswered = [self.effects[key] for key in known_before or plan.own if self.effects[key].unknown]
        return Effect(
            counts=counts,
            writes=any(self.effects[key].writes for key in plan.own),
            unknown=unanswered[0].unknown if unanswered else "",
            by_change=any(effect.by_change for effect in unanswered),
            evidence=evidence,
        )

    def _kept_away(
        self, plan: OperationPlan, counts: Mapping[tuple[str, ChangeKind], int]
    ) -> dict[tuple[str, ChangeKind], int]:
        """Return the changes at the levels below in fields where these accounts see no change."""
        touched = {name for name, _ in counts}
        shielded: dict[tuple[str, ChangeKind], int] = {}
        for key in plan.below:
            for (name, kind), records in self.effects[key].counts.items():
                if name not in touched:
                    shielded[name, kind] = shielded.get((name, kind), 0) + records
        return shielded

    def _add(self, group: Group, operation: str, effect: Effect, *, own: bool) -> bool:
        """Add an effect of an operation, and return whether it is breaking for these accounts."""
        breaks = False
        number = len(group.accounts)
        for (name, kind), records in effect.counts.items():
            grave = kind in BREAKING or (kind == "request_changed" and effect.writes)
            breaking = grave and (not own or kind in OWN_BREAKING)
            row = self._rows.setdefault((group.connector, operation, name, kind), _Count())
            row.accounts += number
            row.records += number * records
            row.breaking |= breaking
            row.own += number if own else 0
            evidence = f"{records} {effect.evidence.get((name, kind), '')}"
            self._keep(group, operation, kind, evidence, name=name, breaking=breaking, own=own)
            breaks |= breaking
        return breaks

    def _keep(
        self,
        group: Group,
        operation: str,
        kind: ChangeKind,
        evidence: str,
        *,
        breaking: bool,
        name: str = "",
        own: bool = False,
    ) -> None:
        digest = join_digests(evidence)[:16]
        accounts = tuple(group.accounts)
        row = Consequence(group.connector, operation, name, kind, digest, accounts, breaking, own)
        self.consequences.append(row)

    def _shield(self, group: Group, operation: str, counts: Mapping[tuple[str, ChangeKind], int], number: int) -> None:
        for name, kind in counts:
            self._rows.setdefault((group.connector, operation, name, kind), _Count()).shielded += number

    def _verdict(self, group: Group, status: Status, breaking: bool, reason: str) -> None:
        self.accounts += [AccountImpact(name, group.connector, status, breaking, reason) for name in group.accounts]

    def fields(self) -> Iterator[FieldImpact]:
        """Yield the rows by connector and operation, most severe kinds first."""
        kinds = list(KINDS)
        for key in sorted(self._rows, key=lambda row: (row[0], row[1], kinds.index(row[3]), row[2])):
            count = self._rows[key]
            yield FieldImpact(*key, count.accounts, count.records, count.breaking, count.shielded, count.own)

    def find_unjudged(self) -> list[Unjudged]:
        """Return the accounts whose configuration cannot be used, by side and error."""
        rows = [
            Unjudged(side, tuple(sorted(accounts)), error.message, error.findings)
            for (side, _), (error, accounts) in self._unjudged.items()
        ]
        return sorted(rows, key=lambda row: (row.side, row.accounts))

    def unknown(self) -> Sequence[Unknown]:
        """Return the operations whose results cannot be compared, by name."""
        rows = sorted(self._unknown.items())
        return [Unknown(operation, reason, number, breaking) for (operation, reason, breaking), number in rows]
