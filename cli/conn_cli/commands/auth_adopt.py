"""`conn auth adopt`: let another folder of a workspace use its stored logins, or move them into a database."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.account_vault import VaultStore
from conn_cli.console import App
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.command_reports import AdoptableLogIn
    from conn_engine.reports import Report
    from conn_engine.secrets.vault import LayeredVault, WorkspaceVault

__all__ = ["adopt_command"]


def adopt_command(
    context: typer.Context,
    yes: Annotated[
        bool, typer.Option("--yes", help="Adopt without a prompt. Required if input is not a terminal.")
    ] = False,
    store: VaultStore = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Let a moved or second checkout use its workspace's logins.

    Shows which folders use them now, and the hosts that each was issued for. No login is sent to another host. With
    --store, moves the logins of this machine into the database, for workers and services on every machine.
    """
    from conn_cli.formatting import join_lines
    from conn_cli.report import write_report
    from conn_engine.runtime.wiring import vault_of

    app: App = context.obj
    vault = vault_of(app.workspace, app.environ)
    adoption = _Move(app, vault.store, local=vault, store=store) if store else _Adoption(app, vault.store)
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
        vault, workspace = self.vault, self.app.workspace
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
        if not self._confirm(f"let {workspace.place} use them too?", "conn auth adopt --yes", yes=yes):
            return
        vault.adopt()
        self.is_adopted = True
        self.lines.append(f"{workspace.place} can now use the logins of workspace {workspace.identity}")

    def _confirm(self, question: str, command: str, *, yes: bool) -> bool:
        """Return whether a person confirms what the lines show. Raises UsageError if no prompt is possible."""
        from conn_engine.errors import UsageError

        app = self.app
        if yes:
            return True
        if not app.interactive:
            raise UsageError(
                "input is not a terminal, so nobody can confirm", hint=f"check what is listed above, then run {command}"
            )
        for line in self.lines:
            app.err(line)
        answer = app.ask(f"{question} [y/N]")
        self.lines.clear()
        if answer.strip().lower() not in ("y", "yes"):
            self.lines.append("nothing was changed")
            return False
        return True

    def report(self) -> "Report":
        """Return what was found and done as a report."""
        from conn_engine.command_reports import AdoptReport

        workspace = self.app.workspace
        return AdoptReport(
            folder=str(workspace.place),
            workspace=workspace.identity,
            adopted=self.is_adopted,
            reason=self._describe_reason(),
            folders=[] if self.vault is None else list(self.folders),
            accounts=self.accounts,
        )

    def _describe_reason(self) -> str:
        """Return why the logins are not adopted, "" if they are."""
        return "" if self.is_adopted else "it was not confirmed" if self.accounts else self.lines[0]

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


@dataclass
class _Move(_Adoption):
    """The move of a workspace's logins from the store of this machine into a database.

    A login is first saved there, then deleted here: one that is interrupted is finished by the next call.
    """

    local: "LayeredVault | None" = None
    store: str = ""

    def run(self, *, yes: bool) -> None:
        """Move the logins, if there are any and a person confirms. Raises UsageError if no prompt is possible, and
        CredentialError for a folder that may not use them."""
        from conn_cli.account_vault import add_store, open_account_vault
        from conn_engine.diagnostics import pluralize
        from conn_engine.errors import CredentialError

        with open_account_vault(self.app, self.store, creates=True) as shared:
            names = self._find_accounts()
            if not names:
                self.lines.append("nothing to move: this machine has no login of the workspace")
                return
            self.lines.append(f"to be moved from the {self._kind} to the {shared.kind}: {', '.join(names)}")
            command = add_store("conn auth adopt --yes", self.store)
            if not self._confirm(f"move {pluralize(len(names), 'login')} into the database?", command, yes=yes):
                return
            self.lines.clear()
            for name in names:
                self._move(name, shared)
            self.is_adopted = not any(account.error for account in self.accounts)
        if not self.is_adopted:
            raise CredentialError(
                "some logins were not moved",
                hint=add_store("remove the one that is not used any more: conn auth logout ACCOUNT --local", self.store)
                + ", or without --store that of this machine",
            )

    def _describe_reason(self) -> str:
        return "" if self.is_adopted else next((one.error for one in self.accounts if one.error), self.lines[0])

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """No folder: what is in the database belongs to the workspace, whatever its folder is."""
        return ()

    @property
    def _kind(self) -> str:
        return self.vault.kind if self.vault is not None else "environment"

    def _find_accounts(self) -> list[str]:
        vault, local = self.vault, self.local
        if vault is None or local is None:
            return []
        names = self.app.workspace.accounts()
        return [name for name in names if not local.environment.has(name) and vault.find(name) is not None]

    def _move(self, name: str, shared: "LayeredVault") -> None:
        from conn_engine.command_reports import AdoptableLogIn
        from conn_engine.secrets.vault import Issue

        vault, error = self.vault, ""
        if vault is None:
            return
        with vault.exclusive(name), shared.exclusive(name):
            entry, existing = vault.find(name), shared.find(name)
            if entry is None:  # another process has moved it
                return
            issue = entry.issue or Issue()
            if existing is None:
                shared.save(name, entry.document, issue)
            elif existing.document != entry.document:
                error = f"the {shared.kind} has another login of {name}"
            if not error:
                vault.delete(name)
        hosts = None if issue.hosts is None else list(issue.hosts)
        self.accounts.append(AdoptableLogIn(account=name, hosts=hosts, other_hosts=[], error=error))
        self.lines.append(f"not moved: {error}" if error else f"moved the login of {name} to the {shared.kind}")
