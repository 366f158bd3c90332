"""Show how a live listing ended, on standard error: whether it is complete, or what arrived before an error."""

from typing import TYPE_CHECKING

from conn_cli.console import App
from conn_cli.words import counted

if TYPE_CHECKING:
    from conn_engine.wire import Completeness

__all__ = ["is_failure", "show_completeness", "show_interruption"]

_HINTS = {
    "incomplete": "check the settings of `pagination`; if the vendor's total is an estimate, set `complete: warn`",
    "unknown": "correct the setting, or set a page size, which tells a full page from the last one",
}


def is_failure(verdict: "Completeness | None") -> bool:
    """Whether this verdict makes the command fail."""
    return verdict is not None and verdict.state == "incomplete" and verdict.policy == "error"


def show_completeness(app: App, verdict: "Completeness", count: int) -> None:
    """Show the verdict on a listing of `count` records."""
    records = counted(count, "record")
    if verdict.state in ("complete", "stopped"):
        if not app.quiet:
            app.err(f"{verdict.state}: {records}{f'; {verdict.reason}' if verdict.reason else ''}")
        return
    if verdict.policy == "ignore":
        return
    level = "error" if is_failure(verdict) else "warning"
    known = "the listing is incomplete" if verdict.state == "incomplete" else "the listing may be incomplete"
    app.err(f"{level}: {known}: {verdict.reason}; {records} {'was' if count == 1 else 'were'} written")
    app.err(f"  fix: {_HINTS[verdict.state]}")


def show_interruption(app: App, count: int, *, records_to: str = "", state: str = "") -> None:
    """Show how many records arrived before an error, and what became of them and of the state."""
    arrived = f"{counted(count, 'record')} arrived before the run ended"
    app.err("; ".join(part for part in (arrived, records_to, state) if part))
