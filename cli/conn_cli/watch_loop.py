"""Repeats the work of a command when files change, until Ctrl-C."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from conn_cli.console import App
from conn_cli.error_output import choose_exit, show_failure
from conn_cli.exits import Exit
from conn_cli.file_changes import is_relevant
from conn_engine.diagnostics import join_words
from conn_engine.errors import ConnError, UsageError

__all__ = ["WatchedResult", "repeat_on_changes"]

_NAMED = 3


class WatchedResult(NamedTuple):
    """What one run of the work found. It is shown after its exit code is known: whoever presses Ctrl-C on seeing the
    result gets the code of this result."""

    code: Exit
    show: Callable[[], object]


def repeat_on_changes(
    app: App,
    root: Path,
    run: Callable[[], WatchedResult],
    update: Callable[[frozenset[Path]], WatchedResult],
    *,
    markdown: bool = False,
) -> Exit:
    """Run the work once, and `update` for each group of changed documents below a folder, and of Markdown files if
    `markdown` is set. Return the last exit code.

    A document that cannot be read is shown, and the next change is awaited. Raises UsageError of the first run.
    """
    changes = app.watch([root])
    next(changes, None)  # changes during the first run are not missed
    code, show = _attempt(app, run, is_first=True)
    show()
    app.write("watching for changes; Ctrl-C stops")
    app.flush()
    try:
        for group in changes:
            changed = frozenset(path for path in group if is_relevant(path, root, markdown=markdown))
            if changed:
                names = sorted(path.relative_to(root).as_posix() for path in changed)
                app.write(f"\n{join_words(names, most=_NAMED)}")
                code, show = _attempt(app, partial(update, changed))
                show()
            app.flush()
            app.check_reader()
    except KeyboardInterrupt:
        app.write()
    return code


def _attempt(app: App, work: Callable[[], WatchedResult], *, is_first: bool = False) -> WatchedResult:
    try:
        return work()
    except (ConnError, OSError) as error:  # an OSError: such as a file that vanished while it was read
        if is_first and isinstance(error, UsageError):
            raise
        return WatchedResult(Exit(choose_exit(error)), partial(show_failure, app, error, as_json=False))
