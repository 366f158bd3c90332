"""Two replicas of the service on one Postgres: what they share."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from renewing_shop import BUDGET, ENVIRON, RenewingShop, prepare_service, write_workspace
from starlette.testclient import TestClient
from vendor import start_vendor

from conn_engine.config import load_workspace
from conn_engine.releases.store_location import StoreLocation
from conn_service.http.accounts import WorkspaceConfiguration
from conn_service.http.service import Deployment, open_service
from conn_service.store import VaultKeys

ENVIRON_HERE = {**ENVIRON, "SHOP_SECRET": "secret"}


@dataclass
class Replicas:
    """Two replicas, their vendor, and a token that both accept."""

    clients: list[TestClient]
    shop: RenewingShop
    token: str

    def get_all(self, path: str, count: int) -> list[int]:
        """Send requests at the same time, in turn to each replica, and return the statuses of the responses."""

        def get(number: int) -> int:
            headers = {"authorization": f"Bearer {self.token}"}
            return int(self.clients[number % 2].get(path, headers=headers).status_code)

        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(get, range(count)))


@pytest.fixture
def replicas(tmp_path: Path, postgres: Callable[[], str]) -> Iterator[Replicas]:
    shop = RenewingShop()
    with start_vendor(shop.answer) as vendor, ExitStack() as stack:
        write_workspace(tmp_path, vendor)
        store = postgres()
        location = StoreLocation.read(store, tmp_path)
        token = prepare_service(tmp_path, store)
        clients = []
        for _ in range(2):
            source = WorkspaceConfiguration(load_workspace(tmp_path))
            app = stack.enter_context(open_service(Deployment(source, location, None, ENVIRON_HERE)))
            clients.append(stack.enter_context(TestClient(app, raise_server_exceptions=False)))
        yield Replicas(clients, shop, token)


def test_replicas_share_credentials_and_budgets(replicas: Replicas) -> None:
    assert replicas.get_all("/unified/crm/contacts", 30) == [200] * 30
    assert replicas.shop.exchanges == 1, "the vendor would refuse another one, and the account would have to log in"
    statuses = [status for _ in range(2) for status in replicas.get_all("/unified/crm/contacts/1", 25)]
    assert sorted(statuses) == [200] * BUDGET + [429] * (50 - BUDGET)


def test_a_key_is_derived_once_by_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    inner, started = hashlib.scrypt, threading.Barrier(4)

    def derive(*given: Any, **options: Any) -> bytes:
        calls.append(given)
        time.sleep(0.1)  # the others arrive meanwhile
        return inner(*given, **{**options, "n": 2})

    monkeypatch.setattr(hashlib, "scrypt", derive)
    keys = VaultKeys("a long enough key")

    def work(_: int) -> dict[str, bytes]:
        started.wait(30)
        return keys.derive(b"salt")

    with ThreadPoolExecutor(4) as threads:
        assert len({str(made) for made in threads.map(work, range(4))}) == 1
    assert len(calls) == 1
