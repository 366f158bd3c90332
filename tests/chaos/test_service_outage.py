"""The database of the service is gone while it works: each request says so, nothing is lost or sent twice, and the
service continues by itself when the database is back."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from postgres_server import PostgresServer

sys.path.append(str(Path(__file__).resolve().parents[1] / "service" / "http"))

from service_bench import Bench, open_bench

from conn_engine.releases.store_location import StoreLocation
from conn_service.http.tokens import RECENT_SECONDS

CONTACTS = "/unified/crm/contacts"
DEADLINE = 120


def write(bench: Bench, key: str) -> Any:
    return bench.ask("POST", CONTACTS, {"first_name": key}, headers={"idempotency-key": key})


def count_writes(bench: Bench) -> int:
    return sum(arrived.method == "POST" for arrived in bench.vendor.arrived)


def wait_until_ready(bench: Bench) -> None:
    until = time.monotonic() + DEADLINE
    while bench.client.get("/health/ready").status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.2)


def test_a_database_that_goes_away_and_comes_back(tmp_path: Path, postgres_server: PostgresServer) -> None:
    with open_bench(tmp_path, store=StoreLocation(url=postgres_server.url)) as bench:
        admin = bench.issue("admin", accounts=[])
        first = write(bench, "first")
        assert (first.status_code, count_writes(bench)) == (201, 1)
        inner: Callable[[Any], Any] | None = bench.vendor.answer
        assert inner is not None

        def answer(got: Any) -> Any:
            if got.method == "POST":
                postgres_server.stop()  # while the write is at the vendor
            return inner(got)

        bench.vendor.answer = answer
        assert write(bench, "second").status_code == 201, "the vendor has done it, and the caller learns that"
        bench.vendor.answer = inner
        for _ in range(2):  # a connection that is cut, and one that cannot be made
            for refused in (bench.ask("GET", CONTACTS), write(bench, "third")):
                assert (refused.status_code, refused.json()["kind"]) == (503, "store")
                assert refused.headers["retry-after"] == "5"
        created = bench.ask("PUT", "/admin/accounts/hooli", {"document": "connector: shop\n"}, token=admin)
        assert (created.status_code, created.json()["kind"]) == (503, "store")
        bench.clock.sleep(RECENT_SECONDS + 1)
        unknown = bench.ask("GET", CONTACTS)
        assert (unknown.status_code, unknown.json()["kind"]) == (503, "store")
        assert bench.client.get("/health/ready").json()["checks"]["store"] != "ok"
        assert bench.client.get("/health/live").status_code == 200
        assert count_writes(bench) == 2

        postgres_server.start()
        wait_until_ready(bench)
        assert bench.ask("GET", CONTACTS).status_code == 200
        again = write(bench, "first")
        assert (again.status_code, again.json()) == (201, first.json())
        assert write(bench, "second").json()["kind"] == "unknown_result", "its result could not be stored"
        assert (write(bench, "third").status_code, count_writes(bench)) == (201, 3)
        created = bench.ask("PUT", "/admin/accounts/hooli", {"document": "connector: shop\n"}, token=admin)
        assert (created.status_code, created.json()["revision"]) == (201, 1)
        log = bench.ask("GET", "/admin/audit?target=accounts/hooli", token=admin).json()["result"]
        assert [entry["action"] for entry in log] == ["create"]
