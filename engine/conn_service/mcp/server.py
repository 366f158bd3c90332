"""The protocol's requests of one session: list the tools, and call one."""

from typing import Any

from mcp import types
from mcp.server.lowlevel import Server

from conn_engine.runtime.agent_tools import INSTRUCTIONS, AgentTool
from conn_service.mcp.session import AgentSession

__all__ = ["build_session_server"]


def build_session_server(version: str, session: AgentSession) -> Server[Any]:
    """Return a server for the tools of a session."""

    async def list_tools(_: Any, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_describe(tool) for tool in session.tools.values()])

    async def call_tool(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        result = await session.call(params.name, params.arguments or {})
        content: list[Any] = [types.TextContent(type="text", text=result.text)]
        return types.CallToolResult(content=content, is_error=result.is_error)

    return Server("conn", version=version, instructions=INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool)


def _describe(tool: AgentTool) -> types.Tool:
    hints = types.ToolAnnotations(
        read_only_hint=not tool.writes,
        destructive_hint=tool.writes and tool.method != "create",
        idempotent_hint=None if tool.writes else True,
        open_world_hint=True,
    )
    return types.Tool(name=tool.name, description=tool.description, input_schema=tool.schema, annotations=hints)
