"""`conn auth adopt`: let another folder of a workspace use its stored log-ins."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.secrets.vault import WorkspaceVault

__all__ = ["adopt_command"]


def adopt_command(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Adopt without asking. Required without a terminal.")] = False,
) -> None:
    """Let this folder, a moved or second checkout, use its workspace's log-ins.

    Shows which folders use them now, and the hosts that each was issued for. No log-in is sent to another host.
    """
    from conn_engine.errors import UsageError
    from conn_engine.runtime.connection import vault_of

    app: App = context.obj
    workspace = app.workspace
    vault = vault_of(workspace, app.environ).store
    if vault is None:
        app.out("nothing to adopt: credentials come from the environment")
        return
    if not vault.adoptable:
        app.out(f"nothing to adopt: without an `id` in conn.yaml, log-ins belong to the folder {workspace.place}")
        app.out("add an `id` to let them move with the workspace")
        return
    folders = vault.folders
    if workspace.place in folders:
        app.out(f"{workspace.place} already uses the log-ins of workspace {workspace.identity}")
        return
    if not folders and not any(vault.issue_of(account) for account in workspace.accounts()):
        app.out(f"nothing to adopt: workspace {workspace.identity} has no log-ins yet")
        return
    _show(app, vault, folders)
    if not yes:
        if not app.interactive:
            raise UsageError(
                "input is not a terminal, so nobody can confirm",
                hint="check the folders and hosts above, then run: conn auth adopt --yes",
            )
        answer = app.ask(f"let {workspace.place} use them too? [y/N]")
        if answer.strip().lower() not in ("y", "yes"):
            app.out("nothing was changed")
            return
    vault.adopt()
    app.out(f"{workspace.place} can now use the log-ins of workspace {workspace.identity}")


def _show(app: App, vault: "WorkspaceVault", folders: tuple[str, ...]) -> None:
    """Show who uses the log-ins, the hosts that each may go to, and the other hosts that this folder needs."""
    from conn_engine.errors import ConnError
    from conn_engine.transport.hosts import covered

    workspace = app.workspace
    app.out(f"the log-ins of workspace {workspace.identity} are used by: {', '.join(folders) or 'no known folder'}")
    for account in workspace.accounts():
        issue = vault.issue_of(account)
        if issue is None:
            continue
        hosts = issue.hosts or ()
        app.out(f"  {account:<18} {', '.join(hosts) or 'bound at its first use'}")
        try:
            wanted = workspace.effective(account=account).issued_hosts()
        except ConnError as error:
            app.out(f"  {'':<18} cannot be used here: {error.message}")
            continue
        others = [host for host in wanted if issue.hosts is not None and not covered(host, hosts)]
        if others:
            app.out(f"  {'':<18} needs a new log-in here for {', '.join(others)}")
