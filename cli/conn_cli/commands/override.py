"""`conn override`: override one field or one setting of a sync for an account, and show first what that changes."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.account_edits import Accept, CheckedChannel, EditedStore, Reason, open_changes, save_override
from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.analysis.field_overrides import FieldOverride, OverrideDraft


def override(
    context: typer.Context,
    *,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account to override the field for.")],
    resource: Annotated[
        str,
        typer.Argument(
            metavar="RESOURCE[.OPERATION]",
            help="Unified resource, such as contacts or crm.contacts, only one of its operations: contacts.list, or a "
            "sync: sync:NAME.",
        ),
    ],
    field: Annotated[
        str,
        typer.Argument(
            metavar="FIELD",
            help="Field of the record, such as email or custom_fields.vip. Before a field of another mapping, write "
            "the mapping: request_body_mapping.email. Of a sync: a setting, such as schedule, params.limit or "
            "transform.email.",
        ),
    ],
    expression: Annotated[
        str | None,
        typer.Argument(
            metavar="EXPRESSION",
            help="JSONata expression for the field. null removes the field from the record. For another setting of a "
            "sync, its value: text or JSON.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the change of the file and its effect, and write nothing.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove the override, so that the field has its inherited expression.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="With a mapping as FIELD: discard the mappings of the levels below.")
    ] = False,
    environment: Annotated[
        str | None,
        typer.Option(
            "--environment", "-e", help="Override the field for every account of the connector in this environment."
        ),
    ] = None,
    both: Annotated[
        bool, typer.Option("--both", help="If YAML aliases repeat the text, change it in all places.")
    ] = False,
    write_out: Annotated[
        bool, typer.Option("--write-out", help="If YAML aliases repeat the text, write it out and change this place.")
    ] = False,
    reason: Reason = "",
    accept: Accept = "",
    store: EditedStore = None,
    channel: CheckedChannel = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Override a field or a sync for one account, and show what changes.

    Replays the account's recordings before and after, then writes the account's file. Nothing is written if lint or a
    recording finds an error. Exits with 1 in this case. With --store, the override is a revision in the store.

    \b
    Examples:
      conn override acme contacts email '$lowercase($base.email)'
      conn override acme contacts.list custom_fields.tier response.tier --dry-run
      conn override acme contacts email --remove
      conn override acme sync:contacts schedule '@hourly'
    """
    from conn_cli.effective_selection import learn_found_literals, learn_literals
    from conn_cli.report import Sources, write_report
    from conn_cli.report.override import draw_text, find_next_command
    from conn_engine.analysis.field_override_report import FieldOverrideReport
    from conn_engine.analysis.field_overrides import FieldOverride
    from conn_engine.documents.files import check_writable
    from conn_engine.errors import UsageError

    app: App = context.obj
    if both and write_out:
        raise UsageError("--both and --write-out exclude each other", hint="omit one of them")
    if (expression is None) != remove:
        command = f"conn override {account} {resource} {field}"
        message = "--remove takes no EXPRESSION" if remove else "EXPRESSION is missing"
        raise UsageError(message, hint=f"{command} --remove" if remove else f"{command} EXPRESSION, or --remove")
    requested = FieldOverride(
        account,
        resource,
        field,
        expression or "",
        action="remove" if remove else "replace" if replace else "set",
        environment=environment,
        shared="change" if both else "write out" if write_out else "refuse",
    )
    if store is not None and environment is not None:
        raise UsageError("a store has accounts and connectors, and no environments", hint="omit --store")
    if store is not None or channel is not None:
        context.with_resource(open_changes(app, store, channel))  # the workspace is then that of the store
    draft = _draft(app, requested)
    if not dry_run and store is None:
        check_writable(draft.file.path, draft.document.file)
    sources = Sources(app.workspace_root, [draft.document])
    learn_found_literals(app, draft.document_findings, sources)
    for effective in (draft.before, *(() if draft.errors else (draft.after,))):
        learn_literals(app, effective)
    with app.progress("comparing"):
        is_refused = bool(draft.errors or (draft.failures and not accept))
    written = draft.is_changed and not dry_run and not is_refused
    if written and store is not None:
        save_override(app, draft, store, reason, accept)
    elif written:
        draft.save()
    again = ["--both"] * both + ["--write-out"] * write_out
    following = ""
    if store is None:  # a test needs the account in the workspace
        following = find_next_command(draft, _format_command(requested, again), written=written, refused=is_refused)
    shown = {"dry_run": dry_run, "written": written, "in_store": store is not None}
    texts = {"text": lambda: draw_text(draft, sources, following=following, color=app.color, **shown)}
    report = lambda: FieldOverrideReport.from_draft(draft, written=written, following=following)  # noqa: E731
    write_report(report, formats or [], texts, app, folder=app.folder)
    raise typer.Exit(Exit.FINDINGS if is_refused else Exit.OK)


def _format_command(requested: "FieldOverride", options: list[str]) -> str:
    """Return the command that writes the override."""
    import shlex

    words = ["conn", "override", requested.account, requested.resource, requested.field]
    options += ["--replace"] if requested.action == "replace" else []
    options += ["--environment", requested.environment] if requested.environment is not None else []
    if requested.action == "remove":
        return shlex.join([*words, "--remove", *options])
    if requested.expression.startswith("-"):
        return shlex.join([*words, *options, "--", requested.expression])
    return shlex.join([*words, requested.expression, *options])


def _draft(app: App, requested: "FieldOverride") -> "OverrideDraft":
    """Return the draft. A text that aliases repeat is refused with the options that decide what to do."""
    from conn_engine.analysis.field_overrides import draft_override
    from conn_engine.analysis.sync_overrides import draft_sync_override
    from conn_engine.documents.edits import SharedTextError
    from conn_engine.errors import ConfigurationError
    from conn_engine.testing.syncs.cases import PREFIX

    draft = draft_sync_override if requested.resource.startswith(PREFIX) else draft_override
    try:
        return draft(app.workspace, requested, app.clock)
    except SharedTextError as error:
        hint = "add --both to change all of them, or --write-out to change only this one"
        raise ConfigurationError(error.message, hint=hint) from None
