"""`conn lint --watch`: lints again what changed files reach, and shows which findings are new and which are gone."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from conn_cli.console import App
from conn_cli.effective_selection import learn_found_literals
from conn_cli.exits import Exit
from conn_cli.report import Sources
from conn_cli.report.text import Piece, draw_finding, paint, render, summarize
from conn_cli.watch_loop import WatchedResult, repeat_on_changes
from conn_engine.analysis.reruns import WatchedLint
from conn_engine.diagnostics import Diagnostic, Severity, pluralize
from conn_engine.lint.baseline import apply_baseline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conn_engine.analysis.reruns import LintChanges

__all__ = ["LintWatch"]


class LintWatch:
    """The watched files of one command line."""

    def __init__(self, app: App, paths: "Sequence[Path]", baseline: Path | None) -> None:
        self._app = app
        self._baseline = app.folder / baseline if baseline is not None else None
        self._lint = WatchedLint(app.folder, paths, app.clock)

    def run(self) -> Exit:
        """Lint until Ctrl-C, and return the exit code of the last run. Raises UsageError of the first one."""
        return repeat_on_changes(self._app, self._lint.workspace.root, self._run_all, self._update, markdown=True)

    def _run_all(self) -> WatchedResult:
        self._lint.run()
        learn_found_literals(self._app, self._lint.findings, self._sources)
        findings = self._accept(self._lint.findings)
        return WatchedResult(_choose_exit(findings), partial(self._show_all, findings))

    def _show_all(self, findings: "Sequence[Diagnostic]") -> None:
        self._write(render(findings, self._sources, color=self._app.color))
        self._app.err(f"{pluralize(self._lint.files, 'file')} checked")

    def _update(self, changed: frozenset[Path]) -> WatchedResult:
        changes = self._lint.update(changed)
        learn_found_literals(self._app, changes.new, self._sources)
        findings = self._accept(self._lint.findings)
        text = paint(list(self._draw(changes, findings)), self._app.color)
        return WatchedResult(_choose_exit(findings), partial(self._write, text))

    def _write(self, text: str) -> None:
        self._app.write(text, end="", prose=True)

    def _draw(self, changes: "LintChanges", findings: "Sequence[Diagnostic]") -> "Iterator[Piece]":
        new, gone = self._accept(changes.new), self._accept(changes.gone)
        sources = self._sources
        for finding in new:
            yield from draw_finding(finding, sources)
        for finding in gone:
            place = f"{finding.span.file}: " if finding.span is not None else ""
            yield "gone  ", "good"
            yield f"{place}{finding.code}  {finding.message}\n", ""
        counts = [pluralize(len(new), "new finding")] if new else []
        counts += [f"{len(gone):,} gone"] if gone else []
        text = ", ".join(counts) or "no finding changed"
        left = "" if not findings else f"; {summarize(findings)}"
        yield f"{text}{left} ({pluralize(changes.files, 'file')} checked)\n", "error" if findings else "good"

    def _accept(self, findings: "Sequence[Diagnostic]") -> list[Diagnostic]:
        """Leave out the findings of the baseline."""
        if self._baseline is None:
            return list(findings)
        return apply_baseline(self._baseline, list(findings), update=False)

    @property
    def _sources(self) -> Sources:
        return Sources(self._lint.workspace.root)  # reads the files as they are now


def _choose_exit(findings: "Sequence[Diagnostic]") -> Exit:
    return Exit.FINDINGS if any(finding.severity is Severity.ERROR for finding in findings) else Exit.OK
