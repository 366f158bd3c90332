"""`conn record`: run an operation against the vendor, and store its exchanges as a redacted recording."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypedDict

import typer

from conn_cli.console import App
from conn_cli.options import Body, Environment, Formats, Operation, Param, Send, format_option
from conn_cli.personal_data import KeepPersonal

if TYPE_CHECKING:
    from conn_engine.config import Effective, OperationName
    from conn_engine.documents import WriteOptions
    from conn_engine.reports import Report
    from conn_engine.runtime.call import Call
    from conn_engine.runtime.wiring import Wiring
    from conn_engine.testing.personal import PersonalData
    from conn_engine.testing.recorder import Recorded


class _SavingOptions(TypedDict):
    """How to save a recording, for both kinds of recorder."""

    scenario: str
    own: bool
    placing: "WriteOptions"
    personal: "PersonalData | None"


State = Annotated[
    str | None, typer.Option("--state", metavar="FILE", help="Resume from the state in FILE. The file is not changed.")
]
File = Annotated[
    list[str] | None,
    typer.Option("--file", metavar="FIELD=PATH", help="Send this file, and store it with the recording. Repeatable."),
]
FromBody = Annotated[
    str | None,
    typer.Option(
        "--from-body",
        metavar="FILE|-",
        help="Record this response (a body, or the output of `curl -i`) instead of calling the vendor.",
    ),
]
Pages = Annotated[
    list[str] | None,
    typer.Option("--page", metavar="FILE|-", help="With --from-body: the response to the next request. Repeatable."),
]
Status = Annotated[
    int | None,
    typer.Option(
        "--status", metavar="N", min=100, max=599, help="With --from-body: status of the last response. Default: 200."
    ),
]
Contract = Annotated[
    bool,
    typer.Option(
        "--contract",
        help="With --from-body: the response is from the vendor's published documentation. It has no pseudonyms.",
    ),
]
Header = Annotated[
    list[str] | None,
    typer.Option(
        "--header", metavar="NAME:VALUE", help="With --from-body: a header of each response, such as link. Repeatable."
    ),
]


def record(
    context: typer.Context,
    *,
    operation: Operation,
    account: Annotated[
        str | None, typer.Option("--account", "-a", help="Run for this account. Not needed with --from-body.")
    ] = None,
    connector: Annotated[
        str | None, typer.Option("--connector", "-c", help="With --from-body: connector to use without an account.")
    ] = None,
    param: Param = None,
    body: Body = None,
    pages: Annotated[
        int | None, typer.Option("--pages", metavar="N", min=1, help="Stop after N pages. Default: 3.")
    ] = None,
    scenario: Annotated[str, typer.Option("--scenario", help="Name of the case, such as not_found.")] = "default",
    own: Annotated[bool, typer.Option("--own", help="Store the recording for this account only.")] = False,
    state: State = None,
    file: File = None,
    from_body: FromBody = None,
    page: Pages = None,
    status: Status = None,
    header: Header = None,
    contract: Contract = False,
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

    With --from-body, record a response from the vendor's documentation instead: nothing is sent, and no account is
    needed. Secrets are redacted, and personal data, such as names and email addresses, is replaced by pseudonyms,
    except with --contract. The file is written completely or not at all.

    \b
    Examples:
      conn record contacts.list --account acme
      conn record contacts.get -a acme -p id=0 --scenario not_found
      conn record contacts.list --from-body page1.json --page page2.json
      conn record contacts.get -p id=0 --from-body - --status 404 --scenario not_found
    """
    from conn_cli.completeness import show_completeness
    from conn_cli.effective_selection import choose_effective
    from conn_cli.error_location import attach_finding
    from conn_cli.live_run import resolve_account
    from conn_cli.personal_data import choose_personal_data
    from conn_cli.sample_files import check_sample_options, read_samples
    from conn_engine.errors import UsageError
    from conn_engine.testing.recording_path import find_recording_path
    from conn_engine.testing.samples import record_samples

    app: App = context.obj
    check_sample_options(
        from_body,
        account,
        needs_body={
            "--connector": connector,
            "--page": page,
            "--status": status,
            "--header": header,
            "--contract": contract,
        },
        needs_vendor={"--pages": pages, "--wait": wait},
    )
    effective = choose_effective(app, account, connector, operation, environment)
    name = effective.resolve(operation, raw=raw)
    effective.check_enabled(name)
    call = _build_call(app, effective, name, param or [], body, file or [], state)
    if from_body is None:
        _check_send(effective, name, call, send)
    if own and account is None:
        raise UsageError("--own requires an account", hint="add --account ACCOUNT")
    path = find_recording_path(app.workspace, effective.connector_name, name, scenario, account if own else None)
    if path.exists() and not force:
        _refuse_existing(path, "" if own else account or "")
    samples = None if from_body is None else read_samples(app, [from_body, *(page or [])], status, header or [])
    wiring = None if account is None or from_body is not None else resolve_account(app, account, environment, wait=wait)
    saving = _SavingOptions(
        scenario=scenario,
        own=own,
        placing={"within": app.workspace.root, "overwrite": force},
        personal=None if contract else choose_personal_data(app, app.workspace, keep=keep_personal),
    )
    with attach_finding(effective, name):
        if wiring is None:
            recorded = record_samples(
                effective,
                name,
                call,
                samples or [],
                path,
                clock=app.clock,
                redactor=app.redactor,
                source="contract" if contract else "sample",
                **saving,
            )
        else:
            recorded = _record_live(app, wiring, name, call, path, pages or 3, saving)
    selection = f"--account {account}" if account is not None else f"--connector {effective.connector_name}"
    selection += f" --scenario {scenario}" if scenario != "default" else ""
    selection += " --raw" if name.kind == "vendor" else ""
    _show(app, recorded, path, name.text, account, f"conn test {name.text} {selection} -v", formats)
    verdict = recorded.completeness
    if verdict is not None:
        show_completeness(app, verdict, recorded.records, effective=effective, name=name, call=call, action="recorded")


