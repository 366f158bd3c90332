"""Check a change of an account, a connector or an environment before it takes effect: lint, the recordings, and the
impact on accounts.

The checks run in temporary folders that have only what the change concerns, because recordings are files.
"""

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from conn_engine.analysis.impact import Consequence, Impact, impact
from conn_engine.analysis.population.trials import Trials
from conn_engine.config import Workspace, load_workspace
from conn_engine.config.strays import SUFFIXES
from conn_engine.diagnostics import Diagnostic, Severity, diagnostic, remove_duplicates
from conn_engine.errors import ConnError, UsageError
from conn_engine.lint import lint_workspace
from conn_engine.testing.suite import Selection, run_suite
from conn_engine.wire import MACHINE_CLOCK, Clock, FrozenClock
from conn_service.revisions.configuration import list_files, walk_files
from conn_service.revisions.model import Subject

__all__ = ["ChangeChecks", "CheckTask", "RunChecks", "check_change", "run_checks"]

_ALWAYS_REFUSED = "SEC101"
"""The code for a secret in a document. It is refused whatever the workspace's severity for it."""


@dataclass(frozen=True)
class ChangeChecks:
    """What is wrong with a change. `findings` are those of lint: all of the changed documents, and of other documents
    the errors that are new. `failures` are recordings that now fail. `impact` is None if nothing could be compared."""

    findings: tuple[Diagnostic, ...] = ()
    failures: tuple[Diagnostic, ...] = ()
    impact: Impact | None = None

    @cached_property
    def errors(self) -> list[Diagnostic]:
        """The findings because of which the change is refused, whatever the reason for it."""
        return [one for one in self.findings if one.severity is Severity.ERROR or one.code == _ALWAYS_REFUSED]

    @cached_property
    def breaking(self) -> list[Consequence]:
        """What breaks for accounts: it has to be accepted."""
        return self.impact.find_failures("breaking") if self.impact is not None else []

    @property
    def is_breaking(self) -> bool:
        """Whether the change needs a reason for which its effects are accepted."""
        return bool(self.failures or self.breaking)


@dataclass(frozen=True, slots=True)
class CheckTask:
    """Two folders to compare, the time in Unix seconds, and what the change concerns."""

    old: str
    new: str
    subject: Subject
    accounts: tuple[str, ...]
    connectors: frozenset[str]
    now: float


RunChecks = Callable[[CheckTask], ChangeChecks]


def run_checks(task: CheckTask) -> ChangeChecks:
    """Lint two folders, run their recorded tests, and compare their accounts."""
    subject, accounts, connectors = task.subject, task.accounts, task.connectors
    try:
        old, new = load_workspace(Path(task.old)), load_workspace(Path(task.new))
        findings = _lint(old, new, subject, accounts, FrozenClock(task.now))
        if any(finding.severity is Severity.ERROR for finding in findings):
            return ChangeChecks(tuple(findings))
        failures = _run_tests(new, accounts, connectors)
        known = (
            {(one.code, one.path, one.message) for one in _run_tests(old, accounts, connectors)} if failures else set()
        )
        failures = [one for one in failures if (one.code, one.path, one.message) not in known]
        present = [name for name in accounts if old.has_account(name)]  # a new one has nothing to compare with
    except ConnError as error:  # of what all accounts share
        return ChangeChecks(tuple(_describe(error)))
    try:
        result = impact(old, new, accounts=present, processes=1) if present else None
    except ConnError as error:
        return ChangeChecks(tuple(findings), tuple(error.findings or _describe(error)))
    return ChangeChecks(tuple(findings), tuple(failures), result)


def check_change(
    before: Workspace, after: Workspace, subject: Subject, clock: Clock = MACHINE_CLOCK, run: RunChecks = run_checks
) -> ChangeChecks:
    """Compare two configurations that differ in one subject, with the recordings of each. `run` runs the
    checks, in this process or in another one. An account is compared in the release that it uses."""
    if subject.kind == "account":
        before, after = before.of_account(subject.name), after.of_account(subject.name)
    accounts, connectors = _find_concerned(before, after, subject)
    if subject.kind == "account" and not list_files(after, subject):
        return ChangeChecks(failures=tuple(_find_references(after, subject)))
    with _copy(before, accounts, connectors) as old, _copy(after, accounts, connectors) as new:
        return run(CheckTask(str(old), str(new), subject, tuple(accounts), frozenset(connectors), clock.now()))


