"""What lint and the recorded tests say of a whole workspace, as counts. One account stands for all that behave alike.

An operation is tested once for each way in which accounts do it, so that the work grows with what differs.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.diagnostics import Diagnostic, Severity
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.expressions import use
from conn_engine.lint import lint_paths
from conn_engine.population import AccountGroup, Digests, RecordedFile, Side, Slicer, account_groups, joined
from conn_engine.runtime.cases import Case
from conn_engine.runtime.suite import OperationReport, Selection, SharedRuns, report_on, run_suite
from conn_engine.transport.recordings import Recording, load_recording

__all__ = ["Verdict", "judged"]

Tell = Callable[[str], None]


@dataclass(slots=True)
class Verdict:
    """Findings of lint, and the reports of the tests. `cases` were replayed; `unrecorded` operations had nothing to."""

    lint: list[Diagnostic] = field(default_factory=list)
    tests: list[Diagnostic] = field(default_factory=list)
    cases: int = 0
    failed: int = 0
    unrecorded: int = 0

    @property
    def errors(self) -> int:
        """How many errors lint found."""
        return sum(finding.severity is Severity.ERROR for finding in self.lint)

    @property
    def good(self) -> bool:
        """Whether nothing stands against it."""
        return not self.errors and not self.failed

    def counts(self) -> dict[str, Any]:
        """As it is kept with a release."""
        warnings = sum(finding.severity is Severity.WARNING for finding in self.lint)
        return {
            "lint": {"errors": self.errors, "warnings": warnings},
            "tests": {"cases": self.cases, "failed": self.failed, "unrecorded": self.unrecorded},
        }


def judged(workspace: Workspace, *, tell: Tell = lambda note: None) -> Verdict:
    """Lint and test a workspace. `tell` is told what is being looked at.

    Raises ConfigurationError when the tests cannot be run at all: a document cannot be read, and lint says why.
    """
    tell("lint")
    verdict = Verdict(lint_paths(workspace.root, []).findings)
    unreadable = [finding for finding in verdict.lint if finding.code.startswith("DOC") and _error(finding)]
    if unreadable:
        raise ConfigurationError(unreadable[0].message, findings=unreadable)
    with ExitStack() as stack:
        if workspace.settings.evaluator is not None:
            stack.enter_context(use(workspace.settings.evaluator))
        for report in _reports(workspace):
            tell(f"test {report.name.text}")
            verdict.cases += len(report.judgements)
            verdict.unrecorded += not report.recorded
            verdict.failed += report.failed
            verdict.tests += report.all_findings
    return verdict


def _error(finding: Diagnostic) -> bool:
    return finding.severity is Severity.ERROR


def _reports(workspace: Workspace) -> Iterator[OperationReport]:
    trials = _Trials(workspace)
    checked: set[str | None] = set()
    for _, alike in groupby(trials.chosen(), key=lambda trial: (trial[0].connector_name, trial[1])):
        shared_runs: SharedRuns = {}
        for effective, name, files in alike:
            if effective.account not in checked:
                effective.check()
                checked.add(effective.account)
            cases = [trials.case(effective, name, file) for file in files]
            yield report_on(workspace, effective, name, cases, Selection(), shared_runs=shared_runs)
    for connector in sorted(set(workspace.connectors()) - trials.connectors):
        try:
            yield from run_suite(workspace, Selection(connector=connector))
        except UsageError:  # it has no operation yet
            continue


class _Trials:
    """Which operation of which account is tested on what: each that differs from those before it, by operation."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.side = Side(workspace, Digests())
        self.slicer = Slicer(self.side.digests)
        self.connectors: set[str] = set()

    def chosen(self) -> list[tuple[Effective, OperationName, list[RecordedFile]]]:
        """The trials, those of one operation together."""
        found: dict[str, tuple[Effective, OperationName, list[RecordedFile]]] = {}
        for group in account_groups(self.side):
            if group.effective is None:
                raise ConfigurationError(group.broken)
            self.connectors.add(group.effective.connector_name)
            for effective in self._representatives(group, group.effective):
                self._add(found, effective)
        return sorted(found.values(), key=lambda trial: (trial[0].connector_name, trial[1].text))

    def _representatives(self, group: AccountGroup, first: Effective) -> Iterator[Effective]:
        """The first of a group, and those with goldens of their own."""
        goldens = self.workspace.root / "connectors" / first.connector_name / "expected"
        own = [account for account in group.accounts if (goldens / account).is_dir()]
        rest = [account for account in group.accounts if account not in own]
        for account in sorted([*own, *rest[:1]]):
            yield first if account == first.account else self.workspace.effective(account=account)

    def _add(self, found: dict[str, tuple[Effective, OperationName, list[RecordedFile]]], effective: Effective) -> None:
        recordings = self.side.recordings(effective.connector_name, effective.account or "")
        by_operation: dict[str, list[RecordedFile]] = {}
        for file in recordings.values():
            by_operation.setdefault(file.operation, []).append(file)
        for name in effective.operations():
            files = by_operation.get(name.text, [])
            if files or name.kind == "unified":
                found.setdefault(self._key(effective, name, files), (effective, name, files))

    def _key(self, effective: Effective, name: OperationName, files: list[RecordedFile]) -> str:
        """Equal where the tests must come out equal."""
        cut = self.slicer.of(effective, name)
        contexts: list[Mapping[str, Any]] = [effective.context]
        texts = [effective.connector_name, self.side.schema(effective.data, name)]
        texts.append(cut.in_context(self.side.digests, *contexts))
        for file in files:
            golden = self._goldens(effective, file)[0]
            said = golden.read_text(encoding="utf-8") if golden.is_file() else ""
            texts += [file.path.name, file.digest, cut.in_context(self.side.digests, *contexts, file.context), said]
        return joined(*texts)

    def case(self, effective: Effective, name: OperationName, file: RecordedFile) -> Case:
        """A recording with its goldens, as `conn test` pairs them."""
        return Case(name, _recording(file.path, self.workspace.shown(file.path)), file.path,
                    *self._goldens(effective, file))  # fmt: skip

    def _goldens(self, effective: Effective, file: RecordedFile) -> tuple[Path, Path]:
        folder = self.workspace.root / "connectors" / effective.connector_name
        golden = folder / "expected" / (effective.account or "") / file.path.name
        own = file.path.parent != folder / "recordings"
        return golden, golden if own else folder / "expected" / file.path.name


@lru_cache(maxsize=16)
def _recording(path: Path, shown: str) -> Recording:
    return load_recording(path, shown)
