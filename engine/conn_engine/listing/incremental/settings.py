"""The settings that both kinds of cursor have in common, and how a listing's windows follow from them."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import Meta

from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.listing.incremental.windows import Window, windows
from conn_engine.roles import FIELD, PARAMETER, POINTER, REQUEST_HEADER, expression_over, template_over
from conn_engine.settings import Settings

__all__ = ["Bound", "Bounded", "Common", "Render", "Template", "Unreadable"]

Template: TypeAlias = str
Render: TypeAlias = Callable[[str, Any], Any]
"""Fills in the templates of a key's value: `(key, value)`."""


class Unreadable(ValueError):
    """A value is no cursor of this kind. The message says which and what was expected."""


class Bounded(Settings, frozen=True, kw_only=True):
    """A bound with limits of its own, each a template."""

    at: Annotated[Template | int | None, Meta(description="The bound itself. Null or an empty text: open.")] = None
    format: Annotated[
        str | None,
        Meta(description="How these values are written, for dates. Default: `request_format`, or any usual form."),
    ] = None
    earliest: Annotated[Template | int | None, Meta(description="The bound is never before this.")] = None
    latest: Annotated[Template | int | None, Meta(description="The bound is never after this.")] = None


Bound: TypeAlias = Template | int | Bounded


class Common(Settings, frozen=True, kw_only=True):
    """What is read since last time. A value is a moment or a number; JSON data leaves and enters as `shown`, `kept`.

    Names for templates and expressions: `window.start`, `window.end`, `window.length`, `window.first`, `window.last`,
    and `state.cursor` (null at the first run).
    """

    spoken: ClassVar[str] = ""

    cursor_field: Annotated[
        str | None,
        Meta(
            description="Expression over the delivered record: its cursor. Records without one move nothing. Default: "
            "none; the state is then the end of the last window that was read whole.",
            extra=expression_over("item"),
        ),
    ] = None
    start: Annotated[
        Bound | None,
        Meta(
            description="Where the first run begins; later runs never begin before it. Default: open.",
            extra=template_over("state"),
        ),
    ] = None
    end: Annotated[
        Bound | None,
        Meta(
            description="Up to where. Default: for dates now (the second in which the run began), for numbers open.",
            extra=template_over("state"),
        ),
    ] = None
    start_param: Annotated[str | None, Meta(description="Query parameter of the window's start.", extra=PARAMETER)] = (
        None
    )
    start_header: Annotated[
        str | None, Meta(description="Request header of the window's start.", extra=REQUEST_HEADER)
    ] = None
    start_body: Annotated[
        str | None, Meta(description="JSON pointer of the window's start in the body.", extra=POINTER)
    ] = None
    start_form: Annotated[str | None, Meta(description="Form field of the window's start.", extra=FIELD)] = None
    end_param: Annotated[str | None, Meta(description="Query parameter of the window's end.", extra=PARAMETER)] = None
    end_header: Annotated[str | None, Meta(description="Request header of the window's end.", extra=REQUEST_HEADER)] = (
        None
    )
    end_body: Annotated[
        str | None, Meta(description="JSON pointer of the window's end in the body.", extra=POINTER)
    ] = None
    end_form: Annotated[str | None, Meta(description="Form field of the window's end.", extra=FIELD)] = None
    skip_empty: Annotated[
        bool,
        Meta(
            description="Leave out a window whose start and end are written alike, for a vendor that refuses such a "
            "request. What is in it comes with a later run."
        ),
    ] = False
    when_reversed: Annotated[
        Literal["ask", "skip"],
        Meta(
            description="Where the start lies after the end (a state from the future, a start that is still to come): "
            "ask for the end alone, or for nothing."
        ),
    ] = "ask"
    last_window: Annotated[
        Literal["own", "joined"],
        Meta(
            description="Where one granule is left after the windows: it is a window of its own, or is joined to the "
            "one before, which then is longer than `window` by it."
        ),
    ] = "own"
    per_partition: Annotated[
        bool,
        Meta(description="Whether each partition (see `parents`) has a cursor of its own. False: one holds for all."),
    ] = True
    filter: Annotated[
        bool,
        Meta(description="Drop records outside of the window, for a vendor that cannot. Without a cursor they stay."),
    ] = False
    stop_when_older: Annotated[
        bool,
        Meta(
            description="For a listing in descending order: ask for no further page once the last record of a page is "
            "older than the window's start."
        ),
    ] = False
    order: Annotated[
        Literal["any", "ascending"],
        Meta(
            description="Whether records come in ascending order of their cursor: then the state moves with every "
            "page, else with every window that has been read whole."
        ),
    ] = "any"

    def __post_init__(self) -> None:
        if self.cursor_field is None and (self.filter or self.stop_when_older or self.order != "any"):
            raise ValueError("`filter`, `stop_when_older` and `order` need `cursor_field`")
        if self.stop_when_older and self.order == "ascending":
            raise ValueError("`stop_when_older` is for descending records, but `order` says that they ascend")

    def spans(self, render: Render, cursor: Any, now: float, place: Any = None) -> Iterator[Window]:
        """The windows of one run, oldest first. `cursor` is the state's (None at the first run), `now` Unix seconds.

        With `place`, of an earlier run's window, it is that window and those after it, up to where that run went.
        Raises ConfigurationError for a bound or a length that cannot be read, UsageError for a foreign place.
        """
        if place is not None:
            return self._resume_windows(render, place)
        start = self._evaluate_bound("start", self.start, render)
        end = self._end(render, now)
        if cursor is not None:
            back = self._back(render, cursor)
            start = back if start is None else max(start, back)
        ahead, before = self._steps(render)
        if ahead is not None and (start is None or end is None):
            missing = "start" if start is None else "end"
            raise ConfigurationError(
                f"`incremental` has a `window` but no `{missing}`: there is nothing to divide",
                hint=f"give `{missing}`, for instance a value of the account's context, or leave out `window`",
            )
        if self.when_reversed == "skip" and start is not None and end is not None and start > end:
            return iter(())
        return filter(self._is_requested, self._windows(start, end, ahead, before))

    def _windows(
        self, start: Any, end: Any, ahead: Callable[[Any], Any] | None, before: Callable[[Any], Any]
    ) -> Iterator[Window]:
        return windows(start, end, ahead, before, self._round_trip_below, joined=self.last_window == "joined")

    def halves(self, render: Render, window: Window) -> tuple[Window, Window] | None:
        """A window in two, each of which is asked for otherwise than the whole; None when there are no such halves."""
        if window.start is None or window.end is None:
            return None
        before = self._steps(render)[1]
        last = window.end if window.until is None else before(window.until)
        middle = self._round_trip_below(self._middle(window.start, last, last - before(last)), window.start)
        if self.to_request(middle) == self.to_request(
            window.start
        ):  # two days, both ends counted, are one day and another
            middle = window.end
        ending = before(middle)
        if self._round_trip(ending) not in (ending, None):  # what the format rounds down would be asked for by neither
            ending = middle
        first = Window(window.start, max(window.start, ending), middle, window.stop)
        second = Window(middle, window.end, window.until, window.stop)
        asked = [(self.to_request(one.start), self.to_request(one.end)) for one in (window, first, second)]
        return None if asked[0] in asked[1:] else (first, second)

    def _round_trip(self, value: Any) -> Any:
        """A value as it is read again once it has been written; None where it cannot be."""
        try:
            return self.to_bound(self.to_request(value))
        except Unreadable:
            return None

    def _round_trip_below(self, value: Any, above: Any) -> Any:
        """A value as it is read again once it has been written; as it is where that is not after `above`.

        So are borders between windows: what a format rounds down belongs to the window that begins there.
        """
        told = self._round_trip(value)
        return told if told is not None and above < told <= value else value

    def _is_requested(self, window: Window) -> bool:
        empty = (
            window.start is not None
            and window.end is not None
            and self.to_request(window.start) == self.to_request(window.end)
        )
        return not (self.skip_empty and empty)

    def place(self, window: Window) -> dict[str, Any]:
        """A window as JSON data."""
        bounds = {"start": window.start, "end": window.end, "until": window.until, "stop": window.stop}
        return {key: self.to_state(value) for key, value in bounds.items() if value is not None}

    def _resume_windows(self, render: Render, place: Any) -> Iterator[Window]:
        try:
            if not isinstance(place, Mapping) or place.keys() - {"start", "end", "until", "stop"}:
                raise Unreadable("no window")
            window = Window(*(self.from_state(place.get(key)) for key in ("start", "end", "until", "stop")))
        except Unreadable:
            raise UsageError(
                "the cursor does not belong to this operation",
                hint="pass a next_cursor that this operation returned, or leave it out to begin again",
            ) from None
        yield window
        if window.until is not None:
            following = self._windows(window.until, window.stop, *self._steps(render))
            yield from filter(self._is_requested, following)

    def _evaluate_bound(self, key: str, said: Bound | None, render: Render) -> Any:
        told = said if isinstance(said, Bounded) else Bounded(at=said)
        value = self._read_bound(key, told.at, told.format, render)
        earliest = self._read_bound(f"{key}.earliest", told.earliest, told.format, render)
        latest = self._read_bound(f"{key}.latest", told.latest, told.format, render)
        if value is None:
            return earliest
        value = value if earliest is None else max(value, earliest)
        return value if latest is None else min(value, latest)

    def _read_bound(self, key: str, text: Any, format: str | None, render: Render) -> Any:  # noqa: A002
        if text is None:
            return None
        value = render(key, text)
        try:
            return self.to_bound(value, format)
        except Unreadable as error:
            raise ConfigurationError(f"`incremental.{key}`: {error}", hint=self.spoken) from None

    # --- what the kinds differ in ---

    @abstractmethod
    def read(self, value: Any) -> Any:
        """A record's cursor as a value; None when it has none. Raises Unreadable."""

    @abstractmethod
    def to_bound(self, value: Any, format: str | None = None) -> Any:  # noqa: A002
        """A bound as a value; None when it is open. Raises Unreadable."""

    @abstractmethod
    def from_state(self, value: Any) -> Any:
        """A value as `kept` gave it, or the cursor of another tool's state; None for None. Raises Unreadable."""

    @abstractmethod
    def to_request(self, value: Any) -> Any:
        """A value as requests have it."""

    @abstractmethod
    def to_state(self, value: Any) -> Any:
        """A value as states have it: nothing of it is lost."""

    @abstractmethod
    def length(self, window: Window) -> float | int | None:
        """How long a window is; None when it is open."""

    @abstractmethod
    def _end(self, render: Render, now: float) -> Any: ...

    @abstractmethod
    def _back(self, render: Render, cursor: Any) -> Any: ...

    @abstractmethod
    def _middle(self, start: Any, last: Any, step: Any) -> Any:
        """Half way from `start` to what is one `step` after `last`."""

    @abstractmethod
    def _steps(self, render: Render) -> tuple[Callable[[Any], Any] | None, Callable[[Any], Any]]: ...
