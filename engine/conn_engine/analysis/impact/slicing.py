"""Split the configurations of accounts into slices: the settings that the results of each operation depend on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conn_engine.analysis.impact.evaluate import Level
from conn_engine.analysis.population import (
    UNRECORDED,
    AccountShape,
    OperationSlice,
    RecordedFile,
    Side,
    Slicer,
    SyncSlice,
    cut_syncs,
    join_digests,
)
from conn_engine.config import Account, Effective, OperationName
from conn_engine.errors import ConnError
from conn_engine.runtime.variants import up_to
from conn_engine.syncs import find_syncs
from conn_engine.testing.deliveries.cases import DeliveryName, delivery_name
from conn_engine.testing.syncs.cases import SyncName

__all__ = ["ABSENT", "Variant", "Variants"]

_Cut = tuple[dict[OperationName, OperationSlice], dict[OperationName, str], dict[SyncName, SyncSlice]]
ABSENT = ""
"""The key of an operation that does not exist."""
DELIVERIES = delivery_name("")
"""Represents all deliveries of a configuration, as each may use all of it."""


@dataclass(slots=True)
class Variant:
    """One side of accounts that differ only in their contexts: a configuration with the slices of its operations and
    syncs."""

    side: Side
    effective: Effective
    level: Level
    slices: dict[OperationName, OperationSlice]
    schemas: dict[OperationName, str]
    syncs: dict[SyncName, SyncSlice]

    def key(self, name: OperationName, context: Mapping[str, Any], file: RecordedFile | None) -> str:
        """Return a key of everything that an operation's result on a recording depends on; "" if it does not exist."""
        key_name = _slice_name(name)
        if key_name not in self.slices:
            return ABSENT
        contexts = (context, file.context) if file is not None else (context,)
        cut = self.slices[key_name].in_context(self.side.digests, *contexts)
        return join_digests(
            cut, self.side.evaluator, self.schemas.get(key_name, ""), file.digest if file is not None else ""
        )

    def request_key(self, name: OperationName, context: Mapping[str, Any], file: RecordedFile) -> str:
        """Return a key of everything that the result without its records depends on."""
        cut = self.slices[_slice_name(name)].requests_in_context(self.side.digests, context, file.context)
        return join_digests(cut, self.side.evaluator, file.digest)


class Variants:
    """Creates the variants of both sides of a change. Slices that accounts share are created once."""

    def __init__(self, before: Side, after: Side) -> None:
        self._before = before
        self._slicer = Slicer(after.digests)
        self._cuts: dict[tuple[int, str, Level, str], _Cut] = {}
        self._shared: dict[tuple[str, str], Effective | None] = {}

    def find(self, side: Side, account: str) -> Variant:
        """Return the variant of an account. Raises ConnError for a configuration that cannot be used."""
        effective = side.workspace.effective(account=account)
        syncs = find_syncs(side.workspace, effective, with_drift=True)
        return Variant(side, effective, "account", *self._cut_slices(side, effective, syncs))

    def find_below(self, before: Variant | None, after: Variant | None) -> list[tuple[Variant, Variant]]:
        """Return both sides up to each level below an override, to find changes that the override hides."""
        if before is None or after is None:
            return []
        setting_levels = {
            level for variant in (before, after) for level in (*_find_levels(variant), *_find_sync_levels(variant))
        }
        levels: list[Level] = ["base"] if setting_levels - {"base"} else []
        levels += ["environment"] if {"environment", "account"} <= setting_levels else []
        return [(self._up_to(before, level), self._up_to(after, level)) for level in levels]

    def _up_to(self, variant: Variant, level: Level) -> Variant:
        effective = up_to(variant.effective, level)
        place = effective.environment or "" if level == "environment" else ""
        key = (id(variant.side), effective.connector_name, level, place)  # the same for every account
        if key not in self._cuts:
            self._cuts[key] = self._cut_slices(variant.side, effective, variant.side.workspace.syncs())
        return Variant(variant.side, effective, level, *self._cuts[key])

    def find_with_own_file(self, shape: AccountShape, after: Variant, name: OperationName) -> Variant | None:
        """Return one operation with an account's new file in the earlier workspace, or None if that cannot be used."""
        effective = self._with_own_file(shape, after.effective)
        if effective is None:
            return None
        own = after.side.workspace.account(shape.name)
        syncs = [name.method] if isinstance(name, SyncName) else []
        cut = self._cut_slices(self._before, effective, syncs, only=[_slice_name(name)], own=own)
        return Variant(self._before, effective, "account", *cut)

    def _with_own_file(self, shape: AccountShape, after: Effective) -> Effective | None:
        """Return the configuration of an account's new file in the earlier workspace."""
        place = (shape.connector, shape.environment)
        if place not in self._shared:
            try:
                self._shared[place] = self._before.workspace.effective(
                    account=None, connector=shape.connector, environment=shape.environment
                )
            except ConnError:  # it refers to something that did not exist
                self._shared[place] = None
        shared = self._shared[place]
        if shared is None:
            return None
        return Effective(
            connector_name=shape.connector,
            layers=[*shared.layers, after.layers[-1]],
            account=after.account,
            environment=shared.environment,
            context=dict(shape.context),
            grants=shared.grants,
            evaluator=shared.evaluator,
        )

    def _cut_slices(
        self,
        side: Side,
        effective: Effective,
        syncs: Iterable[str],
        *,
        only: Sequence[OperationName] = (),
        own: Account | None = None,
    ) -> _Cut:
        names = [
            *effective.enabled_operations(),
            *([DELIVERIES, UNRECORDED] if effective.data.get("webhooks") is not None else []),
        ]
        names = [name for name in names if not only or name in only]
        slices: dict[OperationName, OperationSlice] = {name: self._slicer.cut(effective, name) for name in names}
        schemas = {name: side.schema(effective.data, name) for name in names}
        synced = cut_syncs(self._slicer, side.workspace, effective, syncs, own)
        return slices | {name: cut.events for name, cut in synced.items()}, schemas, synced


def _find_levels(variant: Variant) -> Iterator[Level]:
    """Yield the levels that set something."""
    yield from (layer.level for layer in variant.effective.layers if layer.data)


def _find_sync_levels(variant: Variant) -> Iterator[Level]:
    """Yield the levels above the base that set something of a sync."""
    effective, workspace = variant.effective, variant.side.workspace
    if effective.environment in workspace.environments() and workspace.environment(effective.environment).syncs:
        yield "environment"
    if effective.account is not None and workspace.account(effective.account).syncs:
        yield "account"


def _slice_name(name: OperationName) -> OperationName:
    """Return the name of a slice: all recorded deliveries share one."""
    return DELIVERIES if isinstance(name, DeliveryName) and name != UNRECORDED else name
