"""An expired credential is renewed once, by one of many runs, and stored before it is used. On a real server."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

import pytest

from conn_engine.config import Workspace
from conn_engine.errors import ConfigurationError, CredentialError
from conn_engine.runtime.call import Call, Run
from conn_engine.runtime.connection import aconnect, connect
from conn_engine.runtime.drive import adrive
from conn_engine.runtime.operation import perform
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.live import AsyncLive

ENVIRON = {"SHOP_ID": "client-id-1", "SHOP_SECRET": "client-secret-1"}


class Bank:
    """An OAuth 2 server and a vendor in one: each refresh token is good for one exchange, each token until revoked."""

    def __init__(self, site: Any) -> None:
        self.number = 1
        self.exchanges: list[dict[str, str]] = []
        self.used: list[str] = []
        self.pause = 0.0
        self._lock = threading.Lock()
        self.site = site
        site.answer = self.answer

    def answer(self, got: Any) -> Any:
        if got.path == "/token":
            time.sleep(self.pause)
            form = dict(parse_qsl(got.body.decode()))
            with self._lock:
                self.exchanges.append(form)
                if form["refresh_token"] != f"refresh-{self.number}":
                    return 400, {"error": "invalid_grant"}
                self.number += 1
                number = self.number
            return {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": 3600}
        token = got.headers.get("authorization", "").removeprefix("Bearer ")
        self.used.append(token)
        if token != f"access-{self.number}":
            return 401, {"message": "token has ended"}
        return {"items": [{"id": 1, "name": "Ada"}]}


@pytest.fixture
def bank(site: Any) -> Bank:
    return Bank(site)


@pytest.fixture
def workspace(make: Callable[..., Workspace], bank: Bank) -> Workspace:
    host = bank.site.host
    connector = f"""\
base_url: http://{host}
hosts: ["{host}"]
credentials:
  format: oauth2
  config:
    token_url: http://{host}/token
    client_id: "{{{{env.SHOP_ID}}}}"
    client_secret: "{{{{env.SHOP_SECRET}}}}"
authorization: {{ format: bearer }}
resources:
  people:
    list: {{ method: get, path: /people, response_path: items }}
"""
    return make({"connectors/shop/connector.yaml": connector})


STALE = {"oauth": {"token": {"access_token": "access-0", "refresh_token": "refresh-1"}}}
"""The credential of an account whose access token the vendor has ended."""


def test_a_refused_token_is_renewed_once_and_the_request_sent_again(workspace: Workspace, bank: Bank) -> None:
    vault = MemoryVault({"acme": STALE})
    redactor = Redactor()
    with connect(workspace, "acme", environ=ENVIRON, vault=vault, redactor=redactor) as acme:
        assert list(acme.records("contacts.list")) == [{"id": "1", "first_name": "Ada"}]
        assert list(acme.records("contacts.list")) == [{"id": "1", "first_name": "Ada"}]
    assert bank.used == ["access-0", "access-2", "access-2"]
    assert len(bank.exchanges) == 1
    kept = vault.load("acme")
    assert kept is not None
    assert kept["oauth"]["token"]["refresh_token"] == "refresh-2"
    assert redactor.find("x access-2 y")
    assert redactor.find("refresh-2")


def test_a_token_that_is_about_to_end_is_renewed_before_anything_is_sent(workspace: Workspace, bank: Bank) -> None:
    document = {
        "oauth": {
            "token": {
                "access_token": "access-1",
                "refresh_token": "refresh-1",
                "expires_at": time.time() + 5,
                "obtained_at": time.time() - 3600,
            }
        }
    }
    with connect(workspace, "acme", environ=ENVIRON, vault=MemoryVault({"acme": document})) as acme:
        list(acme.records("contacts.list"))
    assert bank.used == ["access-2"]


def test_a_token_that_is_refused_even_when_new_ends_with_an_error(workspace: Workspace, bank: Bank) -> None:
    bank.site.answer = lambda got: bank.answer(got) if got.path == "/token" else (401, {"message": "no"})
    with (
        connect(workspace, "acme", environ=ENVIRON, vault=MemoryVault({"acme": STALE})) as acme,
        pytest.raises(CredentialError, match="even after it was renewed"),
    ):
        list(acme.records("contacts.list"))
    assert len(bank.exchanges) == 1


def test_a_refused_refresh_token_is_a_credential_error_and_keeps_what_is_stored(
    workspace: Workspace, bank: Bank
) -> None:
    lost = {"oauth": {"token": {"access_token": "access-0", "refresh_token": "refresh-of-old"}}}
    vault = MemoryVault({"acme": lost})
    with (
        connect(workspace, "acme", environ=ENVIRON, vault=vault) as acme,
        pytest.raises(CredentialError) as caught,
    ):
        list(acme.records("contacts.list"))
    assert "conn auth login" in caught.value.hint
    assert "refresh-of-old" not in caught.value.message
    assert vault.load("acme") == lost


class Watched(MemoryVault):
    """A vault that notes when it was written, among the vendor's own notes."""

    def __init__(self, documents: dict[str, Any], bank: Bank) -> None:
        super().__init__(documents)
        self.bank = bank

    def save(self, account: str, document: Any) -> None:
        super().save(account, document)
        self.bank.used.append(f"saved {document['oauth']['token']['access_token']}")


