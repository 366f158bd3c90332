"""How far one window of a listing has been read: what its records' cursors say, and what a state may say of it."""

from collections.abc import Sequence
from typing import Any

from conn_engine.conditions import USUAL, Conditions
from conn_engine.listing.incremental.settings import Common, Unreadable
from conn_engine.listing.incremental.windows import Window
from conn_engine.settings import ask

__all__ = ["WindowProgress"]


class WindowProgress:
    """Of one window. `known` is the cursor, as a value, that the state had before it, `best` the greatest one of the
    records that came so far (`best` of an earlier run, which this one goes on from). `notes` report the cursors of the
    last page that cannot be read, `found` counts those that can."""

    def __init__(
        self,
        settings: Common,
        window: Window,
        known: Any = None,
        best: Any = None,
        conditions: Conditions = USUAL,
    ) -> None:
        self._conditions = conditions
        self._settings = settings
        self._window = window
        self._known = known
        self.best = best
        self.notes: tuple[str, ...] = ()
        self.found = 0

    def see(self, records: Sequence[Any]) -> tuple[list[int], bool]:
        """Take a page's records in. Returns the places of those to deliver, and whether the records have become older
        than the window. A record whose cursor cannot be read is delivered, and moves nothing."""
        settings, every = self._settings, range(len(records))
        if settings.cursor_field is None:
            return list(every), False
        problems: list[str] = []
        cursors = [self._cursor(record, problems) for record in records]
        there = [cursor for cursor in cursors if cursor is not None]
        self.notes = (_unreadable(settings.cursor_field, problems),) if problems else ()
        self.found += len(there) + len(problems)
        if there:
            best = max(there)
            self.best = best if self.best is None else max(self.best, best)
        start = self._window.start
        older = settings.stop_when_older and bool(there) and start is not None and there[-1] < start
        if not settings.filter:
            return list(every), older
        return [i for i in every if cursors[i] is None or self._holds(cursors[i])], older

    def _holds(self, cursor: Any) -> bool:
        window = self._window
        # The end of the last window is usually now; a record from after it is delivered rather than lost.
        open_end = window.last and self._settings.end is None
        return Window(window.start, None if open_end else window.end, window.until).holds(cursor)

    def _cursor(self, record: Any, problems: list[str]) -> Any:
        field = self._settings.cursor_field or ""
        try:
            return self._settings.read(ask(field, record, self._conditions))
        except Unreadable as error:
            number = record.get("id") if isinstance(record, dict) else None
            which = f"record {number}" if isinstance(number, str | int) else "a record"
            problems.append(f"{which}: {error}")
            return None

    def cursor(self, *, whole: bool) -> Any:
        """The cursor that the state may have once this page is delivered; `whole` says that it is the window's last.

        It never lies before the one that was known, and not beyond the window: what is there was not asked for.
        """
        if not whole and self._settings.order != "ascending":
            return self._known
        window = self._window
        reached = window.end if window.last else window.until
        if self._settings.cursor_field is None:
            best = reached if whole else None
        elif reached is None or self.best is None:
            best = self.best
        else:
            best = min(self.best, reached)
        if best is None or self._known is None:
            return self._known if best is None else best
        return max(best, self._known)


def _unreadable(field: str, problems: list[str]) -> str:
    many = len(problems)
    what = "the cursor of 1 record cannot be read" if many == 1 else f"the cursors of {many} records cannot be read"
    return (
        f"{what} (`cursor_field` {field}; {problems[0]}): delivered, but the state does not move by "
        f"{'it' if many == 1 else 'them'}; add how it is written to `record_formats` of `incremental`"
    )
