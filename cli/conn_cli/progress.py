"""Show the progress of long work: not at all, as a bar on a terminal, or as a line every few seconds.

`console.App` chooses one.
"""

import re
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from conn_engine.wire import Clock

if TYPE_CHECKING:
    from rich.progress import Progress as Drawing
    from rich.progress import TaskID

__all__ = ["ProgressReporter", "RichProgress", "SparseProgress"]

_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BETWEEN_EQUAL_LINES = 60.0
_NUMBER = re.compile(r"\d[\d,.]*")
_DRAWN_IN = {
    "bar.back": "default",
    "bar.complete": "green",
    "bar.finished": "green",
    "bar.pulse": "green",
    "progress.elapsed": "default",
    "progress.spinner": "green",
}
"""The styles that rich draws progress with. Its own colors are illegible on some backgrounds."""


class ProgressReporter:
    """Counts progress without showing it. `done` and `total` are in `unit`s; `note` is the current step."""

    def __init__(self, label: str, *, total: float | None = None, unit: str = "") -> None:
        self.label = label
        self.total = total
        self.unit = unit
        self.done = 0.0
        self.note = ""

    def advance(self, steps: float = 1, note: str | None = None) -> None:
        """Add steps that are done, and set the note if one is given."""
        self.done += steps
        self.say(note)

    def say(self, note: str | None = None) -> None:
        """Set the current step, such as `page 12` or `waiting 30 s: rate limited`. None leaves it unchanged."""
        self.note = self.note if note is None else note
        self.show()

    def show(self) -> None:
        """Update the display."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def line(self) -> str:
        """Return the progress as a line, such as `fetching contacts: 300 of 1,000 records, page 3`."""
        counted = f"{self.done:,.0f}" if self.done or self.total else ""
        if counted and self.total is not None:
            counted += f" of {self.total:,.0f}"
        if counted and self.unit:
            counted += f" {self.unit}"
        details = ", ".join(part for part in (counted, self.note) if part)
        return f"{self.label}: {details}" if details else self.label


class SparseProgress(ProgressReporter):
    """Prints a line every few seconds, and nothing for short work. While nothing but a time changes, it prints a line
    every minute."""

    def __init__(
        self, label: str, *, total: float | None, unit: str, clock: Clock, write: Callable[[str], None]
    ) -> None:
        super().__init__(label, total=total, unit=unit)
        self._clock = clock
        self._write = write
        self._last = clock.now()
        self._printed: tuple[float, str] | None = None

    def show(self) -> None:
        """Print a line if the last one was a few seconds ago."""
        now = self._clock.now()
        if now - self._last < _SECONDS_BETWEEN_LINES:
            return
        shown = (self.done, _NUMBER.sub("", self.note))
        if shown != self._printed or now - self._last >= _SECONDS_BETWEEN_EQUAL_LINES:
            self._last, self._printed = now, shown
            self._write(self.line())


class RichProgress(ProgressReporter):
    """Draws a spinner, a bar if the total is known, and the elapsed time. They disappear when the work ends."""

    def __init__(
        self,
        label: str,
        *,
        total: float | None,
        unit: str,
        stream: TextIO,
        clean: Callable[[str], str],
        color: bool,
    ) -> None:
        super().__init__(label, total=total, unit=unit)
        self._stream = stream
        self._clean = clean
        self._color = color
        self._drawing: Drawing | None = None
        self._task: TaskID | None = None

    def show(self) -> None:
        """Draw the current progress."""
        if self._drawing is not None and self._task is not None:
            self._drawing.update(self._task, description=self._clean(self.line()), completed=self.done)

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.theme import Theme

        console = Console(
            file=self._stream,
            force_terminal=True,
            no_color=not self._color,
            highlight=False,
            theme=Theme(_DRAWN_IN),
        )
        bar = [BarColumn()] if self.total is not None else []
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), *bar, TimeElapsedColumn())
        self._drawing = Progress(*columns, console=console, transient=True)
        self._task = self._drawing.add_task(self._clean(self.line()), total=self.total)
        self._drawing.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawing is not None:
            self._drawing.stop()
