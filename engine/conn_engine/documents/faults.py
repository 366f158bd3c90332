"""Raise ConfigurationError with findings in the text of a document. The parsers detect the faults."""

from collections.abc import Sequence
from typing import NoReturn

from conn_engine.diagnostics import Diagnostic, Fix, Span, diagnostic
from conn_engine.documents.document import Lines, Place
from conn_engine.documents.paths import format_path
from conn_engine.errors import ConfigurationError

__all__ = ["SourceText", "build_duplicate_key", "fail"]


class SourceText:
    """The text that is being parsed, its name, and its start in the file.

    It builds places before there is a document. If `repeated` is given, duplicate keys are added to it and the last one
    is used. Otherwise, they are errors.
    """

    def __init__(
        self,
        file: str,
        text: str,
        first_line: int = 1,
        indent: int = 0,
        repeated: list[Diagnostic] | None = None,
    ) -> None:
        self.file = file
        self.text = text
        self.first_line = first_line
        self.indent = indent
        self.repeated = repeated
        self._lines: Lines | None = None

    def span(self, start: int, end: int | None = None) -> Span:
        """Return the place of the offsets; without `end`, of one character."""
        if self._lines is None:
            self._lines = Lines(self.text)
        line, column = self._lines.to_line_and_column(start)
        end_line, end_column = self._lines.to_line_and_column(start + 1 if end is None else end)
        shift = self.first_line - 1
        return Span(self.file, line + shift, column + self.indent, end_line + shift, end_column + self.indent)

    def build_finding(
        self,
        code: str,
        message: str,
        start: int,
        end: int | None = None,
        *,
        path: str = "",
        hint: str = "",
        related: Sequence[tuple[Span, str]] = (),
        fix: Fix | None = None,
    ) -> Diagnostic:
        """Build a finding at the offsets."""
        return diagnostic(code, message, self.span(start, end), path=path, hint=hint, related=related, fix=fix)

    def report_repeated(self, findings: list[Diagnostic]) -> None:
        """Add findings for duplicate keys to `repeated`. Raises ConfigurationError if they are errors."""
        ordered = sorted(findings, key=Diagnostic.sort_key)
        if ordered and self.repeated is None:
            fail(ordered)
        if self.repeated is not None:
            self.repeated += ordered

    def fail(
        self, code: str, message: str, start: int = 0, end: int | None = None, *, hint: str = "", fix: Fix | None = None
    ) -> NoReturn:
        """Raise ConfigurationError with this one finding."""
        fail([self.build_finding(code, message, start, end, hint=hint, fix=fix)])


def fail(findings: Sequence[Diagnostic]) -> NoReturn:
    """Raise ConfigurationError with the findings. Its message is the first finding with its place."""
    first = findings[0]
    place = f"{first.span.file}:{first.span.line}:{first.span.column}: " if first.span else ""
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    raise ConfigurationError(f"{place}{first.message}{more}", hint=first.hint, findings=findings)


def build_duplicate_key(
    origin: SourceText, key: str, path: Sequence[str | int], place: Place, first: Place
) -> Diagnostic:
    """Build the finding (DOC003) for a key that already occurs in its mapping at `first`."""
    name = key if len(key) <= 60 else f"{key[:60]}…"
    return origin.build_finding(
        "DOC003",
        f'the key "{name}" occurs twice',
        place.start,
        place.end,
        path=format_path(path),
        hint="remove one of them",
        related=[(origin.span(first.start, first.end), "first here")],
    )
