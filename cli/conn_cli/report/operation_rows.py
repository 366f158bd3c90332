"""The results of `conn test` as rows: one for each operation, over its accounts, in the order of their importance."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from conn_cli.report.columns import fit_cells
from conn_cli.report.deliveries import is_delivery
from conn_cli.report.tested_syncs import is_sync
from conn_cli.report.text import Piece, Style
from conn_engine.diagnostics import Diagnostic, Severity, Span, join_words, pluralize

if TYPE_CHECKING:
    from conn_engine.testing.judgement import Verdict
    from conn_engine.testing.suite import OperationReport

__all__ = [
    "GOLDEN_DIFFERENCES",
    "OperationRow",
    "RowState",
    "count_failed",
    "count_rows",
    "draw_rows",
    "find_rows",
    "weigh_finding",
]

RowState = Literal["FAIL", "unknown", "ok", "skipped"]
_ORDER: tuple[RowState, ...] = ("FAIL", "unknown", "ok", "skipped")
_EMPTY: dict[RowState, str] = {"unknown": "no recording", "skipped": "disabled"}
_STYLES: dict[RowState, Style] = {"FAIL": "error", "unknown": "warning", "ok": "good", "skipped": ""}
GOLDEN_DIFFERENCES = frozenset({"TST101", "TST102", "TST104", "TST105", "TST106", "TST107", "TST108"})
"""Findings about a result that differs from the accepted one."""
EMPTY_FIELD = "MAP201"
_MOST_ROWS = 16
_STATE = 7
"""The width of the state before a row."""
_NAMED = 2


@dataclass
class OperationRow:
    """One operation, sync or recorded delivery of a connector, with its results for each account."""

    connector: str
    name: str
    is_delivery: bool = False
    is_sync: bool = False
    reports: "list[OperationReport]" = field(default_factory=list)

    @cached_property
    def state(self) -> RowState:
        """The worst result over the accounts; `unknown` without any recording, `skipped` if it is disabled."""
        if any(report.failed for report in self.reports):
            return "FAIL"
        tested = [report for report in self.reports if report.enabled]
        if not tested:
            return "skipped"
        return "ok" if any(report.recorded for report in tested) else "unknown"

    @cached_property
    def cases(self) -> "list[Verdict]":
        """The cases of every account."""
        return [judgement for report in self.reports for judgement in report.judgements]

    @cached_property
    def findings(self) -> list[Diagnostic]:
        """The findings of every account, the most important first.

        Findings about one place stay together. What explains a difference from the golden comes before the difference,
        and what concerns more accounts before what concerns fewer.
        """
        counts = Counter(finding for report in self.reports for finding in report.all_findings)
        groups: dict[Span | None, list[Diagnostic]] = {}
        for finding in counts:
            groups.setdefault(finding.span, []).append(finding)

        def weigh(group: list[Diagnostic]) -> tuple[Any, ...]:
            concerned = max(counts[finding] for finding in group)
            return min(map(weigh_finding, group)), -concerned, not group[0].path, group[0].sort_key()

        for group in groups.values():
            group.sort(key=lambda finding: (weigh_finding(finding), finding.sort_key()))
        ordered = sorted(groups.values(), key=weigh)
        return list(chain.from_iterable(ordered))

    @cached_property
    def accounts(self) -> list[str]:
        """The accounts for which the operation failed or, if it passed, those for which it was tested."""
        tested = [report for report in self.reports if report.enabled and report.recorded]
        chosen = [report for report in self.reports if report.failed] or tested or self.reports
        return [report.effective.account for report in chosen if report.effective.account]


def weigh_finding(finding: Diagnostic) -> tuple[int, bool, bool]:
    """Return the key that sorts the findings of a failed operation: a field that became empty explains the others."""
    explains = finding.code == EMPTY_FIELD
    return -(Severity.ERROR if explains else finding.severity), finding.code in GOLDEN_DIFFERENCES, not explains


def find_rows(reports: "Iterable[OperationReport]") -> list[OperationRow]:
    """Return a row for each operation of each connector, failures first."""
    rows: dict[tuple[str, str], OperationRow] = {}
    for report in reports:
        connector, name = report.effective.connector_name, report.name.text
        row = rows.setdefault(
            (connector, name), OperationRow(connector, name, is_delivery(report.name), is_sync(report.name))
        )
        row.reports.append(report)
    return sorted(rows.values(), key=lambda row: _ORDER.index(row.state))


def draw_rows(rows: Sequence[OperationRow], width: int | None = None) -> Iterator[Piece]:
    """Draw a line for each row, or for each connector if there are too many rows for a screen. With `width`, a line is
    at most that wide."""
    lines = [_describe_row(row) for row in rows]
    if len(lines) > _MOST_ROWS:
        lines = list(_summarize_connectors(rows))
    room = width - _STATE if width is not None else None
    cells = fit_cells([line[1:] for line in lines], room, cut_last_at_end=True)
    for (state, *_), row in zip(lines, cells, strict=True):
        yield f"{state:<{_STATE}}", _STYLES[state]
        yield f"  {'  '.join(filter(None, row))}".rstrip() + "\n", ""


Line = tuple[RowState, str, str, str, str]


def _describe_row(row: OperationRow) -> Line:
    return row.state, row.name, row.connector, _describe_accounts(row), ", ".join(_find_notes(row))


def _describe_accounts(row: OperationRow) -> str:
    names, total = row.accounts, len({report.effective.account for report in row.reports} - {None})
    if len(names) < total:
        return f"{len(names)} of {pluralize(total, 'account')}"
    return names[0] if total == 1 else pluralize(total, "account") if total else "base"


def _find_notes(row: OperationRow) -> Iterator[str]:
    cases = row.cases
    failed = [case for case in cases if case.failed]
    if row.state in _EMPTY:
        yield _EMPTY[row.state]
    elif failed:
        scenarios = list(dict.fromkeys(case.case.scenario for case in failed))
        named = f": {join_words(scenarios, _NAMED)}" if not row.is_delivery and len(failed) < len(cases) else ""
        yield f"{count_failed(len(failed), len(cases))}{named}"
    elif cases:
        yield pluralize(len(cases), "case")
    if row.state == "ok":
        yield from _find_remarks(row)


def _find_remarks(row: OperationRow) -> Iterator[str]:
    """Find what to know about an operation that passed."""
    overridden = sum(
        len(case.comparison.changed)
        for case in row.cases
        if case.golden == "overridden" and case.comparison is not None
    )
    if overridden:
        yield f"overrides change {pluralize(overridden, 'record')}"
    disabled = sum(not report.enabled for report in row.reports)
    if disabled:
        yield f"disabled for {pluralize(disabled, 'account')}"
    without = sum(report.enabled and not report.recorded for report in row.reports)
    if without:
        yield f"no recording for {pluralize(without, 'account')}"
    warnings = sum(finding.severity is Severity.WARNING and finding.code != "REC101" for finding in row.findings)
    if warnings:
        yield pluralize(warnings, "warning")


def count_failed(failed: int, total: int) -> str:
    """Count failed cases: `1 of 2 cases failed`, `all 2 cases failed`."""
    some = f"{failed:,} of " if failed < total else "all " if total > 1 else ""
    return f"{some}{pluralize(total, 'case')} failed"


def _summarize_connectors(rows: Sequence[OperationRow]) -> Iterator[Line]:
    """Describe the rows of each connector and state in one line; a failure stays a line."""
    yield from (_describe_row(row) for row in rows if row.state == "FAIL")
    groups: dict[tuple[str, RowState], list[OperationRow]] = {}
    for row in rows:
        if row.state != "FAIL":
            groups.setdefault((row.connector, row.state), []).append(row)
    for (connector, state), group in groups.items():
        accounts = {name for row in group for name in row.accounts}
        cases = sum(len(row.cases) for row in group)
        notes = _EMPTY.get(state, pluralize(cases, "case"))
        yield state, count_rows(group), connector, pluralize(len(accounts), "account") if accounts else "base", notes


def count_rows(rows: Sequence[OperationRow]) -> str:
    """Count operations, syncs and recorded deliveries: `3 operations and 1 delivery`."""
    received, syncs = sum(row.is_delivery for row in rows), sum(row.is_sync for row in rows)
    operations = len(rows) - received - syncs
    counts = [pluralize(operations, "operation")] * bool(operations) + [pluralize(syncs, "sync")] * bool(syncs)
    if received:
        counts.append(f"{received:,} {'delivery' if received == 1 else 'deliveries'}")
    return join_words(counts)
