"""The workspace of the page: the saved documents, kept up to date, and the same with the page's unsaved edits."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conn_engine.analysis.field_overrides import OverrideDraft, draft_overrides
from conn_engine.analysis.fields import FieldIndex
from conn_engine.analysis.population.recorded_files import FileCache
from conn_engine.config import Effective, OperationName, UnifiedOperation, Workspace, load_workspace
from conn_engine.errors import UsageError
from conn_engine.recordings.files import Recording, load_recording
from conn_engine.runtime.variants import up_to
from conn_engine.testing.cases import Case, find_cases
from conn_service.studio.requests import OperationRequest, ReviewRequest

__all__ = ["EditedOperation", "StudioWorkspace", "digest_text"]

_MOST_DRAFTS = 8
_MOST_OPENED = 64
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True)
class EditedOperation:
    """One operation of an account: as it is saved, and with the unsaved edits, if any (`draft`)."""

    workspace: Workspace
    saved: Effective
    edited: Effective
    name: OperationName
    draft: OverrideDraft | None

    def get_unified(self) -> UnifiedOperation | None:
        """Return the operation with the unsaved edits."""
        return self.edited.get_unified(self.name.model, self.name.resource, self.name.method)


class StudioWorkspace:
    """The documents of a folder. Those that something else changes are read again by `refresh`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.saved = load_workspace(root)
        self.index = FieldIndex()
        self.results: dict[tuple[Any, ...], Any] = {}
        """What the saved mappings make of recordings. `refresh` forgets it if a file has changed."""
        self.opened_texts: dict[str, str] = {}
        """The documents that the author has opened, by digest, for the three texts of a conflict."""
        self.sources: dict[str, Any] = {}
        """The documents that were pasted for new connectors, by digest."""
        self._recordings = FileCache(load_recording)
        self._files = dict(_list_files(root))
        self._effective: dict[tuple[str, str], Effective] = {}
        self._drafts: dict[ReviewRequest, OverrideDraft] = {}

    def refresh(self) -> None:
        """Read the files again that have changed on the disk."""
        files = dict(_list_files(self.root))
        changed = {path for path in files.keys() | self._files.keys() if files.get(path) != self._files.get(path)}
        if changed:
            self._files = files
            self.saved = self.saved.reread(changed)
            self._effective.clear()
            self._drafts.clear()
            self.results.clear()

    def remember_opened(self, text: str) -> str:
        """Remember the text of a document that the author has opened, and return its digest."""
        digest = digest_text(text)
        self.opened_texts.pop(digest, None)
        self.opened_texts[digest] = text
        while len(self.opened_texts) > _MOST_OPENED:
            self.opened_texts.pop(next(iter(self.opened_texts)))
        return digest

    def find_cases(self, effective: Effective, names: Iterable[OperationName]) -> list[Case]:
        """Return the recordings of operations. A file is read again only if it has changed."""
        return find_cases(self.saved, effective, names, self._recordings.read)

    def find_effective(self, account: str) -> Effective:
        """Return the saved configuration of an account. Raises UsageError for an unknown one."""
        key = (account, "")
        if key not in self._effective:
            self._effective[key] = self.saved.effective(account=account)
        return self._effective[key]

    def read_recording(self, path: Path) -> Recording:
        """Return a recording, which is read again only if it has changed. Raises ConfigurationError."""
        return self._recordings.read(path, self.saved.format_path(path))

    def find_base(self, effective: Effective) -> Effective:
        """Return a saved configuration without its environment and its account."""
        key = (effective.account or "", "base")
        if key not in self._effective:
            self._effective[key] = up_to(effective, "base")
        return self._effective[key]

    def find_operation(self, request: OperationRequest) -> EditedOperation:
        """Return the operation of a request with its edits. Raises UsageError for an unknown one or edits that cannot
        be made, and ConfigurationError for documents that cannot be used."""
        saved = self.find_effective(request.account)
        draft = self.draft(request)
        edited = saved if draft is None else draft.after
        name = edited.resolve(request.operation)
        if name.kind != "unified":
            raise UsageError(
                f"{name.text} is an operation of the vendor and has no mapping",
                hint="name a unified operation, such as crm.contacts.list",
            )
        return EditedOperation(self.saved if draft is None else draft.workspace, saved, edited, name, draft)

    def draft(self, request: ReviewRequest) -> OverrideDraft | None:
        """Return a draft with the edits of a request; None if it has none."""
        if not request.edits:
            return None
        key = ReviewRequest(account=request.account, level=request.level, edits=request.edits)
        if key not in self._drafts:
            environment = self.find_environment(request)
            overrides = [edit.to_override(request.account, environment) for edit in request.edits]
            while len(self._drafts) >= _MOST_DRAFTS:
                self._drafts.pop(next(iter(self._drafts)))
            self._drafts[key] = draft_overrides(self.saved, self.find_effective(request.account), overrides)
        return self._drafts[key]

    def find_environment(self, request: ReviewRequest) -> str | None:
        """Return the environment that the edits of a request are for; None for the account itself."""
        return self.find_effective(request.account).environment if request.level == "environment" else None


def digest_text(text: str) -> str:
    """Return what changes with the text of a document."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _list_files(root: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Yield the documents of a workspace, each with what changes if it is written."""
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if not name.startswith(".")]
        for name in files:
            path = Path(folder, name)
            if path.suffix in _SUFFIXES:
                try:
                    status = path.stat()
                except OSError:
                    continue
                yield path, (status.st_mtime_ns, status.st_size)
