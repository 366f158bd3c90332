"""One service for all tests of a file: each makes its own links and browsers."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parent))
from connect_bench import ConnectBench, open_connect_bench


@pytest.fixture(scope="module")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConnectBench]:
    with open_connect_bench(tmp_path_factory.mktemp("connect")) as made:
        yield made


@pytest.fixture
def bench(shared_bench: ConnectBench) -> ConnectBench:
    """The service, without credentials, broken logins and events."""
    with shared_bench.engine.begin() as connection:
        for table in ("conn_broken_login", "conn_delivery", "conn_delivery_event"):
            connection.execute(sa.text(f"DELETE FROM {table}"))
    for account in ("acme", "told", "desk", "mail"):
        shared_bench.vault.delete(account)
    shared_bench.vendor.arrived.clear()
    shared_bench.vendor.answer = shared_bench.answer
    return shared_bench
