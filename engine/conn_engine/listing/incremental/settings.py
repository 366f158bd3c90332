"""The settings that both kinds of cursor share, and the windows that follow from them."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from msgspec import Meta

from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.listing.incremental.windows import Window, windows
from conn_engine.roles import FORM_PLACE, HEADER_PLACE, PARAMETER, POINTER, expression_over, template_over
from conn_engine.settings import Settings

__all__ = ["Bound", "Bounded", "Common", "Render", "Template", "Unreadable"]

Template: TypeAlias = str
Render: TypeAlias = Callable[[str, Any], Any]
"""Fills in the templates of a setting: `(key, value)`."""


class Unreadable(ValueError):
    """A value is not a cursor of this kind. The message has the value and what was expected."""


class Bounded(Settings, frozen=True, kw_only=True):
    """A bound with its own limits, each a template."""

    at: Annotated[
        Template | int | None, Meta(description="The bound itself. Null or an empty text means no bound.")
    ] = None
    format: Annotated[
        str | None,
        Meta(description="Format of these values, for dates. Default: `request_format`, or any common format."),
    ] = None
    earliest: Annotated[Template | int | None, Meta(description="Earliest value of the bound.")] = None
    latest: Annotated[Template | int | None, Meta(description="Latest value of the bound.")] = None


Bound: TypeAlias = Template | int | Bounded


class Common(Settings, frozen=True, kw_only=True):
    """What is new since the last run. Values are times or numbers; `to_state` and `to_request` convert them to JSON
    data.

    Names for templates and expressions: `window.start`, `window.end`, `window.length`, `window.first`, `window.last`,
    and `state.cursor` (null in the first run).
    """

    aliases: ClassVar[Mapping[str, str]] = {"cursor_field": "record_cursor"}
    spoken: ClassVar[str] = ""

    record_cursor: Annotated[
        str | None,
        Meta(
            description="The returned record's cursor. Records without one do not advance the state. Default: none; "
            "the state is then the end of the last window that was read completely.",
            extra=expression_over("item"),
        ),
    ] = None
    start: Annotated[
        Bound | None,
        Meta(
            description="Where the first run starts; later runs never start before it. Default: no bound.",
            extra=template_over("state"),
        ),
    ] = None
    end: Annotated[
        Bound | None,
        Meta(
            description="Where a run ends. Default: for dates, the second in which the run started; for numbers, "
            "no bound.",
            extra=template_over("state"),
        ),
    ] = None
    start_param: Annotated[
        str | None, Meta(description="Query parameter for the start of the window.", extra=PARAMETER)
    ] = None
    start_header: Annotated[
        str | None, Meta(description="Request header for the start of the window.", extra=HEADER_PLACE)
    ] = None
    start_body: Annotated[
        str | None, Meta(description="JSON pointer to the start of the window in the body.", extra=POINTER)
    ] = None
    start_form: Annotated[str | None, Meta(description="Form field for the start of the window.", extra=FORM_PLACE)] = (
        None
    )
    end_param: Annotated[
        str | None, Meta(description="Query parameter for the end of the window.", extra=PARAMETER)
    ] = None
    end_header: Annotated[
        str | None, Meta(description="Request header for the end of the window.", extra=HEADER_PLACE)
    ] = None
    end_body: Annotated[
        str | None, Meta(description="JSON pointer to the end of the window in the body.", extra=POINTER)
    ] = None
    end_form: Annotated[str | None, Meta(description="Form field for the end of the window.", extra=FORM_PLACE)] = None
    skip_empty: Annotated[
        bool,
        Meta(
            description="Whether to skip a window whose start and end are written the same, for a vendor that "
            "refuses such a request. A later run reads what is in it."
        ),
    ] = False
    when_reversed: Annotated[
        Literal["ask", "skip"],
        Meta(
            description="What to do if the start is after the end (a state from the future, a start that is not "
            "reached yet): `ask` requests only the end, `skip` requests nothing."
        ),
    ] = "ask"
    last_window: Annotated[
        Literal["own", "joined"],
        Meta(
            description="What to do if one `granularity` is left after the windows: `own` reads it as a separate "
            "window, `joined` adds it to the last one, which is then longer than `window`."
        ),
    ] = "own"
    per_partition: Annotated[
        bool,
        Meta(description="Whether each partition (see `parents`) has its own cursor. Otherwise all share one."),
    ] = True
    filter: Annotated[
        bool,
        Meta(
            description="Whether to drop records outside of the window, for a vendor that cannot filter them. "
            "Records without a cursor are kept."
        ),
    ] = False
    stop_when_older: Annotated[
        bool,
        Meta(
            description="For a listing in descending order: whether to stop when the last record of a page is "
            "older than the start of the window."
        ),
    ] = False
    order: Annotated[
        Literal["any", "ascending"],
        Meta(
            description="Order of the records. With `ascending` order of their cursor, the state advances with "
            "every page; otherwise with every window that was read completely."
        ),
    ] = "any"

    def __post_init__(self) -> None:
        if self.record_cursor is None and (self.filter or self.stop_when_older or self.order != "any"):
            raise ValueError("`filter`, `stop_when_older` and `order` need `record_cursor`")
        if self.stop_when_older and self.order == "ascending":
            raise ValueError("`stop_when_older` is for descending records, but `order` is `ascending`")

    def can_limit(self) -> bool:
        """Return whether a listing can be limited at both ends of a window: by parameters, or by `filter`."""
        starts = (self.start_param, self.start_header, self.start_body, self.start_form)
        ends = (self.end_param, self.end_header, self.end_body, self.end_form)
        return self.filter or (any(starts) and any(ends))

    def spans(
        self, render: Render, cursor: Any, now: float, place: Any = None, limits: tuple[Any, Any] | None = None
    ) -> Iterator[Window]:
        """Return the windows of one run, oldest first. `cursor` is the state's (None in the first run), `now` is in
        Unix seconds. `limits` are a start and an end that the caller wants instead of those of the settings.

        With the `place` of an earlier run's window, return that window and the ones after it, up to where that run
        ended. Raises ConfigurationError for a bound or a length that cannot be read, and UsageError for a place from
        elsewhere.
        """
        if place is not None:
            return self._resume_windows(render, place)
        if limits is None:
            start, end = self._evaluate_bound("start", self.start, render), self._end(render, now)
        else:
            start, end = self._read_limits(limits)
        if cursor is not None:
            back = self._back(render, cursor)
            start = back if start is None else max(start, back)
        ahead, before = self._steps(render)
        if ahead is not None and (start is None or end is None):
            missing = "start" if start is None else "end"
            raise ConfigurationError(
                f"`incremental` has a `window` but no `{missing}`, so there is nothing to divide",
                hint=f"set `{missing}`, for example to a value of the account's context, or remove `window`",
            )
        if self.when_reversed == "skip" and start is not None and end is not None and start > end:
            return iter(())
        return filter(self._is_requested, self._windows(start, end, ahead, before))

    def _windows(
        self, start: Any, end: Any, ahead: Callable[[Any], Any] | None, before: Callable[[Any], Any]
    ) -> Iterator[Window]:
        return windows(start, end, ahead, before, self._round_trip_below, joined=self.last_window == "joined")

    def halves(self, render: Render, window: Window) -> tuple[Window, Window] | None:
        """Split a window in two that are requested differently from the complete window; None if that is impossible."""
        if window.start is None or window.end is None:
            return None
        before = self._steps(render)[1]
        last = window.end if window.until is None else before(window.until)
        middle = self._round_trip_below(self._middle(window.start, last, last - before(last)), window.start)
        if self.to_request(middle) == self.to_request(
            window.start
        ):  # two days, both ends included, split into one day each
            middle = window.end
        ending = before(middle)
        if self._round_trip(ending) not in (ending, None):  # neither half would request what the format rounds down
            ending = middle
        first = Window(window.start, max(window.start, ending), middle, window.stop)
        second = Window(middle, window.end, window.until, window.stop)
        requested = [(self.to_request(half.start), self.to_request(half.end)) for half in (window, first, second)]
        return None if requested[0] in requested[1:] else (first, second)

    def _round_trip(self, value: Any) -> Any:
        """Return a value as it is read after it was written; None if it cannot be."""
        try:
            return self.to_bound(self.to_request(value))
        except Unreadable:
            return None

    def _round_trip_below(self, value: Any, above: Any) -> Any:
        """Return a value as it is read after it was written; unchanged if that is not after `above`.

        Boundaries between windows work like this: what a format rounds down belongs to the window that starts there.
        """
        rounded = self._round_trip(value)
        return rounded if rounded is not None and above < rounded <= value else value

    def _is_requested(self, window: Window) -> bool:
        empty = (
            window.start is not None
            and window.end is not None
            and self.to_request(window.start) == self.to_request(window.end)
        )
        return not (self.skip_empty and empty)

    def place(self, window: Window) -> dict[str, Any]:
        """Return a window as JSON data."""
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
                hint="pass a next_cursor that this operation returned, or omit it to start from the beginning",
            ) from None
        yield window
        if window.until is not None:
            following = self._windows(window.until, window.stop, *self._steps(render))
            yield from filter(self._is_requested, following)

    def _read_limits(self, limits: tuple[Any, Any]) -> tuple[Any, Any]:
        try:
            return self.from_state(limits[0]), self.from_state(limits[1])
        except Unreadable as error:
            raise UsageError(
                f"the range does not fit the cursor of this operation: {error}", hint=self.spoken
            ) from None

    def _evaluate_bound(self, key: str, setting: Bound | None, render: Render) -> Any:
        bound = setting if isinstance(setting, Bounded) else Bounded(at=setting)
        value = self._read_bound(key, bound.at, bound.format, render)
        earliest = self._read_bound(f"{key}.earliest", bound.earliest, bound.format, render)
        latest = self._read_bound(f"{key}.latest", bound.latest, bound.format, render)
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

    # --- differences between the kinds ---

    @abstractmethod
    def read(self, value: Any) -> Any:
        """Return a record's cursor as a value; None if it has none. Raises Unreadable."""

    @abstractmethod
    def to_bound(self, value: Any, format: str | None = None) -> Any:  # noqa: A002
        """Return a bound as a value; None if there is no bound. Raises Unreadable."""

    @abstractmethod
    def from_state(self, value: Any) -> Any:
        """Return a value from `to_state`, or the cursor of another tool's state; None for None. Raises Unreadable."""

    @abstractmethod
    def to_request(self, value: Any) -> Any:
        """Return a value in the format of requests."""

    @abstractmethod
    def to_state(self, value: Any) -> Any:
        """Return a value in the format of states, without loss."""

    @abstractmethod
    def length(self, window: Window) -> float | int | None:
        """Return the length of a window; None if it is open."""

    @abstractmethod
    def _end(self, render: Render, now: float) -> Any: ...

    @abstractmethod
    def _back(self, render: Render, cursor: Any) -> Any: ...

    @abstractmethod
    def _middle(self, start: Any, last: Any, step: Any) -> Any:
        """Return the middle between `start` and one `step` after `last`."""

    @abstractmethod
    def _steps(self, render: Render) -> tuple[Callable[[Any], Any] | None, Callable[[Any], Any]]: ...
