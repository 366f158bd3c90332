"""Serve one client of the Model Context Protocol on standard input and output."""

from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

__all__ = ["serve_standard_streams"]


async def serve_standard_streams(server: Server[Any]) -> None:
    """Serve the client until it closes the streams."""
    async with stdio_server() as (messages, replies):
        await server.run(messages, replies, server.create_initialization_options())
