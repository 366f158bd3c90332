"""How far one window of a listing has been read: from the cursors of its records to the state."""

from collections.abc import Sequence
from typing import Any

from conn_engine.conditions import Conditions
from conn_engine.listing.incremental.settings import Common, Unreadable
from conn_engine.listing.incremental.windows import Window
from conn_engine.settings import ask

__all__ = ["WindowProgress"]


class WindowProgress:
    """The progress of one window. `known` is the state's cursor before it, and `best` the greatest cursor of the
    records so far (of an earlier run, if this one resumes it). `notes` report unreadable cursors of the last page,
    and `found` counts the readable ones."""

    def __init__(
        self,
        settings: Common,
        window: Window,
        conditions: Conditions,
        known: Any = None,
        best: Any = None,
    ) -> None:
        self._conditions = conditions
        self._settings = settings
        self._window = window
        self._known = known
        self.best = best
        self.notes: tuple[str, ...] = ()
        self.found = 0

    def see(self, records: Sequence[Any]) -> tuple[list[int], bool]:
        """Process the records of a page. Returns the indexes of those to deliver, and whether the records have become
        older than the window. A record with an unreadable cursor is delivered, and does not advance the state."""
        settings, indexes = self._settings, range(len(records))
        if settings.record_cursor is None:
            return list(indexes), False
        problems: list[str] = []
        cursors = [self._cursor(record, problems) for record in records]
        cursors_present = [cursor for cursor in cursors if cursor is not None]
        self.notes = (_describe_unreadable(settings.record_cursor, problems),) if problems else ()
        self.found += len(cursors_present) + len(problems)
        if cursors_present:
            best = max(cursors_present)
            self.best = best if self.best is None else max(self.best, best)
        start = self._window.start
        is_older = (
            settings.stop_when_older and bool(cursors_present) and start is not None and cursors_present[-1] < start
        )
        if not settings.filter:
            return list(indexes), is_older
        return [i for i in indexes if cursors[i] is None or self._holds(cursors[i])], is_older

    def _holds(self, cursor: Any) -> bool:
        window = self._window
        # The end of the last window is usually now. A record from after it is delivered, so that it is not lost.
        open_end = window.last and self._settings.end is None
        return Window(window.start, None if open_end else window.end, window.until).holds(cursor)

    def _cursor(self, record: Any, problems: list[str]) -> Any:
        field = self._settings.record_cursor or ""
        try:
            return self._settings.read(ask(field, record, self._conditions))
        except Unreadable as error:
            number = record.get("id") if isinstance(record, dict) else None
            which = f"record {number}" if isinstance(number, str | int) else "a record"
            problems.append(f"{which}: {error}")
            return None

    def cursor(self, *, whole: bool) -> Any:
        """Return the cursor for the state once this page is delivered; `whole` means that it is the window's last page.

        It never lies before the known one or beyond the window, because nothing there was requested.
        """
        if not whole and self._settings.order != "ascending":
            return self._known
        window = self._window
        reached = window.end if window.last else window.until
        if self._settings.record_cursor is None:
            best = reached if whole else None
        elif reached is None or self.best is None:
            best = self.best
        else:
            best = min(self.best, reached)
        if best is None or self._known is None:
            return self._known if best is None else best
        return max(best, self._known)


def _describe_unreadable(field: str, problems: list[str]) -> str:
    count = len(problems)
    problem = (
        "the cursor of 1 record cannot be read" if count == 1 else f"the cursors of {count} records cannot be read"
    )
    return (
        f"{problem} (`record_cursor` {field}; {problems[0]}): delivered, but the state does not "
        f"advance by {'it' if count == 1 else 'them'}; add the format to `record_formats` of "
        "`incremental`"
    )
