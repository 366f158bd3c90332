"""For every pagination and every combination of layers that may resume: stopping after any page and going on from its
cursor and state, in a new run, gives the remaining records, and in the end the same state."""

import atexit
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from conn_engine.config import Effective, load_workspace
from conn_engine.runtime.call import Call, Run, Session
from conn_engine.runtime.drive import drive
from conn_engine.runtime.operation import perform
from conn_engine.runtime.resuming import find_obstacles
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.wire import FrozenClock, Headers, Page, Request, Response

SIZE = 2
BASE = "https://api.example.com"
NEXT = "body.at + 2 < body.total ? body.at + 2"
PAGINATIONS: dict[str, dict[str, Any]] = {
    "page": {"page_param": "page", "size_param": "size", "size": SIZE},
    "offset": {"size_param": "size", "size": SIZE},
    "cursor": {"cursor_field": "next", "cursor_param": "at"},
    "next_url": {"next_url_field": "next_url"},
    "link_header": {},
    "range": {"size": SIZE, "total_field": "total"},
    "dynamic": {"next": f"{NEXT} : null", "send": '{"query": {"at": state}}'},
    "nested": {
        "outer": {"format": "cursor", "config": {"cursor_field": "outer", "cursor_param": "part"}},
        "inner": {"format": "cursor", "config": {"cursor_field": "next", "cursor_param": "at"}},
    },
    "none": {},
    "restarted": {
        "cursor_field": "next",
        "cursor_param": "at",
        "restart": {"after_records": 4, "set": {"query": {"from_id": "record.id"}}},
    },
}
START = date(2024, 1, 1)
PARENTS: dict[str, Any] = {
    "no": None,
    "values": {"as": "board", "values": ["a", "b", "c"], "param": "board"},
    "records": {"as": "board", "from": "boards.list", "param": "board"},
    "union": {
        "as": "board",
        "union": [{"values": ["a"]}, {"from": "boards.list", "query": {"only": "bc"}}],
        "param": "board",
    },
    "two names": [
        {"as": "kind", "values": ["x", "y"], "param": "kind"},
        {"as": "board", "from": "boards.list", "param": "board"},
    ],
    "two sources": [
        {"as": "kind", "values": ["x", "y"], "param": "kind"},
        {
            "as": "board",
            "union": [
                {"from": "boards.list", "query": {"only": "ab"}},
                {"from": "boards.list", "query": {"only": "c"}},
            ],
            "param": "board",
        },
    ],
    "batches": {"as": "board", "values": ["a", "b", "c"], "batch": 2, "param": "board"},
    "parents of parents": {"as": "board", "from": "groups.list", "param": "board"},
    "recursion": {"as": "board", "from": "tree.list", "param": "board"},
    "new ones": {"as": "board", "from": "news.list", "param": "board", "incremental": True},
    "none": {"as": "board", "values": [], "param": "board"},
    "one twice": {"as": "board", "values": ["a", "b", "a"], "param": "board"},
    "an empty page": {"as": "board", "from": "boards.list", "query": {"only": "ab", "rest": "1"}, "param": "board"},
    "an empty source": {
        "as": "board",
        "union": [{"from": "boards.list"}, {"from": "boards.list", "query": {"only": "z"}}],
        "param": "board",
    },
    "none wanted": {"as": "board", "from": "boards.list", "when": "record.id != 'c'", "param": "board"},
}
BOARDS: dict[str, dict[str, Any]] = {
    "boards": {},
    "groups": {"parents": {"as": "group", "values": ["ba", "ac"], "param": "only"}, "distinct": "record.id"},
    "tree": {"path": "/tree", "recurse": {"as": "under", "param": "under"}},
    "news": {
        "incremental": {
            "format": "datetime",
            "config": {"start": "2024-01-01", "record_cursor": "at", "start_param": "from"},
        }
    },
}
"""Operations whose records are boards."""
OF_PARENTS = {"parents of parents": ("distinct",), "recursion": ("recurse",)}
WINDOWS: dict[str, Any] = {
    "no": None,
    "one": {"start": "2024-01-01", "record_cursor": "at"},
    "ascending": {"start": "2024-01-01", "record_cursor": "at", "order": "ascending"},
    "weeks": {"start": "2024-01-01", "end": "2024-01-20", "window": "P1W", "granularity": "P1D", "record_cursor": "at"},
    "shared": {"start": "2024-01-01", "record_cursor": "at", "per_partition": False},
}
MORE: dict[str, dict[str, Any]] = {
    "no": {},
    "distinct": {"distinct": "record.id % 4"},
    "recurse": {"recurse": {"as": "under", "param": "under"}},
    "restart": {"errors": [{"when": "status = 400", "then": "restart"}]},
    "job": {
        "method": "post",
        "writes": False,
        "job": {
            "poll": {"path": "/jobs/{{job.created.body.id}}", "status": "body.state", "done": ["done"]},
            "download": {"url": "job.polled.body.urls"},
        },
    },
}
OBSTACLES = {
    "distinct": "`distinct` knows at most",
    "recurse": "`recurse` knows at most",
    "restart": "after a cursor",
    "job": "before its first page",
}
"""What a cursor has a bounded number of, or is missing, and how `conn show` says so."""


