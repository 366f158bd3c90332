"""Draw what a run of `conn test --watch` changed: new failures, what passes again, and how many still fail."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from conn_cli.report import Sources
from conn_cli.report.operation_rows import count_rows, draw_rows, find_rows
from conn_cli.report.results import draw_failures, draw_warnings
from conn_cli.report.text import Piece
from conn_engine.diagnostics import join_words, pluralize

if TYPE_CHECKING:
    from conn_engine.analysis.reruns import SuiteChanges
    from conn_engine.testing.suite import OperationReport

__all__ = ["draw_suite_changes"]

_NAMED = 5
_DETAILED = 2
"""The number of failed operations that are drawn with details: the author looks at the file that was just saved."""


def draw_suite_changes(
    changes: "SuiteChanges", reports: "Sequence[OperationReport]", sources: Sources, *, quiet: bool = False
) -> Iterator[Piece]:
    """Draw what is different from the run before, with `quiet` only failures and counts. `reports` are all results,
    changed or not."""
    failing, passing = find_rows(changes.failing), find_rows(changes.passing)
    noted = find_rows(changes.differing)
    yield from draw_failures([*failing, *noted], sources, live=False, detailed=_DETAILED)
    if not quiet:
        yield from draw_warnings(noted, live=False)
        yield from draw_rows(passing)
    if changes.gone:
        names = [f"{key.operation} ({key.account or key.connector})" for key in changes.gone]
        yield f"no longer tested: {join_words(names, most=_NAMED)}\n", ""
    counts = [
        f"{count_rows(rows)} {what}" for rows, what in ((failing, "newly failed"), (passing, "passed again")) if rows
    ]
    new = {id(report) for report in changes.failing}
    still = find_rows(report for report in reports if report.failed and id(report) not in new)
    if still:
        counts.append(f"{count_rows(still)} still {'fails' if len(still) == 1 else 'fail'}")
    text = ", ".join(counts) or "no result changed"
    yield f"{text} ({changes.tested:,} of {pluralize(len(reports), 'test')} run)\n", "error" if new or still else "good"
