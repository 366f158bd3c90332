"""`conn serve --work`: one process receives deliveries, makes their events and delivers them, and ends in order."""

import hashlib
import hmac
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import launching
import pytest
from inbox_bench import EVENTS, HOOKS, SECRET, InboxBench, changed, open_inbox
from service_bench import CONNECTOR, CRM, answer_people
from test_inbox_work import Releases, open_worker, wait_until
from vendor import start_vendor

from conn_engine.errors import UsageError
from conn_engine.releases.store_location import StoreLocation
from conn_service.revisions import Revision, RevisionStore, Subject
from conn_service.store import open_engine
from conn_service.syncs import background
from conn_service.syncs.background import run_in_background
from conn_service.syncs.folders import FolderReleases
from conn_service.syncs.revised_releases import RevisedReleases
from conn_service.syncs.worker import SyncWorker

ROOT = Path(__file__).resolve().parents[3]
CONNECTOR_WITH_HOOKS = CONNECTOR + HOOKS.replace("{", "{{").replace("}", "}}")


def test_one_process_receives_and_delivers_and_ends_in_order(tmp_path: Path) -> None:
    """The account is one of the store, as one that a customer has connected."""
    received: list[Any] = []
    arrived, go = threading.Event(), threading.Event()

    def answer(got: Any) -> Any:
        if got.path != "/hook":
            return answer_people(got)
        arrived.set()
        assert go.wait(60)
        received.append(json.loads(got.body))
        return {}

    with start_vendor(answer) as vendor:
        files = {
            "conn.yaml": f"version: 1\ntrusted_hosts: ['{vendor.host}']\n"
            f"endpoints: {{ default: {{ url: '{vendor.url}/hook', events: ['*'] }} }}\n",
            "connectors/shop/connector.yaml": CONNECTOR_WITH_HOOKS.format(url=vendor.url, host=vendor.host),
            "connectors/shop/unified/crm.yaml": CRM.replace("    get:\n", f"{EVENTS}    get:\n", 1),
        }
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        add_account(tmp_path, "hooli")
        process = start_service(tmp_path)
        try:
            address = read_address(process)
            assert deliver(f"{address}/webhooks/shop/hooli", changed()) == 200
            assert arrived.wait(60), "the event is delivered"
            process.send_signal(signal.SIGTERM)
            wait_until(lambda: not is_listening(address))
            go.set()
            code = process.wait(60)
        finally:
            process.kill()
    assert (code, [event["account"] for event in received]) == (0, ["hooli"])
    assert [row.split()[0] for row in list_outgoing(tmp_path)] == ["delivered"], "what was at work is marked"


def add_account(root: Path, name: str) -> None:
    engine = open_engine(StoreLocation(file=root / ".conn/service.sqlite3"))
    files = {f"accounts/{name}.yaml": "connector: shop\n"}
    RevisionStore(engine).add(Revision(Subject("account", name), 1, files), {}, "put", seen=0)
    engine.dispose()


def list_outgoing(root: Path) -> list[str]:
    engine = open_engine(StoreLocation(file=root / ".conn/service.sqlite3"))
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT status, event_id FROM conn_delivery").all()
    engine.dispose()
    return [" ".join(row) for row in rows]


def start_service(root: Path) -> "subprocess.Popen[str]":
    paths = os.pathsep.join(str(ROOT / name) for name in ("cli", "engine"))
    environ = {**os.environ, "PYTHONPATH": paths, "CONN_NO_KEYRING": "1", "CONN_HOOLI_WEBHOOK_SECRET": SECRET}
    line = [sys.executable, "-m", "conn_cli.start", "serve", "--port", "0", "--work"]
    return launching.start(line, cwd=root, env=environ, stderr=subprocess.PIPE, text=True)


def read_address(process: "subprocess.Popen[str]") -> str:
    """Return the address that the service prints, and leave the rest of its log to a thread."""
    assert process.stderr is not None
    started = process.stderr.readline()
    assert started.startswith("serving 1 account at "), started + process.stderr.read()
    threading.Thread(target=process.stderr.read, daemon=True).start()
    return started.split()[4].removesuffix("/unified/")


