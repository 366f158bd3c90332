"""A worker on DBOS makes the events of what the service has stored, also after it was killed."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import launching
import pytest
from inbox_bench import SECRET, InboxBench, changed

from conn_engine.config import Workspace, load_workspace
from conn_engine.wire import MACHINE_CLOCK
from conn_service.inbox import InboxExpander, InboxStore, InboxWork
from conn_service.syncs.worker import SyncWorker

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


class Releases:
    """A folder as the only release."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get_current(self) -> tuple[str, Workspace]:
        return "", load_workspace(self.root)

    def get_workspace(self, release: str) -> Workspace:
        return load_workspace(self.root)


def open_worker(inbox: InboxBench) -> SyncWorker:
    releases = Releases(inbox.root)

    def build(engine: Any, releases: Any) -> InboxWork:
        vault = inbox.service.vault
        environ = {"CONN_NO_KEYRING": "1"}
        return InboxWork(InboxExpander(InboxStore(engine), releases.get_current, environ, vault, MACHINE_CLOCK))

    return SyncWorker(inbox.service.location, releases, environ={"CONN_NO_KEYRING": "1"}, parts=[build])


def wait_until(is_done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not is_done():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_came_before_the_worker_and_what_comes_later(inbox: InboxBench) -> None:
    inbox.write({"conn.yaml": "version: 1\ntrusted_hosts: [HOST]\n"})
    inbox.send(changed())
    with open_worker(inbox) as worker:
        worker.resume_unfinished()
        wait_until(lambda: inbox.store.get(1).status == "done")
        inbox.send(changed(id_="e2"))
        wait_until(lambda: inbox.store.count() == {"done": 2})
        inbox.store.start_again(inbox.store.get(1), 5.0, lambda *row: inbox.queue.start_again(*row, 5.0))
        wait_until(lambda: inbox.store.count() == {"done": 2})


@pytest.mark.slow
def test_one_workflow_expands_all_that_wait_for_an_account(inbox: InboxBench) -> None:
    inbox.write({"conn.yaml": "version: 1\ntrusted_hosts: [HOST]\n"})
    with open_worker(inbox):
        pass  # its store is prepared, so that what arrives is enqueued
    for number in range(120):
        inbox.send(changed(id_=f"e{number}"))
    query = "SELECT count(*) FROM workflow_status WHERE queue_name = 'conn_inbox'"
    with inbox.store.engine.connect() as connection:
        assert connection.exec_driver_sql(query).scalar_one() == 1
    with open_worker(inbox):
        wait_until(lambda: inbox.store.count() == {"done": 120})
        for row in reversed(inbox.store.find(limit=1000)):
            inbox.store.start_again(row, 5.0, lambda *row: inbox.queue.start_again(*row, 5.0), is_replay=True)
        wait_until(lambda: inbox.store.count() == {"done": 120})
    with inbox.store.engine.connect() as connection:
        assert connection.exec_driver_sql(query).scalar_one() < 20


def test_what_no_workflow_expands_is_found_once_for_each_account(inbox: InboxBench) -> None:
    for number in range(3):
        inbox.send(changed(id_=f"e{number}"))
    work = InboxWork(inbox.expander)
    assert work.find_forgotten([], [], 0.0) == [(1, "acme")]
    assert work.find_forgotten([2], [], 0.0) == [], "one workflow expands all"
    assert work.find_forgotten([], [1], 0.0) == [(2, "acme")], "one that waits for its next attempt expands only that"
    assert work.find_forgotten([], [], 60.0) == []


@pytest.mark.slow
def test_a_failed_attempt_comes_back(inbox: InboxBench) -> None:
    inbox.send({"type": "new", "no": 1, "id": "e1"})
    inbox.service.vendor.answer = lambda _: (503, {})
    with open_worker(inbox) as worker:
        from dbos import DBOS

        worker.resume_unfinished()
        wait_until(lambda: bool(DBOS.list_workflows(status="DELAYED", workflow_id_prefix="inbox:1:")))
        [waiting] = DBOS.list_workflows(status="DELAYED", workflow_id_prefix="inbox:1:")
        assert inbox.store.get(1).attempts == 1
        inbox.service.vendor.answer = lambda _: {"id": 1, "name": "P1"}
        DBOS.set_workflow_delay(waiting.workflow_id, delay_seconds=0.0)
        wait_until(lambda: inbox.store.get(1).status == "done")


KILLED = """\
import os, signal, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from test_inbox_work import Releases
from conn_engine.releases.store_location import StoreLocation
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.wire import MACHINE_CLOCK
from conn_service.inbox import InboxExpander, InboxStore, InboxWork
from conn_service.syncs.worker import SyncWorker
releases = Releases(Path({root!r}))
vault = MemoryVault({{"acme": {{"token": "token-of-acme", "webhook_secret": {secret!r}}}}})
def build(engine, releases):
    store = InboxStore(engine)
    finish = store.finish
    def killing(*arguments, **more):
        finish(*arguments, **more)
        os.kill(os.getpid(), signal.SIGKILL)
    store.finish = killing
    return InboxWork(InboxExpander(store, releases.get_current, {{}}, vault, MACHINE_CLOCK))
location = StoreLocation(file=Path({store!r}))
with SyncWorker(location, releases, environ={{"CONN_NO_KEYRING": "1"}}, parts=[build]) as worker:
    worker.resume_unfinished()
    worker.wait_until_stopped()
"""


def test_a_worker_that_is_killed_after_it_passed_an_event_on_does_not_pass_it_on_again(inbox: InboxBench) -> None:
    inbox.send(changed())
    here = Path(__file__)
    paths = [str(here.parent), str(here.parents[1] / "http"), str(here.parents[2]), *sys.path]
    store = str(inbox.service.location.file)
    code = KILLED.format(paths=paths, root=str(inbox.root), store=store, secret=SECRET)
    done = launching.run(
        [sys.executable, "-c", code], env={**os.environ, "CONN_NO_KEYRING": "1"}, timeout=120, check=False
    )
    assert done.returncode == -signal.SIGKILL
    with open_worker(inbox) as worker:
        worker.resume_unfinished()
        wait_until(lambda: inbox.store.get(1).status == "done")
        assert len(inbox.find_deliveries()) == 1
