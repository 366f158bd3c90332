"""Draw the impact of a change: as text for people, Markdown for a pull request, and GitHub annotations.

Markdown and annotations contain only paths and counts, and no value of a record or of the configuration.
"""

from conn_cli.report.impact.as_github import draw_github
from conn_cli.report.impact.as_markdown import draw_markdown
from conn_cli.report.impact.as_text import count_breaking, draw_text
from conn_cli.report.impact.wording import describe_base, summarize

__all__ = ["count_breaking", "describe_base", "draw_github", "draw_markdown", "draw_text", "summarize"]
