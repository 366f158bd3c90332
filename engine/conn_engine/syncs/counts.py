"""The counts of a run in words."""

from collections.abc import Mapping
from typing import Final

from conn_engine.diagnostics import pluralize

__all__ = ["COUNTS", "describe_counts"]

_NOUNS: Final = {"pages": "page", "records": "record"}
_LABELS: Final = {
    "filtered": "left out by the filter",
    "empty": "without a result of transform",
    "unchanged": "unchanged",
    "duplicates": "listed twice",
    "read_again": "read again",
    "written": "written",
    "set_aside": "set aside",
    "skipped": "skipped",
    "skipped_by_rule": "not read because of a rule",
    "deletes": "deleted",
    "deletes_still_listed": "deleted and listed",
    "deletes_repeated": "deleted before and restored",
    "deletes_without_id": "deleted without an ID",
}

COUNTS: Final = (*_NOUNS, *_LABELS, "spooled", "events")
"""The names of the counts that every report has."""


def describe_counts(counts: Mapping[str, int], *, always: tuple[str, ...] = ()) -> list[str]:
    """Return a phrase for each count that is not zero, such as `3 pages` and `2 set aside`. `always` are the names of
    those that are described even if they are zero."""
    phrases = [
        pluralize(counts.get(name, 0), noun) for name, noun in _NOUNS.items() if counts.get(name) or name in always
    ]
    return phrases + [f"{counts[name]:,} {label}" for name, label in _LABELS.items() if counts.get(name)]
