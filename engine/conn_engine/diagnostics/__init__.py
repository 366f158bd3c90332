"""Findings as values, and the table of their codes. They draw nothing."""

from conn_engine.diagnostics.finding import (
    Diagnostic,
    Severity,
    Span,
    diagnostic,
    did_you_mean,
    without_echoes,
    worst,
)

__all__ = ["Diagnostic", "Severity", "Span", "diagnostic", "did_you_mean", "without_echoes", "worst"]
