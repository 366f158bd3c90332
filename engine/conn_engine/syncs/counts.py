"""The counts of a run in words."""

from collections.abc import Mapping
from typing import Final

from conn_engine.diagnostics import pluralize

__all__ = ["COUNTS", "describe_checks", "describe_counts"]

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

_DRIFT_LABELS: Final = {
    "compared": "compared",
    "changed": "with differences",
    "not_compared": "not compared",
    "recorded": "recorded again",
}

COUNTS: Final = (*_NOUNS, *_LABELS, "spooled", "events")
"""The names of the counts that every report has."""


def describe_checks(counts: Mapping[str, int]) -> list[str]:
    """Return phrases for the operations that a check of drift has compared, such as `1 with differences`."""
    labels = ((name, label) for name, label in _DRIFT_LABELS.items() if name != "compared" and counts.get(name))
    return [pluralize(counts.get("compared", 0), "operation"), *(f"{counts[name]:,} {label}" for name, label in labels)]


def describe_counts(counts: Mapping[str, int], *, always: tuple[str, ...] = ()) -> list[str]:
    """Return a phrase for each count that is not zero, such as `3 pages` and `2 set aside`. `always` are the names of
    those that are described even if they are zero."""
    phrases = [
        pluralize(counts.get(name, 0), noun) for name, noun in _NOUNS.items() if counts.get(name) or name in always
    ]
    labels = {**_LABELS, **_DRIFT_LABELS}
    return phrases + [f"{counts[name]:,} {label}" for name, label in labels.items() if counts.get(name)]
