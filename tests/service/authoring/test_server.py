"""The authoring server, driven by the client of the MCP SDK: a connector from a document, and hostile calls."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from transcript import conn

from conn_cli.console import App
from conn_cli.main import execute
from conn_engine.secrets import Redactor
from conn_service.authoring import calls
from conn_service.authoring.calls import CallRunner
from conn_service.authoring.server import build_server
from conn_service.authoring.tools import AUTHORING_TOOLS

Call = Callable[..., Awaitable[tuple[bool, dict[str, Any]]]]
SECRET = "a-secret-of-this-machine-42"
DIVER = {"diver_no": 7, "given": "Ada", "surname": "Reef", "mail": "ada.reef@lanternfish-divers.com"}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Lanternfish", "version": "4"},
    "servers": [{"url": "https://api.lanternfish.example/v4"}],
    "components": {
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        "schemas": {
            "Diver": {
                "type": "object",
                "properties": {
                    "diver_no": {"type": "integer"},
                    **{name: {"type": "string"} for name in ("given", "surname", "mail")},
                },
            }
        },
    },
    "security": [{"key": []}],
    "paths": {
        "/divers": {
            "get": {
                "operationId": "listDivers",
                "parameters": [
                    {"name": name, "in": "query", "schema": {"type": "integer"}} for name in ("page", "per_page")
                ],
                "responses": {
                    "200": {
                        "description": "ok",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        "divers": {"type": "array", "items": {"$ref": "#/components/schemas/Diver"}},
                                        "total": {"type": "integer"},
                                    },
                                },
                                "example": {"divers": [DIVER], "total": 1},
                            }
                        },
                    }
                },
            }
        }
    },
}
MAPPING = """resources:
  contacts:
    response_mapping:
      id: $string(response.diver_no)
      first_name: response.given
      last_name: response.surname
      email: response.{mail}
    list: {{ resource: divers }}
