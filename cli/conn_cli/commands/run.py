"""`conn run`: run an operation against the vendor. Writes show their plan and need --send."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Account, Body, Environment, Formats, Operation, Param, Send, format_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conn_engine.config import OperationName
    from conn_engine.reports import Report
    from conn_engine.runtime.call import Call
    from conn_engine.runtime.wiring import Wiring
    from conn_engine.wire import Request


State = Annotated[
    str | None,
    typer.Option("--state", metavar="FILE", help="Resume from the state in FILE, and write the new state there."),
]
RemoteData = Annotated[bool, typer.Option("--remote-data", help="Add the vendor's record to each unified record.")]
Trace = Annotated[
    bool, typer.Option("--trace", help="Show each request and response on stderr, with secrets redacted.")
]
Partitions = Annotated[
    bool, typer.Option("--partitions", help="List the partitions that the operation runs for, instead of records.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 if the expression of a field fails on any record.")]
File = Annotated[
    list[str] | None,
    typer.Option(
        "--file",
        metavar="FIELD=PATH",
        help="Send this file. Append ;type=TYPE or ;filename=NAME to override them. Repeatable.",
    ),
]
Output = Annotated[
    str, typer.Option("--output", "-o", help="Format of the records (jsonl, json, csv or table), or a file to write.")
]


def run(
    context: typer.Context,
    *,
    operation: Operation,
    account: Account,
    param: Param = None,
    body: Body = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Stop after N records.")] = None,
    cursor: Annotated[
        str | None, typer.Option("--cursor", help="Resume from the next_cursor of an earlier page.")
    ] = None,
    state: State = None,
    environment: Environment = None,
    raw: Annotated[bool, typer.Option("--raw", help="Run the vendor's operation instead of the unified one.")] = False,
    remote_data: RemoteData = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the first write. Only the reads before it are sent.")
    ] = False,
    send: Send = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait when the vendor's rate limit is reached, instead of stopping.")
    ] = False,
    trace: Trace = False,
    partitions: Partitions = False,
    file: File = None,
    output: Output = "jsonl",
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file of --output.")] = False,
    strict: Strict = False,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Run an operation against the vendor, and print its records.

    Records go to standard output as they arrive, everything else to standard error. A write shows its plan; --send
    sends it. --output sets the format of records, --format that of a plan.

    \b
    Examples:
      conn run contacts.list --account acme --limit 5
      conn run contacts.list -a acme --output contacts.csv
      conn run contacts.create -a acme --body @new.json --send
    """
    from conn_cli.call_options import build_call
    from conn_cli.error_location import attach_finding
    from conn_cli.file_options import check_free, find_result_file, read_uploads
    from conn_cli.live_run import LiveRun, resolve_account
    from conn_cli.record_writers import create_writer
    from conn_cli.state_file import StateFile
    from conn_engine.errors import UsageError
    from conn_engine.runtime.plans import may_write, partitions_write

    app: App = context.obj
    path = find_result_file(app, output)
    writer = create_writer(app, output) if path is None else None
    effective = app.workspace.effective(account=account, environment=environment)
    name = effective.resolve(operation, raw=raw)
    effective.check_enabled(name)
    call = build_call(app, effective, name, params=param or [], body=body, cursor=cursor)
    state_file = None if state is None else StateFile(app, state, effective, name)
    call = replace(
        call,
        remote_data=remote_data,
        state=None if state_file is None else state_file.read(),
        files=read_uploads(app, file or []),
    )
    writes = (partitions_write if partitions else may_write)(effective, name, call)
    planned = dry_run or (writes and not send)
    wiring = resolve_account(app, account, environment, wait=wait, planned=planned)
    if planned:
        plan = _PlannedRun(app, name, call, wiring)
        with attach_finding(wiring.effective, name):
            reads_first = writes and not partitions
            write_plan = plan.find_write(account, environment, wait=wait, trace=trace) if reads_first else None
            plan.show(write_plan, formats)
        if not dry_run:
            app.err("this operation writes: add --send to send it (--dry-run shows the plan and exits with 0)")
        raise typer.Exit(Exit.OK if dry_run else Exit.USAGE)
    if formats:
        raise UsageError(
            "--format applies to plans, and this run sends requests", hint="add --dry-run, or use --output"
        )
    if path is not None:
        check_free(path, force=force)
    run = LiveRun(app, wiring, name, call, state_file, limit=limit, trace=trace, partitions=partitions, strict=strict)
    with attach_finding(wiring.effective, name):
        if writer is not None:
            run.stream(writer)
        elif path is not None:
            run.save(path, force=force)


