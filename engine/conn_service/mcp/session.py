"""The tools of one account, for one caller: check a call, run it, and return its result."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from conn_engine.config import Effective, OperationName
from conn_engine.diagnostics import did_you_mean
from conn_engine.errors import ConnError
from conn_engine.releases.translating import translate_store_error
from conn_engine.runtime.agent_tools import (
    DEFAULT_RECORDS,
    METHODS,
    MOST_RECORDS,
    AgentTool,
    build_agent_tools,
    find_agent_resources,
    select_allowed,
)
from conn_service.agent_text import format_for_agent
from conn_service.http.calls import CallWords, UnifiedPath
from conn_service.http.contracts import find_contract
from conn_service.http.idempotency import KeptAnswer, fingerprint
from conn_service.http.problems import HttpProblem, describe_problem
from conn_service.http.request_record import RequestRecord
from conn_service.http.single_writes import SingleWrites, may_have_written
from conn_service.http.unified import Permit, UnifiedAnswer, UnifiedApi
from conn_service.mcp.arguments import build_query, check_arguments, check_method, read_arguments
from conn_service.mcp.confirmations import CONFIRMATION_SECONDS, Confirmations
from conn_service.mcp.pages import ListingPlace, select_records
from conn_service.mcp.resource_descriptions import describe_resource
from conn_service.mcp.results import (
    ToolResult,
    describe_failure,
    format_data,
    format_members,
    format_record,
    format_resources,
)

__all__ = ["AGENT_WORDS", "AgentAccount", "AgentSession", "build_agent_account"]

_LOG = logging.getLogger(__name__)
AGENT_WORDS: Final = CallWords("values", "query", "describe_resource")
_VERBS: Final[Mapping[str, str]] = {
    "list": "GET", "get": "GET", "create": "POST", "update": "PATCH", "delete": "DELETE",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AgentAccount:
    """An account in one revision of the configuration, and its resources with their methods: whether each writes."""

    name: str
    revision: str
    effective: Effective
    resources: Mapping[str, Mapping[str, bool]]


def build_agent_account(revision: str, effective: Effective) -> AgentAccount:
    """Return an account for the sessions of agents."""
    return AgentAccount(str(effective.account), revision, effective, find_agent_resources(effective))


@dataclass(frozen=True)
class AgentSession:
    """Runs the tools of an account. `caller` is who uses them, `reads` and `writes` say which there are, and `permit`
    decides on each operation. `widening` tells how the others are allowed. A call has `seconds`. `record` learns what
    it was."""

    account: AgentAccount
    unified: UnifiedApi
    once: SingleWrites
    confirmations: Confirmations
    permit: Permit
    caller: str = ""
    reads: bool = True
    writes: bool = False
    widening: str = ""
    seconds: float = 60.0
    shows_vendor: bool = False
    record: RequestRecord = field(default_factory=lambda: RequestRecord("", ""))

    @cached_property
    def tools(self) -> Mapping[str, AgentTool]:
        """The tools that the caller may use, by name."""
        tools = build_agent_tools(self.account.resources, reads=self.reads, writes=self.writes)
        return {tool.name: tool for tool in tools}

    @cached_property
    def resources(self) -> Mapping[str, Mapping[str, bool]]:
        """The resources, with the methods that the caller may use, and whether each writes."""
        return select_allowed(self.account.resources, reads=self.reads, writes=self.writes)

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Run a tool. Every error is a result."""
        is_sending = bool(arguments.get("confirmation"))
        try:
            async with asyncio.timeout(self.seconds):
                return ToolResult(await self._run(name, arguments))
        except Exception as error:
            problem = self._to_problem(error)
            self.record.kind, self.record.reason = problem.kind, problem.reason
            uncertain = error if isinstance(error, ConnError) else problem
            return describe_failure(problem, may_have_written=is_sending and may_have_written(uncertain))

    def _to_problem(self, error: Exception) -> HttpProblem:
        if isinstance(error, HttpProblem):
            return error
        if isinstance(error, SQLAlchemyError):
            error = translate_store_error(error, self.once.location)
        if isinstance(error, ConnError):
            return describe_problem(error, shows_vendor=self.shows_vendor)
        if isinstance(error, TimeoutError):
            return HttpProblem(504, "timeout", f"no result within {self.seconds:g} seconds")
        _LOG.exception("a tool of an agent failed")
        text = "the tool failed; the log of the service has the kind of the error"
        return HttpProblem(500, "internal", text, reason=type(error).__name__)

    async def _run(self, name: str, arguments: Mapping[str, Any]) -> str:
        tool = self._find_tool(name)
        given = read_arguments(arguments)
        check_arguments(tool, given, self.resources)
        match tool.name:
            case "list_records":
                return await self._list_records(given)
            case "get_record":
                answer = await self.unified.answer(*self._build_request("get", given), permit=self.permit)
                return format_members({"record": format_record(answer.data["result"])}, _find_failures(answer))
            case "list_resources":
                return format_resources(self.resources, given.get("search", ""))
            case "describe_resource":
                resource = given["resource"]
                effective, methods = self.account.effective, self.resources[resource]
                return await asyncio.to_thread(describe_resource, effective, resource, list(methods))
            case "call_method":
                self._check_method(given)
                if not self.resources[given["resource"]][given["method"]]:
                    return await self._read_by_method(given)
        confirmation = given.pop("confirmation", "")
        return await (self._send(tool, given, confirmation) if confirmation else self._plan(tool, given))

    def _find_tool(self, name: str) -> AgentTool:
        tool = self.tools.get(name)
        if tool is not None:
            return tool
        everything = build_agent_tools(self.account.resources)
        if any(tool.name == name for tool in everything):
            raise HttpProblem(403, "forbidden", f"{name} is not allowed here", self.widening)
        fix = did_you_mean(name[:100], self.tools) or f"use one of: {', '.join(self.tools)}"
        raise HttpProblem(404, "unknown", f'there is no tool "{name[:100]}"', fix)

    def _check_method(self, arguments: Mapping[str, Any]) -> None:
        """Raise HttpProblem for a method that the caller may not call by its name, or not with these arguments."""
        model, _, resource = arguments["resource"].partition("/")
        allowed, method = self.resources[arguments["resource"]], arguments["method"]
        if method not in allowed and method in self.account.resources[arguments["resource"]]:
            raise HttpProblem(403, "forbidden", f"{method} is not allowed here", self.widening)
        check_method(arguments, {name: writes for name, writes in allowed.items() if name not in METHODS})
        name = OperationName("unified", model, resource, method)
        if find_contract(self.account.effective, name).has_id != ("id" in arguments):
            text, fix = ("takes no id", "leave id out") if "id" in arguments else ("needs an id", "pass id")
            raise HttpProblem(400, "invalid_request", f"{method} {text}", fix)

    async def _read_by_method(self, arguments: Mapping[str, Any]) -> str:
        answer = await self.unified.answer(*self._build_request(arguments["method"], arguments), permit=self.permit)
        result = answer.data["result"]
        if not isinstance(result, list):
            return format_members({"result": format_record(result)}, _find_failures(answer))
        shown = select_records(result, MOST_RECORDS)
        is_cut = len(shown) < len(result) or answer.data.get("next_cursor") is not None
        more = "there are more, which are not returned: pass values or a query that find less" if is_cut else None
        return format_members({"records": f"[{','.join(shown)}]"}, {"more": more, **_find_failures(answer)})

    def _build_request(self, method: str, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the arguments of `UnifiedApi.answer`."""
        model, _, resource = arguments["resource"].partition("/")
        path = UnifiedPath(model, resource, arguments.get("id"), None if method in _VERBS else method)
        return self.account.name, path, _VERBS.get(method, "POST"), build_query(arguments), arguments.get("values")

    async def _list_records(self, arguments: Mapping[str, Any]) -> str:
        most = arguments.get("limit", DEFAULT_RECORDS)
        listing = (arguments["resource"], arguments.get("query", {}))
        place = ListingPlace.read(arguments.get("cursor"), most, *listing)
        account, path, verb, query, _ = self._build_request("list", arguments)
        query += [("limit", str(place.size)), *([("cursor", place.cursor)] if place.cursor else [])]
        answer = await self.unified.answer(account, path, verb, query, None, permit=self.permit)
        records = answer.data["result"][place.skipped :]
        shown = select_records(records, most)
        following = place.find_next(len(shown), len(records) - len(shown), answer.data["next_cursor"])
        members = {"records": f"[{','.join(shown)}]"}
        if following is not None:
            members["next_cursor"] = format_for_agent(str(following))
        completeness = answer.data.get("completeness") if following is None else None
        return format_members(members, {"completeness": completeness, **_find_failures(answer)})

    async def _plan(self, tool: AgentTool, arguments: Mapping[str, Any]) -> str:
        method = tool.method or arguments["method"]
        planned = await self.unified.plan(*self._build_request(method, arguments), permit=self.permit)
        operation = f"{arguments['resource'].replace('/', '.')}.{method}"
        plan: dict[str, Any] = {"account": self.account.name, "operation": operation}
        if planned is not None:
            plan |= {"request": {"method": planned.method, "url": planned.url, "body": planned.body}}
            plan |= {"more_requests_follow": True if planned.purpose == "step" else None}
        return format_data(
            {
                "sent": False,
                "plan": plan,
                "confirmation": self.confirmations.issue(*self._bind(tool, arguments)),
                "expires_in_seconds": CONFIRMATION_SECONDS,
                "next": f"to send it, call {tool.name} with the same arguments and this confirmation",
            }
        )

    async def _send(self, tool: AgentTool, arguments: Mapping[str, Any], confirmation: str) -> str:
        nonce = self.confirmations.verify(confirmation, *self._bind(tool, arguments))
        request = self._build_request(tool.method or arguments["method"], arguments)
        kind = "result" if tool.method is None else "record"

        def work() -> Awaitable[UnifiedAnswer]:
            return self.unified.answer(*request, permit=self.permit)

        answer = await self.once.run(self.account.name, f"agent-{nonce}", fingerprint(tool.name, arguments), work)
        if not isinstance(answer, KeptAnswer):
            return format_data({"sent": True, kind: answer.data["result"], **_find_failures(answer)})
        if answer.state != "done":
            raise HttpProblem(
                409,
                "unknown_result",
                "the confirmation was used: its write is at work, or its result is unknown",
                "look whether it was written before you plan it again",
            )
        note = "the confirmation was used before: this is its result, and nothing was sent again"
        return format_data({"sent": False, kind: answer.data["result"], "note": note})

    def _bind(self, tool: AgentTool, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return what a confirmation is for."""
        return self.caller, self.account.name, self.account.revision, tool.name, arguments


def _find_failures(answer: UnifiedAnswer) -> dict[str, Any]:
    """Return the fields that are missing in records because their expressions fail, if there are any."""
    return {"failed_fields": [problem["field"] for problem in answer.data.get("problems", ())] or None}
