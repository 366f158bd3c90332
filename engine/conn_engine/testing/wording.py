"""Strings that the findings about records and about webhook deliveries share."""

from collections.abc import Iterator

from conn_engine.diagnostics import pluralize
from conn_engine.testing.compare import ChangeKind, RecordComparison

__all__ = ["ACCEPT_CHANGE", "CHANGES", "UNREADABLE_GOLDEN", "describe_presence", "describe_unused"]

ACCEPT_CHANGE = "if the change is intended, accept it and review the golden's diff: conn test --update"
UNREADABLE_GOLDEN = "restore the file, or write it again and review the diff: conn test --update"
CHANGES: dict[ChangeKind, str] = {
    "added": "is new",
    "changed": "changed",
    "missing": "is missing",
    "type_changed": "has another type",
}


def describe_presence(comparison: RecordComparison, noun: str) -> Iterator[str]:
    """Describe the records (or events) that only one side has: `2 records are missing: 7, 8`."""
    for state, keys in (("missing", comparison.gone), ("new", comparison.new)):
        if keys:
            verb = "is" if len(keys) == 1 else "are"
            yield f"{pluralize(len(keys), noun)} {verb} {state}: {', '.join(keys[:5])}"


def describe_unused(unused: int, total: int) -> str:
    """Return the message about recorded exchanges that a replay did not use."""
    return f"{unused} of {pluralize(total, 'recorded exchange')} {'was' if unused == 1 else 'were'} not used"
