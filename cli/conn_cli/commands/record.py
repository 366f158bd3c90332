"""`conn record`: run an operation live and keep its exchanges as a redacted recording."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App

if TYPE_CHECKING:
    from conn_engine.config import OperationName


def record(
    context: typer.Context,
    *,
    operation: Annotated[str, typer.Argument(metavar="OPERATION", help="Such as contacts.list.")],
    account: Annotated[str, typer.Option("--account", "-a", help="The account to run it for.")],
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="K=V", help="A path name (id) or a query parameter."),
    ] = None,
    body: Annotated[str | None, typer.Option("--body", metavar="JSON|@FILE|-", help="The body of a write.")] = None,
    pages: Annotated[int, typer.Option("--pages", min=1, help="Stop after so many pages.")] = 3,
    scenario: Annotated[str, typer.Option("--scenario", help="Name of the scenario, such as not_found.")] = "default",
    own: Annotated[bool, typer.Option("--own", help="Keep it for this account alone.")] = False,
    state: Annotated[
        str | None, typer.Option("--state", metavar="FILE", help="Go on from the state in FILE; it stays as it is.")
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option("--file", metavar="FIELD=PATH", help="A file to send; it is kept with the recording."),
    ] = None,
    environment: Annotated[str | None, typer.Option("--environment", "-e", help="In another environment.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="The vendor's own operation.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait when the vendor says so.")] = False,
    send: Annotated[bool, typer.Option("--send", help="Really send a write.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a recording of this name.")] = False,
) -> None:
    """Run an operation live and keep its exchanges as a recording: redacted, scanned, written whole or not at all."""
    from conn_cli.calls import build_call
    from conn_cli.saving import given_files
    from conn_cli.scaffold import relative
    from conn_cli.states import StateFile
    from conn_cli.words import counted
    from conn_engine.errors import UsageError
    from conn_engine.failures import Policy
    from conn_engine.runtime.connection import wire_account
    from conn_engine.runtime.plans import may_write
    from conn_engine.runtime.recorder import record_operation

    app: App = context.obj
    effective = app.workspace.effective(account=account, environment=environment)
    name = effective.resolve(operation, raw=raw)
    call = build_call(app, effective, name, params=param or [], body=body)
    call = replace(call, files=given_files(app, file or []))
    if state is not None:
        call = replace(call, state=StateFile(app, state, effective, name).read())
    if may_write(effective, name, call) and not send:
        raise UsageError(f"{name.text} writes", hint="add --send to really send it and record the answer")
    path = _target(app, effective.connector_name, name, scenario, account if own else None)
    if path.exists() and not force:
        alone = "" if own else f" --own to keep one for {account} alone,"
        raise UsageError(
            f"{relative(path)} exists", hint=f"add --force to replace it,{alone} or --scenario NAME for another"
        )
    wiring = wire_account(
        app.workspace,
        account,
        environ=app.environ,
        environment=environment,
        policy=Policy(wait=wait),
        clock=app.clock,
        redactor=app.redactor,
    )
    with app.progress(f"recording {name.text} · {account}", unit="records") as progress:
        kept = record_operation(
            wiring,
            name,
            call,
            path,
            scenario=scenario,
            pages=pages,
            own=own,
            seen=progress.advance,
        )
    for notice in getattr(wiring.vault, "notices", ()):
        app.err(f"warning: {notice}")
    app.out(f"recorded {counted(kept.exchanges, 'exchange')}, {counted(kept.records, 'record')} in {relative(path)}")
    for note in kept.notes:
        app.err(f"note: {note}")
    if kept.difference:
        app.err(f"warning: replayed, the recording differs from the run: {kept.difference}")
        app.err("  redaction by name may have touched a value that the operation works with: look at the file")
    if kept.error is not None:
        app.out(f"the operation ended with: {kept.error.message}")
        if kept.error.hint:
            app.out(f"  {kept.error.hint}")
    app.out(f"next: conn test {name.text} --account {account} --update")


def _target(app: App, connector: str, name: "OperationName", scenario: str, account: str | None) -> Path:
    import re

    from conn_engine.errors import UsageError

    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", scenario):
        raise UsageError(f'--scenario "{scenario}" is no file name', hint="lower-case letters, digits, - and _")
    folder = app.workspace.root / "connectors" / connector / "recordings"
    file_name = f"{name.text}.json" if scenario == "default" else f"{name.text}.{scenario}.json"
    path = (folder / account if account else folder) / file_name
    app.workspace.check_inside(path)
    return path
