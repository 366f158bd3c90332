"""Whatever bounds, lengths and cuts: windows cover everything once, a state never goes back, nothing is lost."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from conn_engine.config import Effective, load_workspace
from conn_engine.config.convert import convert
from conn_engine.listing.incremental import Incremental, Window, windows
from conn_engine.listing.incremental.durations import add_duration, parse_duration
from conn_engine.listing.incremental.formats import canonical, read_moment, write_moment
from conn_engine.runtime.call import Call, Run, Session
from conn_engine.runtime.drive import drive
from conn_engine.runtime.operation import perform
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.wire import FrozenClock, Headers, Page, Request, Response

MICROSECOND = timedelta(microseconds=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
lengths = st.sampled_from(["P1M", "P1Y", "P1W", "P1D", "PT1H", "PT90S", "P1DT12H", "P30D", "PT0.5S"])
exact = st.sampled_from(["PT0S", "PT0.000001S", "PT0.001S", "PT0.5S"])


def covered(found: list[Window], start: Any, end: Any, step: Any, ahead: Callable[[Any], Any]) -> None:
    assert found[0].start == min(start, end)
    assert found[-1].end == end
    assert found[-1].last
    assert end < ahead(found[-1].start) or (not step and end == ahead(found[-1].start))  # no longer than the others
    for window, following in pairwise(found):
        assert window.start <= window.end < following.start or (not step and window.end == following.start)
        assert window.until == following.start
        assert following.start - window.end == step  # neither gap nor overlap
    assert all(window.start <= window.end for window in found)


@given(start=moments, window=lengths, granularity=exact, steps=st.floats(0, 40))
def test_windows_of_time_cover_everything_without_gap_or_overlap(
    start: datetime, window: str, granularity: str, steps: float
) -> None:
    length, step = parse_duration(window), parse_duration(granularity)
    end = start + length.about * steps
    found = list(windows(start, end, lambda at: add_duration(at, length), lambda at: add_duration(at, step, sign=-1)))
    covered(found, start, end, step.exact, lambda at: add_duration(at, length))
    assert len(found) <= 45


@given(
    start=st.integers(-(10**6), 10**6),
    span=st.integers(-5, 3000),
    window=st.integers(1, 500),
    granularity=st.integers(0, 500),
)
def test_windows_of_numbers_too(start: int, span: int, window: int, granularity: int) -> None:
    step = min(granularity, window)
    found = list(windows(start, start + span, lambda at: at + window, lambda at: at - step))
    covered(found, start, start + span, step, lambda at: at + window)


@given(
    start=moments,
    span=st.integers(0, 400 * 86_400),
    granularity=st.sampled_from(["PT0S", "PT1S", "P1D"]),
    last=st.booleans(),
)
def test_halves_of_a_window_are_the_window(start: datetime, span: int, granularity: str, last: bool) -> None:
    config = {"request_format": "date" if granularity == "P1D" else "iso8601", "granularity": granularity}
    kind = convert({"format": "datetime", "config": {"record_cursor": "at", **config}}, Incremental)
    start = start.replace(microsecond=0)
    end, step = start + timedelta(seconds=span), parse_duration(granularity)
    whole = Window(start, end, None if last else add_duration(end, step), end + timedelta(days=9))
    two = kind.halves(lambda key, value: value, whole)
    if two is None:
        assert span <= 86_400 * 3
        return
    first, second = two
    assert (first.start, second.end, second.until) == (whole.start, whole.end, whole.until)
    assert first.until == second.start and first.start <= first.end <= second.start <= second.end
    asked = [(kind.to_request(one.start), kind.to_request(one.end)) for one in (whole, first, second)]
    assert len(set(asked)) == 3
    assert second.start in (first.end, add_duration(first.end, step)) or first.end == first.start  # no gap


@given(moment=moments, name=st.sampled_from(["iso8601", "epoch_us", "%Y-%m-%dT%H:%M:%S.%f%z", "%epoch_microseconds"]))
def test_exact_formats_give_back_the_moment(moment: datetime, name: str) -> None:
    assert read_moment(write_moment(moment, name), [name]) == moment
    assert read_moment(canonical(moment)) == moment


@given(moment=moments, name=st.sampled_from(["date", "epoch", "epoch_ms", "%Y-%m", "%s", "%ms", "rfc2822", "%Y%m%d%H"]))
def test_coarse_formats_round_down(moment: datetime, name: str) -> None:
    again = read_moment(write_moment(moment, name), [name])
    assert again is not None
    assert timedelta() <= moment - again < timedelta(days=31)


# --- a vendor, read in runs that are cut off anywhere ---


@dataclass
class Vendor:
    """Records with a moment each, in no particular order; those after `now` are not there yet."""

    rows: list[dict[str, Any]]
    size: int
    now: datetime
    teams: int = 0

    def send(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        query = dict(parse_qsl(parts.query))
        if parts.path == "/teams":
            return self.answer([{"id": team} for team in range(self.teams)], None)
        rows = [row for row in self.rows if moment(row) <= self.now]
        if parts.path.startswith("/teams/"):
            rows = [row for row in rows if row["team"] == int(parts.path.split("/")[2])]
        if "from" in query:
            rows = [row for row in rows if read(query["from"]) <= moment(row)]
        if "to" in query:  # a day is meant whole
            more = timedelta(days=1) - MICROSECOND if len(query["to"]) == len("2024-01-01") else timedelta()
            rows = [row for row in rows if moment(row) <= read(query["to"]) + more]
        at = int(query.get("after", 0))
        return self.answer(rows[at : at + self.size], at + self.size if at + self.size < len(rows) else None)

    def answer(self, rows: list[Any], after: int | None) -> Response:
        return Response(
            200, Headers({"content-type": "application/json"}), json.dumps({"rows": rows, "next": after}).encode()
        )


def moment(row: dict[str, Any]) -> datetime:
    return read(row["at"])


def read(text: str) -> datetime:
    found = read_moment(text)
    assert found is not None
    return found


def configured(**config: Any) -> Effective:
    incremental = {
        "format": "datetime",
        "config": {
            "record_cursor": "at",
            "start": canonical(START),
            "start_param": "from",
            "end_param": "to",
            **config,
        },
    }
    operation = {"method": "get", "response_path": "rows", "incremental": incremental}
    connector = {
        "base_url": "https://api.example.com",
        "pagination": {"format": "cursor", "config": {"cursor_field": "next", "cursor_param": "after"}},
        "resources": {
            "rows": {"list": {**operation, "path": "/rows"}},
            "teams": {"list": {"method": "get", "path": "/teams", "response_path": "rows"}},
            "members": {
                "list": {**operation, "path": "/teams/{{team}}", "parents": {"as": "team", "from": "teams.list"}}
            },
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in {
            "conn.yaml": "version: 1\n",
            "connectors/shop/connector.yaml": json.dumps(connector),
            "accounts/acme.yaml": "connector: shop\n",
        }.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return load_workspace(root).effective(account="acme")


def taken(effective: Effective, operation: str, vendor: Vendor, state: Any, pages: int | None) -> list[Page]:
    """The first pages of a run; the rest is never asked for."""
    clock = FrozenClock(vendor.now.timestamp())
    session = Session("acme", {}, clock=clock)
    found = []
    for page in drive(
        perform(Run(effective, session), effective.resolve(operation), Call(state=state)),
        vendor,
        MemoryVault({}),
        clock=clock,
    ):
        found.append(page)
        if len(found) == pages:
            break
    return found


offsets = st.lists(st.integers(0, 30 * 86_400_000), max_size=25)
cuts = st.lists(st.integers(1, 6), max_size=4)
configs = st.fixed_dictionaries(
    {},
    optional={
        "window": st.sampled_from(["P3D", "P10D", "PT36H"]),
        "granularity": st.sampled_from(["PT0S", "PT0.001S"]),
        "lookback": st.sampled_from(["PT1H", "P2D"]),
        "filter": st.booleans(),
        "request_format": st.sampled_from(["iso8601", "epoch_ms", "%Y-%m-%dT%H:%M:%S.%fZ"]),
    },
)

days = st.fixed_dictionaries(
    {"request_format": st.just("date"), "granularity": st.just("P1D"), "filter": st.booleans()},
    optional={"window": st.sampled_from(["P1D", "P3D", "PT36H"]), "lookback": st.sampled_from(["PT1H", "P2D"])},
)


def rows(at: list[int]) -> list[dict[str, Any]]:
    return [
        {"id": number, "team": number % 3, "at": canonical(START + timedelta(milliseconds=ms))}
        for number, ms in enumerate(at)
    ]


def states_rise(states: list[Any]) -> None:
    def cursors(state: Any) -> dict[str, str]:
        state = state or {}
        found = {"": state["cursor"]} if state.get("cursor") else {}
        return found | {json.dumps(one["partition"]): one["cursor"] for one in state.get("partitions", [])}

    for before, after in pairwise(states):
        earlier, later = cursors(before), cursors(after)
        assert all(name in later and read(later[name]) >= read(earlier[name]) for name in earlier)


@settings(deadline=None, max_examples=40)
@given(at=offsets, size=st.integers(1, 5), cut=cuts, config=configs | days)
def test_runs_that_are_cut_off_lose_nothing(at: list[int], size: int, cut: list[int], config: dict[str, Any]) -> None:
    vendor = Vendor(rows(at), size, START + timedelta(days=10))
    made, state, states, got = configured(**config), None, [None], set()
    for pages in [*cut, None]:
        for page in taken(made, "rows.list", vendor, state, pages):
            got |= {record["id"] for record in page.records}
            states.append(page.state)
        state = states[-1]
        vendor.now += timedelta(days=30 if pages == (cut or [None])[-1] else 5)
    for page in taken(made, "rows.list", vendor, state, None):
        got |= {record["id"] for record in page.records}
        states.append(page.state)
    assert got == {row["id"] for row in vendor.rows}
    states_rise(states)


@settings(deadline=None, max_examples=40)
@given(at=offsets, size=st.integers(1, 5), cut=cuts, per_partition=st.booleans(), config=configs | days)
def test_nor_do_those_over_partitions(
    at: list[int], size: int, cut: list[int], per_partition: bool, config: dict[str, Any]
) -> None:
    vendor = Vendor(rows(at), size, START + timedelta(days=10), teams=3)
    made, state, states, got = configured(**config, per_partition=per_partition), None, [None], set()
    for pages in [*cut, None, None]:
        for page in taken(made, "members.list", vendor, state, pages):
            got |= {record["id"] for record in page.records}
            states.append(page.state)
        state = states[-1]
        vendor.now += timedelta(days=8)
    vendor.now = START + timedelta(days=60)
    for page in taken(made, "members.list", vendor, state, None):
        got |= {record["id"] for record in page.records}
        states.append(page.state)
    assert got == {row["id"] for row in vendor.rows}
    states_rise(states)
