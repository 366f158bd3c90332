"""Jobs against real servers: created once, asked about, downloaded from wherever the result is."""

import asyncio
import gzip
import io
import json
import socket
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from unittest.mock import ANY

import pytest

from conn_engine.config import Effective
from conn_engine.errors import ConfigurationError, ExpressionError, UsageError, VendorError
from conn_engine.runtime.call import Call, Run, Session, decode_cursor, encode_cursor
from conn_engine.runtime.drive import adrive, drive
from conn_engine.runtime.operation import perform
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.egress import Trust
from conn_engine.transport.faults import Faults, broken_connection, json_answer
from conn_engine.transport.live import AsyncLive, Live
from conn_engine.transport.plan import DryRunEnd, PlanTransport
from conn_engine.wire import FrozenClock, Page

TOKEN = "token-of-acme"
POLL = {"path": "/exports/{{job.created.body.id}}", "status": "body.state", "done": ["done"], "failed": ["failed"]}
CSV = b"id,name\n1,Ada\n2,Grace\n"


def zipped(**files: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


class Desk:
    """`acme` with a bearer credential; the job's own server, and another host for results."""

    def __init__(self, effective: Effective, site: Any, other: Any) -> None:
        self.effective = effective
        self.site = site
        self.other = other
        self.clock = FrozenClock()
        self.session = Session("acme", {"token": TOKEN}, clock=self.clock)

    def pages(self, call: Call | None = None, transport: Any = None) -> Iterator[Page]:
        flow = perform(Run(self.effective, self.session), self.effective.resolve("exports.list"), call or Call())
        redactor = Redactor()
        redactor.add_document(dict(self.session.document))
        vault = MemoryVault({"acme": dict(self.session.document)})
        with closing(
            drive(flow, transport or Live(redactor, trust=Trust(self.effective.trusted_hosts)), vault, clock=self.clock)
        ) as pages:
            yield from pages

    def records(self, call: Call | None = None) -> list[Any]:
        return [record for page in self.pages(call) for record in page.records]

    @property
    def got(self) -> list[str]:
        return [f"{got.method} {got.path}" for got in self.site.arrived]


@pytest.fixture
def desk(make: Any, new_site: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Desk]:
    """`desk(answer, job=…, **operation)`. The other host is called files.example.test and is not the connector's."""
    lookup = socket.getaddrinfo

    def found(host: Any, *rest: Any, **more: Any) -> Any:
        return lookup("127.0.0.1" if host in ("files.example.test", b"files.example.test") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", found)

    def build(answer: Callable[..., Any], job: dict[str, Any], **operation: Any) -> Desk:
        site, other = new_site(), new_site()
        other.name = f"http://files.example.test:{other.port}"
        site.answer = other.answer = lambda got: answer(got, other.name)
        own = {
            "method": "post",
            "path": "/exports",
            "writes": False,
            "body": {"kind": "people"},
            "job": job,
            **operation,
        }
        connector = {
            "base_url": site.url,
            "credentials": {"format": "bearer"},
            "authorization": {"format": "bearer"},
            "headers": {"X-Version": "7"},
            "query": {"tenant": "t1"},
            "resources": {
                "exports": {"list": own},
                "boards": {"list": {"method": "get", "path": "/boards", "response_path": "items"}},
            },
        }
        workspace = make(
            {
                "conn.yaml": f"version: 1\ntrusted_hosts: ['{site.host}', 127.0.0.0/8]\n",
                "connectors/shop/connector.yaml": connector,
                "connectors/shop/unified/crm.yaml": None,
                "accounts/acme.yaml": {"connector": "shop"},
            }
        )
        return Desk(workspace.effective(account="acme"), site, other)

    return build


def vendor(
    *states: str, result: Any = None, urls: Callable[[str], Any] = lambda other: f"{other}/r.csv?sig=a%2Fb"
) -> Any:
    """A job that has these states one after the other, and then its result."""
    left = list(states)

    def answer(got: Any, other: str) -> Any:
        if got.method == "POST":
            return (202, {"Location": "/exports/j1?by=location"}, {"id": "j1"})
        if got.path == "/exports/j1" and got.method == "GET":
            state = left.pop(0) if len(left) > 1 else left[0]
            return {"state": state, "urls": urls(other), "items": [{"id": 9}], "error": {"message": "disk\n full"}}
        return result

    return answer


def test_it_is_created_asked_about_and_downloaded_from_another_host_without_a_credential(desk: Any) -> None:
    job = {"poll": POLL, "download": {"url": "job.polled.body.urls", "response_format": "csv"}}
    acme = desk(vendor("queued", "running", "done", result=CSV), job)
    pages = list(acme.pages())
    assert [page.records for page in pages] == [[{"id": "1", "name": "Ada"}, {"id": "2", "name": "Grace"}]]
    assert acme.got == ["POST /exports", "GET /exports/j1", "GET /exports/j1", "GET /exports/j1"]
    assert acme.clock.slept == [5.0, 5.0]
    assert all(got.headers["authorization"] == f"Bearer {TOKEN}" for got in acme.site.arrived)
    assert all(got.query == {"tenant": "t1"} and got.headers["x-version"] == "7" for got in acme.site.arrived)
    (download,) = acme.other.arrived
    assert (download.path, download.query) == ("/r.csv", {"sig": "a/b"})
    assert not {"authorization", "x-version"} & download.headers.keys()
    assert (pages[-1].next_cursor, pages[-1].whole, pages[-1].partial) == (None, False, False)


def test_a_result_on_the_connectors_host_is_fetched_with_the_credential_by_default(desk: Any) -> None:
    answer = vendor("done", result=CSV, urls=lambda other: "/r.csv")
    download = {"url": "job.polled.body.urls", "response_format": "csv"}
    acme = desk(answer, {"poll": POLL, "download": download})
    assert len(acme.records()) == 2
    assert acme.site.arrived[-1].headers["authorization"] == f"Bearer {TOKEN}"
    bare = desk(answer, {"poll": POLL, "download": {**download, "authorized": False}})
    assert len(bare.records()) == 2
    assert "authorization" not in bare.site.arrived[-1].headers


def test_a_credential_is_never_sent_to_another_host(desk: Any) -> None:
    job = {"poll": POLL, "download": {"url": "job.polled.body.urls", "authorized": True}}
    acme = desk(vendor("done", result=CSV), job)
    with pytest.raises(ConfigurationError, match=r"cannot send the credential to .* not a host of the connector"):
        acme.records()
    assert acme.other.arrived == []


def test_the_url_to_ask_may_come_from_the_answer_but_not_from_another_host(desk: Any) -> None:
    poll = {**POLL, "path": None, "url": "{{job.created.headers.location}}"}
    acme = desk(vendor("done"), {"poll": poll}, response_path="items")
    assert acme.records() == [{"id": 9}]
    assert acme.site.arrived[-1].query == {"by": "location"}

    def elsewhere(got: Any, other: str) -> Any:
        return (202, {"Location": f"{other}/steal"}, {"id": "j1"})

    thief = desk(elsewhere, {"poll": poll})
    with pytest.raises(ConfigurationError, match="would send a credential to"):
        thief.records()
    assert thief.other.arrived == []


@pytest.mark.parametrize(
    ("content", "download"),
    [
        (gzip.compress(CSV), {"response_format": "csv"}),
        (zipped(**{"a.csv": CSV}), {"response_format": "csv"}),
        (gzip.compress(b"id\tname\n1\tAda\n2\tGrace\n"), {"response_format": "tsv"}),
        (b'{"id": "1", "name": "Ada"}\n{"id": "2", "name": "Grace"}\n', {"response_format": "jsonl"}),
        (
            json.dumps({"rows": [{"id": "1", "name": "Ada"}, {"id": "2", "name": "Grace"}]}).encode(),
            {"response_path": "rows"},
        ),
        (
            "id;name\n1;Ada\n2;Grace\n".encode("utf-16"),
            {"response_format": "csv", "response_options": {"delimiter": ";"}},
        ),
    ],
    ids=["gzip", "zip", "tsv", "jsonl", "json", "utf-16"],
)
def test_results_are_unpacked_and_read(desk: Any, content: bytes, download: dict[str, Any]) -> None:
    job = {"poll": POLL, "download": {"url": "job.polled.body.urls", **download}}
    acme = desk(vendor("done", result=(200, {"Content-Type": "application/octet-stream"}, content)), job)
    assert acme.records() == [{"id": "1", "name": "Ada"}, {"id": "2", "name": "Grace"}]


def test_several_urls_are_pages_and_only_the_last_is_whole(desk: Any) -> None:
    job = {"poll": POLL, "download": {"url": "job.polled.body.urls", "response_format": "csv"}}
    incremental = {"format": "datetime", "config": {"start": "2024-01-01"}}
    answer = vendor("done", result=CSV, urls=lambda other: [f"{other}/1", f"{other}/2", f"{other}/3"])
    acme = desk(
        answer, job, incremental=incremental, record_filter="record.id = '2'", record_mapping="{'who': record.name}"
    )
    pages = list(acme.pages())
    assert [page.records for page in pages] == [[{"who": "Grace"}]] * 3
    assert [(page.partial, page.next_cursor is None, page.state is None) for page in pages] == [
        (True, False, True), (True, False, True), (False, True, False),
    ]  # fmt: skip
    assert_resumes_without_another_job(acme, pages)


def test_a_long_result_comes_in_parts(desk: Any) -> None:
    job = {"poll": POLL, "download": {"url": "job.polled.body.urls", "response_format": "csv"}}
    content = b"id\n" + b"".join(b"%d\n" % number for number in range(2500))
    acme = desk(vendor("done", result=content), job)
    assert [(len(page.records), page.partial) for page in acme.pages()] == [(1000, True), (1000, True), (500, False)]


def test_one_more_request_may_tell_where_the_result_is(desk: Any) -> None:
    def answer(got: Any, other: str) -> Any:
        if got.path == "/documents/d7":
            return {"url": f"{other}/d7.csv"}
        if got.method == "POST":
            return {"id": "j1"}
        return {"state": "done", "document": "d7"} if got.path == "/exports/j1" else CSV

    locate = {"path": "/documents/{{job.polled.body.document}}", "headers": {"X-For": "{{job.created.body.id}}"}}
    acme = desk(
        answer, {"poll": POLL, "locate": locate, "download": {"url": "job.located.body.url", "response_format": "csv"}}
    )
    assert len(acme.records()) == 2
    assert acme.site.arrived[-1].headers["x-for"] == "j1"
    assert acme.site.arrived[-1].body == b""


def test_without_a_download_the_last_answer_has_the_records_and_a_path_is_possible_too(desk: Any) -> None:
    acme = desk(vendor("running", "done"), {"poll": POLL}, response_path="items")
    assert acme.records() == [{"id": 9}]
    path = {"path": "/exports/{{job.created.body.id}}/rows", "query": {"part": 1}, "response_format": "csv"}
    acme = desk(vendor("done", result=CSV), {"poll": POLL, "download": path})
    assert len(acme.records()) == 2
    assert (acme.site.arrived[-1].path, acme.site.arrived[-1].query) == (
        "/exports/j1/rows",
        {"tenant": "t1", "part": "1"},
    )


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_result_of_several_pages(desk: Any, elsewhere: bool) -> None:
    def result(got: Any, other: str) -> Any:
        if got.method == "POST":
            return (202, {"id": "j1"})
        if got.path == "/exports/j1":
            return {"state": "done", "urls": [f"{other if elsewhere else ''}/{name}?sig=s" for name in "ab"]}
        at = int(got.query.get("locator", 1))
        rows = "".join(f"{got.path[1:]}{at}-{row}\n" for row in range(1_200))
        return (200, {"X-Locator": str(at + 1) if at < 3 else "null"}, f"id\n{rows}".encode())

    paged = {"format": "cursor", "config": {"cursor_from_header": "X-Locator", "cursor_param": "locator"}}
    job = {"poll": POLL, "download": {"url": "job.polled.body.urls", "response_format": "csv"}}
    acme = desk(result, job, pagination=paged)
    found = list(acme.pages())
    assert [record["id"] for page in found for record in page.records] == [
        f"{name}{at}-{row}" for name in "ab" for at in (1, 2, 3) for row in range(1_200)
    ]
    assert [page.partial for page in found] == [True] * 11 + [False]
    got = (acme.other if elsewhere else acme.site).arrived[-6:]
    assert [(one.path, one.query) for one in got] == [
        (path, {"sig": "s"} | ({"locator": str(at)} if at > 1 else {})) for path in ("/a", "/b") for at in (1, 2, 3)
    ]
    assert {"authorization" in one.headers for one in got} == {not elsewhere}
    assert_resumes_without_another_job(acme, found)


def assert_resumes_without_another_job(acme: Desk, pages: list[Page]) -> None:
    """After every page, with the cursors and the state of the run that was not interrupted."""
    for number, page in enumerate(pages[:-1], 1):
        rest = list(acme.pages(Call(cursor=page.next_cursor, state=page.state)))
        for name in ("records", "partial", "next_cursor", "state", "completeness"):
            assert [getattr(later, name) for later in rest] == [getattr(later, name) for later in pages[number:]]
    assert sum(got.method == "POST" for got in acme.site.arrived) == 1


@pytest.mark.parametrize("max_pages", [1, 2])
def test_a_result_of_which_pages_were_left_out_does_not_move_the_state(desk: Any, max_pages: int) -> None:
    def result(got: Any) -> Any:
        at = int(got.query.get("after", 1))
        return {"items": [{"id": at}], **({"next": str(at + 1)} if at < 2 else {})}

    answer = vendor("done")
    job = {"poll": POLL, "download": {"url": "job.polled.body.urls", "response_path": "items"}}
    paged = {"format": "cursor", "config": {"cursor_field": "next", "cursor_param": "after", "max_pages": max_pages}}
    acme = desk(
        lambda got, other: result(got) if got.path == "/r.csv" else answer(got, other),
        job,
        pagination=paged,
        incremental={"format": "datetime", "config": {"start": "2024-01-01"}},
    )
    last = list(acme.pages())[-1]
    assert (last.completeness.state, last.state is None) == [("stopped", True), ("complete", False)][max_pages - 1]


def test_a_cursor_has_no_more_of_the_first_answer_than_requests_read(desk: Any) -> None:
    def answer(got: Any, other: str) -> Any:
        if got.method == "POST":
            return (202, {"Location": "/j", "Set-Cookie": "s3cret"}, {"id": "j1", "upload": "s3cret", "kind": "k"})
        return {"state": "done", "urls": [f"{other}/{name}?sig=s3cret" for name in "ab"]} if "j1" in got.path else CSV

    job = {"poll": POLL, "download": {"url": "job.polled.body.urls", "response_format": "csv"}}
    cursor = next(iter(desk(answer, job).pages())).next_cursor
    assert decode_cursor(cursor)["place"]["job"]["created"] == {
        "url": ANY, "status": 202, "headers": {}, "body": {"id": "j1"},
    }  # fmt: skip
    followed = {**job, "poll": {**POLL, "path": None, "url": "/exports/{{$string(job.created.body.id)}}"}}
    cursor = next(iter(desk(answer, followed).pages())).next_cursor
    assert decode_cursor(cursor)["place"]["job"]["created"]["body"] == {"id": "j1"}


@pytest.mark.parametrize(
    "job",
    [
        {"poll": POLL, "download": {"url": "$append(job.created.body.link, '/b')"}},
        {"poll": {**POLL, "message": "job.created.body.id"}, "download": {"url": "job.polled.body.urls"}},
    ],
    ids=["a link", "a long answer"],
)
def test_a_job_whose_cursor_would_have_a_link_or_be_too_long_has_none(desk: Any, job: dict[str, Any]) -> None:
    def answer(got: Any, other: str) -> Any:
        if got.method == "POST":
            return (202, {"id": "j1" if "created" in job["download"]["url"] else "j1".ljust(9_000, "x"), "link": "/a"})
        return {"state": "done", "urls": ["/a", "/b"]} if "j1" in got.path else [{"n": 1}]

    pages = list(desk(answer, job).pages())
    assert [(page.partial, page.next_cursor) for page in pages] == [(True, None), (False, None)]


@pytest.mark.parametrize("location", ["//files.example.test/j1", "http://files.example.test/j1", "/exports/j1"])
def test_a_forged_first_answer_leads_no_credential_to_another_host(desk: Any, location: str) -> None:
    poll = {**POLL, "path": None, "url": "{{job.created.headers.location}}"}
    acme = desk(vendor("done", result=CSV), {"poll": poll, "download": {"url": "job.polled.body.urls"}})
    url = acme.other.name if location.startswith("/exports") else acme.site.url
    created = {"url": f"{url}/exports", "status": 202, "headers": {"location": location}, "body": {}}
    forged = encode_cursor({"place": {"job": {"result": 0, "created": created}}})
    with pytest.raises((UsageError, ConfigurationError, VendorError)):
        list(acme.pages(Call(cursor=forged)))
    assert not acme.other.arrived


@pytest.mark.parametrize(
    "place",
    [
        {"page": 2},
        {"place": {"job": 3}},
        {"place": {"job": {"result": 0, "created": {}}}},
        {
            "place": {
                "job": {"result": 7, "created": {"url": "https://x.test/", "status": 202, "headers": {}, "body": {}}}
            }
        },
    ],
)
def test_a_forged_place_of_a_job_is_refused(desk: Any, place: Any) -> None:
    poll = {**POLL, "path": "/exports/j1"}
    job = {"poll": poll, "download": {"url": "job.polled.body.urls", "response_format": "csv"}}
    acme = desk(vendor("done", result=CSV), job)
    with pytest.raises(UsageError, match="does not belong"):
        list(acme.pages(Call(cursor=encode_cursor(place))))
    assert "POST /exports" not in acme.got


@pytest.mark.parametrize(
    ("b", "state", "reason"),
    [
        ({"total": 1, "next": None}, "complete", ""),
        ({"total": 9, "next": None}, "incomplete", "1 of 9 records arrived"),
        ({"total": 1}, "complete", ""),  # another result had the key
    ],
)
def test_each_result_of_several_has_a_verdict(desk: Any, b: dict[str, Any], state: str, reason: str) -> None:
    def result(got: Any, other: str) -> Any:
        if got.method == "POST":
            return (202, {"id": "j1"})
        if got.path == "/exports/j1":
            return {"state": "done", "urls": [f"{other}/a", f"{other}/b"]}
        return {"rows": [{"id": got.path}], **({"total": 1, "next": None} if got.path == "/a" else b)}

    config = {"cursor_field": "next", "cursor_param": "after", "total_field": "total"}
    job = {"poll": POLL, "download": {"url": "job.polled.body.urls", "response_path": "rows"}}
    acme = desk(result, job, pagination={"format": "cursor", "config": config})
    *before, last = [page.completeness for page in acme.pages()]
    assert (last.state, last.reason, any(before)) == (state, reason, False)


def test_a_pagination_that_is_only_inherited_is_not_a_jobs(desk: Any) -> None:
    job = {"poll": POLL, "download": {"url": "job.polled.body.urls", "response_format": "csv"}}
    acme = desk(vendor("done", result=CSV), job)
    acme.effective.data["pagination"] = {"format": "page", "config": {}}
    assert len(acme.records()) == 2 and len(acme.other.arrived) == 1


def test_what_is_only_elsewhere_is_not_asked_about(desk: Any) -> None:
    def answer(got: Any, other: str) -> Any:
        if got.path != "/files/7":
            return b"PDF" if got.query else (429, {}, {"Retry-After": "3"})
        return {"url": f"{other}/7.pdf?sig=s"}

    job = {"download": {"url": "job.created.body.url", "response_format": "binary"}}
    acme = desk(answer, job, method="get", path="/files/7", body=None)
    (record,) = acme.records()
    assert (record["size"], acme.got, acme.clock.slept) == (3, ["GET /files/7"], [])
    assert [(got.path, "authorization" in got.headers) for got in acme.other.arrived] == [("/7.pdf", False)]
    (page,) = acme.pages(Call(as_file=True))
    assert page.content is not None and page.content.read() == b"PDF"


def test_done_without_a_result_is_an_empty_page(desk: Any) -> None:
    job = {"poll": {**POLL, "empty": ["nothing"]}, "download": {"url": "job.polled.body.link"}}
    assert [page.records for page in desk(vendor("nothing"), job).pages()] == [[]]
    assert (
        desk(
            vendor("done", urls=lambda other: []), {"poll": POLL, "download": {"url": "job.polled.body.urls"}}
        ).records()
        == []
    )
    with pytest.raises(ConfigurationError, match="finds no URL") as caught:
        desk(vendor("done"), job).records()
    assert "`empty`" in caught.value.hint


def test_a_failed_job_reports_the_vendors_message_and_is_not_created_again(desk: Any) -> None:
    acme = desk(vendor("running", "failed"), {"poll": {**POLL, "message": "body.error.message"}})
    with pytest.raises(VendorError, match=r"the job of exports.list failed \(status 'failed'\): disk full") as caught:
        acme.records()
    assert caught.value.vendor_message == "disk full"
    assert acme.got.count("POST /exports") == 1


def test_a_job_that_takes_too_long_is_aborted(desk: Any) -> None:
    abort = {"method": "delete", "path": "/exports/{{job.created.body.id}}"}
    acme = desk(
        vendor("running", result={}), {"poll": {**POLL, "every_seconds": 10, "timeout_seconds": 60}, "abort": abort}
    )
    with pytest.raises(VendorError, match=r"did not finish within 60 s \(status 'running'\)"):
        acme.records()
    assert acme.got[-1] == "DELETE /exports/j1"
    assert sum(acme.clock.slept) == 60


@pytest.mark.parametrize(
    ("poll", "state", "message", "hint"),
    [
        (
            {"running": ["running"]},
            "paused",
            "has an unknown status: 'paused'",
            "known statuses: 'done', 'failed', 'running'",
        ),
        ({"status": "body.stat"}, "done", "has no status", "`body.stat` finds nothing"),
        ({}, "", "has an unknown status: ''", "add it to `done`"),
    ],
)
def test_an_unknown_status_is_an_error(desk: Any, poll: dict[str, Any], state: str, message: str, hint: str) -> None:
    acme = desk(vendor(state), {"poll": {**POLL, **poll}})
    with pytest.raises(VendorError) as caught:
        acme.records()
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_asking_survives_outages_and_rate_limits_and_creating_is_never_repeated(desk: Any) -> None:
    acme = desk(vendor("done"), {"poll": POLL}, response_path="items")
    done = json_answer({"state": "done", "items": [{"id": 1}]})
    limited = json_answer({}, status=429, headers={"retry-after": "7"})
    script = Faults([json_answer({"id": "j1"}), *[broken_connection()] * 3, limited, json_answer({}, status=503), done])
    assert [record for page in acme.pages(transport=script) for record in page.records] == [{"id": 1}]
    assert [request.method for request in script.requests].count("POST") == 1
    assert 7.0 in acme.clock.slept

    lost = Faults([broken_connection()])
    with pytest.raises(VendorError):
        list(acme.pages(transport=lost))
    assert len(lost.requests) == 1  # the answer to a write is lost: it may have been carried out

    gone = Faults([json_answer({"id": "j1"}), *[json_answer({}, status=503)] * 40])
    with pytest.raises(VendorError, match="503"):
        list(acme.pages(transport=gone))
    assert [request.method for request in gone.requests].count("POST") == 1


def test_an_expired_link_is_not_a_credential_error(desk: Any) -> None:
    job = {"poll": POLL, "download": {"url": "job.polled.body.urls"}}
    acme = desk(vendor("done", result=(403, {"message": "Request has expired"})), job)
    with pytest.raises(VendorError, match=r"403 from GET /r.csv: Request has expired"):
        acme.records()
    acme = desk(vendor("done", result=(401, {"message": "no"})), job)
    with pytest.raises(
        VendorError, match=r"the host of the job's result refused the download: 401 from GET /r.csv: no"
    ) as caught:
        acme.records()
    assert "expired" in caught.value.hint


def test_an_empty_creation_is_an_empty_listing(desk: Any) -> None:
    errors = [{"when": "status = 404", "then": "empty"}]
    acme = desk(lambda got, other: (404, {}), {"poll": POLL}, errors=errors)
    assert [page.records for page in acme.pages()] == [[]]
    assert acme.got == ["POST /exports"]


def test_errors_of_expressions_name_their_place(desk: Any) -> None:
    acme = desk(vendor("done"), {"poll": {**POLL, "path": "/exports/{{job.created.body.key}}"}})
    with pytest.raises(ExpressionError) as caught:
        acme.records()
    assert caught.value.at == "resources.exports.list.job.poll.path"


def test_windows_over_partitions_each_make_a_job(desk: Any) -> None:
    jobs: list[dict[str, Any]] = []

    def answer(got: Any, other: str) -> Any:
        if got.path == "/boards":
            return {"items": [{"id": "a"}, {"id": "b"}]}
        if got.method == "POST":
            jobs.append(got.data)
            return {"id": str(len(jobs) - 1)}
        number = int(got.path.rpartition("/")[2])
        if got.path.startswith("/exports/"):
            return {"state": "done", "url": f"{other}/{number}"}
        return [{"board": jobs[number]["board"], "at": jobs[number]["from"]}]

    incremental = {
        "format": "datetime",
        "config": {
            "record_cursor": "at", "start": "2024-01-01", "end": "2024-02-10", "window": "P1M", "granularity": "P1D",
            "request_format": "date",
        },
    }  # fmt: skip
    acme = desk(
        answer,
        {"poll": POLL, "download": {"url": "job.polled.body.url"}},
        parents={"as": "board", "from": "boards.list"},
        body={"board": "{{board}}", "from": "{{window.start}}", "to": "{{window.end}}"},
        incremental=incremental,
    )
    pages = list(acme.pages())
    assert jobs == [
        {"board": board, "from": start, "to": end}
        for board in "ab"
        for start, end in (("2024-01-01", "2024-01-31"), ("2024-02-01", "2024-02-10"))
    ]
    assert len([record for page in pages for record in page.records]) == 4
    assert [entry["cursor"] for entry in pages[-1].state["partitions"]] == ["2024-02-01T00:00:00Z"] * 2
    jobs.clear()
    assert len(list(acme.pages(Call(state=pages[1].state)))) == 3
    assert [job["from"] for job in jobs] == ["2024-02-01", "2024-01-01", "2024-02-01"]


def test_an_event_loop_runs_the_same_job(desk: Any) -> None:
    job = {
        "poll": {**POLL, "every_seconds": 0.01},
        "download": {"url": "job.polled.body.urls", "response_format": "csv"},
    }
    acme = desk(vendor("queued", "done", result=gzip.compress(CSV)), job)

    async def run() -> list[Page]:
        flow = perform(Run(acme.effective, acme.session), acme.effective.resolve("exports.list"), Call())
        live = AsyncLive(Redactor(), trust=Trust(acme.effective.trusted_hosts))
        try:
            return [page async for page in adrive(flow, live, MemoryVault({"acme": {"token": TOKEN}}))]
        finally:
            await live.aclose()

    (page,) = asyncio.run(run())
    assert [record["name"] for record in page.records] == ["Ada", "Grace"]
    assert "authorization" not in acme.other.arrived[0].headers


def test_a_dry_run_shows_the_creating_request(desk: Any) -> None:
    acme = desk(vendor("done"), {"poll": POLL})
    plan = PlanTransport()
    with pytest.raises(DryRunEnd):
        list(acme.pages(transport=plan))
    assert [(request.method, request.url.partition("/exports")[1]) for request in plan.requests] == [
        ("POST", "/exports")
    ]
