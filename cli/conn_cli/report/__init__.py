"""Draw findings and reports in every format, and write them."""

from conn_cli.report.formats import (
    FORMATS,
    draw_findings,
    parse_specs,
    render,
    write_report,
    write_text,
)
from conn_cli.report.sources import Sources

__all__ = [
    "FORMATS",
    "Sources",
    "draw_findings",
    "parse_specs",
    "render",
    "write_report",
    "write_text",
]
