"""The windows of a listing: stretches of time or of numbers that cover what is to be read, oldest first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from conn_engine.errors import ConfigurationError

__all__ = ["MAX_WINDOWS", "Window", "windows"]

MAX_WINDOWS = 100_000
"""More of them in one listing are a mistake: it would not end."""


@dataclass(frozen=True, slots=True)
class Window:
    """`start` and `end` are what the vendor is asked for, both included; None is open.

    `until` is where the next window begins, None for the last one: what comes before it has been read with this one.
    `stop` is the end of the last window.
    """

    start: Any
    end: Any
    until: Any = None
    stop: Any = None

    @property
    def last(self) -> bool:
        """Whether no window follows."""
        return self.until is None

    def holds(self, value: Any) -> bool:
        """Whether a cursor lies in this window."""
        if self.start is not None and value < self.start:
            return False
        if self.until is not None:
            return bool(value < self.until)
        return self.end is None or bool(value <= self.end)


def windows(
    start: Any,
    end: Any,
    ahead: Callable[[Any], Any] | None = None,
    before: Callable[[Any], Any] = lambda value: value,
    written: Callable[[Any, Any], Any] = lambda value, above: value,
    *,
    joined: bool = False,
) -> Iterator[Window]:
    """Cover `start` to `end`. `ahead` gives the next window's start, `before` the end that belongs to it, `written` the
    start as a request tells it, which is what the next window asks for and holds.

    Without `ahead`, or with an open bound, it is one window. A start later than the end is the end: then one window
    asks for that moment alone. The last window ends with `end` itself. None is longer than a step, both ends counted,
    but for the last one where what would be left is `joined` to it.
    """
    if start is not None and end is not None:
        start = min(start, end)
    if ahead is None or start is None or end is None:
        yield Window(start, end, stop=end)
        return
    number, border = 0, start
    while (exact := ahead(start)) > start:
        following = written(exact, border)
        alone = before(following) < following == end and not joined
        if not (following < end or alone):
            break
        number += 1
        if number >= MAX_WINDOWS:
            raise ConfigurationError(
                f"`incremental.window` makes more than {MAX_WINDOWS:,} windows of what is to be read",
                hint="say a longer `window`, or a later `start`",
            )
        yield Window(border, max(border, min(before(exact), end)), following, end)
        start, border = exact, following
    yield Window(border, end, stop=end)
