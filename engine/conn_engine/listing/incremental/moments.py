"""Cursors that are moments."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from conn_engine.errors import ConfigurationError
from conn_engine.listing.incremental.durations import Duration, add, parse_duration
from conn_engine.listing.incremental.formats import NAMES, absent, canonical, known_format, read_moment, write_moment
from conn_engine.listing.incremental.settings import Bounded, Common, Render, Template, Unreadable
from conn_engine.listing.incremental.windows import Window
from conn_engine.roles import template_over

__all__ = ["Datetime"]

_FORMATS = f"{', '.join(NAMES)}, or a pattern such as %Y-%m-%d"


class Datetime(Common, frozen=True, kw_only=True, tag_field="format", tag="datetime"):
    """Moments: text or epochs in whatever form. State: ISO 8601 in UTC, to the microsecond."""

    spoken: ClassVar[str] = "say how it is written: `{at: …, format: …}`, a format being " + _FORMATS

    record_formats: Annotated[
        tuple[str, ...],
        Meta(
            description=f"How records write their cursor, tried in order: {_FORMATS}. Default: ISO 8601 in any "
            "spelling, epochs by their magnitude, /Date(…)/, the date of an e-mail."
        ),
    ] = ()
    request_format: Annotated[
        str, Meta(description=f"How `window.start` and `window.end` are written: {_FORMATS}.")
    ] = "iso8601"
    time_zone: Annotated[
        str,
        Meta(
            description="Zone of values that name none, of what is written, and in which days and months are counted."
        ),
    ] = "UTC"
    window: Annotated[
        Template | None,
        Meta(
            description="Length of a window as an ISO 8601 duration (P30D, P1M, PT12H). Default: one window for all.",
            extra=template_over("state"),
        ),
    ] = None
    granularity: Annotated[
        Template,
        Meta(
            description="A window begins so much after the end of the one before (PT1S where both ends are included). "
            "By default it begins at that end: a record on the border may come twice, none is lost.",
            extra=template_over("state"),
        ),
    ] = "PT0S"
    lookback: Annotated[
        Template,
        Meta(
            description="How far before the state's cursor a later run begins: records may arrive late.",
            extra=template_over("state"),
        ),
    ] = "PT0S"

    def __post_init__(self) -> None:
        Common.__post_init__(self)
        said = [*self.record_formats, self.request_format]
        said += [bound.format for bound in (self.start, self.end) if isinstance(bound, Bounded) and bound.format]
        for name in said:
            if not known_format(name):
                raise ValueError(f'"{name}" is no format of a date: {_FORMATS}')
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
        _zone(self.time_zone)

    def read(self, value: Any) -> datetime | None:
        """A record's cursor."""
        if absent(value):
            return None
        moment = read_moment(value, self.record_formats, _zone(self.time_zone))
        if moment is None:
            expected = ", ".join(self.record_formats) or "ISO 8601, an epoch, /Date(…)/ or the date of an e-mail"
            raise Unreadable(f"{str(value)[:60]!r} is not {expected}")
        return moment

    def to_bound(self, value: Any, format: str | None = None) -> datetime | None:  # noqa: A002
        """A bound: in `format`, else as requests or records write it, else in any usual form."""
        if absent(value):
            return None
        zone = _zone(self.time_zone)
        moment = read_moment(value, (format,) if format else (self.request_format, *self.record_formats), zone)
        if moment is None and format is None:
            moment = read_moment(value, (), zone)
        if moment is None:
            raise Unreadable(f"{str(value)[:60]!r} is no date{f' in the format {format}' if format else ''}")
        return moment

    def from_state(self, value: Any) -> datetime | None:
        """ISO 8601, or else what a bound may be."""
        return read_moment(value, ("iso8601",)) or self.to_bound(value)

    def to_request(self, value: Any) -> Any:
        """In `request_format`."""
        return write_moment(value, self.request_format, _zone(self.time_zone))

    def to_state(self, value: Any) -> str:
        """ISO 8601 in UTC."""
        return canonical(value)

    def length(self, window: Window) -> float | int | None:
        """Seconds."""
        if window.start is None or window.end is None:
            return None
        seconds = (window.end - window.start) / timedelta(seconds=1)
        return int(seconds) if seconds == int(seconds) else float(seconds)

    def _end(self, render: Render, now: float) -> datetime:
        said = self._evaluate_bound("end", self.end, render)
        return said if said is not None else datetime.fromtimestamp(int(now), UTC)

    def _back(self, render: Render, cursor: datetime) -> datetime:
        lookback = _duration("lookback", self.lookback, render)
        return add(cursor, lookback, sign=-1, zone=_zone(self.time_zone))

    def _steps(self, render: Render) -> tuple[Callable[[Any], Any] | None, Callable[[Any], Any]]:
        zone = _zone(self.time_zone)
        granularity = _duration("granularity", self.granularity, render)

        def step_back(moment: datetime) -> datetime:
            return add(moment, granularity, sign=-1, zone=zone)

        if self.window is None:
            return None, step_back
        window = _duration("window", self.window, render)
        if window.nothing:
            raise ConfigurationError("`incremental.window` has no length", hint="a window is at least PT0.000001S")
        return lambda moment: add(moment, window, zone=zone), step_back

    def _middle(self, start: datetime, last: datetime, step: timedelta) -> datetime:
        return start + timedelta(
            seconds=min((last - start + step) // timedelta(seconds=2), (last - start).total_seconds())
        )


def _duration(key: str, text: str, render: Render) -> Duration:
    value = render(key, text)
    try:
        return parse_duration(value if isinstance(value, str) else f"{value!r}")
    except ValueError as error:
        raise ConfigurationError(f"`incremental.{key}`: {error}") from None


def _zone(name: str) -> tzinfo:
    from conn_engine.expressions.functions.date_values import zone_of
    from conn_engine.expressions.functions.rows import FunctionFault

    try:
        return zone_of(name)
    except FunctionFault as error:
        raise ValueError(str(error)) from None
