"""`conn doctor`: check the parts of this machine that Conn uses."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.options import Formats, format_option

if TYPE_CHECKING:
    from conn_engine.command_reports import MachineCheck


def doctor(
    context: typer.Context,
    *,
    url: Annotated[
        str | None, typer.Option("--url", help="Compare the clock with this server. Sends it a request.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Compare the clock with the vendor of --account. Sends it a request.")
    ] = False,
    account: Annotated[str | None, typer.Option("--account", "-a", help="The account for --live.")] = None,
    formats: Annotated[Formats, format_option()] = None,
) -> None:
    """Check this installation and the workspace.

    Checks Python, the evaluators, the credential store, the bundled connectors, completion, the editor, proxies,
    certificates, the clock, the workspace, and whether its recordings and connectors are up to date. Each problem has
    its fix.
    """
    from conn_cli.formatting import join_lines
    from conn_cli.machine.clock_skew import find_account_url
    from conn_cli.report import write_report
    from conn_engine.command_reports import DoctorReport
    from conn_engine.errors import UsageError

    app: App = context.obj
    if live != (account is not None) or (live and url is not None):
        raise UsageError("--live requires --account, and excludes --url", hint="conn doctor --live --account ACCOUNT")
    checks = list(_check_all(app, find_account_url(app, account) if account is not None else url))
    texts = {"text": lambda: join_lines(_draw(checks))}
    write_report(lambda: DoctorReport(checks=checks), formats or [], texts, app, folder=app.folder)
    raise typer.Exit(Exit.FINDINGS if any(check.state == "bad" for check in checks) else Exit.OK)


def _check_all(app: App, url: str | None) -> "Iterator[MachineCheck]":
    from conn_cli.machine import installation, surroundings
    from conn_cli.machine.clock_skew import check_clock
    from conn_cli.machine.workspace_state import check_workspace
    from conn_engine.documents.locate import find_workspace

    root = find_workspace(app.folder)
    yield installation.check_python()
    yield installation.check_evaluators()
    yield installation.check_credential_store(app.environ)
    yield installation.check_bundle()
    yield surroundings.check_completion(app.environ, surroundings.find_shell(app.environ))
    yield surroundings.check_editor(app, root)
    yield surroundings.check_proxies(app)
    yield surroundings.check_certificates(app, root)
    yield check_clock(app, url)
    yield from check_workspace(app)


def _draw(checks: "Iterable[MachineCheck]") -> Iterator[str]:
    for check in checks:
        yield f"{check.state:<5} {check.check:<12} {check.detail}"
        if check.fix:
            yield f"{'':<19}fix: {check.fix}"
