"""Make revisions: of what is checked, by whom, and why. `http` and the command line use it alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from conn_engine.config import Workspace
from conn_engine.documents import parse
from conn_engine.documents.edits import drop_value, put_value
from conn_engine.errors import ConnError, UsageError
from conn_engine.secrets.vault.environment import build_variable_prefix
from conn_engine.wire import MACHINE_CLOCK, Clock
from conn_service.revisions.checks import ChangeChecks, RunChecks, check_change, run_checks
from conn_service.revisions.configuration import RevisedConfiguration, read_files, with_revisions
from conn_service.revisions.model import Revision, RevisionConflictError, Subject

__all__ = [
    "Changes",
    "CheckedRevision",
    "Edit",
    "RefusedChangeError",
    "RevisionRequest",
    "check_new_name",
    "check_revision",
    "set_enabled",
]

_MOST_TRIES = 3
Edit = Callable[[Revision, Workspace], Mapping[str, str]]
"""Returns the documents of the next revision, from the current one."""


class RefusedChangeError(ConnError):
    """A change is not made: lint finds an error, or it breaks something and nobody accepts that."""

    exit_code = 1

    def __init__(self, message: str, checks: ChangeChecks, *, hint: str) -> None:
        super().__init__(message, hint=hint, findings=[*checks.errors, *checks.failures])
        self.checks = checks


@dataclass(frozen=True, slots=True)
class RevisionRequest:
    """Who changes something, and why. `action` is its name in the log. `accept` is the reason why breaking effects are
    accepted, or "". With `version`, the change is only made to this version. `tenant` of None is not changed."""

    by: str
    action: str
    reason: str = ""
    accept: str = ""
    version: str | None = None
    tenant: str | None = None
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True)
class CheckedRevision:
    """A revision with what the checks found. `is_new` is false if nothing differs from the current one."""

    revision: Revision
    checks: ChangeChecks
    is_new: bool = True


class Changes:
    """Makes revisions of a service's configuration. Threads may share it. `run` runs the checks."""

    def __init__(
        self, configuration: RevisedConfiguration, clock: Clock = MACHINE_CLOCK, run: RunChecks = run_checks
    ) -> None:
        self.configuration = configuration
        self._clock = clock
        self._run = run

    def find(self, subject: Subject) -> Revision | None:
        """Return the current revision, which has the number 0 if it is that of the folder or the release. None if there
        has never been such an account or connector."""
        latest = self.configuration.find_latest(subject)
        if latest is not None:
            return latest
        files = read_files(self.configuration.get_current()[1], subject)
        return Revision(subject, 0, files) if files else None

    def put(self, subject: Subject, files: Mapping[str, str], request: RevisionRequest) -> CheckedRevision:
        """Check documents, and make them the next revision. No documents delete the account or the connector.

        Raises RefusedChangeError, RevisionConflictError, and UsageError for files that are not those of the subject.
        """
        subject.check_files(files)
        return self.edit(subject, lambda _revision, _workspace: files, request)

    def revert(self, subject: Subject, number: int, request: RevisionRequest) -> CheckedRevision:
        """Make the documents of an earlier revision the next one. Raises like `put`, and UsageError for an unknown
        number."""
        earlier = self.configuration.store.find(subject, number)
        if earlier is None:
            raise UsageError(f"{subject.path} has no revision {number}", category="unknown")
        return self.put(subject, earlier.files, request)

    def edit(self, subject: Subject, edit: Edit, request: RevisionRequest) -> CheckedRevision:
        """Change the current documents. `edit` is called again if others change them meanwhile. Raises like `put`."""
        for _ in range(_MOST_TRIES):
            self.configuration.refresh()
            seen, (_, workspace) = self.configuration.change, self.configuration.get_current()
            current = self.find(subject) or Revision(subject, 0, {})
            if request.version is not None and request.version != current.version:
                raise RevisionConflictError(
                    f"{subject.path} was changed by somebody else in the meantime",
                    hint="read it again, and repeat your change",
                )
            files = edit(current, workspace)
            if current.is_deleted and files:
                check_new_name(subject, workspace)
            checked = check_revision(current, files, request, workspace, self._clock, self._run)
            if request.is_dry_run or not checked.is_new:
                return checked
            try:
                stored = self.configuration.store.add(checked.revision, current.files, request.action, seen=seen)
            except RevisionConflictError:
                continue
            self.configuration.refresh()
            return CheckedRevision(stored, checked.checks)
        raise RevisionConflictError(f"{subject.path} is changed too often", hint="try again in a moment")


def check_new_name(subject: Subject, workspace: Workspace) -> None:
    """Raise UsageError for a new account that would read the credential of another one from the environment, as `ACME`
    that of `acme`."""
    prefix = build_variable_prefix(subject.name)
    others = (name for name in workspace.accounts() if name != subject.name)
    if subject.kind == "account" and any(build_variable_prefix(name) == prefix for name in others):
        raise UsageError(
            f'the name "{subject.name}" is too similar to that of another account: both would read {prefix}*',
            hint="choose a name that differs by more than case and punctuation",
        )


def check_revision(  # noqa: PLR0917
    current: Revision,
    files: Mapping[str, str],
    request: RevisionRequest,
    workspace: Workspace,
    clock: Clock,
    run: RunChecks = run_checks,
) -> CheckedRevision:
    """Return the next revision, if the checks allow it. Raises RefusedChangeError."""
    tenant = current.tenant if request.tenant is None else request.tenant
    if current.number and (dict(files), tenant) == (dict(current.files), current.tenant):
        return CheckedRevision(current, ChangeChecks(), is_new=False)
    subject = current.subject
    after = with_revisions(workspace, [Revision(subject, current.number + 1, files)])
    checks = ChangeChecks()
    if dict(files) != dict(current.files):
        checks = check_change(workspace, after, subject, clock, run)
    if checks.errors:
        raise RefusedChangeError(
            f"lint finds errors in {subject.path}, so that nothing was changed", checks, hint="correct the findings"
        )
    if checks.is_breaking and not request.accept:
        raise RefusedChangeError(
            f"the change of {subject.path} breaks what worked, so that nothing was changed",
            checks,
            hint="correct it, or accept the effects with a reason",
        )
    accepted = request.accept if checks.is_breaking else ""
    revision = Revision(subject, current.number + 1, files, tenant, request.by, clock.now(), request.reason, accepted)
    return CheckedRevision(revision, checks)


def set_enabled(revision: Revision, *, is_on: bool) -> Mapping[str, str]:
    """Return the file of an account with `enabled`, and every other line as it is."""
    path, text = next(iter(revision.files.items()))
    document = parse(text, path)
    is_set = isinstance(document.data, dict) and "enabled" in document.data
    if is_on:
        return {path: drop_value(document, ("enabled",)) if is_set else text}
    return {path: put_value(document, ("enabled",), False)}
