"""The authoring server: the protocol's requests, checked and passed to the tools."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import jsonschema_rs
from mcp import types
from mcp.server.lowlevel import Server

from conn_engine.diagnostics import did_you_mean
from conn_service.authoring.advice import AdviceWriter
from conn_service.authoring.calls import CallRunner
from conn_service.authoring.results import describe_problem, format_result
from conn_service.authoring.tools import AUTHORING_TOOLS, INSTRUCTIONS, AuthoringTool

__all__ = ["build_server"]

_SHORT = 20_000
_LONG = 5_000_000
_LONG_ARGUMENTS = frozenset({"document", "body", "pages", "text", "input"})


def build_server(
    version: str, runner: CallRunner, *, read_only: bool = False, clean: Callable[[str], str] = str
) -> Server[Any]:
    """Return a server for one workspace. `clean` replaces the secrets that this process knows; a call with one is
    refused, and no result has one."""
    tools = {name: tool for name, tool in AUTHORING_TOOLS.items() if not (read_only and tool.writes)}
    schemas = {name: tool.build_schema(read_only=read_only) for name, tool in tools.items()}
    validators = {name: jsonschema_rs.validator_for(schema) for name, schema in schemas.items()}
    turn = asyncio.Lock()

    async def list_tools(_: Any, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_describe(name, tool, schemas[name]) for name, tool in tools.items()])

    async def call_tool(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        arguments = params.arguments or {}
        problem = _check_name(params.name, tools) or _check_arguments(arguments, validators[params.name], clean)
        if problem is not None:
            return _build_result(problem, "", clean)
        async with turn:  # one call writes or reads at a time
            report, notes = await runner.run(tools[params.name].build(arguments))
        advice = AdviceWriter(params.name, tools)
        return _build_result(advice.rewrite(report), advice.rewrite_text(notes), clean)

    return Server("conn", version=version, instructions=INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool)


def _describe(name: str, tool: AuthoringTool, schema: dict[str, Any]) -> types.Tool:
    return types.Tool(name=name, description=tool.description, input_schema=schema)


def _build_result(report: dict[str, Any], notes: str, clean: Callable[[str], str]) -> types.CallToolResult:
    texts = [format_result(report, clean), *([format_result({"notes": notes}, clean)] if notes.strip() else [])]
    content: list[Any] = [types.TextContent(type="text", text=text) for text in texts]
    return types.CallToolResult(content=content, is_error=report.get("kind") == "error")


def _check_name(name: str, tools: Mapping[str, AuthoringTool]) -> dict[str, Any] | None:
    if name in tools:
        return None
    if name in AUTHORING_TOOLS:
        return describe_problem("usage", f"{name} writes, and the server is read-only", "start it without --read-only")
    hint = did_you_mean(name[:100], list(tools)) or f"tools: {', '.join(tools)}"
    return describe_problem("usage", f'there is no tool "{name[:100]}"', hint)


def _check_arguments(
    arguments: Mapping[str, Any], validator: Any, clean: Callable[[str], str]
) -> dict[str, Any] | None:
    """Return the problem of arguments that do not match their schema, are too long, or have a secret."""
    try:
        text = json.dumps(arguments, ensure_ascii=False)
        text.encode()
    except (UnicodeEncodeError, RecursionError, ValueError):
        return describe_problem("usage", "the arguments are not text", "pass UTF-8 text without lone surrogates")
    for error in validator.iter_errors(arguments):
        path = ".".join(map(str, error.instance_path))
        return describe_problem("usage", error.message[:300], "see the tool's schema", path=path)
    for name, value in arguments.items():
        most = _LONG if name in _LONG_ARGUMENTS else _SHORT
        size = len(value) if isinstance(value, str) else len(json.dumps(value))
        if size > most:
            fix = "pass less, or write it to a file"
            return describe_problem("size", f"{name} has more than {most:,} characters", fix, path=name)
        if isinstance(value, str) and "\0" in value:
            return describe_problem("usage", f"{name} is binary", "pass text", path=name)
    if clean(text) != text:
        fix = "leave it out: the user stores credentials with conn auth login"
        return describe_problem("SEC101", "the arguments contain a secret of this machine", fix)
    return None
