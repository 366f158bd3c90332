"""Change an account in the files of the workspace, or in the store of the service, with the same checks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import Signature, signature
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from conn_cli.account_vault import add_store, open_vault_engine, open_workers_vault
from conn_cli.console import App
from conn_cli.options import Formats, format_option
from conn_cli.service_options import open_service_engine

if TYPE_CHECKING:
    from conn_engine.analysis.field_overrides import OverrideDraft
    from conn_engine.command_reports import AccountChangeReport
    from conn_engine.config import Workspace
    from conn_service.revisions import (
        Changes,
        CheckedRevision,
        CredentialRemoval,
        FolderChanges,
        RefusedChangeError,
        Revision,
        RevisionRequest,
    )

__all__ = [
    "Accept",
    "ChangeOptions",
    "CheckedChannel",
    "DryRun",
    "EditedStore",
    "Reason",
    "change_account",
    "describe_refusal",
    "open_changes",
    "save_override",
    "take_change_options",
]

EditedStore = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="FILE|URL",
        help="Make a revision in this database of the service. Default: change the file in the workspace.",
        show_default=False,
    ),
]
CheckedChannel = Annotated[
    str | None,
    typer.Option(
        "--channel",
        metavar="NAME",
        help="With --store: check against the release that this channel serves. Default: the workspace.",
    ),
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; stored with the revision.")]
Accept = Annotated[
    str, typer.Option("--accept", metavar="REASON", help="Make the change although it breaks recorded results.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check the change, and write nothing.")]
Action = Literal["create", "change", "disable", "enable", "delete", "import"]
_DONE: Mapping[Action, str] = {
    "create": "created",
    "change": "changed",
    "disable": "disabled",
    "enable": "enabled",
    "delete": "deleted",
    "import": "imported",
}


@dataclass(frozen=True, slots=True)
class ChangeOptions:
    """The options that all commands have that change an account."""

    store: str | None = None
    channel: str | None = None
    reason: str = ""
    accept: str = ""
    is_dry_run: bool = False
    formats: Formats = None
    tenant: str | None = None
    keeps_credential: bool = False


def take_change_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that every change has. It gets them as its last parameter, `options`."""

    def run(
        *,
        reason: Reason = "",
        accept: Accept = "",
        dry_run: DryRun = False,
        store: EditedStore = None,
        channel: CheckedChannel = None,
        formats: Annotated[Formats, format_option()] = None,
        **more: Any,
    ) -> None:
        command(**more, options=ChangeOptions(store, channel, reason, accept, dry_run, formats))

    shared = [one for one in signature(run).parameters.values() if one.name != "more"]
    own = [one for one in signature(command).parameters.values() if one.name != "options"]
    run.__signature__ = Signature([*own, *shared])  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in (*own, *shared)}
    run.__doc__, run.__name__ = command.__doc__, command.__name__
    return run


@contextmanager
def open_changes(app: App, store: str | None, channel: str | None = None) -> "Iterator[Changes | FolderChanges]":
    """Open what makes changes. With a store, the workspace is then that of the channel, if there is one, with the
    accounts of the store. Raises UsageError for a channel without a store."""
    from conn_engine.errors import UsageError
    from conn_service.revisions import Changes, FolderChanges, RevisedConfiguration, RevisionStore

    if store is None:
        if channel is not None:
            raise UsageError("--channel is for accounts in a store", hint="pass --store FILE or --store URL too")
        yield FolderChanges(app.workspace, app.clock)
        return
    from conn_service.http.accounts import WorkspaceConfiguration

    with _open_base(app, channel) as base, open_service_engine(app, store, creates=True) as engine:
        configuration = RevisedConfiguration(WorkspaceConfiguration(base), RevisionStore(engine))
        app.workspace = configuration.get_current()[1]
        yield Changes(configuration, app.clock)


@contextmanager
def _open_base(app: App, channel: str | None) -> "Iterator[Workspace]":
    """Provide the workspace, or the release that a channel serves."""
    if channel is None:
        yield app.workspace
        return
    from conn_cli.release_options import find_release_store
    from conn_engine.releases import ReleaseSource

    with ReleaseSource(find_release_store(app), channel, identity=app.workspace.identity) as source:
        yield source.current().workspace


def save_override(app: App, draft: "OverrideDraft", store: str, reason: str, accept: str) -> None:
    """Make the changed document of an account a revision in a store. Raises RefusedChangeError, and
    RevisionConflictError if the account is not the one that was read."""
    from conn_cli.release_options import find_actor
    from conn_service.revisions import RefusedChangeError, RevisionConflictError, RevisionRequest, Subject

    file = draft.document.file

    def edit(revision: "Revision", _workspace: "Workspace") -> Mapping[str, str]:
        if revision.files.get(file, "").removeprefix("\ufeff") != draft.old_document.text:
            raise RevisionConflictError(f"{file} was changed in the meantime", hint="run the command again")
        return {file: draft.document.text}

    request = RevisionRequest(find_actor(app, None).by, "override", reason, accept)
    with open_changes(app, store) as changes:
        try:
            changes.edit(Subject("account", draft.file.name), edit, request)
        except RefusedChangeError as error:
            raise describe_refusal(error) from None


