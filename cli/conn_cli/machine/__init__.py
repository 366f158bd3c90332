"""The checks of `conn doctor`, a module for each part: the installation, its surroundings, the clock, the workspace."""

from conn_engine.command_reports import MachineCheck

__all__ = ["report_ok"]


def report_ok(check: str, detail: str) -> MachineCheck:
    """Report a part that needs no fix."""
    return MachineCheck(check=check, state="ok", detail=detail, fix="")