def test_a_rotated_token_is_stored_before_it_is_first_used(workspace: Workspace, bank: Bank) -> None:
    with connect(workspace, "acme", environ=ENVIRON, vault=Watched({"acme": STALE}, bank)) as acme:
        list(acme.records("contacts.list"))
    assert bank.used == ["access-0", "saved access-2", "access-2"]


def test_a_token_that_cannot_be_stored_is_not_used(workspace: Workspace, bank: Bank) -> None:
    class Full(MemoryVault):
        def save(self, account: str, document: Any) -> None:
            raise CredentialError("the vault is full")

    with (
        connect(workspace, "acme", environ=ENVIRON, vault=Full({"acme": STALE})) as acme,
        pytest.raises(CredentialError, match="full"),
    ):
        list(acme.records("contacts.list"))
    assert bank.used == ["access-0"]


def together(count: int, work: Callable[[int], None]) -> list[BaseException]:
    failures: list[BaseException] = []
    ready = threading.Barrier(count)

    def one(number: int) -> None:
        ready.wait()
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return failures


@pytest.mark.parametrize("shared", [True, False], ids=["one connection", "a connection each"])
def test_threads_that_are_refused_at_once_issue_one_exchange(workspace: Workspace, bank: Bank, shared: bool) -> None:
    bank.pause = 0.05
    vault = MemoryVault({"acme": STALE})
    connections = [connect(workspace, "acme", environ=ENVIRON, vault=vault) for _ in range(1 if shared else 6)]
    failures = together(6, lambda n: list(connections[n % len(connections)].records("contacts.list")))
    for connection in connections:
        connection.close()
    assert failures == []
    assert len(bank.exchanges) == 1
    assert bank.used.count("access-2") == 6


@pytest.mark.parametrize("count", [2, 40])
def test_tasks_that_are_refused_at_once_issue_one_exchange(workspace: Workspace, bank: Bank, count: int) -> None:
    bank.pause = 0.05
    vault = MemoryVault({"acme": STALE})

    async def one() -> list[Any]:
        async with aconnect(workspace, "acme", environ=ENVIRON, vault=vault) as acme:
            return [record async for record in acme.records("contacts.list")]

    async def every() -> list[Any]:
        return await asyncio.wait_for(asyncio.gather(*(one() for _ in range(count))), 60)

    assert asyncio.run(every()) == [[{"id": "1", "first_name": "Ada"}]] * count
    assert len(bank.exchanges) == 1


def test_waiting_tasks_leave_the_loop_its_own_workers(workspace: Workspace, bank: Bank) -> None:
    """An exchange may need one of them to look up a host name: they must not all wait for that exchange."""
    vault = MemoryVault({"acme": STALE})

    class Resolving:
        """Looks its host up in a worker of the loop, as a client does for a name that is not an address."""

        def __init__(self) -> None:
            self.inner = AsyncLive(Redactor(), trust=workspace.trust)

        async def asend(self, request: Any) -> Any:
            await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.001)
            return await self.inner.asend(request)

    async def every() -> int:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        transport = Resolving()
        count = 0

        async def one() -> None:
            nonlocal count
            wiring = wire_account(workspace, "acme", environ=ENVIRON, vault=vault)
            name = wiring.effective.resolve("contacts.list")
            async for page in adrive(perform(Run(wiring.effective, wiring.session), name, Call()), transport, vault):
                count += len(page.records)

        await asyncio.wait_for(asyncio.gather(*(one() for _ in range(8))), 60)
        await transport.inner.aclose()
        return count

    assert asyncio.run(every()) == 8


def test_a_token_endpoint_on_a_strange_host_gets_nothing(
    make: Callable[..., Workspace], new_site: Callable[[], Any], workspace: Workspace
) -> None:
    evil = new_site()
    override = {"credentials": {"config": {"token_url": f"{evil.url}/token"}}}
    account = {"connector": "shop", "override": override}
    workspace = make({"connectors/shop/connector.yaml": None, "accounts/acme.yaml": account})
    with pytest.raises(ConfigurationError, match="a host that may not receive the connector's credentials"):
        connect(workspace, "acme", environ=ENVIRON, vault=MemoryVault({"acme": STALE}))
    assert evil.arrived == []
