"""`conn record`: run an operation against the vendor, and store its exchanges as a redacted recording."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from conn_cli.console import App
from conn_cli.options import Account, Body, Environment, Formats, Operation, Param, Send, format_option
from conn_cli.personal_data import KeepPersonal

if TYPE_CHECKING:
    from conn_engine.config import Effective, OperationName
    from conn_engine.documents import WriteOptions
    from conn_engine.reports import Report
    from conn_engine.runtime.call import Call
    from conn_engine.testing.recorder import Recorded


State = Annotated[
    str | None, typer.Option("--state", metavar="FILE", help="Resume from the state in FILE. The file is not changed.")
]
File = Annotated[
    list[str] | None,
    typer.Option("--file", metavar="FIELD=PATH", help="Send this file, and store it with the recording. Repeatable."),
]


def record(
    context: typer.Context,
    *,
    operation: Operation,
    account: Account,
    param: Param = None,
    body: Body = None,
    pages: Annotated[int, typer.Option("--pages", metavar="N", min=1, help="Stop after N pages.")] = 3,
    scenario: Annotated[str, typer.Option("--scenario", help="Name of the case, such as not_found.")] = "default",
    own: Annotated[bool, typer.Option("--own", help="Store the recording for this account only.")] = False,
    state: State = None,
    file: File = None,
    environment: Environment = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Record the vendor's operation instead of the unified one.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait when the vendor's rate limit is reached, instead of stopping.")
    ] = False,
    send: Send = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing recording.")] = False,
    keep_personal: KeepPersonal = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Run an operation against the vendor and record it for tests.

    Secrets are redacted, and personal data, such as names and email addresses, is replaced by pseudonyms. The file is
    written completely or not at all.

    \b
    Examples:
      conn record contacts.list --account acme
      conn record contacts.get -a acme -p id=0 --scenario not_found
    """
    from conn_cli.completeness import show_completeness, show_interruption
    from conn_cli.live_run import resolve_account
    from conn_cli.personal_data import choose_personal_data
    from conn_cli.recording_path import find_recording_path
    from conn_engine.testing.recorder import record_operation

    app: App = context.obj
    effective = app.workspace.effective(account=account, environment=environment)
    name = effective.resolve(operation, raw=raw)
    effective.check_enabled(name)
    call = _build_call(app, effective, name, param or [], body, file or [], state)
    _check_send(effective, name, call, send)
    path = find_recording_path(app.workspace, effective.connector_name, name, scenario, account if own else None)
    if path.exists() and not force:
        _refuse_existing(path, "" if own else account)
    wiring = resolve_account(app, account, environment, wait=wait)
    write_options: WriteOptions = {"within": app.workspace.root, "overwrite": force}
    personal = choose_personal_data(app, app.workspace, keep=keep_personal)
    with app.progress(f"recording {name.text} · {account}", unit="records") as progress:
        try:
            recorded = record_operation(
                wiring,
                name,
                call,
                path,
                scenario=scenario,
                pages=pages,
                own=own,
                seen=progress.advance,
                placing=write_options,
                personal=personal,
            )
        except KeyboardInterrupt:
            show_interruption(app, int(progress.done), records_to="nothing was recorded")
            raise
    for notice in getattr(wiring.vault, "notices", ()):
        app.err(f"warning: {notice}")
    _show(app, recorded, path, name, account, formats)
    verdict = recorded.completeness
    if verdict is not None:
        show_completeness(
            app, verdict, recorded.records, effective=wiring.effective, name=name, call=call, action="recorded"
        )


def _build_call(  # noqa: PLR0917
    app: App,
    effective: "Effective",
    name: "OperationName",
    params: list[str],
    body: str | None,
    files: list[str],
    state: str | None,
) -> "Call":
    from conn_cli.call_options import build_call
    from conn_cli.file_options import read_uploads
    from conn_cli.state_file import StateFile

    call = build_call(app, effective, name, params=params, body=body)
    call = replace(call, files=read_uploads(app, files))
    if state is not None:
        call = replace(call, state=StateFile(app, state, effective, name).read())
    return call


def _check_send(effective: "Effective", name: "OperationName", call: "Call", send: bool) -> None:
    """Raise UsageError if the call may write and --send is not given."""
    from conn_engine.errors import UsageError
    from conn_engine.runtime.plans import may_write

    if may_write(effective, name, call) and not send:
        raise UsageError(f"{name.text} writes", hint="add --send to send it and record the response")


def _refuse_existing(path: Path, account: str) -> NoReturn:
    from conn_cli.scaffold import to_relative
    from conn_engine.errors import UsageError

    own_recording = f" --own to record one for {account} only," if account else ""
    raise UsageError(
        f"{to_relative(path)} exists", hint=f"add --force to replace it,{own_recording} or --scenario NAME for another"
    )


def _show(  # noqa: PLR0917
    app: App, recorded: "Recorded", path: Path, name: "OperationName", account: str, formats: Formats
) -> None:
    """Show what was recorded, and what to check."""
    from conn_cli.personal_data import show_summary
    from conn_cli.report import write_report
    from conn_cli.scaffold import to_relative

    path_text = to_relative(path)
    text = {"text": lambda: _text(recorded, path_text, name.text, account)}
    write_report(lambda: _report(recorded, path_text, name.text, account), formats or [], text, app, folder=app.folder)
    show_summary(app, recorded.personal)
    for note in recorded.notes:
        app.err(f"note: {note}")
    if recorded.difference:
        app.err(f"warning: a replay of the recording differs from the run: {recorded.difference}")
        app.err("  redaction may have changed a value that the operation uses: check the file")


def _text(recorded: "Recorded", path: str, operation: str, account: str) -> str:
    from conn_cli.formatting import join_lines
    from conn_engine.diagnostics import pluralize

    lines = [f"recorded {pluralize(recorded.exchanges, 'exchange')}, {pluralize(recorded.records, 'record')} in {path}"]
    if recorded.error is not None:
        lines.append(f"the operation ended with: {recorded.error.message}")
        lines += [f"  fix: {recorded.error.hint}"] if recorded.error.hint else []
    verdict = recorded.completeness
    if verdict is not None and (verdict.is_failure or verdict.state == "unknown"):
        lines.append(f"next: correct the setting, then run conn record {operation} --account {account} --force")
    else:
        lines.append(f"next: conn test {operation} --account {account} --update")
    return join_lines(lines)


def _report(recorded: "Recorded", path: str, operation: str, account: str) -> "Report":
    from conn_cli.personal_data import describe_summary
    from conn_engine.command_reports import RecordReport

    return RecordReport(
        operation=operation,
        account=account,
        recording=path,
        exchanges=recorded.exchanges,
        records=recorded.records,
        error=None if recorded.error is None else recorded.error.message,
        fix="" if recorded.error is None else recorded.error.hint,
        difference=recorded.difference,
        state=None if recorded.completeness is None else recorded.completeness.state,
        reason="" if recorded.completeness is None else recorded.completeness.reason,
        notes=list(recorded.notes),
        personal=describe_summary(recorded.personal),
    )
