"""Windows out of settings: bounds, caps, lookback, what cannot be read, and the state between runs."""

from datetime import UTC, datetime
from typing import Any

import pytest
from evaluating import usual

from conn_engine.conditions import USUAL
from conn_engine.config.convert import ConversionError, convert
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.expressions import render
from conn_engine.listing.incremental import Common, Incremental, Integer, State, Unreadable, Window, WindowProgress

NOW = datetime(2024, 3, 10, 8, 30, 15, tzinfo=UTC).timestamp() + 0.7


def made(format: str = "datetime", **config: Any) -> Common:  # noqa: A002
    return convert({"format": format, "config": config}, Incremental)  # type: ignore[arg-type]


def spans(settings: Common, cursor: Any = None, **context: Any) -> list[list[Any]]:
    known = None if cursor is None else settings.from_state(cursor)
    found = settings.spans(lambda key, value: render(value, usual(context=context)), known, NOW)
    return [
        [
            None if window.start is None else settings.to_request(window.start),
            None if window.end is None else settings.to_request(window.end),
        ]
        for window in found
    ]


def test_without_a_window_it_is_one_stretch_up_to_now() -> None:
    assert spans(made(start="2024-01-01")) == [["2024-01-01T00:00:00Z", "2024-03-10T08:30:15Z"]]
    assert spans(made()) == [[None, "2024-03-10T08:30:15Z"]]


def test_windows_begin_one_granularity_after_the_end() -> None:
    settings = made(start="2024-01-01", end="2024-03-10", window="P1M", granularity="P1D", request_format="date")
    assert spans(settings) == [
        ["2024-01-01", "2024-01-31"],
        ["2024-02-01", "2024-02-29"],
        ["2024-03-01", "2024-03-10"],
    ]


def test_by_default_windows_share_their_border() -> None:
    settings = made(start="2024-01-01", end="2024-02-15", window="P1M", request_format="date")
    assert spans(settings) == [["2024-01-01", "2024-02-01"], ["2024-02-01", "2024-02-15"]]


def test_a_later_run_begins_at_its_state_less_the_lookback_and_never_before_the_start() -> None:
    settings = made(start="2024-03-01", lookback="P2D", request_format="date")
    assert spans(settings, "2024-03-09T12:00:00Z")[0][0] == "2024-03-07"
    assert spans(settings, "2024-03-02T00:00:00Z")[0][0] == "2024-03-01"
    assert spans(settings)[0][0] == "2024-03-01"


def test_a_state_from_the_future_asks_for_the_end_alone() -> None:
    assert spans(made(start="2024-01-01"), "2099-01-01T00:00:00Z") == [["2024-03-10T08:30:15Z"] * 2]


def test_a_state_from_the_future_may_ask_for_nothing() -> None:
    settings = made(start="2024-01-01", when_reversed="skip")
    assert spans(settings, "2099-01-01T00:00:00Z") == []
    assert len(spans(settings, "2024-03-10T08:30:15Z")) == 1
    assert spans(made(start="2030-01-01", when_reversed="skip")) == []
    assert len(spans(made(when_reversed="skip"))) == 1


@pytest.mark.parametrize(("last", "windows"), [("own", 3), ("joined", 2)])
def test_one_granule_that_is_left_is_a_window_or_joined(last: str, windows: int) -> None:
    bounds = {"start": "2024-01-01", "end": "2024-01-05", "window": "P2D", "granularity": "P1D"}
    found = spans(made(**bounds, request_format="date", last_window=last))
    assert len(found) == windows
    assert found[0] == ["2024-01-01", "2024-01-02"] and found[-1][1] == "2024-01-05"
    assert found[1] == ["2024-01-03", "2024-01-04" if last == "own" else "2024-01-05"]


def test_lengths_and_bounds_may_come_from_the_account() -> None:
    settings = made(start="{{context.since}}", window="P{{$min([context.days, 30])}}D", request_format="epoch")
    assert len(spans(settings, since="2024-01-01", days=365)) == 3
    assert len(spans(settings, since=1704067200, days=7)) == 10


