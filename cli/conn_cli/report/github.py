"""Findings as GitHub workflow commands, which become annotations on the changed lines."""

from collections.abc import Sequence

from conn_cli.formatting import join_lines
from conn_cli.report.sources import Sources
from conn_engine.diagnostics import Diagnostic, Severity, Span, pluralize
from conn_engine.diagnostics.codes import find_code

__all__ = ["MOST", "command", "join_commands", "render"]

MOST = 50
"""Annotations of one report: GitHub shows no more of a job."""

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(findings: Sequence[Diagnostic], sources: Sources) -> str:
    """Return one line for each finding: `::error file=…,line=…,col=…,title=…::message`."""
    return join_commands([_command(finding, sources) for finding in findings])


def join_commands(commands: Sequence[str]) -> str:
    """Join the commands, one a line. If there are too many, only the most severe stay, and a notice counts the rest."""
    if len(commands) > MOST:
        levels = [f"::{level} " for level in _COMMANDS.values()]
        ordered = sorted(commands, key=lambda line: next(n for n, level in enumerate(levels) if line.startswith(level)))
        errors = sum(line.startswith(levels[0]) for line in ordered[MOST - 1 :])
        message = (
            f"{pluralize(len(commands) - MOST + 1, 'annotation')} left out, {pluralize(errors, 'error')} among them"
        )
        commands = [*ordered[: MOST - 1], command("notice", f"{message}; the text output has all", title="conn")]
    return join_lines(commands)


def _command(finding: Diagnostic, sources: Sources) -> str:
    row = find_code(finding.code)
    parts = [finding.message, *([f"fix: {finding.hint}"] if finding.hint else [])]
    parts += [f"{span.file}:{span.line}:{span.column} {note}" for span, note in finding.related]
    title = f"{finding.code} {row.title}" if row else finding.code
    return command(_COMMANDS[finding.severity], "\n".join(parts), title=title, span=finding.span, sources=sources)


def command(level: str, message: str, *, title: str, span: Span | None = None, sources: Sources | None = None) -> str:
    """Return a workflow command without a line break. `level` is error, warning or notice."""
    properties: list[tuple[str, str]] = []
    if span is not None:
        file = sources.in_repository(span.file) if sources is not None else span.file
        properties += [("file", file), ("line", str(span.line)), ("col", str(span.column))]
        end_line = span.end_line or span.line
        properties.append(("endLine", str(end_line)))
        if end_line == span.line and span.end_column > span.column:  # GitHub accepts it only within one line
            properties.append(("endColumn", str(span.end_column)))
    properties.append(("title", title))
    written = ",".join(f"{name}={_property(value)}" for name, value in properties)
    return f"::{level} {written}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
