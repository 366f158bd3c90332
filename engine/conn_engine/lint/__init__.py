"""Lint: rules that check documents without a run. Call `lint_paths`; the rules are listed in `rules`."""

from conn_engine.lint.linter import LintResult, lint_paths

__all__ = ["LintResult", "lint_paths"]
