"""Findings as values, and the table of their codes."""

from conn_engine.diagnostics.finding import (
    Diagnostic,
    Edit,
    Fix,
    Severity,
    Span,
    diagnostic,
    did_you_mean,
    find_match,
    find_worst_severity,
    join_words,
    pluralize,
    remove_duplicates,
)

__all__ = [
    "Diagnostic",
    "Edit",
    "Fix",
    "Severity",
    "Span",
    "diagnostic",
    "did_you_mean",
    "find_match",
    "find_worst_severity",
    "join_words",
    "pluralize",
    "remove_duplicates",
]
