"""A service process that is killed, and one whose disk is full: nothing is lost, and nothing is sent twice."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import launching
import pytest
from service_bench import CONNECTOR, CRM, NOW, answer_people
from vendor import Vendor, start_vendor

from conn_engine.releases.store_location import StoreLocation
from conn_service.http.tokens import TokenStore
from conn_service.store import open_engine

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
BODY = {"first_name": "Ada"}


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with start_vendor(answer_people) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, vendor: Vendor) -> Path:
    texts = {
        "conn.yaml": f'version: 1\ntrusted_hosts: ["{vendor.host}"]\n',
        "connectors/shop/connector.yaml": CONNECTOR.format(url=vendor.url, host=vendor.host),
        "connectors/shop/unified/crm.yaml": CRM,
        "accounts/acme.yaml": "connector: shop\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def token(folder: Path) -> str:
    engine = open_engine(StoreLocation.read(str(folder / ".conn/service.sqlite3"), folder))
    issued = TokenStore(engine).create("app", ["unified:read", "unified:write"], now=NOW, accounts=["acme"])
    engine.dispose()
    return issued.text


@contextmanager
def run_service(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    paths = os.pathsep.join(str(ROOT / name) for name in ("cli", "engine"))
    environ = {**os.environ, "PYTHONPATH": paths, "CONN_ACME_TOKEN": "t", "CONN_NO_KEYRING": "1"}
    line = [sys.executable, "-m", "conn_cli.start", "serve", "--port", "0"]
    process = launching.start(line, cwd=folder, env=environ, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        started = process.stderr.readline()
        assert started.startswith("serving 1 account at ")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield process, started.split()[4] + "crm/contacts"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def send(url: str, token: str, key: str = "") -> tuple[int, Any]:
    """Send a write under a key, or read without one."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": key}
    data = json.dumps(BODY).encode() if key else None
    request = urllib.request.Request(url, data, {name: value for name, value in headers.items() if value})
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_write_at_work_is_unknown_after_a_kill_and_never_sent_again(folder: Path, vendor: Vendor, token: str) -> None:
    arrived, go = threading.Event(), threading.Event()

    def answer(got: Any) -> Any:
        if got.method == "POST":
            arrived.set()
            assert go.wait(120)
        return answer_people(got)

    vendor.answer = answer
    with ThreadPoolExecutor(1) as pool:
        with run_service(folder) as (process, url):
            write = pool.submit(send, url, token, "k1")
            assert arrived.wait(120)
            process.kill()
            process.wait(60)
            assert write.exception(60) is not None
        go.set()
    with run_service(folder) as (_, url):
        assert [send(url, token, "k1")[1]["kind"] for _ in range(2)] == ["unknown_result"] * 2
        assert send(url, token, "k2")[0] == 201
    assert [got.method for got in vendor.arrived] == ["POST", "POST"]


def test_a_full_disk_loses_nothing(folder: Path, vendor: Vendor, token: str) -> None:
    with run_service(folder) as (process, url):
        size = max(path.stat().st_size for path in (folder / ".conn").glob("service.sqlite3*")) + 60_000
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))
        answers: list[tuple[int, Any]] = []
        while not answers or answers[-1][0] == 201:
            answers.append(send(url, token, f"{len(answers):0250d}"))
            assert len(answers) < 1_000
        assert (answers[-1][0], answers[-1][1]["kind"]) == (503, "store")
        written = len(vendor.arrived)
        assert send(url, token)[0] == 200
    with run_service(folder) as (_, url):
        replayed = [send(url, token, f"{number:0250d}") for number in range(len(answers))]
    assert replayed[:-1] == answers[:-1]
    assert replayed[-1][0] == 201  # it was refused before it reached the vendor
    assert [got.method for got in vendor.arrived].count("POST") == written + 1