class Vendor:
    """`rows` of three boards and two kinds, filtered by what a request asks for and cut into pages of two. `nested`:
    it asks for the rows under one row. `expired`: it refuses the first request for rows."""

    def __init__(self, rows: list[dict[str, Any]], *, nested: bool = False, expired: bool = False) -> None:
        self.rows, self.nested, self.expired = rows, nested, expired

    def send(self, request: Request) -> Response:
        address = urlsplit(request.url)
        query = dict(parse_qsl(address.query))
        if address.path == "/boards":
            names = [name for name in "abc" if name in query.get("only", "abc")]
            boards = [{"id": name, "at": f"2024-01-0{'cab'.index(name) + 1}"} for name in names]
            return self._page(request, query, [board for board in boards if query.get("from", "") <= board["at"]])
        if address.path == "/tree":
            return self._page(
                request, query, [{"id": name} for name in {"": "a", "a": "bc"}.get(query.get("under", ""), "")]
            )
        if request.method == "POST":  # the job's number says what it lists
            return self._answer({"id": f"j{urlencode(query).encode().hex()}"})
        if address.path.startswith("/jobs/"):
            listed = bytes.fromhex(address.path.removeprefix("/jobs/j")).decode()
            return self._answer({"state": "done", "urls": [f"/rows?half={half}&{listed}" for half in (0, 1)]})
        if self.expired:
            self.expired = False
            return Response(400, Headers({"content-type": "application/json"}), b'{"error": "the cursor expired"}')
        rows = self.rows
        if self.nested:  # a row is under every row whose number it has in `above`
            under = int(query["under"]) if "under" in query else None
            rows = [row for row in rows if (under in row["above"] if under is not None else not row["above"])]
        for key in ("board", "kind"):
            if key in query:
                rows = [row for row in rows if row[key] in query[key].split(",")]
        rows = [row for row in rows if query.get("from", "") <= row["at"] <= query.get("to", "9")]
        if "id" in query:
            rows = [{**row, "piece": query["id"]} for row in rows]
        if "half" in query:
            rows = rows[int(query["half"]) :: 2]
        rows = [row for row in rows if row["id"] >= int(query.get("from_id", 0))]
        return self._page(request, query, rows)

    def _answer(self, body: Any) -> Response:
        return Response(200, Headers({"content-type": "application/json"}), json.dumps(body).encode())

    def _page(self, request: Request, query: dict[str, str], rows: list[dict[str, Any]]) -> Response:
        outer = None
        if query.pop("nested", None):  # rows of even and odd numbers, one after the other
            part = int(query.get("part", 0))
            outer = part + 1 if part < 1 else None
            rows = [row for number, row in enumerate(rows) if number % 2 == part]
        at = int(query.get("at") or query.get("offset") or (int(query.get("page", 1)) - 1) * SIZE)
        if asked := request.headers.get("range"):
            at = int(asked.partition("=")[2].partition("-")[0])
        whole = query.pop("whole", None)
        items = rows if whole else rows[at : at + SIZE]
        more = not whole and at + SIZE < len(rows) + SIZE * ("rest" in query)  # a last page without anything
        address = f"{request.url.partition('?')[0]}?{urlencode({**query, 'at': at + SIZE})}"
        body = {"items": items, "at": at, "total": len(rows), "outer": outer, "next": at + SIZE if more else None}
        headers = {"content-type": "application/json", **({"link": f'<{address}>; rel="next"'} if more else {})}
        return Response(200, Headers(headers), json.dumps({**body, "next_url": address if more else None}).encode())


