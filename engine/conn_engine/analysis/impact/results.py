"""Compare the results of an operation before and after a change: records, pages, completeness, and errors."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from conn_engine.analysis.impact.model import ChangeKind
from conn_engine.errors import VendorError
from conn_engine.testing.cases import Outcome
from conn_engine.testing.compare import ChangeKind as FieldChangeKind
from conn_engine.testing.compare import RecordComparison, compare_fields, compare_records, nameable
from conn_engine.testing.syncs.outcome import SyncOutcome

__all__ = ["KINDS_OF_FIELDS", "count_other_results", "count_records", "list_other_results"]

KINDS_OF_FIELDS: dict[FieldChangeKind, ChangeKind] = {
    "changed": "value_changed",
    "added": "added",
    "missing": "missing",
    "type_changed": "type_changed",
}
Row = tuple[str, ChangeKind]


def count_records(before: Outcome, after: Outcome, difference: RecordComparison, *, same: bool) -> Counter[Row]:
    """Count records by field and kind of change. `same` is set if both sides ran on the same recording. If they did not
    and have no record in common, only the fields are compared."""
    if not same and difference.disjoint:
        counts = Counter[Row]()
        for (name, kind), records in compare_fields(before.records, after.records).items():
            row = (nameable(name), KINDS_OF_FIELDS[kind])
            counts[row] = max(counts[row], records)
        return counts
    # Several keys that are data count as one field, so a record counts once.
    touched = ({(nameable(c.field), KINDS_OF_FIELDS[c.kind]) for c in record.fields} for record in difference.changed)
    counts = Counter(row for rows in touched for row in rows)
    counts["", "missing"] += len(difference.gone)
    counts["", "added"] += len(difference.new)
    counts["", "order_changed"] += len(after.records) if difference.reordered else 0
    return +counts


def count_other_results(before: Outcome, after: Outcome, *, same: bool) -> Counter[Row]:
    """Count pages and errors by part and kind of change. `same` is set if both sides ran on the same recording."""
    counts = Counter(_verdict(before, after))
    counts.update(count_failing_fields(before, after))
    if isinstance(before, SyncOutcome) and isinstance(after, SyncOutcome):
        failing = len(after.faults) - len(before.faults)
        counts.update({("", "now_failing"): failing} if failing > 0 and after.error is None else {})
    pairs = [(_pages(before, same=same), _pages(after, same=same)), (_error(before), _error(after))]
    for old, new in pairs:
        number = min(len(old), len(new))
        if same:
            counts.update(_to_rows(compare_records(old[:number], new[:number]).by_field()))
        elif number:
            counts.update(_to_rows(compare_fields(old, new)))
    return counts


def count_failing_fields(before: Outcome, after: Outcome) -> Counter[Row]:
    """Count the records in which a field is empty because its expression fails, and did not before."""
    failing = {problem.field: problem.records for problem in before.problems}
    more = {problem.field: problem.records - failing.get(problem.field, 0) for problem in after.problems}
    return +Counter({(nameable(field), "now_failing"): records for field, records in more.items()})


def _to_rows(counts: dict[tuple[str, FieldChangeKind], int]) -> Iterator[Row]:
    for (name, kind), number in counts.items():
        yield from [(nameable(name), KINDS_OF_FIELDS[kind])] * number


def _pages(outcome: Outcome, *, same: bool) -> list[dict[str, Any]]:
    """Return each page without its records. States are left out for different recordings, whose data differs."""
    pages = []
    for headers, state in zip(outcome.headers, outcome.states, strict=True):
        page: dict[str, Any] = {f"page.headers.{name}": text for name, text in headers.items()}
        if same and state is not None:
            page["page.state"] = [state]  # a list is compared as a whole
        pages.append(page)
    return pages


def _error(outcome: Outcome) -> list[dict[str, Any]]:
    error = outcome.error
    if not isinstance(error, VendorError):
        return []
    parts = {"error.retry_after": error.retry_after, "error.details": error.details}
    limits = {f"error.limits.{name}": text for name, text in error.limits.items()}
    return [{**{name: value for name, value in parts.items() if value is not None}, **limits}]


def _verdict(before: Outcome, after: Outcome) -> Iterator[Row]:
    """Compare whether the listing is complete. A listing that no longer is fails, unless the operation accepts it."""
    old, new = before.completeness, after.completeness
    if old is None or new is None or after.whole or old.state == new.state:
        return
    fails = new.state == "incomplete" and new.policy == "error"
    yield "completeness", "now_failing" if fails else "value_changed"


def list_other_results(outcome: Outcome) -> Any:
    """Return the parts of an outcome other than its records, to distinguish outcomes."""
    failing = [(problem.field, problem.records) for problem in outcome.problems]
    faults = [fault.fault.message for fault in outcome.faults] if isinstance(outcome, SyncOutcome) else []
    return [_pages(outcome, same=True), _error(outcome), outcome.completeness, failing, *faults]
