"""The recordings on which an operation or a sync is compared: each before and after the change."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from conn_engine.analysis.impact.slicing import Variant
from conn_engine.analysis.population import RecordedFile
from conn_engine.config import Effective, OperationName
from conn_engine.testing.syncs.cases import SyncName, find_calling_operations

__all__ = ["Versions", "find_listings", "find_recordings"]

Versions = tuple[RecordedFile | None, RecordedFile | None]
"""A recording before and after the change; None on a side without it."""


def find_listings(name: SyncName, variants: Iterable[Variant], recordings: Sequence[Versions]) -> list[Versions]:
    """Return the recordings of what a sync fetches. If that differs before and after, they are compared in order. A
    check of drift fetches nothing."""
    synced = [(variant.effective, variant.syncs[name].plan) for variant in variants if name in variant.syncs]
    if any(plan.drift is not None for _, plan in synced):
        return []
    wanted = [_find_fetched(effective, plan.fetch.operation, recordings) for effective, plan in synced]
    if wanted[0] == wanted[-1]:
        return list(find_recordings(wanted[0], recordings))
    old, new = (list(find_recordings(texts, recordings)) for texts in (wanted[0], wanted[-1]))
    return [(before or after, other or another) for (before, after), (another, other) in zip(old, new, strict=False)]


def _find_fetched(effective: Effective, fetched: OperationName, recordings: Iterable[Versions]) -> frozenset[str]:
    """Return the operation that is fetched if it is recorded, or else the recorded ones that call it."""
    recorded = {file.operation for pair in recordings for file in pair if file is not None}
    if fetched.text in recorded or fetched.kind != "vendor":
        return frozenset({fetched.text})
    return frozenset(name.text for name in find_calling_operations(effective, fetched))


def find_recordings(names: Collection[str], recordings: Iterable[Versions]) -> Iterator[Versions]:
    """Yield the recordings of operations. A version that records a different operation is left out."""
    for pair in recordings:
        before, after = (file if file is not None and file.operation in names else None for file in pair)
        if before is not None or after is not None:
            yield before, after
