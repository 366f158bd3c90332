"""Lint: rules over documents that need no run. `lint_paths` is the face; each rule is a function of `rules`."""

from conn_engine.lint.linter import LintResult, lint_paths

__all__ = ["LintResult", "lint_paths"]
