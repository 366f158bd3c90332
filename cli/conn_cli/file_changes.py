"""Watches folders for changed documents, for `--watch`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from conn_engine.errors import UsageError

__all__ = ["is_relevant", "watch_files"]

_MOST_GROUPED = 200
_QUIET = 20
"""Milliseconds without a further change after which a group of changes is complete, and the most that it can take."""
_WAKE = 100
_SUFFIXES = (".yaml", ".yml", ".json", "")
_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__"})


def watch_files(folders: Sequence[Path]) -> Iterator[frozenset[Path]]:
    """Yield the changed, added and removed files below some folders, in groups. The first group is empty: from then on,
    no change is missed.

    Raises UsageError if the package that watches is not installed or the folders cannot be watched, and
    KeyboardInterrupt at Ctrl-C.
    """
    try:
        from watchfiles import watch
    except ImportError as error:
        raise UsageError(
            "--watch needs the package watchfiles, which is not installed",
            hint="install it: pip install watchfiles",
        ) from error
    groups = watch(
        *folders,
        watch_filter=None,
        debounce=_MOST_GROUPED,
        step=_QUIET,
        rust_timeout=_WAKE,
        yield_on_timeout=True,  # so that the first group comes at once
        ignore_permission_denied=True,
    )
    yield _to_paths(_start(groups))
    for group in groups:
        if group:
            yield _to_paths(group)


def _start(groups: Iterator[set[tuple[Any, str]]]) -> set[tuple[Any, str]]:
    try:
        return next(groups)
    except (OSError, RuntimeError) as error:  # such as the limit of the operating system
        raise UsageError(
            f"the files cannot be watched: {error}",
            hint="raise the limit for watched folders, or poll them: set WATCHFILES_FORCE_POLLING=true",
        ) from error


def _to_paths(group: set[tuple[Any, str]]) -> frozenset[Path]:
    return frozenset(Path(path) for _, path in group)


def is_relevant(path: Path, root: Path, *, markdown: bool = False) -> bool:
    """Return whether a changed file can be a document: not a hidden file, such as those of editors and of `.conn`, nor
    one of another kind. A name without a suffix can be a folder that was moved. `markdown` includes Markdown files."""
    if not path.is_relative_to(root):
        return False
    parts = path.relative_to(root).parts
    is_document = path.suffix in _SUFFIXES or (markdown and path.suffix == ".md")
    return is_document and not any(part.startswith(".") or part in _SKIPPED for part in parts)