@cache
def connected(pagination: str, parents: str, window: str, *, chunk: bool, more: str = "no") -> Effective:
    """The account `acme` of a connector with these layers."""
    kind = "cursor" if pagination == "restarted" else pagination
    extra = {"nested": {"nested": "1"}, "none": {"whole": "1"}}.get(pagination, {})
    rows: dict[str, Any] = {"method": "get", "path": "/rows", "response_path": "items", "query": extra}
    rows |= MORE[more]
    if PARENTS[parents]:
        rows["parents"] = PARENTS[parents]
    if WINDOWS[window]:
        config = {**WINDOWS[window], "start_param": "from", "end_param": "to"}
        rows["incremental"] = {"format": "datetime", "config": config}
    if chunk:
        rows["chunk"] = {"values": ["p", "q", "r"], "size": 2, "param": "id"}
    cursor = {"format": "cursor", "config": PAGINATIONS["cursor"]}
    boards = {"method": "get", "path": "/boards", "response_path": "items", "pagination": cursor}
    connector = {
        "base_url": BASE,
        "credentials": {"format": "none"},
        "authorization": {"format": "none"},
        "resources": {
            "rows": {"list": {**rows, "pagination": {"format": kind, "config": PAGINATIONS[pagination]}}},
            **{name: {"list": {**boards, **settings}} for name, settings in BOARDS.items()},
        },
    }
    place = TemporaryDirectory()
    atexit.register(place.cleanup)
    folder = Path(place.name)
    for name, data in (
        ("conn.yaml", {"version": 1}),
        ("connectors/shop/connector.yaml", connector),
        ("accounts/acme.yaml", {"connector": "shop"}),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(data), encoding="utf-8")
    return load_workspace(folder).effective(account="acme")


def pages_of(effective: Effective, vendor: Vendor, call: Call) -> Iterator[Page]:
    clock = FrozenClock(1_705_708_800)  # 2024-01-20
    session = Session("acme", clock=clock)
    flow = perform(Run(effective, session), effective.resolve("rows.list"), call)
    with closing(drive(flow, vendor, MemoryVault({}), clock=clock)) as pages:
        yield from pages


def row_of(number: int, board: str, kind: str, day: int) -> dict[str, Any]:
    above = [] if number % 3 == 0 else [number - 1, number - number % 3]  # under one row, or two
    return {"id": number, "board": board, "kind": kind, "at": str(START + timedelta(days=day)), "above": above}


ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 18)), min_size=1, max_size=10
).map(lambda found: [row_of(number, *one) for number, one in enumerate(found)])


EIGHT = [row_of(number, "abc"[number % 3], "xy"[number % 2], number) for number in range(8)]


def with_all(more: str) -> Any:
    """An example of many layers, so that each kind of memory is sure to be needed."""
    return example(rows=EIGHT, parents="records", window="weeks", chunk=more != "job", more=more, known=None)


def assert_one_end(pages: list[Page]) -> None:
    """The last page has a verdict and leads nowhere, and no other page is like it."""
    assert [page.completeness is not None for page in pages] == [False] * (len(pages) - 1) + [True]
    assert [page.next_cursor is None and not page.partial for page in pages].index(True) == len(pages) - 1


