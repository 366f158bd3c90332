"""One notation of dates, strftime, wherever a date format is given; the tokens of earlier mappings stay."""

from datetime import UTC, datetime

import pytest
from evaluating import usual

from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression
from conn_engine.listing.incremental.formats import read_moment, write_moment

AT = "2024-03-05T17:04:09.120Z"
MOMENT = datetime(2024, 3, 5, 17, 4, 9, 120_000, UTC)


def evaluated(text: str) -> object:
    return expression(text).evaluate(usual())


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("%Y-%m-%d", "2024-03-05"),
        ("%Y-%m-%dT%H:%M:%SZ", "2024-03-05T17:04:09Z"),
        ("%d.%m.%y %H:%M", "05.03.24 17:04"),
        ("%d %b %Y %I:%M %p", "05 Mar 2024 05:04 PM"),
        ("%A, %B %d, %Y", "Tuesday, March 05, 2024"),
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2024-03-05T17:04:09.120000+0000"),
        ("%Y-%m-%dT%H:%M:%S.%_msZ", "2024-03-05T17:04:09.120Z"),
        ("%Y-%j", "2024-065"),
        ("%s", "1709658249"),
        ("%H%%", "17%"),
    ],
)
def test_it_means_the_same_in_settings_and_in_expressions(pattern: str, text: str) -> None:
    assert write_moment(MOMENT, pattern) == text
    assert evaluated(f"$dateFormat('{AT}', '{pattern}')") == text
    assert evaluated(f"$dtFromIso('{AT}').toFormat('{pattern}')") == text


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("%Y-%m-%d", "2024-03-05"),
        ("%d/%m/%Y", "5/3/2024"),
        ("%d %b %Y %I:%M %p", "5 mar 2024 5:04 PM"),
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2024-03-05T17:04:09.5+0100"),
        ("%F", "2024-03-05"),
    ],
)
def test_it_reads_the_same(pattern: str, text: str) -> None:
    parsed = evaluated(f"$dateParse('{text}', '{pattern}')")
    assert read_moment(parsed) == read_moment(text, [pattern] if pattern != "%F" else [])


def test_tokens_are_still_read() -> None:
    assert evaluated(f"$dateFormat('{AT}', \"yyyy-MM-dd'T'HH:mm\")") == "2024-03-05T17:04"
    assert evaluated("$dateParse('3 Jul 2024', 'd MMM yyyy')") == "2024-07-03T00:00:00.000Z"
    assert evaluated(f"$dateFormat('{AT}', 'HH % mm')") == "17 % 04"


def test_an_unknown_directive_is_an_error() -> None:
    with pytest.raises(ExpressionError, match='unknown directive "%Q"'):
        evaluated(f"$dateFormat('{AT}', '%Q')")