"""
UNIFIED = "connectors/lanternfish/unified/crm.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    return tmp_path


def converse(
    root: Path,
    script: Callable[[Call], Awaitable[None]],
    *,
    read_only: bool = False,
    seconds: float = 60,
    clean: Callable[[str], str] = str,
) -> None:
    """Run a script of tool calls against the server of a workspace. Each call returns `is_error` and the result."""

    async def run() -> None:
        runner = CallRunner(root, "conn_cli.main", seconds)
        async with Client(build_server("1", runner, read_only=read_only, clean=clean)) as client:

            async def call(tool: str, /, **arguments: Any) -> tuple[bool, dict[str, Any]]:
                result = await client.call_tool(tool, arguments)
                assert sum(len(part.text) for part in result.content) < 30_000
                return result.is_error, json.loads(result.content[0].text)

            await script(call)

    asyncio.run(asyncio.wait_for(run(), 120))


@pytest.mark.slow
def test_an_agent_gets_from_a_document_to_a_tested_connector(root: Path) -> None:
    async def script(call: Call) -> None:
        _, made = await call("new", name="lanternfish", document=json.dumps(DOCUMENT))
        assert made["connectors"][0]["recordings"] == ["divers.list"]
        wrong = MAPPING.format(mail="email").removeprefix("resources:\n")
        _, written = await call("write_file", path=UNIFIED, text=wrong)
        assert [finding["code"] for finding in written["findings"]] == ["CFG101", "CFG103"]
        failed, error = await call("test")
        assert failed and (error["code"], error["span"]["file"], error["span"]["line"]) == ("CFG101", UNIFIED, 1)
        await call("write_file", path=UNIFIED, text=MAPPING.format(mail="email"))
        failed, recorded = await call(
            "record",
            operation="contacts.list",
            connector="lanternfish",
            body=json.dumps({"divers": [DIVER], "total": 1}),
        )
        assert not failed and recorded["records"] == 1
        _, tested = await call("test")
        (found,) = [one for one in tested["operations"][0]["findings"] if one["code"] == "MAP201"]
        assert "response.mail" in found["fix"] or "mail" in found["fix"]
        _, written = await call("write_file", path=UNIFIED, text=MAPPING.format(mail="mail"))
        assert written["findings"] == []
        await call("test", update=True)
        _, tested = await call("test")
        assert (tested["summary"]["failed"], tested["operations"]) == (0, [])
        assert {*tested["passed"]} == {"crm.contacts.list", "divers.list"}
        _, linted = await call("lint")
        assert linted["findings"] == []
        _, why = await call("why", operation="contacts.list", path="email", record="7", connector="lanternfish")
        assert "@" in why["value"] and DIVER["mail"] not in str(why)

    converse(root, script)
    assert (root / "connectors/lanternfish/expected").is_dir()


@pytest.mark.slow
def test_a_listing_of_several_pages_is_recorded_by_following_the_advice(root: Path) -> None:
    page = [{**DIVER, "diver_no": number} for number in range(2)]

    async def script(call: Call) -> None:
        await call("new", name="lanternfish", document=json.dumps(DOCUMENT))
        listing = {
            "operation": "divers.list",
            "connector": "lanternfish",
            "scenario": "pages",
            "params": {"per_page": 2},
        }
        first, second = (json.dumps({"divers": rows, "total": 3}) for rows in (page, page[:1]))
        _, recorded = await call("record", **listing, body=first)
        assert recorded["state"] == "stopped" and "with the argument pages" in recorded["reason"], recorded
        failed, error = await call("record", **listing, body=first, pages=[second])
        assert failed and error["fix"].startswith("add the argument force to replace it, or the argument scenario")
        _, recorded = await call("record", **listing, body=first, pages=[second], force=True)
        assert (recorded["state"], recorded["exchanges"], recorded["records"]) == ("complete", 2, 3)

    converse(root, script)


def test_the_tools_cost_few_tokens_and_refuse_unknown_arguments(root: Path) -> None:
    async def run(read_only: bool) -> list[Any]:
        async with Client(build_server("1", CallRunner(root, "conn_cli.main"), read_only=read_only)) as client:
            return (await client.list_tools()).tools

    tools = asyncio.run(run(False))
    rows = [{"name": tool.name, "description": tool.description, "schema": tool.input_schema} for tool in tools]
    assert len(json.dumps(rows, separators=(",", ":"))) < 3_800  # about 950 tokens
    assert all(tool.input_schema["additionalProperties"] is False for tool in tools)
    reading = {tool.name: tool for tool in asyncio.run(run(True))}
    assert AUTHORING_TOOLS.keys() - reading.keys() == {"new", "record", "write_file"}
    assert not any({"fix", "update", "write"} & tool.input_schema["properties"].keys() for tool in reading.values())


def test_a_read_only_server_writes_nothing(root: Path) -> None:
    before = sorted(root.rglob("*"))

    async def script(call: Call) -> None:
        for tool, arguments in (
            ("write_file", {"path": "a.yaml", "text": "a: 1"}),
            ("new", {"name": "one"}),
            ("test", {"update": True}),
            ("lint", {"fix": True}),
            ("override", {"account": "a", "resource": "b", "field": "c", "expression": "d", "write": True}),
        ):
            failed, error = await call(tool, **arguments)
            assert failed and error["code"] == "usage", tool

    converse(root, script, read_only=True)
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("nothing", {}, "usage"),
        ("show", {"nope": 1}, "usage"),
        ("eval", {}, "usage"),
        ("eval", {"expression": 1}, "usage"),
        ("eval", {"expression": "a\0b"}, "usage"),
        ("eval", {"expression": "a" * 30_000}, "size"),
        ("write_file", {"path": "a.yaml", "text": "a" * 6_000_000}, "size"),
        ("new", {"name": "one", "document": "a" * 10_000_000}, "size"),
        ("eval", {"expression": "a", "input": [SECRET]}, "SEC101"),
        ("write_file", {"path": "a.yaml", "text": f"key: {SECRET}"}, "SEC101"),
    ],
)
def test_bad_arguments_are_refused_before_anything_runs(
    tool: str, arguments: dict[str, Any], code: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "_LIMITED", "raise SystemExit('nothing may run')")
    redactor = Redactor()
    redactor.add(SECRET)

    async def script(call: Call) -> None:
        failed, error = await call(tool, **arguments)
        assert failed and error["code"] == code and error["message"] and error["fix"]
        assert SECRET not in str(error)

    converse(root, script, clean=redactor.text)


def test_values_are_not_read_as_options() -> None:
    for name, tool in AUTHORING_TOOLS.items():
        evil: dict[str, Any] = {"array": ["--evil"], "object": {"--evil": "--evil"}}
        arguments = {key: evil.get(schema.get("type"), "--evil") for key, schema in tool.properties.items()}
        words = tool.build(arguments).words
        options = words[: words.index("--")] if words else ()
        assert "--evil" not in options, name
        assert conn(Path(), *options, "--help").code == 0 or not words, name  # each option exists


@pytest.mark.slow
def test_an_endless_call_is_killed_and_the_server_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = AUTHORING_TOOLS["eval"]
    short = replace(tool, build=lambda arguments: replace(tool.build(arguments), seconds=8))
    monkeypatch.setitem(AUTHORING_TOOLS, "eval", short)  # type: ignore[arg-type]

    async def script(call: Call) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(
                calls,
                "_LIMITED",
                f"import os, time; open({str(root / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)",
            )
            failed, error = await call("eval", expression="a")
        assert failed and error["code"] == "timeout"
        with pytest.raises(ProcessLookupError):
            os.kill(int((root / "pid").read_text()), 0)
        answers = [await call("read_file", path="conn.yaml")]
        while answers[-1][0] and len(answers) < 3:  # on a busy machine, this call can take too long as well
            answers.append(await call("read_file", path="conn.yaml"))
        assert answers[-1][1]["lines"] == 1

    converse(root, script)


def test_a_module_in_the_workspace_is_never_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "yaml.py").write_text("raise SystemExit('the code of a workspace has run')")
    monkeypatch.setattr(sys, "path", ["", *sys.path])  # as for `python -m`

    async def script(call: Call) -> None:
        _, result = await call("list")
        assert result["kind"] == "workspace"

    converse(root, script)


@pytest.mark.slow
def test_an_endless_expression_is_an_error_with_a_code(root: Path) -> None:
    async def script(call: Call) -> None:
        failed, error = await call("eval", expression="($f := function($n){$f($n+1)}; $f(1))")
        assert failed and error["code"] == "expression"

    converse(root, script)


def test_a_call_has_no_variable_of_the_server(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONN_VAULT_KEY", SECRET)
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    monkeypatch.setattr(
        calls,
        "_LIMITED",
        "import json, os; print(json.dumps(dict(names=sorted(os.environ), values=str(os.environ))))",
    )

    async def script(call: Call) -> None:
        _, seen = await call("list")
        assert "CONN_NO_KEYRING" in seen["names"] and not {"CONN_VAULT_KEY", "SHOP_TOKEN"} & {*seen["names"]}
        assert SECRET not in str(seen)

    converse(root, script)


@pytest.mark.slow
def test_the_command_serves_a_client_on_standard_input_and_output(root: Path) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=[
            "-c",
            f"import sys; sys.path[:] = {sys.path!r}; from conn_cli.main import main; main()",
            "mcp",
            "--authoring",
        ],
        cwd=root,
        env={"CONN_NO_KEYRING": "1", "SHOP_TOKEN": SECRET},
    )

    async def run() -> None:
        async with Client(server) as client:
            result = await client.call_tool("write_file", {"path": "a.md", "text": f"the token {SECRET}"})
            assert result.is_error and SECRET not in result.content[0].text
            result = await client.call_tool("read_file", {"path": "."})
            assert json.loads(result.content[0].text)["entries"] == ["conn.yaml"]

    asyncio.run(asyncio.wait_for(run(), 60))


@pytest.mark.slow
def test_a_document_is_a_file_for_the_command_and_is_removed(root: Path) -> None:
    call = AUTHORING_TOOLS["new"].build({"name": "one", "document": "openapi: [", "only": "/a*"})
    assert call.words[-2:] == ("--", "{document 0}") and "--only=/a*" in call.words
    report, _ = asyncio.run(CallRunner(root, "conn_cli.main").run(replace(call, seconds=30)))
    assert report["code"].startswith("DOC") and not (root / "connectors").exists()


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "conn_service.authoring.server", raising=False)
    monkeypatch.setitem(sys.modules, "mcp", None)
    for line, fix in ((["mcp", "--authoring"], "pip install 'conn-engine[mcp]'"), (["mcp"], "conn mcp --authoring")):
        errors = StringIO()
        assert execute(line, App(folder=root, stdout=StringIO(), stderr=errors)) == 2
        assert fix in errors.getvalue()
