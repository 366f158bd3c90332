"""`App`: the environment that commands run in: the workspace, variables, the clock and the streams.

Everything that commands print passes its redactor and `neutralize`.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from os import environ as process_environ
from os import get_terminal_size
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from conn_cli.file_changes import watch_files
from conn_cli.neutralize import Form, Styled, Verbatim, neutralize
from conn_cli.progress import ProgressReporter, RichProgress, SparseProgress
from conn_engine.documents.locate import WORKSPACE_FILE, find_workspace
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.wire import Clock, SystemClock

if TYPE_CHECKING:
    from conn_engine.config import Workspace
    from conn_engine.secrets import Redactor

__all__ = ["App", "OutputGone"]


class OutputGone(Exception):
    """The reader of the output has closed it (`| head`), so the command can stop. It is not an OSError, because the
    option parser handles those itself."""


def _redactor() -> "Redactor":
    from conn_engine.secrets import Redactor

    return Redactor()


@dataclass
class App:
    """Everything outside the process that a command may use. Tests create one with their streams, clock and folder."""

    folder: Path = field(default_factory=Path.cwd)
    environ: Mapping[str, str] = field(default_factory=lambda: process_environ)
    clock: Clock = field(default_factory=SystemClock)
    # `sys` has None for a closed stream: it is replaced by an empty one, whose output is discarded.
    stdin: TextIO = field(default_factory=lambda: sys.stdin or StringIO())
    stdout: TextIO = field(default_factory=lambda: sys.stdout or StringIO())
    stderr: TextIO = field(default_factory=lambda: sys.stderr or StringIO())
    redactor: "Redactor" = field(default_factory=_redactor)
    watch: Callable[[Sequence[Path]], Iterator[frozenset[Path]]] = watch_files
    no_input: bool = False
    debug: bool = False
    quiet: bool = False
    has_output: bool = field(default=False, init=False)
    """Whether a command has written to standard output."""
    _is_output_gone: bool = field(default=False, init=False)

    @cached_property
    def workspace_root(self) -> Path:
        """Return the folder with conn.yaml at or above `folder`. Raises ConfigurationError without one."""
        root = find_workspace(self.folder)
        if root is None:
            raise ConfigurationError(
                f"no workspace found: no {WORKSPACE_FILE} in {self.folder} or above it",
                hint="create one: conn init",
            )
        return root

    @cached_property
    def workspace(self) -> "Workspace":
        """The workspace at or above `folder`. Raises ConfigurationError."""
        from conn_engine.config import load_workspace

        return load_workspace(self.workspace_root)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Draw a table on standard output."""
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, show_edge=False)
        for name in columns:
            table.add_column(Text(self.sanitize(name)), overflow="fold")
        for row in rows:
            table.add_row(*(Text(self.sanitize(cell)) for cell in row))
        buffer = StringIO()
        width = self.width or 200
        Console(file=buffer, force_terminal=self.color, no_color=not self.color, width=width).print(table)
        self.write(Styled(buffer.getvalue()), end="")

    @property
    def is_terminal(self) -> bool:
        """Return whether standard output is a terminal."""
        return _is_terminal(self.stdout)

    @property
    def interactive(self) -> bool:
        """Return whether prompts are possible: standard input is a terminal and `no_input` is off."""
        return not self.no_input and self.stdin_is_terminal

    @property
    def stdin_is_terminal(self) -> bool:
        """Return whether standard input is a terminal, so that reading it waits for a person."""
        return _is_terminal(self.stdin)

    @property
    def color(self) -> bool:
        """Return whether to color standard output: by NO_COLOR, then FORCE_COLOR, then whether it is a terminal."""
        return self._colors(self.stdout)

    @property
    def error_color(self) -> bool:
        """Return whether to color standard error, by the same rules."""
        return self._colors(self.stderr)

    def sanitize(self, text: str, form: Form = "text") -> str:
        """Return the text without known secrets, and without what a terminal or a CI system would obey."""
        clean = self.redactor.text(text)
        return neutralize(Styled(clean) if isinstance(text, Styled) else clean, form)

    def write(self, text: str = "", *, end: str = "\n", form: Form = "text", prose: bool = False) -> None:
        """Write to standard output, sanitized. If its reader is gone, the text is dropped and the command continues:
        its exit code counts. Text for people (`prose`) is fitted into a terminal; records and documents are not."""
        clean = self.sanitize(text, form)
        self.has_output = True
        self._write(self.stdout, (self._fit(clean, self.stdout) if prose else clean) + end)

    def to_json(self, data: Any) -> str:
        """Return data as JSON text for people. It is sanitized by escapes, so that the data stays the same."""
        return Verbatim(self.sanitize(json.dumps(data, ensure_ascii=False, indent=2), "json") + "\n")

    def err(self, text: str = "", *, end: str = "\n", form: Form = "text", prose: bool = True) -> None:
        """Write to standard error, sanitized. Text for people (`prose`) is fitted into a terminal; what they copy, such
        as a command, is not."""
        clean = self.sanitize(text, form)
        self._write(self.stderr, (self._fit(clean, self.stderr) if prose and form == "text" else clean) + end)

    @property
    def width(self) -> int | None:
        """Return the columns of standard output: COLUMNS, or those of a terminal; None for a file or a pipe."""
        return self._measure(self.stdout)

    def _measure(self, stream: TextIO) -> int | None:
        columns = self.environ.get("COLUMNS", "")
        if columns.isascii() and columns.isdigit() and int(columns) > 0:
            return int(columns)
        if not _is_terminal(stream):
            return None
        from conn_cli.fitting import USUAL_WIDTH

        try:
            return get_terminal_size(stream.fileno()).columns or USUAL_WIDTH
        except OSError:
            return USUAL_WIDTH

    def _fit(self, text: str, stream: TextIO) -> str:
        width = self._measure(stream)
        if width is None:
            return text
        from conn_cli.fitting import fit_text

        return neutralize(fit_text(text, width))  # a line break can put a CI system's command at the start of a line

    def _write(self, stream: TextIO, text: str) -> None:
        try:
            _encode_and_write(stream, text)
        except BrokenPipeError:
            self._is_output_gone = True
        except OSError as error:
            raise UsageError(f"the output cannot be written: {str(error.strerror).lower()}") from error

    def check_reader(self) -> None:
        """Raise OutputGone if the reader of the output is gone: for work that only serves that reader."""
        if self._is_output_gone:
            raise OutputGone

    def flush(self) -> None:
        """Write what is buffered. Raises OutputGone, and OSError if the device is full."""
        try:
            self.stdout.flush()
            self.stderr.flush()
        except BrokenPipeError:
            raise OutputGone from None

    def trace(self, text: str) -> None:
        """Write to standard error if `debug` is on, sanitized, with complete lines."""
        if self.debug:
            self._write(self.stderr, self.sanitize(text) + "\n")

    def ask(self, question: str, *, secret: bool = False) -> str:
        """Prompt on standard error, and return the input. A secret is typed hidden, and redacted from then on.

        Raises UsageError if no prompt is possible, or if the input ends.
        """
        if not self.interactive:
            message = f"{question}: no value given, and no prompt is possible"
            raise UsageError(message, hint="run the command in a terminal, without --no-input")
        self.err(f"{question}: ", end="")
        self.stderr.flush()
        if secret:
            from getpass import getpass

            try:
                answer = getpass("", stream=self.stderr)
            except EOFError:
                self.err()  # ends the line of the question
                raise UsageError(
                    f"{question}: input ended",
                    hint="run the command in a terminal, or pass the value on standard input",
                ) from None
            except KeyboardInterrupt:
                self.err()
                raise
            self.redactor.add(answer)
            return answer
        line = self.stdin.readline()
        if not line:
            raise UsageError(
                f"{question}: input ended", hint="run the command in a terminal, or pass the value on standard input"
            )
        return line.rstrip("\r\n")

    @contextmanager
    def progress(self, label: str, *, total: float | None = None, unit: str = "") -> Iterator[ProgressReporter]:
        """Show the progress of long work on standard error, drawn on a terminal or as a line every few seconds.

        `total` is in `unit`s ("records", "pages"), or None if it is unknown. Nothing is shown if `quiet` is set.
        """
        reporter: ProgressReporter
        if self.quiet:
            reporter = ProgressReporter(label, total=total, unit=unit)
        elif _is_terminal(self.stderr):
            reporter = RichProgress(
                label, total=total, unit=unit, stream=self.stderr, clean=self._in_one_line, color=self.error_color
            )
        else:
            reporter = SparseProgress(
                label, total=total, unit=unit, clock=self.clock, write=lambda line: self.err(self._in_one_line(line))
            )
        with reporter:
            yield reporter

    def _in_one_line(self, text: str) -> str:
        return " ".join(self.sanitize(text).split("\n"))

    def _colors(self, stream: TextIO) -> bool:
        if self.environ.get("NO_COLOR"):
            return False
        forced = self.environ.get("FORCE_COLOR")
        if forced:
            return forced != "0"
        return _is_terminal(stream) and self.environ.get("TERM") != "dumb"


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # a closed stream
        return False


def _encode_and_write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        # The stream is not UTF-8: escape what it cannot show.
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
