"""`conn mcp`: the server for agents."""

from typing import Annotated

import typer

from conn_cli.console import App


def mcp(
    context: typer.Context,
    *,
    authoring: Annotated[
        bool, typer.Option("--authoring", help="Serve the tools that write and test connectors in this workspace.")
    ] = False,
    read_only: Annotated[bool, typer.Option("--read-only", help="Leave out the tools that write files.")] = False,
) -> None:
    """Serve an agent: tools that write and test connectors.

    An agent starts this command and speaks the Model Context Protocol with it on standard input and output. The tools
    never send a request to a vendor, and neither take nor return a secret.

    \b
    Example:
      conn mcp --authoring
    """
    import asyncio

    from conn_cli.error_output import learn_secrets
    from conn_cli.version import installed_version
    from conn_engine.errors import UsageError

    app: App = context.obj
    if not authoring:
        raise UsageError("conn mcp needs to know what to serve", hint="conn mcp --authoring")
    try:
        from conn_service.authoring.calls import CallRunner
        from conn_service.authoring.server import build_server, serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types", "anyio", "pydantic"):
            raise
        raise UsageError(
            "conn mcp needs the package mcp, which is not installed", hint="install it: pip install 'conn-engine[mcp]'"
        ) from None
    learn_secrets(app)
    runner = CallRunner(app.workspace_root, "conn_cli.main")
    server = build_server(installed_version(), runner, read_only=read_only, clean=app.redactor.text)
    asyncio.run(serve(server))
