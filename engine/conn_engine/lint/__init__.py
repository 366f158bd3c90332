"""Lint: rules that check documents without a run. The rules are listed in `rules`.

Call `lint_paths` for files, and `lint_workspace` for a workspace that is loaded, or a draft of one. `fixing.fix_paths`
applies the fixes that are certain.
"""

from conn_engine.lint.linter import LintResult, lint_paths, lint_workspace

__all__ = ["LintResult", "lint_paths", "lint_workspace"]
