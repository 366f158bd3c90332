"""Cursors that are times."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.errors import ConfigurationError
from conn_engine.listing.incremental.durations import Duration, add_duration, parse_duration
from conn_engine.listing.incremental.formats import (
    NAMES,
    canonical,
    is_absent,
    is_known_format,
    read_moment,
    write_moment,
)
from conn_engine.listing.incremental.settings import Bounded, Common, Render, Template, Unreadable
from conn_engine.listing.incremental.windows import Window
from conn_engine.roles import template_over

__all__ = ["Datetime"]

_FORMATS = f"{', '.join(NAMES)}, or a pattern such as %Y-%m-%d"


class Datetime(Common, frozen=True, kw_only=True, tag_field="format", tag="datetime"):
    """Dates and times, as text or epochs in any format. State: ISO 8601 in UTC, to the microsecond."""

    spoken: ClassVar[str] = "set the format of the bound: `{at: …, format: …}`, where a format is" + _FORMATS

    record_formats: Annotated[
        tuple[str, ...],
        Meta(
            description=f"Formats of the records' cursor, tried in order: {_FORMATS}. Default: ISO 8601 in any "
            "spelling, epochs by their magnitude, /Date(…)/, email dates."
        ),
    ] = ()
    request_format: Annotated[str, Meta(description=f"Format of `window.start` and `window.end`: {_FORMATS}.")] = (
        "iso8601"
    )
    time_zone: Annotated[
        str,
        Meta(
            description="Time zone of values without one, of the values that are sent, and for counting days and "
            "months."
        ),
    ] = "UTC"
    window: Annotated[
        Template | None,
        Meta(
            description="Length of a window as an ISO 8601 duration (P30D, P1M, PT12H). Default: one window for "
            "everything.",
            extra=template_over("state"),
        ),
    ] = None
    granularity: Annotated[
        Template,
        Meta(
            description="Distance between the end of a window and the start of the next (PT1S if both ends are "
            "included). By default a window starts where the previous one ends: a record at the "
            "boundary may come twice, but none is lost.",
            extra=template_over("state"),
        ),
    ] = "PT0S"
    lookback: Annotated[
        Template,
        Meta(
            description="How far before the state's cursor a later run starts, for records that arrive late.",
            extra=template_over("state"),
        ),
    ] = "PT0S"

    def __post_init__(self) -> None:
        Common.__post_init__(self)
        formats = [*self.record_formats, self.request_format]
        formats += [bound.format for bound in (self.start, self.end) if isinstance(bound, Bounded) and bound.format]
        for name in formats:
            if not is_known_format(name):
                raise ValueError(f'"{name}" is not a date format: use {_FORMATS}')
        for key in ("window", "granularity", "lookback"):
            text = getattr(self, key)
            if text is not None and "{{" not in text:
                parse_duration(text)
        if self.window is not None and "{{" not in self.window + self.granularity:
            window, granularity = parse_duration(self.window), parse_duration(self.granularity)
            if window.nothing:
                raise ValueError("`window` has no length")
            if granularity.about > window.about:
                raise ValueError("`granularity` is longer than `window`")
        _load_zone(self.time_zone)

    def read(self, value: Any) -> datetime | None:
        """Return a record's cursor."""
        if is_absent(value):
            return None
        moment = read_moment(value, self.record_formats, _load_zone(self.time_zone))
        if moment is None:
            expected = ", ".join(self.record_formats) or "ISO 8601, an epoch, /Date(…)/ or an email date"
            raise Unreadable(f"{str(value)[:60]!r} is not {expected}")
        return moment

    def to_bound(self, value: Any, format: str | None = None) -> datetime | None:  # noqa: A002
        """Return a bound: in `format`, else in the format of requests or records, else in any common format."""
        if is_absent(value):
            return None
        zone = _load_zone(self.time_zone)
        moment = read_moment(value, (format,) if format else (self.request_format, *self.record_formats), zone)
        if moment is None and format is None:
            moment = read_moment(value, (), zone)
        if moment is None:
            raise Unreadable(f"{str(value)[:60]!r} is not a date{f' in the format {format}' if format else ''}")
        return moment

    def from_state(self, value: Any) -> datetime | None:
        """Read ISO 8601, else whatever a bound may be."""
        return read_moment(value, ("iso8601",)) or self.to_bound(value)

    def to_request(self, value: Any) -> Any:
        """Write it in `request_format`."""
        return write_moment(value, self.request_format, _load_zone(self.time_zone))

    def to_state(self, value: Any) -> str:
        """Write it as ISO 8601 in UTC."""
        return canonical(value)

    def length(self, window: Window) -> float | int | None:
        """Return the length in seconds."""
        if window.start is None or window.end is None:
            return None
        seconds = (window.end - window.start) / timedelta(seconds=1)
        return int(seconds) if seconds == int(seconds) else float(seconds)

    def _end(self, render: Render, now: float) -> datetime:
        bound = self._evaluate_bound("end", self.end, render)
        return bound if bound is not None else datetime.fromtimestamp(int(now), UTC)

    def _back(self, render: Render, cursor: datetime) -> datetime:
        lookback = _evaluate_duration("lookback", self.lookback, render)
        return add_duration(cursor, lookback, sign=-1, zone=_load_zone(self.time_zone))

    def _steps(self, render: Render) -> tuple[Callable[[Any], Any] | None, Callable[[Any], Any]]:
        zone = _load_zone(self.time_zone)
        granularity = _evaluate_duration("granularity", self.granularity, render)

        def step_back(moment: datetime) -> datetime:
            return add_duration(moment, granularity, sign=-1, zone=zone)

        if self.window is None:
            return None, step_back
        window = _evaluate_duration("window", self.window, render)
        if window.nothing:
            raise ConfigurationError("`incremental.window` has no length", hint="set a window of at least PT0.000001S")
        return lambda moment: add_duration(moment, window, zone=zone), step_back

    def _middle(self, start: datetime, last: datetime, step: timedelta) -> datetime:
        return start + timedelta(
            seconds=min((last - start + step) // timedelta(seconds=2), (last - start).total_seconds())
        )


def _evaluate_duration(key: str, text: str, render: Render) -> Duration:
    value = render(key, text)
    try:
        return parse_duration(value if isinstance(value, str) else f"{value!r}")
    except ValueError as error:
        raise ConfigurationError(f"`incremental.{key}`: {error}") from None


def _load_zone(name: str) -> tzinfo:
    from conn_engine.expressions.functions.date_values import zone_of
    from conn_engine.expressions.functions.rows import FunctionFault

    try:
        return zone_of(name)
    except FunctionFault as error:
        raise ValueError(str(error)) from None