def _find_concerned(before: Workspace, after: Workspace, subject: Subject) -> tuple[list[str], set[str]]:
    """Return the accounts and the connectors that a change concerns."""
    if subject.kind == "account":
        used = {_find_used(workspace, subject.name)[0] for workspace in (before, after)}
        return [subject.name], used - {""}
    using: dict[str, str] = {}
    for workspace in (before, after):
        for name in workspace.accounts():
            connector, environment = _find_used(workspace, name)
            if subject.name == (connector if subject.kind == "connector" else environment):
                using[name] = connector
    return sorted(using), {subject.name} if subject.kind == "connector" else {*using.values()}


def _find_used(workspace: Workspace, account: str) -> tuple[str, str]:
    """Return the connector and the environment of an account."""
    try:
        one = workspace.account(account) if workspace.has_account(account) else None
    except ConnError:  # lint says why it cannot be read
        return "", ""
    if one is None:
        return "", ""
    return one.connector, one.environment or workspace.settings.default_environment


def _find_references(workspace: Workspace, subject: Subject) -> Iterator[Diagnostic]:
    """Yield a finding for each sync whose file names an account that does not exist any more."""
    for name in workspace.syncs():
        chosen = workspace.sync(name).accounts
        if isinstance(chosen, tuple) and subject.name in chosen:
            document = workspace.document("sync", name)
            message = f'the sync "{name}" names the account "{subject.name}"'
            yield diagnostic("REF101", message, document.span(("accounts",)), path="accounts", hint="remove the name")


@contextmanager
def _copy(workspace: Workspace, accounts: Collection[str], connectors: Collection[str]) -> Iterator[Path]:
    """Provide a folder with some accounts, their connectors, and what all share. It is removed afterwards."""
    tree = workspace.tree
    places = [workspace.root / f"conn{suffix}" for suffix in SUFFIXES]
    if workspace.settings.trusted_certificates is not None:
        places.append(workspace.root / workspace.settings.trusted_certificates)
    paths = [workspace.format_path(place) for place in places if tree.is_file(place)]
    for folder in ("environments", "syncs", *(workspace.format_path(model) for model in workspace.models)):
        paths += walk_files(workspace, workspace.root / folder)
    for name in connectors:
        paths += list_files(workspace, Subject("connector", name))
    if not {*connectors} <= {*workspace.connectors()}:  # a finding suggests the names of the others
        others = (workspace.file("connector", name).path for name in workspace.connectors())
        paths += [workspace.format_path(path) for path in others]
    for name in accounts:
        paths += list_files(workspace, Subject("account", name))
    folder_path = Path(tempfile.mkdtemp(prefix="conn-check-"))
    try:
        for path in dict.fromkeys(paths):
            workspace.check_inside(workspace.root / path)
            place = folder_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(tree.content(workspace.root / path))
        yield folder_path.resolve()
    finally:
        shutil.rmtree(folder_path, ignore_errors=True)


def _lint(
    old: Workspace, new: Workspace, subject: Subject, accounts: Collection[str], clock: Clock
) -> list[Diagnostic]:
    """Return the findings for the changed documents, and the new errors in the documents of other accounts."""
    own = [new.root / path for path in list_files(new, subject)]
    if subject.kind == "connector":
        own = [new.root / subject.path] if own else []
    findings = list(lint_workspace(new, own, clock).findings) if own else []
    others = [path for name in accounts for path in list_files(new, Subject("account", name))]
    if subject.kind == "account" or not others:
        return findings
    sides = [lint_workspace(side, [side.root / path for path in others], clock).findings for side in (old, new)]
    known = {(one.code, one.path, one.message) for one in sides[0]}
    is_new = [one for one in sides[1] if (one.code, one.path, one.message) not in known]
    return remove_duplicates([*findings, *(one for one in is_new if one.severity is Severity.ERROR)])


def _run_tests(workspace: Workspace, accounts: Collection[str], connectors: Iterable[str]) -> list[Diagnostic]:
    """Return the errors of the recorded tests of some accounts, and of connectors that none of them uses."""
    present = [name for name in accounts if workspace.has_account(name)]
    trials = Trials(workspace)
    findings: list[Diagnostic] = []
    try:
        reports = list(trials.reports(trials.select(present, lenient=True))) if present else []
        for connector in set(connectors) & set(workspace.connectors()) - trials.connectors:
            try:
                reports += run_suite(workspace, Selection(connector=connector))
            except UsageError:  # it has no operation
                continue
    except ConnError as error:
        return list(error.findings) or _describe(error)
    for report in reports:
        findings += [finding for finding in report.all_findings if finding.severity is Severity.ERROR]
    return remove_duplicates(findings)


def _describe(error: ConnError) -> list[Diagnostic]:
    return [diagnostic("CFG104", error.message, hint=error.hint)]
