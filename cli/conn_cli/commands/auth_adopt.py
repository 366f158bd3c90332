"""`conn auth adopt`: let another folder of a workspace use its stored logins."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.command_reports import AdoptableLogIn
    from conn_engine.reports import Report
    from conn_engine.secrets.vault import WorkspaceVault

__all__ = ["adopt_command"]


def adopt_command(
    context: typer.Context,
    yes: Annotated[
        bool, typer.Option("--yes", help="Adopt without a prompt. Required if input is not a terminal.")
    ] = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Let a moved or second checkout use its workspace's logins.

    Shows which folders use them now, and the hosts that each was issued for. No login is sent to another host.
    """
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_engine.runtime.wiring import vault_of

    app: App = context.obj
    adoption = _Adoption(app, vault_of(app.workspace, app.environ).store)
    try:
        adoption.run(yes=yes)
    finally:
        if adoption.lines:
            text = {"text": lambda: join_lines(adoption.lines)}
            write_report(adoption.report, formats or [], text, app, folder=app.folder)


@dataclass
class _Adoption:
    """The adoption of a workspace's logins by its folder; `lines` show what was found and done so far."""

    app: App
    vault: "WorkspaceVault | None"
    lines: list[str] = field(default_factory=list)
    is_adopted: bool = False
    accounts: "list[AdoptableLogIn]" = field(default_factory=list)

    def run(self, *, yes: bool) -> None:
        """Adopt the logins, if there are any and a person confirms. Raises UsageError if no prompt is possible."""
        from conn_engine.errors import UsageError

        app, vault, workspace = self.app, self.vault, self.app.workspace
        if vault is None:
            self.lines.append("nothing to adopt: credentials come from the environment")
            return
        if not vault.adoptable:
            place = workspace.place
            self.lines += [
                f"nothing to adopt: without an `id` in conn.yaml, logins belong to the folder {place}",
                "add an `id` to let them move with the workspace",
            ]
            return
        if workspace.place in vault.folders:
            self.lines.append(f"{workspace.place} already uses the logins of workspace {workspace.identity}")
            return
        if not vault.folders and not any(vault.issue_of(account) for account in workspace.accounts()):
            self.lines.append(f"nothing to adopt: workspace {workspace.identity} has no logins yet")
            return
        self._show(vault)
        if not yes:
            if not app.interactive:
                raise UsageError(
                    "input is not a terminal, so nobody can confirm",
                    hint="check the folders and hosts above, then run conn auth adopt --yes",
                )
            for line in self.lines:
                app.err(line)
            answer = app.ask(f"let {workspace.place} use them too? [y/N]")
            self.lines.clear()
            if answer.strip().lower() not in ("y", "yes"):
                self.lines.append("nothing was changed")
                return
        vault.adopt()
        self.is_adopted = True
        self.lines.append(f"{workspace.place} can now use the logins of workspace {workspace.identity}")

    def report(self) -> "Report":
        """Return what was found and done as a report."""
        from conn_engine.command_reports import AdoptReport

        workspace = self.app.workspace
        return AdoptReport(
            folder=str(workspace.place),
            workspace=workspace.identity,
            adopted=self.is_adopted,
            reason="" if self.is_adopted else "it was not confirmed" if self.accounts else self.lines[0],
            folders=[] if self.vault is None else list(self.folders),
            accounts=self.accounts,
        )

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """The folders that used the logins before."""
        return () if self.vault is None else self.vault.folders

    def _show(self, vault: "WorkspaceVault") -> None:
        """Show the folders that use the logins, and for each login its hosts and the other hosts needed here."""
        from conn_engine.command_reports import AdoptableLogIn
        from conn_engine.errors import ConnError
        from conn_engine.transport.hosts import is_covered

        workspace, lines = self.app.workspace, self.lines
        folders = ", ".join(self.folders) or "no known folder"
        lines.append(f"the logins of workspace {workspace.identity} are used by: {folders}")
        for account in workspace.accounts():
            issue = vault.issue_of(account)
            if issue is None:
                continue
            hosts = issue.hosts or ()
            lines.append(f"  {account:<18} {', '.join(hosts) or 'bound at its first use'}")
            others: list[str] = []
            error = ""
            try:
                needed = workspace.effective(account=account).issued_hosts()
                others = [host for host in needed if issue.hosts is not None and not is_covered(host, hosts)]
            except ConnError as failure:
                error = failure.message
                lines.append(f"  {'':<18} cannot be used here: {error}")
            if others:
                lines.append(f"  {'':<18} needs a new login here for {', '.join(others)}")
            bound_hosts = None if issue.hosts is None else list(issue.hosts)
            self.accounts.append(AdoptableLogIn(account=account, hosts=bound_hosts, other_hosts=others, error=error))
