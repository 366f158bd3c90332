"""Change accounts in the files of a workspace, with the same checks as in a store of the service, and write the
revisions of a store into a folder."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from conn_engine.config import Workspace, load_workspace
from conn_engine.documents.files import remove_file, write_whole
from conn_engine.documents.reserving import reserve_folder
from conn_engine.wire import MACHINE_CLOCK, Clock
from conn_service.revisions.changes import CheckedRevision, Edit, RevisionRequest, check_revision
from conn_service.revisions.checks import ChangeChecks
from conn_service.revisions.configuration import list_files, read_files
from conn_service.revisions.model import Revision, RevisionConflictError, Subject

__all__ = ["FolderChanges", "write_revisions"]


class FolderChanges:
    """Changes the files of a workspace on this machine. They have no revisions, so these have the number 0."""

    def __init__(self, workspace: Workspace, clock: Clock = MACHINE_CLOCK) -> None:
        self._workspace = workspace
        self._clock = clock

    def find(self, subject: Subject) -> Revision | None:
        """Return what is in the files, None if there is no such account or connector."""
        files = read_files(self._workspace, subject)
        return Revision(subject, 0, files) if files else None

    def put(self, subject: Subject, files: Mapping[str, str], request: RevisionRequest) -> CheckedRevision:
        """Check documents, and write them. Raises like `Changes.put`."""
        subject.check_files(files)
        return self.edit(subject, lambda _revision, _workspace: files, request)

    def edit(self, subject: Subject, edit: Edit, request: RevisionRequest) -> CheckedRevision:
        """Check what `edit` makes of the current documents, and write it. Raises like `Changes.put`."""
        workspace = self._workspace
        current = self.find(subject) or Revision(subject, 0, {})
        files = edit(current, workspace)
        if dict(files) == dict(current.files):
            return CheckedRevision(current, ChangeChecks(), is_new=False)
        checked = check_revision(current, files, request, workspace, self._clock)
        if request.is_dry_run:
            return checked
        with reserve_folder(workspace.root):
            if read_files(workspace, subject) != dict(current.files):
                raise RevisionConflictError(
                    f"{subject.path} was changed by something else in the meantime", hint="run the command again"
                )
            for path, text in files.items():
                if text != current.files.get(path):
                    (workspace.root / path).parent.mkdir(parents=True, exist_ok=True)
                    write_whole(workspace.root / path, text, within=workspace.root)
            for path in current.files.keys() - files.keys():
                remove_file(workspace.root / path, workspace.root)
        return checked


def write_revisions(folder: Path, revisions: Iterable[Revision]) -> None:
    """Write accounts and connectors into the folder of a workspace, instead of those with the same names."""
    for revision in revisions:
        for path in list_files(load_workspace(folder), revision.subject):
            (folder / path).unlink()
        for path, text in revision.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(text.encode())
