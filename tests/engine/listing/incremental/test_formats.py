"""Moments in every spelling that vendors use, read and written."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from conn_engine.expressions import UNDEFINED
from conn_engine.listing.incremental.durations import add_duration, parse_duration
from conn_engine.listing.incremental.formats import canonical, is_absent, read_moment, write_moment

NOON = datetime(2024, 1, 31, 12, tzinfo=UTC)
FINE = NOON + timedelta(microseconds=123_456)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-01-31T12:00:00Z", "2024-01-31T12:00:00Z"),
        ("2024-01-31t12:00:00z", "2024-01-31T12:00:00Z"),
        ("2024-01-31 12:00:00", "2024-01-31T12:00:00Z"),
        ("2024-01-31 12:00:00 UTC", "2024-01-31T12:00:00Z"),
        ("2024-01-31T12:00:00.000+00:00", "2024-01-31T12:00:00Z"),
        ("2024-01-31T17:30:00+0530", "2024-01-31T12:00:00Z"),
        ("2024-01-31T07:00:00 -05:00", "2024-01-31T12:00:00Z"),
        ("2024-01-31T17:00:00+05", "2024-01-31T12:00:00Z"),
        ("2024-01-31T12:00:00Z[Etc/UTC]", "2024-01-31T12:00:00Z"),
        ("2024-01-31T12:00", "2024-01-31T12:00:00Z"),
        ("2024-01-31T12:00:00,5Z", "2024-01-31T12:00:00.500Z"),
        ("2024-01-31T12:00:00.123456789Z", "2024-01-31T12:00:00.123456Z"),
        ("20240131T120000Z", "2024-01-31T12:00:00Z"),
        ("20240131120000", "2024-01-31T12:00:00Z"),
        ("2024-01-31T24:00:00Z", "2024-02-01T00:00:00Z"),
        ("2024-01-31", "2024-01-31T00:00:00Z"),
        ("20240131", "2024-01-31T00:00:00Z"),
        ("2024-01", "2024-01-01T00:00:00Z"),
        ("2024", "2024-01-01T00:00:00Z"),
        ("2024-W05-3", "2024-01-31T00:00:00Z"),
        ("2024-031", "2024-01-31T00:00:00Z"),
        (1706702400, "2024-01-31T12:00:00Z"),
        (1706702400.5, "2024-01-31T12:00:00.500Z"),
        ("1706702400", "2024-01-31T12:00:00Z"),
        (1706702400123, "2024-01-31T12:00:00.123Z"),
        ("1706702400123456", "2024-01-31T12:00:00.123456Z"),
        (1706702400123456789, "2024-01-31T12:00:00.123456Z"),
        ("/Date(1706702400000)/", "2024-01-31T12:00:00Z"),
        ("/Date(1706702400000+0200)/", "2024-01-31T12:00:00Z"),
        ("Wed, 31 Jan 2024 12:00:00 GMT", "2024-01-31T12:00:00Z"),
        ("31 Jan 2024 14:00:00 +0200", "2024-01-31T12:00:00Z"),
    ],
)
def test_any_usual_form_is_read_without_being_told(value: object, expected: str) -> None:
    moment = read_moment(value)
    assert moment is not None
    assert canonical(moment) == expected


@pytest.mark.parametrize(
    "value", ["yesterday", "2024-13-01", "2024-01-32T00:00:00Z", "1 2 3", True, None, [], {}, "9" * 30, "x" * 500]
)
def test_what_is_no_moment_is_not_guessed(value: object) -> None:
    assert read_moment(value) is None


@pytest.mark.parametrize("value", [UNDEFINED, None, "", "  ", "0000-00-00", "0000-00-00 00:00:00"])
def test_nothing_and_zero_dates_are_absent(value: object) -> None:
    assert is_absent(value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("iso8601", "2024-01-31T12:00:00.123456Z"),
        ("date", "2024-01-31"),
        ("epoch", 1706702400),
        ("epoch_ms", 1706702400123),
        ("epoch_us", 1706702400123456),
        ("epoch_ns", 1706702400123456000),
        ("rfc2822", "Wed, 31 Jan 2024 12:00:00 GMT"),
        ("ms_date", "/Date(1706702400123)/"),
        ("%s", "1706702400"),
        ("%ms", "1706702400123"),
        ("%s_as_float", "1706702400.123456"),
        ("%epoch_microseconds", "1706702400123456"),
        ("%Y-%m-%dT%H:%M:%S.%fZ", "2024-01-31T12:00:00.123456Z"),
        ("%Y-%m-%dT%H:%M:%S.%_msZ", "2024-01-31T12:00:00.123Z"),
        ("%Y-%m-%dT%H:%M:%S%z", "2024-01-31T12:00:00+0000"),
        ("created_on:gte:%Y-%m-%d", "created_on:gte:2024-01-31"),
        ("%Y%m%d%H", "2024013112"),
        ("%Y-%m", "2024-01"),
    ],
)
def test_a_format_is_written_rounded_down_and_read_again(name: str, expected: str | int) -> None:
    written = write_moment(FINE, name)
    assert written == expected
    again = read_moment(written, [name])
    assert again is not None
    assert again <= FINE
    assert write_moment(again, name) == expected


def test_formats_are_tried_in_order_and_no_other() -> None:
    assert read_moment("31.01.2024", ["%Y-%m-%d", "%d.%m.%Y"]) == datetime(2024, 1, 31, tzinfo=UTC)
    assert read_moment("2024-01-31T12:00:00Z", ["%Y-%m-%d"]) is None
    assert read_moment("1706702400", ["epoch_ms"]) == datetime(1970, 1, 20, 18, 5, 2, 400_000, tzinfo=UTC)


def test_a_percent_sign_and_an_epoch_inside_a_pattern() -> None:
    assert write_moment(NOON, "since:%s 100%%") == "since:1706702400 100%"
    assert write_moment(datetime(5, 1, 1, tzinfo=UTC), "%Y") == "0005"


def test_a_zone_reads_what_names_none_and_writes_in_its_own_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert read_moment("2024-01-31 13:00:00", (), berlin) == NOON
    assert read_moment("2024-01-31T12:00:00Z", (), berlin) == NOON
    assert read_moment("2024-01-31 13:00:00", ["%Y-%m-%d %H:%M:%S"], berlin) == NOON
    assert write_moment(NOON, "%Y-%m-%d %H:%M:%S", berlin) == "2024-01-31 13:00:00"
    assert write_moment(NOON, "iso8601", berlin) == "2024-01-31T13:00:00+01:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P1M", "2024-02-29T12:00:00Z"),
        ("P1Y", "2025-01-31T12:00:00Z"),
        ("P1W", "2024-02-07T12:00:00Z"),
        ("P1DT12H", "2024-02-02T00:00:00Z"),
        ("PT90S", "2024-01-31T12:01:30Z"),
        ("P0.5D", "2024-02-01T00:00:00Z"),
        ("PT0.000001S", "2024-01-31T12:00:00.000001Z"),
        ("p30d", "2024-03-01T12:00:00Z"),
        ("PT0S", "2024-01-31T12:00:00Z"),
    ],
)
def test_durations_are_added_on_the_calendar(text: str, expected: str) -> None:
    assert canonical(add_duration(NOON, parse_duration(text))) == expected


def test_days_are_counted_on_the_clock_of_the_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before = datetime(2024, 3, 30, 23, tzinfo=UTC)  # midnight in Berlin, the night the clock goes forward
    assert canonical(add_duration(before, parse_duration("P1D"), zone=berlin)) == "2024-03-31T22:00:00Z"
    assert canonical(add_duration(before, parse_duration("PT24H"), zone=berlin)) == "2024-03-31T23:00:00Z"


def test_beyond_the_calendar_is_its_edge() -> None:
    assert add_duration(NOON, parse_duration("P400Y"), sign=-1).year == 1624
    assert add_duration(datetime(9999, 12, 1, tzinfo=UTC), parse_duration("P2M")).year == 9999


@pytest.mark.parametrize("text", ["", "P", "PT", "30D", "P-1D", "P1.5M", "P1H", "1 day", "P9999999Y", "PT1e5S"])
def test_what_is_no_duration_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|no fixed length|longer than"):
        parse_duration(text)