def change_account(
    app: App,
    name: str,
    action: Action,
    edit: "Callable[[Revision, Workspace], Mapping[str, str]]",
    options: ChangeOptions,
) -> None:
    """Change an account and report it. Raises RefusedChangeError, and the errors of `edit`."""
    from conn_cli.release_options import find_actor
    from conn_cli.report import write_report
    from conn_service.revisions import RefusedChangeError, RevisionRequest, Subject

    subject = Subject("account", name)
    request = RevisionRequest(
        by=find_actor(app, None).by,
        action=action,
        reason=options.reason,
        accept=options.accept,
        tenant=options.tenant,
        is_dry_run=options.is_dry_run,
    )
    with open_changes(app, options.store, options.channel) as changes, app.progress("checking"):
        before = changes.find(subject)
        try:
            made = changes.edit(subject, edit, request)
        except RefusedChangeError as error:
            raise describe_refusal(error) from None
        removal = None
        if action == "delete" and made.is_new and not options.is_dry_run:
            removal = _remove_credential(app, changes, name, request, options)
    report = build_report(action, made, dict(before.files) if before is not None else {}, options, removal)
    texts = {"text": lambda: _draw(report, options)}
    write_report(lambda: report, options.formats or [], texts, app, folder=app.folder)
    if removal is not None and removal.reason:
        app.err(f"warning: the credential of {name} is still stored: {removal.reason}")


def _remove_credential(
    app: App, changes: "Changes | FolderChanges", account: str, request: "RevisionRequest", options: ChangeOptions
) -> "CredentialRemoval":
    """Delete the credential of a deleted account, and note that in the log of a store. One that cannot be deleted is
    reported, and the account is deleted nevertheless."""
    from conn_engine.errors import CredentialError
    from conn_service.delivery import EndpointSecrets
    from conn_service.revisions import AuditEntry, Changes, CredentialRemoval, Subject, remove_credential

    if options.keeps_credential:
        return CredentialRemoval("kept")
    try:
        with open_workers_vault(app, options.store) as vault:
            removal = remove_credential(vault, account)
        if options.store is not None:
            with open_vault_engine(app, options.store) as engine:
                EndpointSecrets(engine, app.environ, app.clock).remove_account(account)
    except CredentialError as error:
        removal = CredentialRemoval("kept", f"{error.message}: {error.hint}" if error.hint else error.message)
    if isinstance(changes, Changes) and removal.result == "deleted":
        configuration = changes.configuration
        latest = configuration.find_latest(Subject("account", account))
        tenant = (latest.tenant if latest is not None else "") or account
        entry = AuditEntry(app.clock.now(), request.by, "delete_credential", f"accounts/{account}", account, tenant)
        configuration.store.audit.add(entry)
    return removal


def build_report(
    action: Action,
    made: "CheckedRevision",
    before: Mapping[str, str],
    options: ChangeOptions,
    removal: "CredentialRemoval | None" = None,
) -> "AccountChangeReport":
    """Describe a change that was made, or that a dry run would make."""
    from conn_engine.command_reports import AccountChangeReport, AccountEffect
    from conn_engine.reports import describe_findings
    from conn_service.revisions import format_difference

    revision, checks = made.revision, made.checks
    paths = [*revision.files, *before, f"accounts/{revision.subject.name}.yaml"]
    effects = [] if checks.impact is None else checks.impact.fields
    return AccountChangeReport(
        action=action,
        account=revision.subject.name,
        file=paths[0],
        revision=revision.number if options.store is not None else None,
        changed=made.is_new,
        written=made.is_new and not options.is_dry_run,
        difference=format_difference(before, revision.files) if made.is_new else "",
        credential=None if removal is None else removal.result,
        findings=describe_findings((*checks.findings, *checks.failures)),
        effects=[
            AccountEffect(
                operation=row.operation, field=row.field, kind=row.kind, records=row.records, breaking=row.breaking
            )
            for row in effects
        ],
    )


def describe_refusal(error: "RefusedChangeError") -> Exception:
    """Return the error with what breaks, for people."""
    from conn_engine.analysis.impact import KINDS

    if error.checks.errors:
        return error
    error.hint = "correct it, or add --accept REASON"
    if not error.checks.breaking:
        return error
    row = error.checks.breaking[0]
    place = " ".join(part for part in (row.operation, row.field) if part)
    more = f", and {len(error.checks.breaking) - 1} more" if len(error.checks.breaking) > 1 else ""
    error.message = f"{error.message}: {place} {KINDS[row.kind]}{more}"
    return error


def _draw(report: "AccountChangeReport", options: ChangeOptions) -> str:
    from conn_cli.formatting import join_lines
    from conn_engine.analysis.impact import KINDS
    from conn_engine.diagnostics import pluralize

    kinds = {str(kind): text for kind, text in KINDS.items()}
    if not report.changed:
        return f"{report.account} is unchanged\n"
    where = report.file if report.revision is None else f"{report.account}, revision {report.revision}"
    done = f"would be {_DONE[report.action]}" if options.is_dry_run else ""
    lines = [f"{where} {done}: nothing was written" if done else f"{_DONE[report.action]} {where}"]
    lines += [f"  {line}" for line in report.difference.splitlines()] if options.is_dry_run else []
    for finding in report.findings:
        lines += [f"{finding.severity}: {finding.message}", *([f"  fix: {finding.fix}"] if finding.fix else [])]
    for effect in report.effects:
        place = " ".join(part for part in (effect.operation, effect.field) if part)
        lines.append(f"effect: {place} {kinds[effect.kind]} in {pluralize(effect.records, 'record')}")
    if report.credential == "deleted":
        lines.append(f"deleted the credential of {report.account}")
    if report.action == "create" and not options.is_dry_run:
        lines.append(f"next: {add_store(f'conn auth login {report.account}', options.store)}")
    return join_lines(lines)