def test_bounds_have_caps_and_formats_of_their_own() -> None:
    start = {"at": "{{context.since}}", "format": "%d.%m.%Y", "earliest": "01.02.2024", "latest": "01.03.2024"}
    settings = made(start=start, request_format="date")
    assert [spans(settings, since=since)[0][0] for since in ("05.01.2023", "15.02.2024", "09.03.2024")] == [
        "2024-02-01",
        "2024-02-15",
        "2024-03-01",
    ]


def test_an_empty_bound_is_open() -> None:
    assert spans(made(start="{{context.since ?? null}}", end="{{context.until ?? ''}}")) == [
        [None, "2024-03-10T08:30:15Z"]
    ]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"start": "soon"}, "`incremental.start`: 'soon' is not a date"),
        ({"start": {"at": "2024-01-01", "format": "epoch"}}, "'2024-01-01' is not a date in the format epoch"),
        ({"window": "P1D"}, "no `start`"),
        ({"start": "2024", "window": "{{context.w}}"}, "`incremental.window`: 'month' is not a duration"),
        ({"start": "2024", "window": "P{{context.n}}D"}, "has no length"),
    ],
)
def test_what_cannot_be_a_window_is_told(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        spans(made(**config), w="month", n=0)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"window": "P0D"}, "no length"),
        ({"window": "P1D", "granularity": "P2D"}, "longer than"),
        ({"request_format": "iso"}, "is not a date format"),
        ({"start": {"at": "x", "format": "unix"}}, "is not a date format"),
        ({"time_zone": "Mars/Base"}, "unknown time zone"),
        ({"filter": True}, "need `record_cursor`"),
        ({"record_cursor": "t", "stop_when_older": True, "order": "ascending"}, "descending"),
        ({"lookback": "a week"}, "is not a duration"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        made(**config)


def test_numbers_have_windows_too() -> None:
    settings = made("integer", start=0, end="{{context.max}}", window=100, granularity=1, lookback=10)
    assert spans(settings, max=250) == [[0, 99], [100, 199], [200, 250]]
    assert spans(settings, 180, max="250") == [[170, 250]]
    assert spans(made("integer", start="7")) == [[7, None]]
    with pytest.raises(ConfigurationError, match="no `end`"):
        spans(made("integer", start=0, window=5))
    with pytest.raises(ConversionError, match="at least 1"):
        made("integer", window=0)


@pytest.mark.parametrize("value", ["x", 1.5, True, "1.5", 10**19, [1], "nan", "inf"])
def test_what_is_no_whole_number_is_unreadable(value: Any) -> None:
    with pytest.raises(Unreadable):
        Integer().read(value)


def test_big_numbers_keep_every_digit() -> None:
    assert Integer().read("900719925474099312") == 900719925474099312
    assert Integer().read("-5") == -5
    assert Integer().read(5.0) == 5
    assert Integer().read("") is None


def test_how_long_a_window_is() -> None:
    settings = made(start="2024-03-10T08:30:00Z")
    window = next(settings.spans(lambda key, value: value, None, NOW))
    assert settings.length(window) == 15
    assert settings.length(Window(None, window.end)) is None


def test_a_place_leads_back_to_its_window_and_those_after_it() -> None:
    settings = made(start="2024-01-01", end="2024-03-10", window="P1M", granularity="PT1S")
    every = list(settings.spans(lambda key, value: value, None, NOW))
    again = list(settings.spans(lambda key, value: value, None, NOW + 1e6, settings.place(every[1])))
    assert again == every[1:]
    with pytest.raises(UsageError, match="does not belong"):
        list(settings.spans(lambda key, value: value, None, NOW, {"start": "never"}))
    with pytest.raises(UsageError, match="does not belong"):
        list(settings.spans(lambda key, value: value, None, NOW, "elsewhere"))


# --- progress ---


def progress(known: Any = None, **config: Any) -> WindowProgress:
    settings = made(record_cursor="at", **config)
    window = next(settings.spans(lambda key, value: value, None if known is None else settings.from_state(known), NOW))
    return WindowProgress(settings, window, USUAL, None if known is None else settings.from_state(known))


def test_a_window_read_whole_moves_to_the_greatest_cursor() -> None:
    reading = progress()
    assert reading.see([{"at": "2024-02-01"}, {"at": "2024-01-01"}, {}, {"at": None}]) == ([0, 1, 2, 3], False)
    assert reading.cursor(whole=False) is None
    assert reading.cursor(whole=True) == datetime(2024, 2, 1, tzinfo=UTC)


def test_records_that_ascend_move_with_every_page() -> None:
    reading = progress(order="ascending")
    reading.see([{"at": "2024-02-01"}])
    assert reading.cursor(whole=False) == datetime(2024, 2, 1, tzinfo=UTC)


def test_it_never_goes_back() -> None:
    reading = progress("2024-03-01T00:00:00Z", lookback="P30D")
    reading.see([{"at": "2024-02-15"}])
    assert reading.cursor(whole=True) == datetime(2024, 3, 1, tzinfo=UTC)


def test_a_cursor_from_the_future_moves_to_the_end_only() -> None:
    reading = progress()
    reading.see([{"at": "2099-01-01"}, {"at": "2024-01-01"}])
    assert reading.cursor(whole=True) == datetime(2024, 3, 10, 8, 30, 15, tzinfo=UTC)


def test_without_a_field_the_end_of_the_window_counts_once_it_is_read_whole() -> None:
    settings = made(start="2024-01-01")
    reading = WindowProgress(settings, next(settings.spans(lambda key, value: value, None, NOW)), USUAL)
    assert reading.see([{"x": 1}]) == ([0], False)
    assert reading.cursor(whole=False) is None
    assert reading.cursor(whole=True) == datetime(2024, 3, 10, 8, 30, 15, tzinfo=UTC)


def test_the_filter_keeps_the_window_what_has_no_cursor_and_what_came_after_now() -> None:
    reading = progress(start="2024-02-01", filter=True)
    records = [{"at": "2024-01-31"}, {"at": "2024-02-01"}, {}, {"at": "2024-03-11"}]
    assert reading.see(records) == ([1, 2, 3], False)
    assert progress(start="2024-02-01", end="2024-03-01", filter=True).see(records) == ([1, 2], False)


def test_older_is_told_by_the_last_record_that_has_a_cursor() -> None:
    reading = progress("2024-02-01T00:00:00Z", stop_when_older=True)
    assert reading.see([{"at": "2023-01-01"}, {"at": "2024-02-10"}, {}]) == ([0, 1, 2], False)
    assert reading.see([{"at": "2024-02-01"}, {"at": "2024-01-31"}, {}]) == ([0, 1, 2], True)


def test_a_record_whose_cursor_cannot_be_read_is_delivered_and_reported() -> None:
    reading = progress(record_formats=["%Y-%m-%d", "epoch"], filter=True)
    records = [{"id": 12, "at": "31.1.2024"}, {"id": 13, "at": "2024-02-10"}, {"id": 14, "at": "soon"}]
    assert reading.see(records) == ([0, 1, 2], False)
    assert reading.found == 3
    [note] = reading.notes
    assert note.startswith(
        "the cursors of 2 records cannot be read (`record_cursor` at; record 12: '31.1.2024' is not %Y-%m-%d, epoch)"
    )
    assert "record_formats" in note
    reading.see([{"at": "2024-02-11"}])
    assert reading.notes == ()


# --- state ---


def test_states_are_plain_data_and_know_their_partitions() -> None:
    state = State({"partitions": [{"partition": {"board": 1, "team": "a"}, "cursor": "x"}], "cursor": "all"})
    assert state.cursor({"team": "a", "board": 1}) == "x"
    assert state.cursor({"board": 2}) == "all"
    before = state.snapshot()
    state.move("y", {"board": 2})
    assert before == {"partitions": [{"partition": {"board": 1, "team": "a"}, "cursor": "x"}], "cursor": "all"}
    assert state.cursor({"board": 2}) == "y"
    state.move_all("z")
    assert state.snapshot() == {"cursor": "z"}
    assert State().snapshot() is None
    assert State({}).cursor() is None


@pytest.mark.parametrize(
    "given",
    [[], "x", {"last": 1}, {"cursor": {}}, {"partitions": {}}, {"partitions": [{"cursor": 1}]}, {"cursor": True}],
)
def test_a_foreign_state_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match="not that of an incremental operation"):
        State(given)