@pytest.mark.parametrize(
    ("parents", "window"),
    [pair for pair in product(PARENTS, WINDOWS) if pair != ("new ones", "no")],  # only an incremental one has a state
)
def test_every_listing_ends_with_one_verdict(parents: str, window: str) -> None:
    effective = connected("cursor", parents, window, chunk=False)
    whole = list(pages_of(effective, Vendor(EIGHT), Call()))
    assert_one_end(whole)
    for page in whole[:-1]:
        if page.next_cursor is not None:
            again = list(pages_of(effective, Vendor(EIGHT), Call(cursor=page.next_cursor, state=page.state)))
            assert_one_end(again)
            assert again[-1].state == whole[-1].state


@pytest.mark.slow
@pytest.mark.parametrize("pagination", PAGINATIONS)
@with_all("distinct")
@with_all("recurse")
@with_all("restart")
@with_all("job")
@example(rows=EIGHT, parents="recursion", window="no", chunk=False, more="no", known=None)
@example(rows=EIGHT, parents="parents of parents", window="no", chunk=False, more="no", known=None)
@example(rows=EIGHT, parents="new ones", window="shared", chunk=False, more="no", known=None)
@example(rows=EIGHT, parents="no", window="no", chunk=False, more="restart", known=None)
@given(
    rows=ROWS,
    parents=st.sampled_from(sorted(PARENTS)),
    window=st.sampled_from(sorted(WINDOWS)),
    chunk=st.booleans(),
    more=st.sampled_from(sorted(MORE)),
    known=st.sampled_from([None, "2024-01-05"]),
)
@settings(max_examples=25, deadline=None)
def test_a_listing_goes_on_from_every_page(  # noqa: PLR0917
    pagination: str, rows: list[dict[str, Any]], parents: str, window: str, chunk: bool, more: str, known: str | None
) -> None:
    if window == "ascending":
        days = sorted(rows, key=lambda row: row["at"])
        rows = [{**row, "at": day["at"]} for row, day in zip(rows, days, strict=True)]
    assume(not (chunk and more == "job"))  # what a job lists is not divided
    assume(parents != "new ones" or window != "no")  # nor has a listing a state that is not incremental
    effective = connected(pagination, parents, window, chunk=chunk, more=more)
    obstacles = find_obstacles(effective, effective.vendor("rows", "list"))
    expected = [OBSTACLES[name] for name in (more, *OF_PARENTS.get(parents, ())) if name in OBSTACLES]
    assert [want in text for want, text in zip(expected, obstacles, strict=True)] == [True] * len(expected)
    state = {"cursor": known} if known and WINDOWS[window] else None
    nested = more == "recurse"
    whole = list(pages_of(effective, Vendor(rows, nested=nested), Call(state=state)))
    assert len(whole) < 400
    assert_one_end(whole)
    for number, page in list(enumerate(whole, 1))[:: max(1, len(whole) // 20)]:
        rest = [record for later in whole[number:] for record in later.records]
        if page.next_cursor is None:
            assert rest == []
            continue
        vendor = Vendor(rows, nested=nested, expired=more == "restart")
        again = list(pages_of(effective, vendor, Call(cursor=page.next_cursor, state=page.state)))
        assert [record for later in again for record in later.records] == rest
        assert again[-1].state == whole[-1].state
        assert_one_end(again)


def test_a_parent_that_is_gone_is_an_error_and_not_a_new_beginning() -> None:
    """The values of a later name are held, and their place is looked for among them."""
    from conn_engine.errors import UsageError

    effective = connected("cursor", "two names", "no", chunk=False)
    rows = [row_of(number, board, kind, 1) for number, (board, kind) in enumerate(["ax", "bx", "cx", "ay", "by"])]
    vendor = Vendor(rows)
    first, second, *_ = pages_of(effective, vendor, Call())
    moved = Vendor(rows)
    moved.send = lambda request: (  # type: ignore[method-assign]
        Vendor(rows)._page(request, {}, [{"id": "c"}]) if "/boards" in request.url else vendor.send(request)
    )
    with pytest.raises(UsageError, match="no longer exists"):
        list(pages_of(effective, moved, Call(cursor=first.next_cursor)))
    assert [row["id"] for page in pages_of(effective, moved, Call(cursor=second.next_cursor)) for row in page.records][
        :1
    ] == [2]
