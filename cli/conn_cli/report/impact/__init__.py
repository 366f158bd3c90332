"""The blast radius of a change, drawn: text for people, Markdown for a pull request, GitHub annotations.

All but the text hold paths and counts only: no value of a record, nor of the configuration.
"""

from conn_cli.report.impact.as_github import github
from conn_cli.report.impact.as_markdown import markdown
from conn_cli.report.impact.as_text import text
from conn_cli.report.impact.wording import compared_with, summary

__all__ = ["compared_with", "github", "markdown", "summary", "text"]
