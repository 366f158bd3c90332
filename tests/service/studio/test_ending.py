"""The end of a page: nothing hangs, whatever its processes are doing."""

import asyncio
import json
import os
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from studio_bench import edit, write_shop

from conn_service.query_process.process import QueryProcess, QueryStoppedError
from conn_service.studio.hosting import QueryContext
from conn_service.studio.jobs import ImpactJobs
from conn_service.studio.page_server import open_page_server
from conn_service.studio.queries import StudioQueries


@pytest.mark.asyncio
@pytest.mark.parametrize("turns", [1, 3, 40])
async def test_queries_that_wait_start_no_process_after_the_end(tmp_path: Path, turns: int) -> None:
    write_shop(tmp_path)
    process = QueryProcess("conn_service.studio.worker", [str(tmp_path), ""])
    queries = [asyncio.ensure_future(process.ask(lambda _: b"workspace\n", 60)) for _ in range(3)]
    for _ in range(turns):
        await asyncio.sleep(0)
    await asyncio.wait_for(process.end(), 60)
    answers = await asyncio.wait_for(asyncio.gather(*queries, return_exceptions=True), 60)
    assert [type(answer) for answer in answers] == [QueryStoppedError] * 3
    assert process.pid is None
    with pytest.raises(QueryStoppedError, match="its server ends"):
        await process.ask(lambda _: b"workspace\n", 60)


def test_a_server_ends_while_its_processes_start(tmp_path: Path) -> None:
    write_shop(tmp_path)
    server = open_page_server(tmp_path, 0, is_read_only=True)
    started = threading.Event()
    thread = threading.Thread(target=server.run, args=(started.set,))
    thread.start()
    assert started.wait(60)
    with httpx.Client(follow_redirects=True, timeout=60) as browser:
        base = f"http://127.0.0.1:{server.settings.port}"
        browser.get(server.get_first_url("/edit"))
        asked = threading.Thread(target=send, args=(f"{base}/api/accounts", browser.cookies))
        asked.start()
        server.stop()
        thread.join(60)
    assert not thread.is_alive()
    asked.join(60)


def send(url: str, cookies: httpx.Cookies) -> None:
    with suppress(httpx.HTTPError):  # it may come too late
        httpx.get(url, cookies=cookies, timeout=60)


@pytest.mark.asyncio
async def test_a_process_that_writes_without_end_is_killed() -> None:
    process = QueryProcess("chatty_worker")
    with pytest.raises(QueryStoppedError, match="it took more than"):
        await asyncio.wait_for(process.ask(lambda _: b"", 0.5), 60)
    assert process.pid is None
    await process.end()


@pytest.mark.asyncio
async def test_a_check_that_runs_is_not_forgotten_for_later_ones() -> None:
    """Otherwise nobody could stop it, and its process would go on after the page."""
    jobs = ImpactJobs("chatty_worker", [])
    first = (await jobs.start(b"", "ada"))[1]["job"]
    for _ in range(25):
        assert (await jobs.stop((await jobs.start(b"", "ada"))[1]["job"]))[1]["state"] == "stopped"
    assert jobs.describe(first)[1].get("state") == "running"
    await asyncio.wait_for(jobs.close(), 60)
    assert jobs.describe(first)[1]["state"] == "stopped"


@pytest.mark.asyncio
async def test_a_person_stops_only_checks_of_their_own() -> None:
    jobs = ImpactJobs("chatty_worker", [])
    started = [(await jobs.start(b"", who))[1]["job"] for who in ("ada", "eve", "ada", "eve", "eve", "bob", "bob")]
    states = [jobs.describe(name)[1]["state"] for name in started]
    assert states == ["running", "stopped", *["running"] * 5]
    assert (await jobs.start(b"", "mallory"))[0] == 503, "too many in total"
    assert jobs.describe(started[0])[1]["state"] == "running"
    await asyncio.wait_for(jobs.close(), 60)


@dataclass
class Folder:
    """A workspace that nothing else changes."""

    root: Path

    async def update(self) -> None:
        """Nothing has changed."""


@pytest.mark.asyncio
async def test_a_plan_that_takes_long_delays_nobody_who_saves(tmp_path: Path) -> None:
    write_shop(tmp_path)
    queries = StudioQueries(Folder(tmp_path))
    body: dict[str, Any] = {"account": "acme", "operation": "crm.contacts.list"}
    opened = json.loads((await queries.ask("operation", json.dumps(body).encode(), QueryContext()))[1])
    slow = queries._for_review.pid
    assert slow is not None
    os.kill(slow, signal.SIGSTOP)
    try:
        body = {"account": "acme", "edits": [edit("title", "'Dr'")], "digest": opened["file"]["digest"]}
        asked = queries.ask("check_save", json.dumps(body).encode(), QueryContext())
        status, reply = await asyncio.wait_for(asked, 60)
        assert (status, json.loads(reply)["name"]) == (200, "acme"), reply
    finally:
        os.kill(slow, signal.SIGCONT)
        await queries.close()
