"""`conn mcp`: the servers for agents."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import refuse_together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conn_service.mcp.local import SessionParts


def mcp(
    context: typer.Context,
    *,
    account: Annotated[
        str | None, typer.Option("--account", "-a", help="Serve the tools that read the records of this account.")
    ] = None,
    allow_writes: Annotated[
        bool,
        typer.Option(
            "--allow-writes",
            help="Add the tools that create, update and delete records of the account, each after a plan.",
        ),
    ] = False,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="FILE|URL",
            help="Database of the service: use its accounts, overrides and credentials, too.",
        ),
    ] = None,
    authoring: Annotated[
        bool, typer.Option("--authoring", help="Serve the tools that write and test connectors in this workspace.")
    ] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Leave out the tools that write files of the workspace.")
    ] = False,
) -> None:
    """Serve an agent: tools for an account's records, or for authors.

    An agent starts this command and speaks the Model Context Protocol with it on standard input and output. With
    --account, the tools read the account's records at the vendor, with its stored credential. With --store, the account
    may be one that a customer has connected. With --authoring, the tools write and test connectors, and never send a
    request to a vendor. Neither takes nor returns a secret.

    \b
    Examples:
      conn mcp --account acme
      conn mcp --account acme --store postgresql://conn@db/conn
      conn mcp --authoring
    """
    import asyncio

    from conn_cli.error_output import learn_secrets
    from conn_engine.errors import UsageError

    app: App = context.obj
    if account is None and not authoring:
        choices = "conn mcp --account ACCOUNT (its records), or conn mcp --authoring (connectors)"
        raise UsageError("conn mcp needs to know what to serve", hint=choices)
    if authoring:
        refuse_together("--authoring", {"--account": account, "--allow-writes": allow_writes, "--store": store})
    else:
        refuse_together("--account", {"--read-only": read_only})
    learn_secrets(app)
    try:
        if account is None:
            work = _serve_authors(app, read_only=read_only)
        else:
            work = _serve_account(app, account, store, allow_writes=allow_writes)
        asyncio.run(work)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types", "anyio", "pydantic", "starlette"):
            raise
        raise UsageError(
            "conn mcp needs the package mcp, which is not installed", hint="install it: pip install 'conn-engine[mcp]'"
        ) from None


async def _serve_authors(app: App, *, read_only: bool) -> None:
    from conn_cli.version import installed_version
    from conn_service.authoring.calls import CallRunner
    from conn_service.authoring.server import build_server
    from conn_service.standard_streams import serve_standard_streams

    runner = CallRunner(app.workspace_root, "conn_cli.main")
    server = build_server(installed_version(), runner, read_only=read_only, clean=app.redactor.text)
    await serve_standard_streams(server)


async def _serve_account(app: App, account: str, store: str | None, *, allow_writes: bool) -> None:
    from conn_cli.version import installed_version
    from conn_engine.diagnostics import pluralize
    from conn_engine.runtime.agent_tools import count_definition_tokens
    from conn_service.mcp.local import open_local_session
    from conn_service.mcp.server import build_session_server
    from conn_service.standard_streams import serve_standard_streams

    with _open_parts(app, store) as parts:
        async with open_local_session(parts, account, app.environ, app.clock, writes=allow_writes) as session:
            tools = list(session.tools.values())
            tokens = count_definition_tokens(tools)
            app.err(f"serving {pluralize(len(tools), 'tool')} for {account}, about {pluralize(tokens, 'token')}")
            app.stderr.flush()
            await serve_standard_streams(build_session_server(installed_version(), session))


@contextmanager
def _open_parts(app: App, store: str | None) -> "Iterator[SessionParts]":
    """Open what the tools use: that of this machine, or with a store that of its service."""
    from conn_cli.database import check_exists
    from conn_cli.service_options import find_service_store
    from conn_engine.runtime.wiring import vault_of
    from conn_service.mcp.local import SessionParts, open_stored_parts

    if store is None:
        yield SessionParts(app.workspace, vault_of(app.workspace, app.environ))
        return
    location = find_service_store(app, store)
    check_exists(app, location)
    with open_stored_parts(app.workspace, location, app.environ, app.clock) as parts:
        yield parts