def deliver(url: str, event: Any) -> int:
    content = json.dumps({"events": [event]}).encode()
    signature = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    request = urllib.request.Request(url, content, {"x-signature": signature, "content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return int(response.status)


def is_listening(address: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{address}/health/live", timeout=60):
        return True
    return False


# --- the parts ---


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_PAUSE_SECONDS", 0.0)


@pytest.mark.usefixtures("no_pause")
def test_another_worker_continues_after_a_failure(inbox: InboxBench, caplog: pytest.LogCaptureFixture) -> None:
    inbox.write({"conn.yaml": "version: 1\ntrusted_hosts: [HOST]\n"})
    opened: list[SyncWorker] = []

    def open_one() -> SyncWorker:
        opened.append(open_worker(inbox))
        return opened[-1]

    def fail() -> None:
        raise UsageError("the store is full")

    with run_in_background(open_one, lambda: False):
        opened[0].watch.check = fail  # type: ignore[method-assign]
        wait_until(lambda: len(opened) == 2)
        inbox.send(changed())
        wait_until(lambda: inbox.store.count() == {"done": 1})
    assert "the worker stopped, and starts again in 0 s: the store is full" in caplog.text


@pytest.mark.usefixtures("no_pause")
def test_nothing_of_the_former_worker_is_at_work_when_another_one_starts(
    inbox: InboxBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.write({"conn.yaml": "version: 1\ntrusted_hosts: [HOST]\n"})
    monkeypatch.setattr(background, "_CHECK_SECONDS", 0.02)
    arrived, go = threading.Event(), threading.Event()

    def answer(_got: Any) -> Any:
        arrived.set()
        assert go.wait(60)
        return {"id": 1, "name": "P1"}

    inbox.service.vendor.answer = answer
    opened: list[tuple[SyncWorker, bool]] = []

    def open_one() -> SyncWorker:
        opened.append((open_worker(inbox), go.is_set()))
        return opened[-1][0]

    def fail() -> None:
        raise UsageError("the store is full")

    inbox.send({"type": "new", "no": 1, "id": "e1"})
    with run_in_background(open_one, lambda: False):
        assert arrived.wait(30)
        opened[0][0].watch.check = fail  # type: ignore[method-assign]
        wait_until(lambda: not any(thread.name.startswith("queue-worker-") for thread in threading.enumerate()))
        go.set()
        wait_until(lambda: len(opened) > 1 and inbox.store.count() == {"done": 1})
    assert [is_over for _, is_over in opened] == [False, True]


def test_a_file_that_another_process_locks_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conn_service.store.database.BUSY_SECONDS", 0.3)
    with open_inbox(tmp_path) as inbox, open_worker(inbox):
        inbox.write({"conn.yaml": "version: 1\ntrusted_hosts: [HOST]\n"})
        other = sqlite3.connect(str(inbox.service.location.file), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        refused = inbox.send(changed())
        assert (refused.status_code, refused.json()["kind"]) == (503, "store")
        assert refused.headers["retry-after"]
        other.execute("ROLLBACK")
        other.close()
        assert inbox.send(changed()).status_code == 200
        wait_until(lambda: inbox.store.count() == {"done": 1})


def test_what_is_wrong_at_the_start_is_raised() -> None:
    def open_one() -> SyncWorker:
        raise UsageError("there is no store")

    with pytest.raises(UsageError, match="there is no store"), run_in_background(open_one, lambda: False):
        pass


def test_a_worker_that_cannot_start_leaves_room_for_the_next_one(
    inbox: InboxBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("conn_service.syncs.worker.POLL_SECONDS", "often")
        with pytest.raises(TypeError), open_worker(inbox):
            pass
    inbox.send(changed())
    with open_worker(inbox) as worker:
        worker.resume_unfinished()
        wait_until(lambda: inbox.store.count() == {"done": 1})


def test_a_worker_uses_the_accounts_of_its_store(inbox: InboxBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conn_service.syncs.revised_releases._LOOK_SECONDS", 0.0)
    revisions = RevisionStore(inbox.store.engine)
    base = Releases(inbox.root)
    workspace = base.get_current()[1]
    base.get_current = lambda: ("r1", workspace)  # type: ignore[method-assign]
    releases = RevisedReleases(base, revisions)
    assert releases.get_current() == ("r1", workspace)
    files = {"accounts/hooli.yaml": "connector: shop\n"}
    revisions.add(Revision(Subject("account", "hooli"), 1, files), {}, "put", seen=0)
    first = releases.get_current()[1]
    assert first.account("hooli").connector == "shop"
    assert releases.get_current()[1] is first, "it is the same as long as nothing changes"
    assert releases.get_workspace("r1").has_account("hooli")
    folder = RevisedReleases(FolderReleases(inbox.root), revisions)
    assert folder.get_workspace("") is folder.get_workspace(""), "each run uses the same one"
    revisions.add(Revision(Subject("account", "hooli"), 2, {}), files, "delete", seen=1)
    assert not releases.get_current()[1].has_account("hooli")
