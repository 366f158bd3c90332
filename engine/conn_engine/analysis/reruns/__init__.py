"""Repeats tests and lint for what a change of files reaches, and compares the results with the earlier ones."""

from conn_engine.analysis.reruns.lint import LintChanges, WatchedLint
from conn_engine.analysis.reruns.suite import SuiteChanges, WatchedSuite

__all__ = ["LintChanges", "SuiteChanges", "WatchedLint", "WatchedSuite"]
