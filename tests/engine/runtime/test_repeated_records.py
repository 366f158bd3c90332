"""Each record is delivered once: however its response is read, in one part or several, and although a restarted listing
gives it again."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from conn_engine.bodies import decoding
from conn_engine.runtime.call import Call, Run, Session
from conn_engine.runtime.drive import drive
from conn_engine.runtime.operation import perform
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.faults import json_answer
from conn_engine.wire import Headers, Page, Request, Response

BASE = "https://api.example.com"
ROWS = {"method": "get", "path": "/rows", "response_format": "jsonl"}
CURSOR = {"cursor_from_header": "X-Next", "cursor_param": "after"}
CAPPED = {
    "format": "cursor",
    "config": {**CURSOR, "restart": {"after_records": 2_500, "set": {"query": {"since": "record.day"}}}},
}


class Vendor:
    """`days` has the day of each row. It gives 2,500 rows of one listing and no more, all in one answer; `expired`: its
    cursor expires once."""

    def __init__(self, days: list[int], *, expired: bool = False) -> None:
        self.rows = [{"id": number, "day": day} for number, day in enumerate(days)]
        self.expired = expired
        self.queries: list[dict[str, str]] = []

    def send(self, request: Request) -> Response:
        address = urlsplit(request.url)
        query = dict(parse_qsl(address.query))
        if request.method == "POST":
            return json_answer({"result": "/rows?job=1"})
        self.queries.append(query)
        after = int(query.get("after", 0))
        if self.expired and after:
            self.expired = False
            return json_answer({"error": "the cursor expired"}, 400)
        found = [row for row in self.rows if row["day"] >= int(query.get("since", 0))][after:]
        headers = {"content-type": "application/x-ndjson"}
        if len(found) > 2_500 and not after:
            headers["x-next"] = "2500"
        return Response(200, Headers(headers), b"".join(json.dumps(row).encode() + b"\n" for row in found[:2_500]))


def read(make: Callable[..., Any], vendor: Vendor, call: Call | None = None, **operation: Any) -> Iterator[Page]:
    connector = {"base_url": BASE, "resources": {"rows": {"list": {**ROWS, **operation}}}}
    effective = make({"connectors/shop/connector.yaml": connector, "connectors/shop/unified/crm.yaml": None}).effective(
        account="acme"
    )
    flow = perform(Run(effective, Session("acme")), effective.resolve("rows.list"), call or Call())
    return drive(flow, vendor, MemoryVault({}))


def ids(pages: Iterator[Page]) -> list[int]:
    return [record["id"] for page in pages for record in page.records]


def test_an_answer_in_several_parts_comes_once_although_the_listing_starts_again(make: Any) -> None:
    vendor = Vendor([1] * 4_000, expired=True)
    rule = {"when": "status = 400", "then": "restart"}
    pagination = {"format": "cursor", "config": CURSOR}
    pages = list(read(make, vendor, errors=[rule], pagination=pagination))
    assert [record["id"] for page in pages for record in page.records] == list(range(4_000))
    assert [query.get("after") for query in vendor.queries] == [None, "2500", None, "2500"]
    assert len(pages) == 3 + 3 + 2


DAYS = [1] * 990 + [2] * 1_510 + [2] * 600 + [3] * 900
"""The rows of the day at the cap start in the first part of their answer, and end in the second answer."""


@pytest.mark.parametrize("days", [DAYS, sorted(range(4_000))])
def test_a_filter_from_the_last_record_knows_the_records_of_every_part(make: Any, days: list[int]) -> None:
    vendor = Vendor(days)
    pages = list(read(make, vendor, pagination=CAPPED))
    assert [record["id"] for page in pages for record in page.records] == list(range(4_000))
    assert vendor.queries[:2] == [{}, {"since": str(days[2_499])}]
    delivered = 0
    for page in pages[:2]:
        delivered += len(page.records)
        resumed = read(make, Vendor(days), Call(cursor=page.next_cursor), pagination=CAPPED)
        assert ids(resumed) == list(range(delivered, 4_000))


@pytest.mark.parametrize("download", [{"url": "job.created.body.result"}, {"path": "/rows"}])
def test_the_result_of_a_job_is_requested_with_the_filter(make: Any, download: dict[str, Any]) -> None:
    vendor = Vendor(DAYS)
    job = {"download": download}
    pages = read(make, vendor, method="post", writes=False, job=job, pagination=CAPPED)
    assert ids(pages) == list(range(4_000))
    url = {"job": "1"} if "url" in download else {}
    assert vendor.queries[:2] == [url, {**url, "since": "2"}]


@pytest.mark.parametrize("more", [{}, {"recurse": {"as": "under", "param": "under", "when": "record.id = 1"}}])
def test_parents_in_several_parts_end_their_listing_once(make: Any, monkeypatch: pytest.MonkeyPatch, more: Any) -> None:
    monkeypatch.setattr(decoding, "CHUNK", 2)
    sent: list[str] = []

    def send(request: Request) -> Response:
        sent.append(request.url)
        if "/notes" in request.url:
            return json_answer([{"of": request.url.rpartition("/")[2]}])
        rows = range(10, 13) if "under" in request.url else range(5)
        return Response(200, Headers({}), b"".join(b'{"id": %d}\n' % number for number in rows))

    vendor = SimpleNamespace(send=send)
    notes = {"method": "get", "path": "/notes/{{row}}", "parents": {"as": "row", "from": "rows.list"}}
    resources = {"rows": {"list": {**ROWS, **more}}, "notes": {"list": notes}}
    effective = make(
        {
            "connectors/shop/connector.yaml": {"base_url": BASE, "resources": resources},
            "connectors/shop/unified/crm.yaml": None,
        }
    ).effective(account="acme")

    def run_notes(call: Call) -> list[Page]:
        flow = perform(Run(effective, Session("acme")), effective.resolve("notes.list"), call)
        return list(drive(flow, vendor, MemoryVault({})))

    pages = run_notes(Call())
    found = [page.records[0]["of"] for page in pages if page.records]
    assert found == [str(number) for number in (*range(5), *(range(10, 13) if more else ()))]
    assert [page.completeness is not None for page in pages] == [False] * (len(pages) - 1) + [True]
    for number, page in enumerate(pages[:-1], 1):
        assert page.next_cursor is not None
        rest = run_notes(Call(cursor=page.next_cursor))
        assert [later.records for later in rest if later.records] == [p.records for p in pages[number:] if p.records]
        assert [page.completeness is not None for page in rest] == [False] * (len(rest) - 1) + [True]
