"""`conn run`: run an operation against the vendor. Writes show their plan and need --send."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Account, Body, Environment, Operation, Param, Send

if TYPE_CHECKING:
    from conn_engine.config import OperationName
    from conn_engine.runtime.call import Call
    from conn_engine.runtime.connection import Wiring


State = Annotated[
    str | None,
    typer.Option("--state", metavar="FILE", help="Go on from the state in FILE, and keep the new one there."),
]
RemoteData = Annotated[bool, typer.Option("--remote-data", help="Add the vendor's record to each unified one.")]
Trace = Annotated[bool, typer.Option("--trace", help="Show each request and answer on stderr, secrets hidden.")]
Partitions = Annotated[
    bool, typer.Option("--partitions", help="List what the operation is repeated for, and no records.")
]
File = Annotated[
    list[str] | None,
    typer.Option("--file", metavar="FIELD=PATH", help="A file to send; ;type=TYPE and ;filename=NAME may follow."),
]
Output = Annotated[
    str, typer.Option("--output", "-o", help="jsonl, json, csv or table; or a file, which is written whole.")
]


def run(
    context: typer.Context,
    *,
    operation: Operation,
    account: Account,
    param: Param = None,
    body: Body = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many records.")] = None,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Go on from an earlier page's next_cursor.")] = None,
    state: State = None,
    environment: Environment = None,
    raw: Annotated[bool, typer.Option("--raw", help="The vendor's own operation and records.")] = False,
    remote_data: RemoteData = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the first request; send nothing.")] = False,
    send: Send = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait when the vendor says so, instead of ending.")] = False,
    trace: Trace = False,
    partitions: Partitions = False,
    file: File = None,
    output: Output = "jsonl",
    force: Annotated[bool, typer.Option("--force", help="Replace the file of --output.")] = False,
) -> None:
    """Run an operation live. Records go to stdout as they arrive, everything else to stderr."""
    from conn_cli.calls import build_call
    from conn_cli.outputs import record_writer
    from conn_cli.placing import placed
    from conn_cli.running import Run, wired
    from conn_cli.saving import free, given_files, result_file
    from conn_cli.states import StateFile
    from conn_engine.runtime.plans import may_write, partitions_write

    app: App = context.obj
    path = result_file(app, output)
    writer = record_writer(app, output) if path is None else None
    effective = app.workspace.effective(account=account, environment=environment)
    name = effective.resolve(operation, raw=raw)
    call = build_call(app, effective, name, params=param or [], body=body, cursor=cursor)
    kept = None if state is None else StateFile(app, state, effective, name)
    call = replace(call, remote_data=remote_data, state=kept.read() if kept else None)
    call = replace(call, files=given_files(app, file or []))
    writes = (partitions_write if partitions else may_write)(effective, name, call)
    planned = dry_run or (writes and not send)
    wiring = wired(app, account, environment, wait=wait, planned=planned)
    if planned:
        with placed(wiring.effective, name):
            _show_plan(app, wiring, name, call, asked=dry_run)
        raise typer.Exit(Exit.OK if dry_run else Exit.USAGE)
    if path is not None:
        free(path, force=force)
    run = Run(app, wiring, name, call, kept, limit=limit, trace=trace, partitions=partitions)
    with placed(wiring.effective, name):
        if writer is not None:
            run.stream(writer)
        elif path is not None:
            run.save(path, force=force)


def _show_plan(app: App, wiring: "Wiring", name: "OperationName", call: "Call", *, asked: bool) -> None:
    from conn_engine.runtime.plans import plan_operation
    from conn_engine.transport.plan import curl

    request = plan_operation(wiring, name, call)
    app.out(f"plan of {name.text} for {wiring.session.account}: nothing was sent")
    if request is None:
        app.out("  it would send no request")
        return
    if request.purpose == "step":
        app.out(f"  it begins with {request.label}")
    request = request.visible
    app.out(f"  {request.method} {request.url}")
    for header, value in request.headers.pairs:
        app.out(f"  {header}: {value}")
    if request.body:
        app.out(f"  {request.body.decode('utf-8', 'replace')}")
    elif request.payload is not None:
        app.out(f"  ({request.payload.size} bytes)")
    app.out(f"\n{curl(request, wiring.redactor)}")
    if not asked:
        app.err("this operation writes: add --send to really send it (--dry-run shows the plan and succeeds)")
