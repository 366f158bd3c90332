"""`conn studio`: the page beside the recordings."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_service.studio.page_server import PageServer

__all__ = ["NoOpen", "Port", "ReadOnly", "serve_page", "studio"]

Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: a free one.")]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Show everything, and save nothing.")]
NoOpen = Annotated[bool, typer.Option("--no-open", help="Print the URL only, and open no browser.")]


def studio(context: typer.Context, *, port: Port = 0, read_only: ReadOnly = False, no_open: NoOpen = False) -> None:
    """Edit mappings in a page, beside the vendor's records.

    The page shows what each expression makes of the recordings, and what an edit changes for every account, before
    anything is saved. It is for this machine only, and needs no network. Ctrl-C ends it.

    \b
    Example:
      conn studio
    """
    serve_page(context.obj, "/", port=port, is_read_only=read_only, opens=not no_open)


def serve_page(app: App, path: str, *, port: int, is_read_only: bool, opens: bool) -> None:
    """Serve the page until Ctrl-C, and open it at a path. Raises UsageError if a package is missing."""
    from conn_cli.consent_login import open_browser
    from conn_cli.release_options import find_actor, find_release_store
    from conn_cli.service_options import explain_missing, find_service_store

    try:
        from conn_service.studio.page_server import open_page_server
    except ModuleNotFoundError as error:
        raise explain_missing(error, "conn studio", "studio") from None
    server: PageServer = open_page_server(
        app.workspace.root,
        port,
        is_read_only=is_read_only,
        store=find_release_store(app).full_text,
        service_store=find_service_store(app, None).full_text,
        actor=find_actor(app, None).by,
    )
    url = server.get_first_url(path)

    def say_started() -> None:
        app.err("the page of this workspace is open until Ctrl-C:", prose=False)
        app.write(url)
        if server.read_only_reason:
            app.err(f"read-only: {server.read_only_reason}")
        app.stderr.flush()
        app.stdout.flush()
        if opens:
            open_browser(url)

    server.run(say_started)
