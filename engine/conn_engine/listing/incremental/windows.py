"""The windows of a listing: spans of time or of numbers that cover what is to be read, oldest first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from conn_engine.errors import ConfigurationError

__all__ = ["MAX_WINDOWS", "Window", "windows"]

MAX_WINDOWS = 100_000
"""More windows in one listing are a mistake: it would not end."""


@dataclass(frozen=True, slots=True)
class Window:
    """`start` and `end` are requested from the vendor, both included; None means open.

    `until` is where the next window starts, None for the last one: everything before it has been read with this one.
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
        """Return whether a cursor is in this window."""
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
    """Cover `start` to `end`. `ahead` returns the start of the next window, `before` the matching end, and `written`
    the start in the precision of a request, which the next window requests and contains.

    Without `ahead`, or with an open bound, there is one window. A start after the end becomes the end: one window then
    requests only that point. The last window ends at `end`. No window is longer than a step, both ends included, except
    the last one if a remainder is `joined` to it.
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
                f"`incremental.window` results in more than {MAX_WINDOWS:,} windows",
                hint="set a longer `window` or a later `start`",
            )
        yield Window(border, max(border, min(before(exact), end)), following, end)
        start, border = exact, following
    yield Window(border, end, stop=end)
