"""Events that are really signed and delivered, to an application that runs as a process of its own."""

import base64
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import launching

from conn_engine.documents import find_markdown_blocks
from conn_engine.releases.store_location import StoreLocation
from conn_engine.syncs import build_event
from conn_engine.transport.egress import Trust
from conn_engine.transport.live import Live
from conn_engine.wire import MACHINE_CLOCK
from conn_service.delivery import DeliveryStore, ResolvedEndpoint, add_deliveries, drain, parse_signing_key
from conn_service.store import open_engine

PAGE = Path(__file__).resolve().parents[1] / "docs/how-to/receive-events.md"
SECRET, OTHER = (f"whsec_{base64.b64encode(text * 8).decode()}" for text in (b"mine", b"else"))
SECONDS = 60.0


def read_program(language: str) -> str:
    """The program in a language that the page shows."""
    blocks = find_markdown_blocks(PAGE.read_text(encoding="utf-8"))
    return next(block.text for block in blocks if block.language == language)


@contextmanager
def start_application(
    command: Sequence[str | Path], folder: Path, environ: Mapping[str, str] = {}
) -> Iterator[tuple[str, Path]]:
    """Run an application on a free port. Yields its URL, and the file that it writes its output into."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    output = folder / "output.txt"
    own = {**os.environ, **environ, "PORT": str(port), "INGEST_SECRET": SECRET}
    with output.open("w") as file:
        process = launching.start([str(word) for word in command], cwd=folder, env=own, stdout=file, stderr=file)
        try:
            wait_for_port(port, process, output)
            yield f"http://127.0.0.1:{port}/", output
        finally:
            process.kill()
            process.wait(SECONDS)


def wait_for_port(port: int, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(output.read_text())


def deliver(url: str, folder: Path, *secrets: str, keys: Sequence[str] = ("1",)) -> dict[str, int]:
    """Deliver events that are signed with secrets, and return how many there are by status."""
    events = [
        build_event(sync="s", account="acme", type_="person.updated", key=key, data={"id": key}, version="1", began=0.0)
        for key in keys
    ]
    engine = open_engine(StoreLocation(file=folder / "deliveries.sqlite3"))
    store, run = DeliveryStore(engine), "-".join(secrets)
    endpoint = ResolvedEndpoint(run, url, tuple(parse_signing_key(secret) for secret in secrets))
    with engine.begin() as connection:
        add_deliveries(connection, [run], run, events, time.time())
    with Live(trust=Trust((url.split("/")[2],)), max_redirects=0) as sender:
        drain(store, endpoint, sender, MACHINE_CLOCK)
    counts = store.count(endpoint=run)
    engine.dispose()
    return counts


def check_application(url: str, output: Path, folder: Path) -> None:
    """Check that an application takes what is signed for it, also while a secret is changed, once, and nothing else."""
    assert deliver(url, folder, SECRET, keys=("1", "2")) == {"delivered": 2}
    assert deliver(url, folder, OTHER, SECRET, keys=("2", "3")) == {"delivered": 2}
    assert deliver(url, folder, OTHER, keys=("4",)) == {"waiting": 1}
    for headers in ({}, {"webhook-id": "evt_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}):
        request = urllib.request.Request(url, json.dumps({"type": "x"}).encode(), headers)
        try:
            urllib.request.urlopen(request, timeout=SECONDS).close()
            raise AssertionError("it takes what is not signed")
        except urllib.error.HTTPError as error:
            assert error.code == 401
    lines = [line for line in output.read_text().splitlines() if line.startswith("person.updated")]
    assert len(lines) == 3, output.read_text()
    assert all(line.startswith("person.updated acme {") for line in lines)
