"""Writes of an agent: a plan, its confirmation, and one request to the vendor."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from agent_bench import READ, WRITE, AgentBench, Call, open_agent_bench
from mcp import Client

from conn_engine.config import Workspace, load_workspace
from conn_engine.wire import FrozenClock
from conn_service.http.accounts import WorkspaceConfiguration
from conn_service.http.problems import HttpProblem
from conn_service.mcp.confirmations import CONFIRMATION_SECONDS, Confirmations, read_signing_key

NEW = {"resource": "crm/contacts", "values": {"first_name": "Ada"}}


def list_writes(agents: AgentBench) -> list[tuple[str, str]]:
    return [(got.method, got.path) for got in agents.bench.vendor.arrived if got.method != "GET"]


def test_a_write_is_sent_by_its_confirmation_and_only_once(agents: AgentBench) -> None:
    async def script(_: Client, call: Call) -> None:
        failed, planned = await call("create_record", **NEW)
        assert not failed and planned["sent"] is False and list_writes(agents) == []
        url = f"{agents.bench.vendor.url}/v1/people"
        assert planned["plan"] == {
            "account": "acme",
            "operation": "crm.contacts.create",
            "request": {"method": "POST", "url": url, "body": '{"name":"Ada"}'},
        }
        confirmed = {**NEW, "confirmation": planned["confirmation"]}
        assert await call("create_record", **confirmed) == (
            False,
            {"sent": True, "record": {"id": "9", "first_name": "Ada"}},
        )
        failed, again = await call("create_record", **confirmed)
        assert not failed and again["sent"] is False and again["record"]["id"] == "9" and "used before" in again["note"]
        assert list_writes(agents) == [("POST", "/v1/people")]

    agents.converse(script, agents.issue(*WRITE))
    assert "token-of-acme" not in str(agents.bench.vendor.arrived[0].target)


def test_updates_and_deletions(agents: AgentBench) -> None:
    async def script(_: Client, call: Call) -> None:
        for tool, arguments in (
            ("update_record", {**NEW, "id": "1"}),
            ("delete_record", {"resource": "crm/contacts", "id": "1"}),
        ):
            _, planned = await call(tool, **arguments)
            failed, done = await call(tool, **arguments, confirmation=planned["confirmation"])
            assert not failed and done["sent"]

    agents.converse(script, agents.issue(*WRITE))
    assert list_writes(agents) == [("PATCH", "/v1/people/1"), ("DELETE", "/v1/people/1")]


def test_two_calls_with_one_confirmation_send_one_write(agents: AgentBench) -> None:
    async def script(_: Client, call: Call) -> None:
        _, planned = await call("create_record", **NEW)
        confirmed = {**NEW, "confirmation": planned["confirmation"]}
        results = await asyncio.gather(*(call("create_record", **confirmed) for _ in range(4)))
        assert sum(result.get("sent", False) for _, result in results) == 1
        kinds = {result["error"]["kind"] for failed, result in results if failed}
        assert kinds <= {"unknown_result"}  # the others came while the first was at work
        assert list_writes(agents) == [("POST", "/v1/people")]

    agents.converse(script, agents.issue(*WRITE))


def test_a_confirmation_is_for_one_call(agents: AgentBench) -> None:
    confirmations: list[str] = []

    async def plan(_: Client, call: Call) -> None:
        confirmations.append((await call("create_record", **NEW))[1]["confirmation"])

    async def script(_: Client, call: Call) -> None:
        (text,) = confirmations
        for tool, arguments in (
            ("create_record", {**NEW, "values": {"first_name": "Eve"}}),
            ("create_record", {**NEW, "values": {}}),
            ("update_record", {**NEW, "id": "1"}),
            ("delete_record", {"resource": "crm/contacts", "id": "1"}),
        ):
            await refuse(call, tool, {**arguments, "confirmation": text})

    async def refuse(call: Call, tool: str, arguments: dict[str, Any]) -> None:
        failed, error = await call(tool, **arguments)
        assert failed and (error["error"]["kind"], error["error"]["retry"]) == ("invalid_request", "corrected")
        assert "new plan" in error["error"]["fix"]

    async def use(_: Client, call: Call) -> None:
        await refuse(call, "create_record", {**NEW, "confirmation": confirmations[0]})

    mine = agents.issue(*WRITE)
    agents.converse(plan, mine)
    agents.converse(script, mine)
    agents.converse(use, agents.issue(*WRITE))  # another token
    both = agents.issue(*WRITE, accounts=("acme", "globex"))
    confirmations.clear()
    agents.converse(plan, {**both, "conn-account": "acme"})
    agents.converse(use, {**both, "conn-account": "globex"})
    assert list_writes(agents) == []


def test_a_confirmation_ends_with_the_configuration_of_its_plan(tmp_path: Path) -> None:
    class Changing(WorkspaceConfiguration):
        revision = "1"

        def get_current(self) -> tuple[str, Workspace]:
            return self.revision, super().get_current()[1]

    def configure(root: Path) -> Changing:
        return Changing(load_workspace(root))

    with open_agent_bench(tmp_path, configure=configure) as agents:

        async def script(_: Client, call: Call) -> None:
            _, planned = await call("create_record", **NEW)
            Changing.revision = "2"
            failed, error = await call("create_record", **NEW, confirmation=planned["confirmation"])
            assert failed and "new plan" in error["error"]["fix"]

        agents.converse(script, agents.issue(*WRITE))
        assert list_writes(agents) == []


def test_a_confirmation_ends(agents: AgentBench) -> None:
    async def script(_: Client, call: Call) -> None:
        _, planned = await call("create_record", **NEW)
        agents.bench.clock.sleep(CONFIRMATION_SECONDS)
        failed, error = await call("create_record", **NEW, confirmation=planned["confirmation"])
        assert failed and "older than 300 seconds" in error["error"]["detail"]
        assert list_writes(agents) == []

    agents.converse(script, agents.issue(*WRITE))


def test_no_changed_text_is_a_confirmation() -> None:
    clock = FrozenClock()
    confirmations = Confirmations(b"k" * 32, clock)
    text = confirmations.issue("a", {"b": 1})
    assert confirmations.verify(text, "a", {"b": 1}) == text.split(".")[1]
    changed = [text[:at] + other + text[at + 1 :] for at in range(len(text)) for other in "A.9" if other != text[at]]
    for wrong in (*changed, "", ".", "..", "²²..", "9" * 5_000, text + "A", text[:-1], "é" + text, text.upper()):
        with pytest.raises(HttpProblem):
            confirmations.verify(wrong, "a", {"b": 1})
    with pytest.raises(HttpProblem):
        Confirmations(b"K" * 32, clock).verify(text, "a", {"b": 1})


def test_replicas_share_a_key(engine: sa.Engine) -> None:
    key = read_signing_key(engine)
    assert len(key) == 32 and read_signing_key(engine) == key


def test_what_the_vendor_refuses_may_be_sent_again_by_its_confirmation(agents: AgentBench) -> None:
    inner = agents.bench.vendor.answer

    async def script(_: Client, call: Call) -> None:
        _, planned = await call("create_record", **NEW)
        confirmed = {**NEW, "confirmation": planned["confirmation"]}
        agents.bench.vendor.answer = lambda got: (422, {"message": "no"})
        failed, error = await call("create_record", **confirmed)
        assert failed and (error["error"]["kind"], error["error"]["retry"]) == ("invalid_request", "corrected")
        agents.bench.vendor.answer = inner
        assert (await call("create_record", **confirmed))[1]["sent"]

    agents.converse(script, agents.issue(*WRITE))


def test_what_may_have_been_written_is_not_sent_again(agents: AgentBench) -> None:
    async def script(_: Client, call: Call) -> None:
        _, planned = await call("create_record", **NEW)
        confirmed = {**NEW, "confirmation": planned["confirmation"]}
        agents.bench.vendor.answer = lambda got: (500, {})
        kinds = []
        for _ in range(2):
            failed, error = await call("create_record", **confirmed)
            assert failed and error["error"]["retry"] == "check"
            kinds.append(error["error"]["kind"])
        assert kinds == ["vendor_unavailable", "unknown_result"]
        assert len(list_writes(agents)) == 1

    agents.converse(script, agents.issue(*WRITE))


def test_a_read_only_token_cannot_use_a_confirmation(agents: AgentBench) -> None:
    async def script(_: Client, call: Call) -> None:
        failed, error = await call("create_record", **NEW, confirmation="1.a.b")
        assert failed and error["error"]["kind"] == "forbidden"

    agents.converse(script, agents.issue(*READ))
    assert list_writes(agents) == []


def test_another_replica_sends_what_the_first_one_planned(agents: AgentBench, tmp_path: Path) -> None:
    confirmed: dict[str, Any] = {}
    token = agents.issue(*WRITE)

    async def plan(_: Client, call: Call) -> None:
        _, planned = await call("create_record", **NEW)
        confirmed.update(NEW, confirmation=planned["confirmation"])

    async def send(_: Client, call: Call) -> None:
        assert (await call("create_record", **confirmed))[1]["sent"]

    async def send_again(_: Client, call: Call) -> None:
        assert not (await call("create_record", **confirmed))[1]["sent"]

    agents.converse(plan, token)
    with open_agent_bench(tmp_path, store=agents.bench.location) as other:
        other.converse(send, token)
        assert list_writes(other) == [("POST", "/v1/people")]
    agents.converse(send_again, token)
    assert list_writes(agents) == []
