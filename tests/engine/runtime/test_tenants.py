"""Two tenants in one process share nothing by accident, and a run with the same seed sends the same bytes.

Each tenant's run alone, in a workspace of its own, is compared with the same run while another tenant's is under way,
request by request, in threads and in one event loop.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conn_engine.conditions import Conditions
from conn_engine.config import Effective, Workspace, load_workspace
from conn_engine.errors import DisabledError
from conn_engine.expressions import evaluate
from conn_engine.expressions.isolation import Isolation
from conn_engine.runtime.connection import AsyncConnection, Connection
from conn_engine.runtime.wiring import Wiring, wire_account
from conn_engine.secrets.vault import MemoryVault
from conn_engine.transport.faults import json_answer
from conn_engine.wire import FrozenClock, Request, Response

CONNECTOR = {
    "base_url": "https://api.example.com/v1",
    "credentials": {"format": "bearer"},
    "authorization": {"format": "bearer"},
    "signature": {
        "format": "hmac",
        "config": {
            "key": "{{token}}",
            "content": "request.path & nonce & timestamp",
            "headers": {"x-signature": "{{signature}}", "x-nonce": "{{nonce}}"},
        },
    },
    "rate_limit": {"budget": [{"requests": 3, "per_seconds": 3600, "scope": "connector"}]},
    "pagination": {"format": "cursor", "config": {"cursor_field": "next", "cursor_param": "after"}},
    "resources": {
        "people": {
            "list": {
                "method": "get",
                "path": "/people",
                "response_path": "items",
                "headers": {"idempotency-key": "{{$uuid()}}", "x-hex": "{{$randomHex(4)}}"},
                "query": {"at": "{{$millis()}}"},
            }
        }
    },
}
MAPPING = {"id": "$string(response.id)", "at": "$now()", "lot": "$random()", "ids": "$shuffle([1..9])"}
CRM = {"resources": {"contacts": {"list": {"resource": "people", "response_mapping": MAPPING}}}}
OVERRIDE = {"unified": {"crm": {"contacts": {"list": {"response_mapping": {"own": "$uuid() & response.id"}}}}}}


@dataclass
class Tenant:
    """Whose run it is, with what it sees and what was seen of it."""

    name: str
    evaluator: str
    seed: int | None
    isolation: Isolation | None = None
    before_answer: Callable[[], object] = lambda: None
    sent: list[Request] = field(default_factory=list)
    observed: list[Any] = field(default_factory=list)

    @property
    def clock(self) -> FrozenClock:
        return FrozenClock(1_700_000_000 + 1000 * len(self.name))

    def wire(self, workspace: Workspace, effective: Effective | None = None) -> Wiring:
        vault = MemoryVault({"acme": {"token": f"token-of-{self.name}"}})
        options = {"vault": vault, "clock": self.clock, "seed": self.seed, "isolation": self.isolation}
        wiring = wire_account(workspace, "acme", environ={}, effective=effective, **options)
        wiring.session.observer = lambda name, scopes, values: self.observed.extend(values)
        return wiring

    def load(self, folder: Path) -> Workspace:
        files: Mapping[str, Any] = {
            "conn.yaml": {"version": 1, "evaluator": self.evaluator},
            "connectors/shop/connector.yaml": CONNECTOR,
            "connectors/shop/unified/crm.yaml": CRM,
            "accounts/acme.yaml": {"connector": "shop", "override": OVERRIDE},
        }
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content), encoding="utf-8")
        return load_workspace(folder)

    def send(self, request: Request) -> Response:
        self.sent.append(request)
        self.before_answer()
        number = len(self.sent)
        return json_answer({"items": [{"id": f"{self.name}-{number}"}], "next": "b" if number == 1 else None})

    async def asend(self, request: Request) -> Response:
        await asyncio.sleep(0)
        return self.send(request)

    def run(self, folder: Path) -> "Tenant":
        return self.run_wired(self.wire(self.load(folder)))

    def run_wired(self, wiring: Wiring) -> "Tenant":
        with Connection(wiring, self) as connection, closing(connection.pages("contacts.list")) as pages:
            self.records = [record for page in pages for record in page.records]
        return self

    async def arun(self, folder: Path) -> "Tenant":
        async with AsyncConnection(self.wire(self.load(folder)), self) as connection:
            self.records = [record async for record in connection.records("contacts.list")]
        return self

    @property
    def outcome(self) -> Any:
        sent = [(one.method, one.url, one.headers.pairs, one.body) for one in self.sent]
        return sent, self.records, self.observed


def tenants(isolation: Isolation | None, **more: Any) -> list[Tenant]:
    return [Tenant("a", "jlens", 1, isolation, **more), Tenant("bcd", "jsonata-python", 2, **more)]


def test_the_same_seed_sends_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    first, again, other, real = (
        Tenant("a", "jlens", seed).run(tmp_path / str(number)) for number, seed in enumerate((7, 7, 8, None))
    )
    assert first.outcome == again.outcome
    for name in ("idempotency-key", "x-hex", "x-nonce", "x-signature"):
        values = [one.headers[name] for tenant in (first, other, real) for one in tenant.sent]
        assert len(set(values)) == len(values) == 6
    for field_name in ("own", "lot"):
        assert len({record[field_name] for tenant in (first, other, real) for record in tenant.records}) == 6


@pytest.mark.parametrize("how", ["threads", "asyncio"])
def test_two_tenants_share_nothing(tmp_path: Path, how: str) -> None:
    with Isolation(memory_bytes=192 * 2**20) as isolation:
        alone = [one.run(tmp_path / "alone" / one.name) for one in tenants(isolation)]
        assert isolation.idle
        if how == "threads":
            barrier = threading.Barrier(2, timeout=60)  # each of both has sent before either has its answer
            both = tenants(isolation, before_answer=barrier.wait)
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda one: one.run(tmp_path / one.name), both))
        else:
            both = tenants(isolation)

            async def run() -> None:
                await asyncio.gather(*(one.arun(tmp_path / one.name) for one in both))

            asyncio.run(run())
    for one, expected in zip(both, alone, strict=True):
        assert one.outcome == expected.outcome
        assert {request.headers["authorization"] for request in one.sent} == {f"Bearer token-of-{one.name}"}
        assert {record["at"] for record in one.records} == {evaluate("$now()", {}, Conditions(one.clock))}
        assert [record["id"] for record in one.observed] == [f"{one.name}-1", f"{one.name}-2"]
    assert both[0].records[0]["ids"] != both[1].records[0]["ids"]


def test_only_the_isolated_tenants_expressions_leave_the_process(tmp_path: Path) -> None:
    with Isolation(memory_bytes=192 * 2**20) as isolation:
        Tenant("bcd", "jlens", 1).run(tmp_path / "here")
        assert isolation.idle == ()
        Tenant("a", "jlens", 1, isolation).run(tmp_path / "there")
        assert len(isolation.idle) == 1


def test_two_sessions_of_one_account_share_only_the_connectors_budget(tmp_path: Path) -> None:
    def sessions() -> list[Tenant]:  # their clocks differ by more than the budget's hour
        return [Tenant("a", "jlens", 1), Tenant("bcdef", "jlens", 2)]

    alone = [one.run(tmp_path / one.name) for one in sessions()]
    both = sessions()
    workspace = both[0].load(tmp_path / "both")
    effective = workspace.effective(account="acme")
    wirings = [one.wire(workspace, effective) for one in both]
    for one, wiring, expected in zip(both, wirings, alone, strict=True):
        assert one.run_wired(wiring).outcome == expected.outcome
        known = [bool(wiring.redactor.find(f"token-of-{tenant.name}")) for tenant in both]
        assert known == [tenant is one for tenant in both]
    first, second = (wiring.session.budgets for wiring in wirings)
    assert first is not second
    assert first.shared is second.shared


def test_a_connectors_budget_is_shared_by_the_accounts_of_a_workspace_alone(tmp_path: Path) -> None:
    tenant = Tenant("a", "jlens", 1)
    one, other = (tenant.wire(tenant.load(tmp_path / name)).session.budgets for name in ("one", "other"))
    assert one is not other
    assert one.shared is not other.shared


def test_a_disabled_account_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    (tmp_path / "connectors/shop").mkdir(parents=True)
    (tmp_path / "connectors/shop/connector.yaml").write_text(json.dumps(CONNECTOR))
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts/acme.yaml").write_text("connector: shop\nenabled: false\n")
    vault = MemoryVault({"acme": {"token": "t"}})
    with pytest.raises(DisabledError, match='the account "acme" is disabled') as error:
        wire_account(load_workspace(tmp_path), "acme", environ={}, vault=vault)
    assert error.value.hint == "remove `enabled: false` from accounts/acme.yaml"
