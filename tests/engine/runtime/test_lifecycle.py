"""The steps of an account other than operations, on scripted responses: `connect`, `verify`, a wrong clock."""

import asyncio
import json
from email.utils import formatdate
from typing import Any

import pytest

from conn_engine.auth import CAPTURED
from conn_engine.errors import ConnError, CredentialError, ExpressionError, VendorError
from conn_engine.runtime.call import Run, Session
from conn_engine.runtime.connection import AsyncConnection, Connection
from conn_engine.runtime.lifecycle import connect_steps, verify
from conn_engine.runtime.wiring import Wiring, wire_account
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.faults import Faults, json_answer
from conn_engine.wire import FrozenClock, Headers, Response

BASE = """\
base_url: https://{{context.shard}}.example.com
hosts: ["*.example.com"]
credentials: { format: bearer }
authorization: { format: bearer }
resources:
  people: { list: { method: get, path: /people } }
"""
STEPS = """\
connect:
  - name: me
    request: { base_url: https://login.example.com, path: /me }
  - { name: shard, transform: connect.me.shard }
  - { name: nothing, transform: connect.me.unknown }
  - { name: skipped, when: context.shard = 'us', request: { resource: people, method: list } }
  - { name: people, request: { resource: people, method: list }, transform: $count(response) }
"""


def files(*parts: str) -> dict[str, str]:
    return {
        "connectors/shop/connector.yaml": BASE + "".join(parts),
        "connectors/shop/unified/crm.yaml": "resources: {}\n",
        "accounts/acme.yaml": "connector: shop\n",
    }


def wired(workspace: Any, vault: MemoryVault) -> Wiring:
    return wire_account(workspace, "acme", environ={}, vault=vault, clock=FrozenClock())


@pytest.fixture
def vault() -> MemoryVault:
    made = MemoryVault()
    made.save("acme", {"token": "token-1", CAPTURED: {"old": 1}})
    return made


def test_steps_find_out_what_the_base_url_depends_on(make: Any, vault: MemoryVault) -> None:
    workspace = make(files(STEPS))
    faults = Faults([json_answer({"shard": "eu"}), json_answer([{"id": 1}, {"id": 2}])])
    connection = Connection(wired(workspace, vault), faults)
    assert connection.prepare() == {"shard": "eu", "people": 2}
    assert [request.url for request in faults.requests] == [
        "https://login.example.com/me",
        "https://eu.example.com/people",
    ]
    assert all(request.headers["authorization"] == "Bearer token-1" for request in faults.requests)
    assert vault.load("acme") == {"token": "token-1", CAPTURED: {"old": 1, "shard": "eu", "people": 2}}
    assert wired(workspace, vault).effective.context == {"old": 1, "shard": "eu", "people": 2}


def test_an_event_loop_takes_the_same_steps(make: Any, vault: MemoryVault) -> None:
    faults = Faults([json_answer({"shard": "eu"}), json_answer([{"id": 1}])])

    async def run() -> tuple[dict[str, Any], bool]:
        connection = AsyncConnection(wired(make(files(STEPS)), vault), faults)
        return await connection.prepare(), await connection.revoke()

    assert asyncio.run(run()) == ({"shard": "eu", "people": 1}, False)
    assert vault.load("acme") == {"token": "token-1", CAPTURED: {"old": 1, "shard": "eu", "people": 1}}


def test_what_the_accounts_document_says_goes_first(make: Any, vault: MemoryVault) -> None:
    workspace = make(files(STEPS) | {"accounts/acme.yaml": "connector: shop\ncontext: { shard: us }\n"})
    faults = Faults([json_answer({"shard": "eu"}), json_answer([]), json_answer([])])
    Connection(wired(workspace, vault), faults).prepare()
    assert [request.url for request in faults.requests][1:] == ["https://us.example.com/people"] * 2


@pytest.mark.parametrize(
    ("step", "at"),
    [
        ("{ name: a, transform: $number('x') }", "connect[0].transform"),
        ("{ name: a, when: $number('x'), transform: '1' }", "connect[0].when"),
    ],
)
def test_an_expression_that_fails_is_found(make: Any, vault: MemoryVault, step: str, at: str) -> None:
    effective = make(files(f"connect:\n  - {step}\n")).effective(account="acme")
    with pytest.raises(ExpressionError) as raised:
        next(connect_steps(Run(effective, Session("acme", {"token": "t"}))))
    assert raised.value.at == at


def verified(workspace: Any, reply: Response) -> bool:
    flow = verify(Run(workspace.effective(account="acme"), Session("acme", {"token": "token-1"}, clock=FrozenClock())))
    try:
        next(flow)
        flow.send(reply)
    except StopIteration as end:
        return bool(end.value)
    raise AssertionError("it wants more answers")


EXPECTING = 'verify: { operation: people.list, expect: "body.ok = true and status = 200" }\n'
SHARD = {"accounts/acme.yaml": "connector: shop\ncontext: { shard: eu }\n"}


def test_an_expectation_over_the_answer(make: Any) -> None:
    workspace = make(files(EXPECTING) | SHARD)
    assert verified(workspace, json_answer({"ok": True}))
    with pytest.raises(CredentialError, match="the credential could not be verified") as raised:
        verified(workspace, json_answer({"ok": False}))
    assert "conn auth login acme" in raised.value.hint


def test_a_refusal_is_the_credentials_and_an_outage_the_vendors(make: Any) -> None:
    workspace = make(files("verify: people.list\n") | SHARD)
    assert verified(workspace, json_answer({}))
    with pytest.raises(CredentialError, match="refused the account's credential"):
        verified(workspace, json_answer({"message": "no"}, 401))
    with pytest.raises(VendorError):
        verified(workspace, json_answer({}, 404))


def test_an_override_may_expect_something_else(make: Any) -> None:
    account = {"connector": "shop", "context": {"shard": "eu"}, "override": {"verify": {"expect": "body.yes"}}}
    workspace = make(files(EXPECTING) | {"accounts/acme.yaml": json.dumps(account)})
    assert verified(workspace, json_answer({"yes": 1}))


@pytest.mark.parametrize(("status", "error"), [(401, CredentialError), (403, VendorError)])
def test_a_clock_that_differs_is_named(make: Any, run: Any, status: int, error: type[ConnError]) -> None:
    date = formatdate(FrozenClock().now() + 1200, usegmt=True)
    reply = Response(status, Headers({"date": date}), b'{"Code": "RequestTimeTooSkewed"}')
    with pytest.raises(error) as raised:
        run(make(files("") | SHARD), "people.list", [reply], document={"token": "t"})
    assert raised.value.hint.startswith("set this machine's clock: it is 20 min behind the vendor's")


def test_a_listing_of_unknown_end_is_logged_without_secrets(
    make: Any, vault: MemoryVault, caplog: pytest.LogCaptureFixture
) -> None:
    paging = "{ format: cursor, config: { cursor_field: next, cursor_param: after } }"
    connector = files(
        f"  keys: {{ list: {{ method: get, path: /keys, response_path: items, pagination: {paging} }} }}\n",
        "connect:\n  - { name: keys, request: { resource: keys, method: list } }\n",
    )
    Connection(wired(make(connector | SHARD), vault), Faults([json_answer({"items": [1], "token-1": {}})])).prepare()
    [record] = caplog.records
    assert "may be incomplete" in record.getMessage()
    assert "[redacted]" in record.getMessage()
    assert "token-1" not in record.getMessage()
