"""The other side of a change, and when what it does is a failure: what `conn impact` and `conn ci` have in common."""

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
    """When a change is a failure."""

    BREAKING = "breaking"
    MISSING = "missing"
    TYPE = "type"
    ANY = "any"
    NONE = "none"


def choose_names(app: "App", names: bool | None, formats: Sequence[str]) -> tuple[bool, bool]:
    """Whether accounts are named in Markdown, and in the other formats.

    Raises UsageError for Markdown that is to name them although conn.yaml does not allow it.
    """
    from conn_engine.errors import ConfigurationError, UsageError

    try:
        allowed = app.workspace.settings.reports.account_names
    except ConfigurationError:  # that conn.yaml cannot be used is reported as such
        allowed = False
    if names and not allowed and any(spec.partition("=")[0] == "markdown" for spec in formats):
        raise UsageError(
            "conn.yaml does not allow Markdown to name accounts",
            hint="the report may become public; to allow names, set reports: {account_names: true} in conn.yaml",
        )
    return allowed and names is not False, names is not False


def choose_exit(found: "Impact", fail_on: ImpactFailOn) -> Exit:
    """How the command ends: by a change that is to stop it and is not accepted, or an acceptance that does not fit it;
    else by an account that could not be judged."""
    expired = fail_on is not ImpactFailOn.NONE and any(one.findings for one in found.accepted)
    if expired or found.find_failures(fail_on.value):
        return Exit.FINDINGS
    return Exit.CONFIGURATION if found.not_comparable else Exit.OK


@dataclass(frozen=True, slots=True)
class ComparisonBase:
    """The other side: the folder with its workspace, what it is, and whether the main branch itself is checked out."""

    folder: Path
    version: "BaseVersion"
    on_main: bool = False


@contextmanager
def open_base(root: Path, folder: Path, base: str | None, base_dir: Path | None) -> Iterator[ComparisonBase]:
    """What to compare the workspace at `root` with: `base_dir` below `folder`, or the revision `base` of git.

    With neither it is where the work left the main branch. Raises UsageError when nothing is found, ConfigurationError
    when it cannot be read.
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
        raise UsageError("--base and --base-dir cannot be used together")
    if base_dir is not None:
        if not (folder / base_dir).is_dir():
            raise UsageError(f"--base-dir {base_dir}: there is no such folder")
        yield ComparisonBase(folder / base_dir, BaseVersion(name=str(base_dir)))
        return
    version = find_named_base(root, base) if base is not None else find_default_base(root)
    with check_out_workspace(root, version.revision) as found:
        yield ComparisonBase(found, version, on_main=base is None and is_on_main(root))
