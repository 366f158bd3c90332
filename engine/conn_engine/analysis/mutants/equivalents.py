"""Mistakes that change nothing: no test can detect a page size that is reduced to the same one, or another place for a
size that no request has."""

from collections.abc import Iterator
from typing import Final

from conn_engine.analysis.mutants.rows import Change
from conn_engine.config import Effective, Path_, lookup
from conn_engine.config.operations import VendorOperation
from conn_engine.documents import iterate_texts
from conn_engine.listing.pagination.ending import Sized

__all__ = ["is_equivalent"]

_PLACES: Final = frozenset({"size_param", "size_header", "size_body", "size_form"})


def is_equivalent(effective: Effective, change: Change) -> bool:
    """Return whether a changed page size, or another place for it, changes no request of any listing."""
    *_, parent, config, key = ("", "", *change.path)
    if (parent, config) != ("pagination", "config") or key not in {"size", *_PLACES}:
        return False
    listings = [
        (operation, paging)
        for operation in _find_operations(effective, change.path[:-3])
        if isinstance(paging := operation.get_pagination(), Sized)
    ]
    value = lookup(effective.data, change.path)
    if key == "size":
        affected = [paging for _, paging in listings if paging.size == value]
        return bool(affected) and not _reads_size(effective) and all(map(_is_reduced, affected))
    return bool(listings) and all(
        paging.size is None and not _requests_size(effective, operation, paging, str(value))
        for operation, paging in listings
    )


def _find_operations(effective: Effective, holder: Path_) -> Iterator[VendorOperation]:
    """Yield the operations that a setting of the connector, of a resource or of an operation can reach."""
    return (row for row in effective.vendor_operations() if row.place[: len(holder)] == holder)


def _is_reduced(paging: Sized) -> bool:
    """Return whether a larger size would be sent as the same one, and be used nowhere else."""
    is_step = getattr(paging, "step", None) == "size"
    return paging.size is not None and paging.size_where.is_set and not is_step and paging.size == paging.max_size


def _reads_size(effective: Effective) -> bool:
    """Return whether a text of the connector may read `page.size`."""
    return any("page.size" in text for _, text in iterate_texts(effective.data))


def _requests_size(effective: Effective, operation: VendorOperation, paging: Sized, place: str) -> bool:
    """Return whether the request has a size without `size`: its own, or one that a unified operation may map to it."""
    own = paging.size_where.read_parameter(operation.query, operation.headers, operation.body)
    name = place.rpartition("/")[2]
    texts = iterate_texts(effective.data.get("unified"))
    return own is not None or any(
        name in text or name in path for path, text in texts if "response_mapping" not in path
    )
