"""`conn test --watch`: repeats the tests that changed files reach, and shows what changed."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from conn_cli.console import App
from conn_cli.effective_selection import learn_literals
from conn_cli.error_output import show_failure
from conn_cli.exits import Exit
from conn_cli.report import Sources
from conn_cli.report.results import draw_results
from conn_cli.report.suite_changes import draw_suite_changes
from conn_cli.report.text import Piece, paint
from conn_cli.suite_run import choose_exit, store_failures
from conn_cli.watch_loop import WatchedResult, repeat_on_changes
from conn_engine.analysis.reruns import WatchedSuite
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from conn_engine.config import Layer
    from conn_engine.testing.selection import Selection
    from conn_engine.testing.suite import OperationReport

__all__ = ["SuiteWatch"]


class SuiteWatch:
    """The watched tests of one command line."""

    def __init__(self, app: App, selection: "Selection", *, has_names: bool, verbose: bool, quiet: bool) -> None:
        self._app = app
        self._has_names = has_names
        self._verbose = verbose
        self._quiet = quiet
        self._layers: dict[int, Layer] = {}
        self._suite = WatchedSuite(app.workspace, selection)

    def run(self) -> Exit:
        """Test until Ctrl-C, and return the exit code of the last run. Raises UsageError of the first one."""
        return repeat_on_changes(self._app, self._app.workspace.root, self._run_all, self._update)

    def _run_all(self) -> WatchedResult:
        with self._app.progress("testing"):
            self._suite.run()
        reports = self._finish()
        width = self._app.width
        pieces = draw_results(reports, self._sources, verbose=self._verbose, quiet=self._quiet, live=False, width=width)
        return self._decide(reports, pieces)

    def _update(self, changed: frozenset[Path]) -> WatchedResult:
        changes = self._suite.update(changed)
        reports = self._finish()
        pieces = draw_suite_changes(changes, reports, self._sources, quiet=self._quiet)
        return (
            self._decide(reports, pieces) if reports else WatchedResult(Exit.USAGE, partial(self._show_nothing, pieces))
        )

    def _decide(self, reports: "Sequence[OperationReport]", pieces: "Iterable[Piece]") -> WatchedResult:
        return WatchedResult(choose_exit(reports, has_names=self._has_names), partial(self._write, pieces))

    def _show_nothing(self, pieces: "Iterable[Piece]") -> None:
        self._write(pieces)
        error = UsageError(
            "no selected operation is left", hint="undo the change, or start again with another selection"
        )
        show_failure(self._app, error, as_json=False)

    def _finish(self) -> "list[OperationReport]":
        """Learn the secrets in the documents before anything is drawn, and store the failures."""
        reports = list(self._suite.reports.values())
        self._layers = learn_literals(self._app, *(report.effective for report in reports), known=self._layers)
        store_failures(self._app, reports, self._suite.selection, is_stopped=False)
        return reports

    @property
    def _sources(self) -> Sources:
        return Sources(self._app.workspace.root)  # reads the files as they are now

    def _write(self, pieces: "Iterable[Piece]") -> None:
        self._app.write(paint(list(pieces), self._app.color), end="", prose=True)
