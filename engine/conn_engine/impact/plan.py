"""Decides what to evaluate: accounts that behave alike are one, and what the change cannot reach is left out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conn_engine.config import Effective, OperationName
from conn_engine.errors import ConnError
from conn_engine.impact.evaluate import Job, Level, Pair, Run
from conn_engine.population import (
    AccountShape,
    OperationSlice,
    RecordedFile,
    Side,
    Slicer,
    context_key,
    context_reads,
    joined,
)
from conn_engine.runtime.variants import up_to

__all__ = ["Group", "OperationPlan", "PairKey", "Plan"]

PairKey = tuple[str, str]
"""What stands for one comparison: the digests of both runs. Equal pairs are evaluated once."""
ABSENT = ""
Place = tuple[tuple[OperationName, str], int]


@dataclass(slots=True)
class OperationPlan:
    """One operation of one group: the pairs to look at. `reached` is false where both sides are equal.

    `own` are the comparisons of the accounts themselves, `base` those of the base level alone, for what overrides keep
    away. `recorded` is false when no recording shows the operation.
    """

    name: OperationName
    reached: bool = False
    recorded: bool = True
    own: list[PairKey] = field(default_factory=list)
    base: list[PairKey] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """Accounts that behave alike on both sides. A side is None where they are not there.

    `configurations` are those of one of the accounts, before and after. `broken` is why the configuration after the
    change cannot be used, "" when it can; `broken_before` says that it could not be used before either.
    """

    before: AccountShape | None
    after: AccountShape | None
    accounts: list[str] = field(default_factory=list)
    operations: list[OperationPlan] = field(default_factory=list)
    configurations: tuple[Effective | None, Effective | None] = (None, None)
    recorded: bool = True
    broken: str = ""
    broken_before: bool = False

    @property
    def connector(self) -> str:
        """The connector they use, after the change if they are still there."""
        shape = self.after or self.before
        return shape.connector if shape is not None else ""


@dataclass(slots=True)
class _Variant:
    """One side of accounts that are alike but for their contexts: a configuration with the slices of its operations."""

    side: Side
    effective: Effective
    level: Level
    slices: dict[OperationName, OperationSlice]
    schemas: dict[OperationName, str]

    def key(self, name: OperationName, context: Mapping[str, Any], file: RecordedFile | None) -> str:
        """What the result of an operation on a recording depends on; "" where the operation is not there."""
        if name not in self.slices:
            return ABSENT
        contexts = (context, file.context) if file is not None else (context,)
        cut = self.slices[name].in_context(self.side.digests, *contexts)
        return joined(cut, self.side.evaluator, self.schemas[name], file.digest if file is not None else "")


class Plan:
    """All groups with what to evaluate for them. Raises ConfigurationError for an account that cannot be read."""

    def __init__(self, before: Side, after: Side) -> None:
        self.before = before
        self.after = after
        self.jobs: dict[tuple[OperationName, str], Job] = {}
        self._slicer = Slicer(after.digests)
        self._pairs: dict[PairKey, Place] = {}
        self._bases: dict[tuple[int, str], tuple[dict[OperationName, OperationSlice], dict[OperationName, str]]] = {}
        self.groups = [group for shapes in self._alike() for group in self._groups(shapes)]

    @property
    def pairs(self) -> Iterable[tuple[PairKey, Place]]:
        """Every comparison with the job that makes it and its number there."""
        return self._pairs.items()

    def _alike(self) -> Iterable[list[tuple[AccountShape | None, AccountShape | None]]]:
        """The accounts' shapes before and after, together where only the contexts differ."""
        old, new = set(self.before.workspace.accounts()), set(self.after.workspace.accounts())
        found: dict[Any, list[tuple[AccountShape | None, AccountShape | None]]] = {}
        for name in sorted(old | new):
            after = self.after.shape(name) if name in new else None
            before = self.before.shape(name, self.after) if name in old else None
            found.setdefault((before and before.key, after and after.key), []).append((before, after))
        return found.values()

    def _groups(self, shapes: list[tuple[AccountShape | None, AccountShape | None]]) -> Iterator[Group]:
        first = shapes[0]
        broken_before = False
        try:
            before = self._variant(self.before, first[0])
        except ConnError:
            before, broken_before = None, True  # nothing that worked can break
        try:
            after = self._variant(self.after, first[1])
        except ConnError as error:
            names = [(pair[0] or pair[1] or first[1]).name for pair in shapes]  # type: ignore[union-attr]
            yield Group(*first, names, broken=error.message, broken_before=broken_before)
            return
        variants = [variant for variant in (before, after) if variant is not None]
        groups: dict[str, Group] = {}
        for pair in shapes:
            group = groups.setdefault(self._context_key(variants, pair), Group(*pair))
            group.accounts.extend({shape.name: None for shape in pair if shape is not None})
        for group in groups.values():
            self._fill(group, before, after)
            yield group

    def _context_key(self, variants: list[_Variant], pair: tuple[AccountShape | None, AccountShape | None]) -> str:
        """Equal for contexts that no operation can tell apart."""
        reads = context_reads(cut for variant in variants for cut in variant.slices.values())
        contexts = [shape.context if shape is not None else {} for shape in pair]
        return joined(*(context_key(self.after.digests, reads, context) for context in contexts))

    def _variant(self, side: Side, shape: AccountShape | None) -> _Variant | None:
        if shape is None:
            return None
        effective = side.workspace.effective(account=shape.name)
        return _Variant(side, effective, "account", *self._cut(side, effective))

    def _base(self, variant: _Variant) -> _Variant:
        effective = up_to(variant.effective, "base")
        key = (id(variant.side), effective.connector_name)  # the same for every account
        if key not in self._bases:
            self._bases[key] = self._cut(variant.side, effective)
        return _Variant(variant.side, effective, "base", *self._bases[key])

    def _cut(
        self, side: Side, effective: Effective
    ) -> tuple[dict[OperationName, OperationSlice], dict[OperationName, str]]:
        names = effective.operations()
        slices = {name: self._slicer.of(effective, name) for name in names}
        return slices, {name: side.schema(effective.data, name) for name in names}

    def _fill(self, group: Group, before: _Variant | None, after: _Variant | None) -> None:
        group.configurations = (before.effective if before else None, after.effective if after else None)
        recordings = self._recordings(group)
        group.recorded = bool(recordings)
        recorded = {file.operation for file in recordings.values()}
        variants = [variant for variant in (before, after) if variant is not None]
        names = {name for variant in variants for name in variant.slices if _counts(name, recorded)}
        overridden = any(layer.level != "base" and layer.data for v in variants for layer in v.effective.layers)
        bases = [self._base(variant) for variant in variants] if overridden and len(variants) == 2 else []
        for name in sorted(names):
            files = [file for file in recordings.values() if file.operation == name.text]
            plan = OperationPlan(name, recorded=bool(files))
            looked_at: list[RecordedFile | None] = [*files] if files else [None]
            for file in looked_at:
                own = self._pair(group, name, (before, after), file)
                plan.own += [own] if own is not None and file is not None else []
                plan.reached = plan.reached or own is not None
                shared = self._pair(group, name, (bases[0], bases[1]), file) if bases and file is not None else None
                plan.base += [shared] if shared is not None else []
            group.operations.append(plan)

    def _recordings(self, group: Group) -> Mapping[str, RecordedFile]:
        """The recordings to run both sides on: those after the change, and such as the change takes away."""
        found: dict[str, RecordedFile] = {}
        for side, shape in ((self.before, group.before), (self.after, group.after)):
            if shape is not None and shape.connector == group.connector:
                found.update(side.recordings(shape.connector, shape.name))
        return found

    def _pair(
        self,
        group: Group,
        name: OperationName,
        variants: tuple[_Variant | None, _Variant | None],
        file: RecordedFile | None,
    ) -> PairKey | None:
        """The key of a comparison, which is planned if it is new; None when both sides are equal."""
        shapes = (group.before, group.after)
        keys = tuple(
            variant.key(name, shape.context, file) if variant is not None and shape is not None else ABSENT
            for variant, shape in zip(variants, shapes, strict=True)
        )
        if keys[0] == keys[1]:
            return None
        if file is not None and keys not in self._pairs:
            job = self.jobs.setdefault((name, str(file.path)), Job(name, file.path, [], file.size))
            self._pairs[keys[0], keys[1]] = ((name, str(file.path)), len(job.pairs))
            runs = [
                Run(variant.side.workspace.root, shape.name, variant.level, key)
                if variant is not None and shape is not None and key != ABSENT
                else None
                for variant, shape, key in zip(variants, shapes, keys, strict=True)
            ]
            job.pairs.append(Pair(runs[0], runs[1]))
        return keys[0], keys[1]


def _counts(name: OperationName, recorded: set[str]) -> bool:
    """Whether an operation is looked at: every unified one, and those of the vendor that something is recorded for."""
    return name.kind == "unified" or name.text in recorded
