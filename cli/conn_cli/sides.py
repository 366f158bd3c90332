"""The other side of a change, and when what it does is a failure: what `conn impact` and `conn ci` have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from conn_cli.exits import Exit

if TYPE_CHECKING:
    from conn_engine.analysis.impact import Impact

__all__ = ["FailOn", "base_folder", "exit_of"]


class FailOn(StrEnum):
    """When a change is a failure."""

    BREAKING = "breaking"
    MISSING = "missing"
    TYPE = "type"
    ANY = "any"
    NONE = "none"


_KINDS = {
    FailOn.MISSING: {"missing", "operation_missing", "now_failing"},  # what fails gives nothing any more
    FailOn.TYPE: {"type_changed", "schema_violated"},
}


def exit_of(found: "Impact", fail_on: FailOn) -> Exit:
    """How the command ends: by a change of a kind that is to stop it, else by an account that could not be judged."""
    if _fails(found, fail_on):
        return Exit.FINDINGS
    return Exit.CONFIGURATION if found.count("unjudged") else Exit.OK


def _fails(found: "Impact", fail_on: FailOn) -> bool:
    if fail_on is not FailOn.NONE and any(row.breaking for row in found.unknown):
        return True  # what is not known may be any change
    rows = [row for row in found.fields if row.accounts]
    if fail_on is FailOn.BREAKING:
        return any(row.breaking for row in rows)
    if fail_on is FailOn.ANY:
        return bool(rows)
    return fail_on is not FailOn.NONE and any(row.kind in _KINDS[fail_on] for row in rows)


@contextmanager
def base_folder(root: Path, folder: Path, base: str | None, base_dir: Path | None) -> Iterator[Path]:
    """The folder to compare the workspace at `root` with: `base_dir` below `folder`, or the revision `base` of git.

    With neither it is where the work left the main branch. Raises UsageError when there is none.
    """
    from conn_engine.analysis.impact.revisions import default_base, workspace_at
    from conn_engine.errors import UsageError

    if base is not None and base_dir is not None:
        raise UsageError("--base and --base-dir exclude each other")
    if base_dir is not None:
        if not (folder / base_dir).is_dir():
            raise UsageError(f"--base-dir {base_dir}: there is no such folder")
        yield folder / base_dir
        return
    with workspace_at(root, base or default_base(root)) as found:
        yield found
