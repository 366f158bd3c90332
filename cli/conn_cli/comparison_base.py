"""The base that `conn impact` and `conn ci` compare a change with, and their exit code."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from conn_cli.exits import Exit

if TYPE_CHECKING:
    from conn_cli.console import App
    from conn_engine.analysis.impact import BaseVersion, Impact

__all__ = ["ComparisonBase", "ImpactFailOn", "choose_exit", "choose_names", "open_base"]


class ImpactFailOn(StrEnum):
    """The changes that fail the command."""

    BREAKING = "breaking"
    MISSING = "missing"
    TYPE = "type"
    ANY = "any"
    NONE = "none"


def choose_names(app: "App", names: bool | None, formats: Sequence[str]) -> tuple[bool, bool]:
    """Return whether to name accounts in Markdown, and in the other formats.

    Raises UsageError if --names requests them in Markdown and conn.yaml does not allow it.
    """
    from conn_engine.errors import ConfigurationError, UsageError

    try:
        allowed = app.workspace.settings.reports.account_names
    except ConfigurationError:  # an invalid conn.yaml is reported later
        allowed = False
    if names and not allowed and any(spec.partition("=")[0] == "markdown" for spec in formats):
        raise UsageError(
            "conn.yaml does not allow Markdown to name accounts",
            hint="the report may become public; to allow names, set reports: {account_names: true} in conn.yaml",
        )
    return allowed and names is not False, names is not False


def choose_exit(impact: "Impact", fail_on: ImpactFailOn) -> Exit:
    """Return the exit code: FINDINGS if a change that fails is not accepted or an acceptance has expired, CONFIGURATION
    if accounts could not be judged."""
    expired = fail_on is not ImpactFailOn.NONE and any(approval.findings for approval in impact.accepted)
    if expired or impact.find_failures(fail_on.value):
        return Exit.FINDINGS
    return Exit.CONFIGURATION if impact.not_comparable else Exit.OK


@dataclass(frozen=True, slots=True)
class ComparisonBase:
    """The base of a comparison: its folder and version, and whether the main branch is checked out."""

    folder: Path
    version: "BaseVersion"
    on_main: bool = False


@contextmanager
def open_base(root: Path, folder: Path, base: str | None, base_dir: Path | None) -> Iterator[ComparisonBase]:
    """Open what the workspace at `root` is compared with: `base_dir` below `folder`, or the Git revision `base`. The
    default is the point where the branch left the main branch.

    Raises UsageError if it is not found, and ConfigurationError if it cannot be read.
    """
    from conn_engine.analysis.impact import BaseVersion
    from conn_engine.analysis.impact.revisions import (
        check_out_workspace,
        find_default_base,
        find_named_base,
        is_on_main,
    )
    from conn_engine.errors import UsageError

    if base is not None and base_dir is not None:
        raise UsageError("--base and --base-dir cannot be used together", hint="pass one of them")
    if base_dir is not None:
        if not (folder / base_dir).is_dir():
            raise UsageError(f"--base-dir {base_dir}: there is no such folder", hint="pass a folder that exists")
        yield ComparisonBase(folder / base_dir, BaseVersion(name=str(base_dir)))
        return
    version = find_named_base(root, base) if base is not None else find_default_base(root)
    with check_out_workspace(root, version.revision) as checked_out:
        yield ComparisonBase(checked_out, version, on_main=base is None and is_on_main(root))
