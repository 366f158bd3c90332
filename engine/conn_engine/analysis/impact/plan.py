"""Plan what to evaluate: accounts that behave the same once, and only operations that the change can affect."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from conn_engine.analysis.impact.accounts import find_account_changes, find_missing_values, share_levels
from conn_engine.analysis.impact.compared_files import Versions, find_listings, find_recordings
from conn_engine.analysis.impact.endpoints import find_endpoint_changes, have_same_endpoints_below
from conn_engine.analysis.impact.evaluate import EffectiveKey, EvaluationSide, EvaluationTask, Pair
from conn_engine.analysis.impact.model import ChangeKind, SideName
from conn_engine.analysis.impact.renames import find_renamed
from conn_engine.analysis.impact.routes import find_rerouted
from conn_engine.analysis.impact.slicing import ABSENT, Variant, Variants
from conn_engine.analysis.impact.sync_plans import compare_syncs
from conn_engine.analysis.population import (
    UNRECORDED,
    AccountShape,
    RecordedFile,
    Side,
    find_context_reads,
    join_digests,
    make_context_key,
)
from conn_engine.config import Effective, OperationName
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import ConnError, UsageError
from conn_engine.testing.deliveries.cases import delivery_name
from conn_engine.testing.syncs.cases import SyncName

__all__ = ["Group", "ImpactPlan", "OperationPlan", "PairKey"]

_Accounts = list[tuple[str, AccountShape | None, AccountShape | None]]
"""Names with their shapes before and after the change."""
PairKey = tuple[str, str]
"""Identifies a comparison by the digests of both runs. Equal pairs are evaluated once."""
Place = tuple[tuple[OperationName, str], int]


@dataclass(slots=True)
class OperationPlan:
    """The comparisons of one operation for one group. `reached` is false if both sides are equal.

    `own` are the comparisons of the accounts themselves, and `new` those among them on a recording that the change
    adds. `below` are comparisons of the levels below an override, to find the changes that it hides. `recorded` is
    false if the operation has no recording, and `gone` is set if it was removed. `from_own_file` is set if only the
    accounts' own files cause the difference. `settings` are those of a sync that differ, with their new values.
    """

    name: OperationName
    reached: bool = False
    recorded: bool = True
    gone: bool = False
    from_own_file: bool = False
    own: list[PairKey] = field(default_factory=list)
    new: set[PairKey] = field(default_factory=set)
    below: list[PairKey] = field(default_factory=list)
    settings: Mapping[tuple[str, ChangeKind], str] = field(default_factory=dict)


@dataclass(slots=True)
class Group:
    """Accounts that behave the same on both sides. A side is None if they do not exist there.

    `configurations` has the configuration of one of the accounts before and after the change; `changes` affect all
    operations. `faults` has the reason why the configuration of a side cannot be used.
    """

    before: AccountShape | None
    after: AccountShape | None
    accounts: list[str] = field(default_factory=list)
    operations: list[OperationPlan] = field(default_factory=list)
    configurations: tuple[Effective | None, Effective | None] = (None, None)
    changes: Mapping[tuple[str, ChangeKind], int] = field(default_factory=dict)
    changes_from_own_file: bool = False
    recorded: bool = True
    faults: Mapping[SideName, ConnError] = field(default_factory=dict)

    @property
    def connector(self) -> str:
        """The connector they use: after the change if they exist and can be used then, else before it."""
        shape = self.before if self.after is None or ("after" in self.faults and self.before) else self.after
        return shape.connector if shape is not None else ""

    @property
    def renamed(self) -> bool:
        """Whether the account had another name before."""
        return self.before is not None and self.after is not None and self.before.name not in self.accounts

    @property
    def fails_now(self) -> bool:
        """Whether the accounts could be used before the change, but cannot be used after it."""
        return "after" in self.faults and self.before is not None and "before" not in self.faults


class ImpactPlan:
    """All groups and their evaluation tasks. Accounts that cannot be used are groups with a fault."""

    def __init__(self, before: Side, after: Side, accounts: Sequence[str] = ()) -> None:
        self.before = before
        self.after = after
        self._accounts = set(accounts)
        self.jobs: dict[tuple[OperationName, str], EvaluationTask] = {}
        self.effectives: dict[EffectiveKey, Effective] = {}
        self._unreadable: dict[tuple[SideName, str], ConnError] = {}
        self._variants = Variants(before, after)
        self._pairs: dict[PairKey, Place] = {}
        self.renamed = find_renamed(before, after)
        self.groups = [group for alike in self._alike() for group in self._groups(alike)]

    @property
    def pairs(self) -> Iterable[tuple[PairKey, Place]]:
        """Every comparison, with its task and its number there."""
        return self._pairs.items()

    def _alike(self) -> Iterable[_Accounts]:
        """Return the accounts with their shapes before and after, grouped if only their contexts differ."""
        old, new = set(self.before.workspace.accounts()), set(self.after.workspace.accounts())
        accounts_by_key: dict[Any, _Accounts] = {}
        names = (old | new) - set(self.renamed.values())
        if unknown := self._accounts - names:
            name = min(unknown)
            raise UsageError(f'no account "{name}" in the workspace', hint=did_you_mean(name, sorted(names)))
        for name in sorted(self._accounts or names):
            earlier = self.renamed.get(name, name)
            after = self._shape("after", name) if name in new else None
            before = self._shape("before", earlier) if earlier in old else None
            apart = name if self._faults(name) or earlier != name else ""
            accounts_by_key.setdefault((apart, before and before.key, after and after.key), []).append(
                (name, before, after)
            )
        return accounts_by_key.values()

    def _shape(self, side: SideName, name: str) -> AccountShape | None:
        try:
            shape = self.after.shape(name) if side == "after" else self.before.shape(name, self.after)
            self._side(side).check_names(name)  # an error in an account's own document concerns only this account
            return shape
        except ConnError as error:  # one document stops no other account
            self._unreadable[side, name] = error
            return None

    def _side(self, name: SideName) -> Side:
        return self.after if name == "after" else self.before

    def _faults(self, name: str) -> dict[SideName, ConnError]:
        sides: tuple[SideName, ...] = ("before", "after")
        return {side: self._unreadable[side, name] for side in sides if (side, name) in self._unreadable}

    def _groups(self, accounts: _Accounts) -> Iterator[Group]:
        name, old, new = accounts[0]
        faults = self._faults(name)
        before = self._usable("before", old, faults)
        after = self._usable("after", new, faults)
        if faults:
            yield Group(old, new, [name for name, *_ in accounts], faults=faults)
            return
        variants = [variant for variant in (before, after) if variant is not None]
        groups: dict[str, Group] = {}
        for name, old, new in accounts:
            group = groups.setdefault(self._context_key(variants, (old, new)), Group(old, new))
            group.accounts.append(name)
        for group in groups.values():
            self._fill(group, before, after)
            yield group

    def _context_key(self, variants: list[Variant], pair: Iterable[AccountShape | None]) -> str:
        """Return a key that is equal for contexts that no operation can distinguish."""
        reads = find_context_reads(cut for variant in variants for cut in variant.slices.values())
        contexts = [shape.context if shape is not None else {} for shape in pair]
        lacking = [
            name
            for variant in variants
            for context in contexts
            for name in find_missing_values(variant.effective.data, context)
        ]
        return join_digests(*(make_context_key(self.after.digests, reads, context) for context in contexts), *lacking)

    def _usable(self, name: SideName, shape: AccountShape | None, faults: dict[SideName, ConnError]) -> Variant | None:
        """Return one side of accounts, or None if they do not exist or cannot be used, which is added to `faults`."""
        if shape is None:
            return None
        try:
            return self._variants.find(self._side(name), shape.name)
        except ConnError as error:
            faults[name] = error
            return None

    def _fill(self, group: Group, before: Variant | None, after: Variant | None) -> None:
        group.configurations = (before.effective if before else None, after.effective if after else None)
        if before is not None and after is not None and group.before is not None and group.after is not None:
            contexts = (group.before.context, group.after.context)
            group.changes = find_account_changes((before.effective, after.effective), contexts, self.after.digests)
            sides = (before.effective, after.effective)
            workspaces = (self.before.workspace, self.after.workspace)
            group.changes = {**group.changes, **find_endpoint_changes(workspaces, sides)}
            group.changes_from_own_file = share_levels(*sides, self.after.digests) and have_same_endpoints_below(
                workspaces, sides
            )
        recordings = self._versions(group, Side.recordings)
        group.recorded = bool(recordings)
        recorded = {file.operation for pair in recordings.values() for file in pair if file is not None}
        variants = [variant for variant in (before, after) if variant is not None]
        names = {name for variant in variants for name in variant.slices if _counts(name, recorded)}
        if before is not None and after is not None:
            names |= find_rerouted(before.effective, after.effective, recorded, self.after.digests)
        below = self._variants.find_below(before, after)
        received = self._deliveries(group)
        syncs = {name for name in names if isinstance(name, SyncName)}
        for name in [*sorted(names - syncs), *sorted(syncs), *received]:
            if name in received:
                files = received[name]
            elif isinstance(name, SyncName):
                files = find_listings(name, variants, list(recordings.values()))
            else:
                files = list(find_recordings({name.text}, recordings.values()))
            gone = before is not None and name in before.slices and (after is None or name not in after.slices)
            plan = OperationPlan(name, recorded=bool(files), gone=gone)
            looked_at: list[Versions] = files or [(None, None)]
            for versions in looked_at:
                own_pair = self._pair(group, name, (before, after), versions)
                plan.own += [own_pair] if own_pair is not None and files else []
                plan.new |= {own_pair} if own_pair is not None and files and versions[0] is None else set()
                plan.reached = plan.reached or own_pair is not None
                shared = [self._pair(group, name, pair, versions) for pair in below] if files else []
                plan.below += [key for key in shared if key is not None]
            if plan.reached and before is not None and after is not None:
                plan.from_own_file = self._is_from_own_file(group, name, (before, after), looked_at)
            if isinstance(name, SyncName):
                self._add_settings(group, plan, name, (before, after))
            group.operations.append(plan)

    def _add_settings(
        self, group: Group, plan: OperationPlan, name: SyncName, variants: tuple[Variant | None, Variant | None]
    ) -> None:
        """Add the settings of a sync that differ, and whether only the accounts' own files set them."""
        old, new = (variant.syncs.get(name) if variant is not None else None for variant in variants)
        if old is None or new is None or variants[1] is None or group.after is None:
            return
        plan.settings = compare_syncs(old, new)
        if not plan.settings or (plan.reached and not plan.from_own_file):
            return
        mixed = self._variants.find_with_own_file(group.after, variants[1], name)
        synced = mixed.syncs.get(name) if mixed is not None else None
        plan.from_own_file = synced is not None and not compare_syncs(synced, new)

    def _is_from_own_file(
        self, group: Group, name: OperationName, variants: tuple[Variant, Variant], looked_at: list[Versions]
    ) -> bool:
        """Return whether the accounts' new files in the earlier workspace have the same results as after the change."""
        old, new = group.before, group.after
        if old is None or new is None or (old.key[:3], old.context) == (new.key[:3], new.context):
            return False
        mixed = self._variants.find_with_own_file(new, variants[1], name)
        if mixed is None:
            return False
        latest = [after or before for before, after in looked_at]
        return all(mixed.key(name, new.context, file) == variants[1].key(name, new.context, file) for file in latest)

    def _versions(
        self, group: Group, read_files: Callable[[Side, str, str], Mapping[str, RecordedFile]]
    ) -> dict[str, Versions]:
        """Return the recordings, or deliveries, that the accounts use on each side, by file name."""
        before, after = (
            read_files(side, shape.connector, shape.name)
            if shape is not None and shape.connector == group.connector
            else {}
            for side, shape in ((self.before, group.before), (self.after, group.after))
        )
        return {name: (before.get(name), after.get(name)) for name in {**before, **after}}

    def _deliveries(self, group: Group) -> dict[OperationName, list[Versions]]:
        versions = self._versions(group, Side.deliveries)
        return {delivery_name(PurePath(name).stem): [pair] for name, pair in sorted(versions.items())} or {
            UNRECORDED: []
        }

    def _pair(
        self,
        group: Group,
        name: OperationName,
        variants: tuple[Variant | None, Variant | None],
        versions: Versions,
    ) -> PairKey | None:
        """Plan a comparison unless it is planned already, and return its key. Return None if both sides are equal.

        Both sides use the same version of the recording for this: a difference between recordings is the vendor's.
        """
        before, after = versions
        latest = after or before
        equal_keys = self._keys(group, name, variants, (latest, latest))
        if equal_keys[0] == equal_keys[1]:
            return None
        earlier = before or after
        keys = self._keys(group, name, variants, (earlier, latest))
        if latest is not None and earlier is not None and keys not in self._pairs:
            files = (earlier, latest)
            job = self.jobs.setdefault((name, str(latest.path)), EvaluationTask(name, latest.path, [], latest.size))
            self._pairs[keys] = (job.key, len(job.pairs))
            runs = [
                EvaluationSide(
                    variant.side.workspace.source,
                    shape.name,
                    variant.level,
                    key,
                    variant.request_key(name, shape.context, file),
                    file.path,
                )
                if variant is not None and shape is not None and key != ABSENT
                else None
                for variant, shape, key, file in zip(variants, (group.before, group.after), keys, files, strict=True)
            ]
            for variant, run in zip(variants, runs, strict=True):
                if variant is not None and run is not None and variant.effective.account == run.account:
                    self.effectives[run.source, run.account, run.level] = variant.effective
            job.pairs.append(Pair(runs[0], runs[1], same=earlier.digest == latest.digest))
        return keys

    def _keys(
        self, group: Group, name: OperationName, variants: tuple[Variant | None, Variant | None], files: Versions
    ) -> PairKey:
        """Return the key of each side of a comparison."""
        keys = [
            variant.key(name, shape.context, file) if variant is not None and shape is not None else ABSENT
            for variant, shape, file in zip(variants, (group.before, group.after), files, strict=True)
        ]
        return keys[0], keys[1]


def _counts(name: OperationName, recorded: set[str]) -> bool:
    """Return whether an operation is compared: every unified one, every sync, and vendor operations with a
    recording."""
    return isinstance(name, SyncName) or name.kind == "unified" or name.text in recorded
