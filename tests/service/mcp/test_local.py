"""`conn mcp --account`: the same tools on standard input and output, from a workspace."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
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
from conn_engine.releases.store_location import StoreLocation
from conn_service.mcp.local import SessionParts, open_local_session, open_stored_parts
from conn_service.mcp.server import build_session_server

STORE = "stored.sqlite3"
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
        parts = SessionParts(load_workspace(root), bench.vault)
        async with open_local_session(parts, account, {}, bench.clock, writes=writes) as opened:
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


OVERRIDDEN = """\
connector: shop
override: { unified: { crm: { contacts: { list: { response_mapping: { first_name: "response.name & '!'" } } } } } }
"""


@pytest.fixture(scope="module")
def stored(root: Path, module_agents: AgentBench) -> Mapping[str, str]:
    """A store with the account hooli and its credential. Returns the environment with the key of its vault."""
    environ = {"CONN_NO_KEYRING": "1", "CONN_VAULT_KEY": "a long key for tests"}
    (root / "hooli.yaml").write_text(OVERRIDDEN)
    for line, entered in (
        (["account", "create", "hooli", "--file", "hooli.yaml"], ""),
        (["account", "create", "new", "--connector", "shop"], ""),
        (["auth", "set", "hooli", "token"], "token-of-hooli\n"),
    ):
        errors = StringIO()
        app = App(folder=root, stdin=StringIO(entered), stdout=StringIO(), stderr=errors, environ=environ)
        assert execute([*line, "--store", STORE], app) == 0, errors.getvalue()
    return environ


def test_an_account_that_only_a_store_has(root: Path, agents: AgentBench, stored: Mapping[str, str]) -> None:
    bench, location = agents.bench, StoreLocation.read(STORE, root)

    async def script(_: Client, call: Call) -> None:
        failed, page = await call("list_records", resource="crm/contacts", limit=1)
        assert not failed and page["records"][0]["first_name"] == "P1!"

    async def run() -> None:
        workspace = load_workspace(root)
        assert not workspace.has_account("hooli")
        with open_stored_parts(workspace, location, stored, bench.clock) as parts:
            async with open_local_session(parts, "hooli", stored, bench.clock) as session:
                await run_script(build_session_server("1", session), script)

    asyncio.run(asyncio.wait_for(run(), 60))
    assert [got.headers["authorization"] for got in bench.vendor.arrived] == ["Bearer token-of-hooli"]


def test_without_a_login_or_the_key_of_the_vault_a_stored_account_is_refused(
    root: Path, stored: Mapping[str, str]
) -> None:
    for account, environ, fix in (
        ("new", stored, "conn auth login new"),
        ("hooli", {"CONN_NO_KEYRING": "1"}, "CONN_VAULT_KEY"),
    ):
        errors = StringIO()
        app = App(folder=root, stdout=StringIO(), stderr=errors, environ=environ)
        assert execute(["mcp", "--account", account, "--store", STORE], app) == 5
        assert fix in errors.getvalue() and "token-of-hooli" not in errors.getvalue()


@pytest.mark.parametrize(
    ("line", "code", "fix"),
    [
        (["mcp"], 2, "conn mcp --account ACCOUNT"),
        (["mcp", "--allow-writes"], 2, "conn mcp --account ACCOUNT"),
        (["mcp", "--account", "acme", "--authoring"], 2, "omit one of them"),
        (["mcp", "--authoring", "--allow-writes"], 2, "omit one of them"),
        (["mcp", "--account", "acme", "--read-only"], 2, "omit one of them"),
        (["mcp", "--authoring", "--store", STORE], 2, "omit one of them"),
        (["mcp", "--account", "hooly", "--store", STORE], 2, "hooli"),
        (["mcp", "--account", "acne"], 2, "acme"),
        (["mcp", "--account", "acme"], 5, "conn auth login acme"),
    ],
)
def test_a_wrong_line_says_what_to_do(
    root: Path, line: list[str], code: int, fix: str, stored: Mapping[str, str]
) -> None:
    errors = StringIO()
    assert execute(line, App(folder=root, stdout=StringIO(), stderr=errors, environ={"CONN_NO_KEYRING": "1"})) == code
    assert fix in errors.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "first_name"), [(["--account", "acme"], "P1"), (["--account", "hooli", "--store", STORE], "P1!")]
)
def test_the_command_serves_a_client_on_standard_input_and_output(
    root: Path, stored: Mapping[str, str], arguments: list[str], first_name: str
) -> None:
    program = f"import sys; sys.path[:] = {sys.path!r}; from conn_cli.main import main; main()"
    server = StdioServerParameters(
        command=sys.executable,
        args=["-c", program, "mcp", *arguments],
        cwd=root,
        env={**stored, "CONN_ACME_TOKEN": "x", "HOME": os.environ.get("HOME", "")},
    )

    async def script(_: Client, call: Call) -> None:
        failed, page = await call("list_records", resource="crm/contacts", limit=1)
        assert not failed
        assert page["records"] == [{"id": "1", "first_name": first_name, "email": "p1@example.com"}]

    asyncio.run(asyncio.wait_for(run_script(server, script), 120))
