"""`conn test`: replay recorded operations and deliveries, or send requests to the vendor, and check the results."""

from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.options import Formats, format_option, refuse_together

if TYPE_CHECKING:
    from conn_engine.testing.selection import Selection
    from conn_engine.testing.suite import OperationReport

DELIVERIES = "webhooks"
"""Selects the recorded deliveries, in place of an operation."""
SYNC = "sync:"
"""Starts the name of a sync."""


def test(
    context: typer.Context,
    *,
    operations: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="OPERATION",
            help=(
                "Operations to test, such as contacts.list or 'contacts.*', models such as crm, syncs such as "
                "sync:contacts, or webhooks [NAME]... for deliveries. Default: all."
            ),
        ),
    ] = None,
    account: Annotated[
        list[str] | None,
        typer.Option("--account", "-a", help="Test for this account. Repeatable. Default: every account."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Test every operation. This is the default if no operation is named.")
    ] = False,
    connector: Annotated[str | None, typer.Option("--connector", "-c", help="Test only this connector.")] = None,
    environment: Annotated[
        str | None,
        typer.Option(
            "--environment",
            "-e",
            help="Test only accounts of this environment. With --account, use it instead of the account's.",
        ),
    ] = None,
    keyword: Annotated[
        str | None,
        typer.Option(
            "--keyword",
            "-k",
            metavar="EXPR",
            help='Test what matches words of operation, account and scenario, such as "contacts and not acme".',
        ),
    ] = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            "--scenario", metavar="NAME", help="Report only recordings of this scenario, or pattern. Repeatable."
        ),
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Test only cases that failed when they were last tested.")
    ] = False,
    first: Annotated[bool, typer.Option("--first", "-x", help="Stop at the first operation that fails.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Test the vendor's operations instead of the unified ones.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Send requests to the vendor instead of replaying recordings.")
    ] = False,
    send: Annotated[bool, typer.Option("--send", help="With --live: send writes too.")] = False,
    update: Annotated[bool, typer.Option("--update", help="Store the results as the new goldens.")] = False,
    cross_check: Annotated[
        bool, typer.Option("--cross-check", help="Also run every mapping with the second evaluator, and compare.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also show the requests, the coverage and every finding.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Test again what changed files reach, until Ctrl-C, and show what changed.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only failures and the summary.")] = False,
    formats: Annotated[Formats, format_option("sarif", "junit", "github")] = None,
) -> None:
    """Replay recorded operations, syncs and deliveries, and check results.

    Checks requests, schema, mapping coverage and goldens. Exits with 1 if a case fails, 6 if nothing is recorded.

    \b
    Examples:
      conn test
      conn test contacts.list --account acme
      conn test 'contacts.*' -k "not rate_limited" -x
      conn test --failed
      conn test contacts.list --watch
      conn test sync:contacts --account acme
      conn test webhooks contact_created --update
    """
    from conn_cli.report import Sources, write_report
    from conn_cli.report.results import draw_reports
    from conn_cli.suite_run import choose_exit, read_failures
    from conn_engine.testing.keyword import KeywordExpression
    from conn_engine.testing.report import SuiteReport
    from conn_engine.testing.selection import Selection, is_pattern

    app: App = context.obj
    _refuse_contradictions(has_names=bool(operations), every=every, live=live, send=send)
    if live:
        refuse_together("--live", {"--scenario": scenario, "--failed": failed, "--first": first})
    if watch:
        refuse_together("--watch", {"--live": live, "--update": update, "--first": first, "--format": formats})
    if quiet:
        refuse_together("--quiet", {"--verbose": verbose})
    operation_names, deliveries = _select_names(operations or [], only_operations=live or raw)
    selection = Selection(
        operations=operation_names,
        deliveries=deliveries,
        accounts=tuple(account or ()),
        connector=connector,
        environment=environment,
        raw=raw,
        cross_check=cross_check,
        keyword=KeywordExpression(keyword) if keyword is not None else None,
        scenarios=tuple(scenario or ()),
        only=read_failures(app) if failed else None,
    )
    is_named = any(not is_pattern(name) and not name.isidentifier() for name in operations or [])  # "crm" is a model
    if watch:
        from conn_cli.suite_watch import SuiteWatch

        raise typer.Exit(SuiteWatch(app, selection, has_names=is_named, verbose=verbose, quiet=quiet).run())
    reports, ending = (_run_live(app, selection, send), "") if live else _replay(app, selection, first=first)
    if update:
        _update(app, reports)
    draw = draw_reports(
        reports,
        Sources(app.workspace.root),
        verbose=verbose,
        quiet=quiet,
        live=live,
        color=app.color,
        width=app.width,
    )
    write_report(lambda: SuiteReport.from_reports(reports), formats or [], draw, app, folder=app.folder)
    if ending:
        app.err(ending)
    raise typer.Exit(choose_exit(reports, has_names=is_named))


def _refuse_contradictions(*, has_names: bool, every: bool, live: bool, send: bool) -> None:
    from conn_engine.errors import UsageError

    if every and has_names:
        raise UsageError("--all and operation names cannot be used together", hint="omit --all, or the names")
    if send and not live:
        raise UsageError("--send requires --live", hint="add --live, or omit --send: a replay sends nothing")


def _select_names(names: list[str], *, only_operations: bool) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Return the named operations and syncs, or the names of recorded deliveries."""
    from conn_engine.errors import UsageError

    if only_operations and any(name.startswith(SYNC) for name in names):
        raise UsageError(
            "--live and --raw cannot be used with syncs, which are always replayed",
            hint="omit --live and --raw, or name the operation that the sync fetches",
        )
    if names[:1] != [DELIVERIES]:
        return tuple(names), None
    if only_operations:
        raise UsageError(
            "--live and --raw cannot be used with deliveries, which are always replayed",
            hint="omit --live and --raw, or name operations instead of webhooks",
        )
    return (), tuple(names[1:])


def _replay(app: App, selection: "Selection", *, first: bool) -> "tuple[list[OperationReport], str]":
    """Return the reports, and what was not run, as a sentence."""
    from conn_cli.effective_selection import learn_literals
    from conn_cli.suite_run import SuiteRun, store_failures

    suite_run = SuiteRun(app, selection, first=first)
    suite_run.run()
    learn_literals(app, *(report.effective for report in suite_run.reports))
    store_failures(app, suite_run.reports, selection, is_stopped=suite_run.is_stopped)
    return suite_run.reports, suite_run.explain_stop()


def _run_live(app: App, selection: "Selection", send: bool) -> "list[OperationReport]":
    from conn_cli.effective_selection import learn_literals
    from conn_engine.testing.live_suite import run_live

    with app.progress("testing live") as progress:
        reports = []
        for report in run_live(
            app.workspace, selection, environ=app.environ, redactor=app.redactor, send=send, clock=app.clock
        ):
            reports.append(report)
            progress.advance(note=f"{report.name.text} · {report.effective.account or 'base'}")
    learn_literals(app, *(report.effective for report in reports))
    return reports


def _update(app: App, reports: "list[OperationReport]") -> None:
    """Store results as goldens, except those of a failing mapping or of a replay that ends differently."""
    from conn_engine.diagnostics import pluralize
    from conn_engine.testing.goldens import update_golden

    changed = 0
    for report in reports:
        for judgement in report.judgements:
            changed += update_golden(judgement, app.redactor, within=app.workspace.root)
    app.err(f"{pluralize(changed, 'golden')} written")
