"""Save edits, if the document is still the one that was opened, and remember those that are not saved."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from conn_engine.analysis.field_overrides import OverrideDraft, draft_overrides
from conn_engine.analysis.impact.committing import commit_file
from conn_engine.documents import write_whole
from conn_engine.documents.files import remove_file
from conn_engine.documents.local_state import create_state_folder
from conn_engine.documents.locate import STATE_FOLDER
from conn_engine.errors import ConfigurationError, ConnError
from conn_engine.reports import describe_findings
from conn_engine.wire import MACHINE_CLOCK
from conn_service.authoring.results import describe_problem
from conn_service.studio.drafts import StudioWorkspace, digest_text
from conn_service.studio.requests import DraftRequest, PageEdit, ReviewRequest, SaveRequest
from conn_service.studio.review import find_refusal, require_draft, to_data

__all__ = ["StoredDraft", "check_edits", "keep_draft", "load_draft", "save_edits"]


class StoredDraft(msgspec.Struct, frozen=True, kw_only=True):
    """The unsaved edits of one document. `digest` is that of the document that they were made for."""

    edits: tuple[PageEdit, ...]
    digest: str
    saved_at: str


def save_edits(workspace: StudioWorkspace, request: SaveRequest) -> tuple[int, dict[str, Any]]:
    """Write the document of the edits, and commit it if the request says so. Return a status and the answer.

    Nothing is written if the document has changed since it was opened (409), or if lint or a recording fails (422); the
    author may accept the latter.
    """
    draft = require_draft(workspace, request)
    refusal = _refuse_edits(workspace, request, draft)
    if refusal is not None:
        return refusal
    try:
        draft.save()
    except ConfigurationError:
        workspace.refresh()
        current = require_draft(workspace, request)
        if digest_text(current.old_document.text) == request.digest:
            raise
        return 409, _describe_conflict(workspace, request, current)
    commit, problem_text = None, ""
    if request.commit is not None:
        try:
            commit = {"id": commit_file(workspace.root, draft.document.file, request.commit.message)}
        except ConnError as error:  # the document is saved nevertheless
            problem_text = f"it was saved, and not committed: {error.message}"
    has_draft = _find_path(workspace, request).exists()
    _remove_draft(workspace, request)
    digest = digest_text(draft.document.text)
    answer = {"file": draft.document.file, "digest": digest, "saved": True, "commit": commit}
    return 200, {**answer, "commit_problem": problem_text, "draft_removed": has_draft}


def check_edits(workspace: StudioWorkspace, request: SaveRequest) -> tuple[int, dict[str, Any]]:
    """Return the document with the edits, for a place other than the folder. Refuses what `save_edits` does."""
    draft = require_draft(workspace, request)
    refusal = _refuse_edits(workspace, request, draft)
    file = draft.file
    return refusal or (
        200,
        {"kind": file.kind, "name": file.name, "file": draft.document.file, "text": draft.document.text},
    )


def _refuse_edits(
    workspace: StudioWorkspace, request: SaveRequest, draft: OverrideDraft
) -> tuple[int, dict[str, Any]] | None:
    """Return why edits are not saved: a status and the answer; None if they may be."""
    if digest_text(draft.old_document.text) != request.digest:
        return 409, _describe_conflict(workspace, request, draft)
    reason = find_refusal(draft)
    if reason and not (request.accept and draft.is_changed and not draft.errors):
        findings = to_data(describe_findings([*draft.errors, *(finding for _, finding in draft.failures)]))
        problem = describe_problem("refused", f"nothing was saved: {reason}", "correct the expression, or accept it")
        return 422, {**problem, "findings": findings}
    return None


def _describe_conflict(workspace: StudioWorkspace, request: SaveRequest, draft: OverrideDraft) -> dict[str, Any]:
    """Return the text that was opened, the same with the edits, and the present one."""
    file, opened = draft.document.file, workspace.opened_texts.get(request.digest)
    yours = None
    if opened is not None:
        environment = workspace.find_environment(request)
        overrides = [edit.to_override(request.account, environment) for edit in request.edits]
        with suppress(ConnError):
            earlier = workspace.saved.with_texts({file: opened})
            effective = earlier.effective(account=request.account)
            yours = draft_overrides(earlier, effective, overrides).document.text
    theirs = draft.old_document.text
    problem = describe_problem(
        "conflict", f"{file} was changed by something else since it was opened", "look at both, and save again"
    )
    conflict = {"file": file, "digest": digest_text(theirs), "opened": opened, "yours": yours, "theirs": theirs}
    return {**problem, "conflict": conflict}


# --- edits that are not saved ---


def load_draft(workspace: StudioWorkspace, request: ReviewRequest) -> dict[str, Any]:
    """Return the edits that were stored for an account or its environment, or an empty mapping."""
    try:
        content = _find_path(workspace, request).read_bytes()
        stored = msgspec.json.decode(content, type=StoredDraft)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {"edits": []}
    return {"edits": to_data(stored.edits), "digest": stored.digest, "saved_at": stored.saved_at}


def keep_draft(workspace: StudioWorkspace, request: DraftRequest) -> dict[str, Any]:
    """Store edits so that they are there after the page and its server have ended; without edits, remove them."""
    if not request.edits:
        _remove_draft(workspace, request)
        return {"saved_at": None}
    path = _find_path(workspace, request)
    now = datetime.fromtimestamp(MACHINE_CLOCK.now(), UTC).isoformat(timespec="seconds")
    stored = StoredDraft(edits=request.edits, digest=request.digest, saved_at=now)
    try:
        create_state_folder(workspace.root / STATE_FOLDER)
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"the draft was not stored: {(error.strerror or str(error)).lower()}"
        raise ConfigurationError(message, hint="make the folder .conn of the workspace writable") from None
    write_whole(path, msgspec.json.encode(stored).decode(), within=workspace.root)
    return {"saved_at": now}


def _remove_draft(workspace: StudioWorkspace, request: ReviewRequest) -> None:
    with suppress(OSError):
        remove_file(_find_path(workspace, request))


def _find_path(workspace: StudioWorkspace, request: ReviewRequest) -> Path:
    """Return the file of a draft. Raises UsageError for an unknown account."""
    effective, environment = workspace.find_effective(request.account), workspace.find_environment(request)
    name = f"account.{request.account}" if environment is None else f"{effective.connector_name}.{environment}"
    return workspace.root / STATE_FOLDER / "studio" / f"{name}.json"
