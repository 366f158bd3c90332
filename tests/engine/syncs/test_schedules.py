"""Schedules: cron expressions in a time zone, their names, and what is refused."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from conn_engine.syncs import Schedule, ScheduleError


def moments(schedule: Schedule, after: datetime, count: int) -> list[str]:
    found = []
    for _ in range(count):
        after = schedule.find_next(after)
        found.append(after.strftime("%Y-%m-%d %H:%M"))
    return found


def test_every_quarter_of_an_hour() -> None:
    schedule = Schedule("*/15 * * * *")
    assert moments(schedule, datetime(2025, 1, 1, 10, 1, tzinfo=UTC), 3) == [
        "2025-01-01 10:15",
        "2025-01-01 10:30",
        "2025-01-01 10:45",
    ]


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("30 2 * * *", datetime(2025, 3, 29, 12, tzinfo=UTC), ["2025-03-30 01:00", "2025-03-31 00:30"]),
        ("30 2 * * *", datetime(2025, 10, 25, 12, tzinfo=UTC), ["2025-10-26 00:30", "2025-10-27 01:30"]),
        (
            "*/30 * * * *",
            datetime(2025, 10, 25, 23, 59, tzinfo=UTC),
            ["2025-10-26 00:00", "2025-10-26 00:30", "2025-10-26 01:00", "2025-10-26 01:30"],
        ),
    ],
    ids=["the hour that is skipped", "the hour that is repeated", "every half hour of it"],
)
def test_summer_time(text: str, after: datetime, expected: list[str]) -> None:
    assert moments(Schedule(text, "Europe/Vienna"), after, len(expected)) == expected


def test_names() -> None:
    after = datetime(2025, 1, 1, 0, 30, tzinfo=UTC)
    assert {text: moments(Schedule(text), after, 1)[0] for text in ("@hourly", "@daily", "@weekly", "@monthly")} == {
        "@hourly": "2025-01-01 01:00",
        "@daily": "2025-01-02 00:00",
        "@weekly": "2025-01-05 00:00",
        "@monthly": "2025-02-01 00:00",
    }


@pytest.mark.parametrize(
    ("text", "zone", "message", "hint"),
    [
        ("0 0 30 2 *", "UTC", "0 0 30 2 *", ""),
        ("* * * * * *", "UTC", "has 6 fields", "leave out the seconds"),
        ("x", "UTC", "has 1 fields", "*/15"),
        ("61 * * * *", "UTC", "not a cron expression", "@daily"),
        ("@dayly", "UTC", "not the name", '"@daily"'),
        ("@daily", "Europe/Wien", "not a known time zone", "Europe/"),
        ("@daily", "../../etc/passwd", "not a known time zone", ""),
        ("", "UTC", "has 0 fields", ""),
    ],
)
def test_what_is_refused(text: str, zone: str, message: str, hint: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        Schedule(text, zone).check()
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_each_moment_is_after_the_one_before() -> None:
    schedule, moment = Schedule("7 3 29 2 *"), datetime(2024, 1, 1, tzinfo=UTC)
    found = list(islice(iter(lambda: schedule.find_next(moment), None), 1))
    assert found[0].day == 29
    assert schedule.find_next(found[0]) - found[0] >= timedelta(days=1000)
