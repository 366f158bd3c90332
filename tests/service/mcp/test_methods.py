"""`call_method`: the methods of a resource that are not list, get, create, update and delete."""

from collections.abc import Iterator
from typing import Any

import pytest
from agent_bench import READ, WRITE, AgentBench, Call, open_agent_bench
from mcp import Client
from service_bench import CONNECTOR, CRM

PEOPLE = "crm/contacts"
FIND = "    find: {{ method: post, path: /people/find, writes: false, response_path: items }}\n"
METHODS = """\
    search:
      resource: people
      method: find
      query_mapping: { size: query.size }
      request_body_mapping: { text: body.text }
      response_mapping: { id: $string(response.id), first_name: response.name }
    act: { resource: people, method: "{{ query.how = 'merge' ? 'merge' : 'find' }}", path_mapping: { id: body.id } }
"""
SEARCH = {"resource": PEOPLE, "method": "search", "values": {"text": "P"}}
MERGE = {"resource": PEOPLE, "method": "merge", "id": "1"}


@pytest.fixture(scope="module")
def module_agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentBench]:
    files = {"connectors/shop/unified/crm.yaml": CRM + METHODS}
    with open_agent_bench(tmp_path_factory.mktemp("agents"), connector=CONNECTOR + FIND, files=files) as made:
        yield made


@pytest.fixture
def sent(agents: AgentBench) -> list[tuple[str, str, Any]]:
    """What the vendor gets: the method, the path and the body."""
    found: list[tuple[str, str, Any]] = []

    def answer(got: Any) -> Any:
        found.append((got.method, got.path, got.data))
        return {"items": [{"id": 7, "name": "P7"}]} if got.path.endswith("find") else (204, None)

    agents.bench.vendor.answer = answer
    return found


def test_a_method_that_reads_needs_the_scope_to_read(agents: AgentBench, sent: list[Any]) -> None:
    async def script(client: Client, call: Call) -> None:
        tool = (await client.list_tools()).tools[-1]
        assert (tool.name, tool.annotations and tool.annotations.read_only_hint) == ("call_method", True)
        assert tool.input_schema["properties"]["resource"]["enum"] == [PEOPLE]
        assert "confirmation" not in tool.input_schema["properties"]
        _, described = await call("describe_resource", resource=PEOPLE)
        assert list(described["operations"]) == ["list", "get"]
        search = {"writes": False, "id": False, "query": ["size"], "other_values": {"text": "any"}}
        assert described["methods"] == {"search": search}
        found = {"records": [{"id": "7", "first_name": "P7"}]}
        assert await call("call_method", **SEARCH, query={"size": 3}) == (False, found)
        for method in ("merge", "act"):
            failed, error = await call("call_method", resource=PEOPLE, method=method)
            assert failed and error["error"]["kind"] == "forbidden" and "unified:write" in error["error"]["fix"]

    agents.converse(script, agents.issue(*READ))
    assert sent == [("POST", "/v1/people/find", {"text": "P"})]
    reads = agents.bench.issue("unified:read")
    assert agents.bench.ask("POST", f"/unified/{PEOPLE}/-/search", {"text": "P"}, token=reads).status_code == 200
    assert agents.bench.ask("POST", f"/unified/{PEOPLE}/-/act", token=reads).status_code == 403


def test_a_method_that_writes_is_sent_by_its_confirmation_and_only_once(agents: AgentBench, sent: list[Any]) -> None:
    async def script(client: Client, call: Call) -> None:
        tool = (await client.list_tools()).tools[-1]
        assert tool.annotations is not None and not tool.annotations.read_only_hint
        assert tool.annotations.destructive_hint
        _, described = await call("describe_resource", resource=PEOPLE)
        assert {name: row["writes"] for name, row in described["methods"].items()} == {
            "act": True,  # the caller decides what is sent
            "merge": True,
            "search": False,
        }
        failed, planned = await call("call_method", **MERGE)
        assert not failed and (planned["sent"], sent) == (False, [])
        assert planned["plan"]["operation"] == "crm.contacts.merge"
        assert planned["plan"]["request"]["url"].endswith("/v1/people/1/merge")
        confirmed = {**MERGE, "confirmation": planned["confirmation"]}
        failed, error = await call("call_method", **{**confirmed, "id": "2"})
        assert failed and "new plan" in error["error"]["fix"]
        answers = [await call("call_method", **confirmed) for _ in range(2)]
        assert [(failed, one["sent"], one["result"]) for failed, one in answers] == [
            (False, True, {"id": "1"}),
            (False, False, {"id": "1"}),
        ]

    agents.converse(script, agents.issue(*WRITE))
    assert sent == [("POST", "/v1/people/1/merge", None)]


def test_a_token_that_only_writes_calls_no_method_that_reads(agents: AgentBench, sent: list[Any]) -> None:
    async def script(_: Client, call: Call) -> None:
        failed, error = await call("call_method", **SEARCH)
        assert failed and error["error"]["kind"] == "forbidden"

    agents.converse(script, agents.issue("mcp", "unified:write"))
    assert sent == []


@pytest.mark.parametrize(
    ("arguments", "kind", "fix"),
    [
        ({"method": "serch"}, "unknown", "search"),
        ({"method": "x"}, "unknown", "use one of: act, merge, search"),
        ({"method": "list"}, "unknown", "the tool for it"),
        ({"method": 1}, "invalid_request", "schema"),
        ({}, "invalid_request", "pass method"),
        ({"method": "merge"}, "invalid_request", "pass id"),
        ({"method": "search", "id": "1"}, "invalid_request", "leave id out"),
        ({"method": "merge", "id": ".."}, "invalid_request", "the id of a record"),
        ({"method": "merge", "id": "1", "query": {"a": 1}}, "invalid_request", "use one of"),
        ({"method": "search", "values": {"txt": "P"}}, "invalid_request", "text"),
        ({"method": "search", "confirmation": "x"}, "invalid_request", "leave confirmation out"),
        ({"method": "merge", "id": "1", "confirmation": "x"}, "invalid_request", "new plan"),
        ({"method": "search", "arguments": {}}, "invalid_request", "use some of"),
    ],
)
def test_arguments_are_checked(
    agents: AgentBench, sent: list[Any], arguments: dict[str, Any], kind: str, fix: str
) -> None:
    async def script(_: Client, call: Call) -> None:
        failed, error = await call("call_method", resource=PEOPLE, **arguments)
        assert failed and (error["error"]["kind"], error["error"]["retry"]) == (kind, "corrected")
        assert fix in error["error"]["fix"]

    agents.converse(script, agents.issue(*WRITE))
    assert sent == []


def test_a_long_result_is_cut_and_says_so(agents: AgentBench) -> None:
    people = [{"id": number, "name": "x" * 1_500} for number in range(50)]
    agents.bench.vendor.answer = lambda got: {"items": people}

    async def script(_: Client, call: Call) -> None:
        failed, found = await call("call_method", **SEARCH)
        assert not failed and 5 < len(found["records"]) < 50 and "not returned" in found["more"]

    agents.converse(script, agents.issue(*READ))
