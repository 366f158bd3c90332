"""The schedule of a sync: a cron expression in a time zone, with Debian's rules for days and for summer time."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from zoneinfo import ZoneInfo, available_timezones

from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import ConfigurationError

__all__ = ["Schedule", "ScheduleError"]

_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = 5


class ScheduleError(ConfigurationError):
    """A schedule that is invalid, or that no moment fits."""


@dataclass(frozen=True)
class Schedule:
    """When a sync runs. `text` is a cron expression with five fields or a name such as `@daily`.

    In the hour that summer time skips, a run for a fixed time comes at the end of that hour, and in the hour that is
    repeated it comes once; a run for every few minutes comes each time.
    """

    text: str
    timezone: str = "UTC"

    def check(self) -> None:
        """Raise ScheduleError if the schedule is invalid or never comes."""
        self.find_next(datetime(2024, 1, 1, tzinfo=UTC))

    def find_next(self, after: datetime) -> datetime:
        """Return the first moment after another one, in UTC. Raises ScheduleError if the schedule is invalid or never
        comes."""
        from cronsim import CronSim, CronSimError

        try:
            moment = next(CronSim(self._expression, after.astimezone(self._zone)))
        except CronSimError as error:
            raise ScheduleError(
                f'"{self.text}" is not a cron expression: {str(error).lower()}',
                hint='write minute, hour, day, month and weekday, such as "*/15 * * * *", or @daily',
            ) from None
        except StopIteration:
            raise ScheduleError(
                f'"{self.text}" never comes: no date fits', hint="check the day and the month"
            ) from None
        return moment.astimezone(UTC)

    @cached_property
    def _expression(self) -> str:
        text = self.text.strip()
        if text.startswith("@"):
            if text not in _NAMED:
                hint = did_you_mean(text, list(_NAMED)) or f"use one of {', '.join(_NAMED)}"
                raise ScheduleError(f'"{text}" is not the name of a schedule', hint=hint)
            return _NAMED[text]
        fields = text.split()
        if len(fields) != _FIELDS:
            hint = "leave out the seconds" if len(fields) == _FIELDS + 1 else 'an example is "*/15 * * * *"'
            raise ScheduleError(
                f'"{text}" has {len(fields)} fields; a cron expression has five: minute, hour, day, month, weekday',
                hint=hint,
            )
        return " ".join(fields)

    @cached_property
    def _zone(self) -> ZoneInfo:
        try:
            return ZoneInfo(self.timezone)
        except (ValueError, OSError, LookupError):
            hint = did_you_mean(self.timezone, sorted(available_timezones())) or "use a name such as Europe/Vienna"
            raise ScheduleError(f'"{self.timezone}" is not a known time zone', hint=hint) from None
