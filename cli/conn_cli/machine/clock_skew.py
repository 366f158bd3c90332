"""Compare the clock of this machine with the Date header of a server."""

import sys
from email.utils import parsedate_to_datetime

from conn_cli.console import App
from conn_cli.machine import report_ok
from conn_engine.command_reports import MachineCheck

__all__ = ["check_clock", "find_account_url"]

TOLERATED_SECONDS = 30
_FIXES = {"darwin": "sudo sntp -sS time.apple.com", "win32": "w32tm /resync"}


def find_account_url(app: App, account: str) -> str:
    """Return the base URL of an account. Raises UsageError for an unknown account."""
    from conn_engine.runtime.variants import base_url

    return base_url(app.workspace.effective(account=account))


def check_clock(app: App, url: str | None) -> MachineCheck:
    """Compare the clock with a server. Without a URL, nothing is sent."""
    if url is None:
        return MachineCheck(
            check="clock",
            state="info",
            detail="not compared with a server",
            fix="conn doctor --url https://HOST, or conn doctor --live --account ACCOUNT",
        )
    from conn_engine.documents.locate import find_workspace
    from conn_engine.errors import ConnError
    from conn_engine.transport.egress import Trust
    from conn_engine.transport.live import Live
    from conn_engine.wire import Request

    trust = app.workspace.trust if find_workspace(app.folder) is not None else Trust()
    started = app.clock.now()
    try:
        with Live(app.redactor, trust=trust, clock=app.clock) as transport:
            response = transport.send(Request("HEAD", url, label="conn doctor", timeout_seconds=10.0))
    except ConnError as error:
        return MachineCheck(check="clock", state="warn", detail=error.message, fix=error.hint or "check the URL")
    middle = (started + app.clock.now()) / 2
    try:
        server = parsedate_to_datetime(response.headers.get("date", "")).timestamp()
    except ValueError:
        return MachineCheck(
            check="clock", state="warn", detail="the server sends no Date header", fix="choose another URL"
        )
    seconds = middle - server
    if abs(seconds) <= TOLERATED_SECONDS:
        return report_ok("clock", f"within {TOLERATED_SECONDS} seconds of the server")
    return MachineCheck(
        check="clock",
        state="bad",
        detail=f"{abs(seconds):,.0f} seconds {'ahead of' if seconds > 0 else 'behind'} the server, "
        "so vendors refuse signatures and tokens",
        fix=f"set the clock: {_FIXES.get(sys.platform, 'sudo timedatectl set-ntp true')}",
    )
