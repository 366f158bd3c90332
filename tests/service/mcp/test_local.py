"""`conn mcp --account`: the same tools on standard input and output, from a workspace."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from io import StringIO
from pathlib import Path

import pytest
from agent_bench import AgentBench, Call, open_agent_bench, run_script
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from conn_cli.console import App
from conn_cli.main import execute
from conn_engine.config import load_workspace
from conn_engine.errors import CredentialError
from conn_service.mcp.local import open_local_session
from conn_service.mcp.server import build_session_server

NEW = {"resource": "crm/contacts", "values": {"first_name": "Ada"}}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("local")


@pytest.fixture(scope="module")
def module_agents(root: Path) -> AgentBench:  # type: ignore[misc]
    with open_agent_bench(root) as made:
        yield made


def converse(
    root: Path,
    agents: AgentBench,
    script: Callable[[Client, Call], Awaitable[None]],
    *,
    account: str = "acme",
    writes: bool = False,
) -> None:
    """Run a script against the server of an account, in this process."""
    bench = agents.bench

    async def run() -> None:
        session = open_local_session(load_workspace(root), account, bench.vault, {}, bench.clock, writes=writes)
        async with session as opened:
            await run_script(build_session_server("1", opened), script)

    asyncio.run(asyncio.wait_for(run(), 60))


def test_an_agent_reads_and_writes_only_if_allowed(root: Path, agents: AgentBench) -> None:
    async def read(client: Client, call: Call) -> None:
        assert [tool.name for tool in (await client.list_tools()).tools][1:] == ["list_records", "get_record"]
        _, page = await call("list_records", resource="crm/contacts", limit=1)
        assert page["records"][0]["id"] == "1" and page["next_cursor"]
        failed, error = await call("create_record", **NEW)
        assert failed and error["error"]["fix"] == "start conn mcp with --allow-writes"

    converse(root, agents, read)
    assert {got.method for got in agents.bench.vendor.arrived} == {"GET"}


def test_a_write_is_sent_once_after_its_plan(root: Path, agents: AgentBench) -> None:
    async def write(_: Client, call: Call) -> None:
        _, planned = await call("create_record", **NEW)
        confirmed = {**NEW, "confirmation": planned["confirmation"]}
        answers = [(await call("create_record", **confirmed))[1] for _ in range(2)]
        assert [answer["sent"] for answer in answers] == [True, False]
        assert [answer["record"]["id"] for answer in answers] == ["9", "9"]
        agents.bench.vendor.answer = lambda got: (422, {})
        _, planned = await call("create_record", **NEW)
        for _ in range(2):
            failed, error = await call("create_record", **NEW, confirmation=planned["confirmation"])
            assert failed and error["error"]["kind"] == "invalid_request"

    converse(root, agents, write, writes=True)
    assert [got.method for got in agents.bench.vendor.arrived] == ["POST"] * 3


def test_an_account_without_a_login_ends_the_server_at_once(root: Path, agents: AgentBench) -> None:
    async def script(_: Client, call: Call) -> None:
        pytest.fail("the server runs")

    with pytest.raises(CredentialError, match="empty"):
        converse(root, agents, script, account="empty")


@pytest.mark.parametrize(
    ("line", "code", "fix"),
    [
        (["mcp"], 2, "conn mcp --account ACCOUNT"),
        (["mcp", "--allow-writes"], 2, "conn mcp --account ACCOUNT"),
        (["mcp", "--account", "acme", "--authoring"], 2, "omit one of them"),
        (["mcp", "--authoring", "--allow-writes"], 2, "omit one of them"),
        (["mcp", "--account", "acme", "--read-only"], 2, "omit one of them"),
        (["mcp", "--account", "acne"], 2, "acme"),
        (["mcp", "--account", "acme"], 5, "conn auth login acme"),
    ],
)
def test_a_wrong_line_says_what_to_do(root: Path, line: list[str], code: int, fix: str, agents: AgentBench) -> None:
    errors = StringIO()
    assert execute(line, App(folder=root, stdout=StringIO(), stderr=errors, environ={"CONN_NO_KEYRING": "1"})) == code
    assert fix in errors.getvalue()


@pytest.mark.slow
def test_the_command_serves_a_client_on_standard_input_and_output(root: Path, agents: AgentBench) -> None:
    program = f"import sys; sys.path[:] = {sys.path!r}; from conn_cli.main import main; main()"
    server = StdioServerParameters(
        command=sys.executable,
        args=["-c", program, "mcp", "--account", "acme"],
        cwd=root,
        env={"CONN_NO_KEYRING": "1", "CONN_ACME_TOKEN": "x", "HOME": os.environ.get("HOME", "")},
    )

    async def script(_: Client, call: Call) -> None:
        failed, page = await call("list_records", resource="crm/contacts", limit=1)
        assert not failed and page["records"] == [{"id": "1", "first_name": "P1", "email": "p1@example.com"}]

    asyncio.run(asyncio.wait_for(run_script(server, script), 120))
