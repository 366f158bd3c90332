"""`conn auth adopt`: let a folder that is new to a workspace's stored log-ins use them."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.vault import WorkspaceVault

__all__ = ["adopt_command"]


def adopt_command(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. Required where there is nobody to ask.")] = False,
) -> None:
    """Let this folder, a moved or second checkout, use the log-ins that are stored for its workspace.

    Shows which folders use them now, and the hosts that each was issued for: no other host ever gets one.
    """
    from conn_engine.errors import UsageError
    from conn_engine.runtime.connection import vault_of

    app: App = context.obj
    workspace = app.workspace
    vault = vault_of(workspace, app.environ).store
    if vault is None:
        app.out("nothing is stored here: credentials come from the environment, which no folder has to adopt")
        return
    if not vault.adoptable:
        app.out(f"the log-ins of this workspace belong to its folder, {workspace.place}: there is nothing to adopt")
        app.out("an `id` in conn.yaml lets them move with the workspace")
        return
    folders = vault.folders
    if workspace.place in folders:
        app.out(f"{workspace.place} uses the log-ins of workspace {workspace.identity} already")
        return
    if not folders and not any(vault.issue_of(account) for account in workspace.accounts()):
        app.out(f"workspace {workspace.identity} has no log-ins yet: there is nothing to adopt")
        return
    _show(app, vault, folders)
    if not yes:
        if not app.interactive:
            raise UsageError("there is nobody to ask", hint="after reading the above: conn auth adopt --yes")
        answer = app.ask(f"let {workspace.place} use them too? [y/N]")
        if answer.strip().lower() not in ("y", "yes"):
            app.out("nothing was changed")
            return
    vault.adopt()
    app.out(f"{workspace.place} uses the log-ins of workspace {workspace.identity} from now on")


def _show(app: App, vault: "WorkspaceVault", folders: tuple[str, ...]) -> None:
    """Who uses the log-ins, and where each may go; also where this folder would send it."""
    from conn_engine.errors import ConnError
    from conn_engine.transport.hosts import covered

    workspace = app.workspace
    app.out(f"the log-ins of workspace {workspace.identity} are used by: {', '.join(folders) or 'no known folder'}")
    for account in workspace.accounts():
        issue = vault.issue_of(account)
        if issue is None:
            continue
        hosts = issue.hosts or ()
        app.out(f"  {account:<18} {', '.join(hosts) or 'for the hosts that it is used for first'}")
        try:
            wanted = workspace.effective(account=account).issued_hosts()
        except ConnError as error:
            app.out(f"  {'':<18} cannot be used here: {error.message}")
            continue
        others = [host for host in wanted if issue.hosts is not None and not covered(host, hosts)]
        if others:
            app.out(f"  {'':<18} needs a new log-in here for {', '.join(others)}")