def _record_live(  # noqa: PLR0917
    app: App,
    wiring: "Wiring",
    name: "OperationName",
    call: "Call",
    path: Path,
    pages: int,
    saving: "_SavingOptions",
) -> "Recorded":
    """Run the operation against the vendor, and show its progress."""
    from conn_cli.completeness import show_interruption
    from conn_engine.testing.recorder import record_operation

    with app.progress(f"recording {name.text} · {wiring.session.account}", unit="records") as progress:
        try:
            recorded = record_operation(wiring, name, call, path, pages=pages, seen=progress.advance, **saving)
        except KeyboardInterrupt:
            show_interruption(app, int(progress.done), records_to="nothing was recorded")
            raise
    for notice in getattr(wiring.vault, "notices", ()):
        app.err(f"warning: {notice}")
    return recorded


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
    app: App, recorded: "Recorded", path: Path, operation: str, account: str | None, command: str, formats: Formats
) -> None:
    """Show what was recorded, and what to check. `command` shows the result."""
    from conn_cli.personal_data import show_summary
    from conn_cli.report import write_report
    from conn_cli.scaffold import to_relative

    path_text = to_relative(path)
    text = {"text": lambda: _text(recorded, path_text, command)}
    report = partial(_report, recorded, path_text, operation, account)
    write_report(report, formats or [], text, app, folder=app.folder)
    show_summary(app, recorded.personal)
    for note in recorded.notes:
        app.err(f"note: {note}")
    if recorded.difference:
        app.err(f"warning: a replay of the recording differs from the run: {recorded.difference}")
        app.err("  redaction may have changed a value that the operation uses: check the file")


def _text(recorded: "Recorded", path: str, command: str) -> str:
    from conn_cli.formatting import join_lines
    from conn_engine.diagnostics import pluralize

    lines = [f"recorded {pluralize(recorded.exchanges, 'exchange')}, {pluralize(recorded.records, 'record')} in {path}"]
    if recorded.error is not None:
        lines.append(f"the operation ended with: {recorded.error.message}")
        lines += [f"  fix: {recorded.error.hint}"] if recorded.error.hint else []
    verdict = recorded.completeness
    if verdict is not None and (verdict.is_failure or verdict.state == "unknown"):
        lines.append("next: correct the setting, then run this command again with --force")
    else:
        lines.append(f"next: look at the result: {command}")
    return join_lines(lines)


def _report(recorded: "Recorded", path: str, operation: str, account: str | None) -> "Report":
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