@dataclass(frozen=True)
class _PlannedRun:
    """A run that sends no write. `wiring` has a placeholder credential if the account has none."""

    app: App
    name: "OperationName"
    call: "Call"
    wiring: "Wiring"

    def find_write(
        self, account: str, environment: str | None, *, wait: bool, trace: bool
    ) -> "tuple[list[Request], Request | None] | None":
        """Send the reads before the first write, and return them and the write. None if nothing has to be read, or if
        the account has no credential to read with."""
        from conn_cli.live_run import resolve_account
        from conn_engine.errors import CredentialError
        from conn_engine.runtime.plans import plan_operation, plan_write
        from conn_engine.transport.trace import TracedTransport

        first = plan_operation(self.wiring, self.name, self.call)
        if first is None or first.writes:
            return None
        try:
            wiring = resolve_account(self.app, account, environment, wait=wait)
        except CredentialError as error:
            self.app.err(f"note: the write is not shown, as it depends on what this request reads: {error.message}")
            self.app.err(f"  fix: {error.hint}")
            return None
        live = wiring.live()
        return plan_write(
            wiring, TracedTransport(live, self.app.err, wiring.redactor) if trace else live, self.name, self.call
        )

    def show(self, write_plan: "tuple[list[Request], Request | None] | None", formats: Formats) -> None:
        """Show the write, or the first request if none was found."""
        from conn_cli.formatting import join_lines
        from conn_cli.report import write_report
        from conn_engine.runtime.plans import has_empty_body, plan_operation

        reads, request = write_plan or ([], plan_operation(self.wiring, self.name, self.call))
        text = {"text": lambda: join_lines(self._lines(reads, request))}
        write_report(lambda: self._report(reads, request), formats or [], text, self.app, folder=self.app.folder)
        if request is not None and has_empty_body(self.wiring.effective, self.name, self.call, request):
            self.app.err("warning: the mapped request body is empty")
            self.app.err("  fix: pass a key in --body that request_body_mapping reads")

    def _report(self, reads: "list[Request]", request: "Request | None") -> "Report":
        from conn_engine.runtime.report import PlannedRead, PlanReport, describe_request

        return PlanReport(
            operation=self.name.text,
            account=self.wiring.session.account,
            reads=[
                PlannedRead(label=planned_read.label, method=planned_read.method, url=planned_read.visible.url)
                for planned_read in reads
            ],
            request=None if request is None else describe_request(request, self.wiring.redactor),
        )

    def _lines(self, reads: "list[Request]", request: "Request | None") -> "Iterator[str]":
        from conn_engine.diagnostics import pluralize

        summary = f"{pluralize(len(reads), 'read')} sent, nothing was written" if reads else "nothing was sent"
        yield f"plan of {self.name.text} for {self.wiring.session.account}: {summary}"
        for planned_read in reads:
            yield f"  read: {planned_read.label}   {planned_read.method} {planned_read.visible.url}"
        if request is None:
            yield "  it would write nothing" if reads else "  it would send no request"
            return
        if request.purpose == "step":
            yield f"  {'it writes' if reads else 'it starts'} with {request.label}"
        yield from self._request_lines(request)

    def _request_lines(self, request: "Request") -> "Iterator[str]":
        from conn_engine.transport.plan import format_curl

        request = request.visible
        yield f"  {request.method} {request.url}"
        for header, value in request.headers.pairs:
            yield f"  {header}: {value}"
        if request.body:
            yield f"  {request.body.decode('utf-8', 'replace')}"
        elif request.payload is not None:
            yield f"  ({request.payload.size} bytes)"
        yield f"\n{format_curl(request, self.wiring.redactor)}"
