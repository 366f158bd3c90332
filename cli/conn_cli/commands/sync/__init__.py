"""`conn sync`: run syncs, and show what they did. Each module has commands of one kind, this one lists them all."""

from collections.abc import Callable, Mapping

import typer

from conn_cli.commands.sync.backfill import backfill
from conn_cli.commands.sync.changes import cancel, pause, reset, resume, retry
from conn_cli.commands.sync.listing import list_syncs, plan, try_
from conn_cli.commands.sync.running import run, work
from conn_cli.commands.sync.runs import logs, runs, show
from conn_cli.commands.sync.status import failures, status

__all__ = ["group"]

_COMMANDS: Mapping[str, Callable[..., None]] = {
    "list": list_syncs,
    "plan": plan,
    "try": try_,
    "run": run,
    "backfill": backfill,
    "work": work,
    "status": status,
    "failures": failures,
    "runs": runs,
    "show": show,
    "logs": logs,
    "cancel": cancel,
    "pause": pause,
    "resume": resume,
    "reset": reset,
    "retry": retry,
}

group = typer.Typer(help="Run syncs, and show what they did.", no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def options() -> None:
    """Run syncs, and show what they did."""


for _name, _command in _COMMANDS.items():
    group.command(_name)(_command)
