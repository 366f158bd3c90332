"""Save edits of an account or an environment as a revision, with the same checks as `/admin`, and remember those that
are not saved."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from conn_engine.config import Workspace
from conn_engine.documents import parse
from conn_engine.errors import ConnError
from conn_engine.reports import describe_findings
from conn_engine.wire import Clock
from conn_service.authoring.results import describe_problem
from conn_service.portal.drafts import DraftStore
from conn_service.portal.mirror import ConfigurationFolder
from conn_service.revisions import (
    Changes,
    ChecksUnavailableError,
    RefusedChangeError,
    Revision,
    RevisionConflictError,
    RevisionRequest,
    Subject,
)
from conn_service.studio.drafts import digest_text
from conn_service.studio.hosting import AskQuery, QueryContext
from conn_service.studio.requests import DraftRequest, ReviewRequest, SaveRequest
from conn_service.studio.saving import StoredDraft

__all__ = ["RevisionEdits"]

_Answer = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class RevisionEdits:
    """Saves edits to the revisions of a service."""

    changes: Changes
    folder: ConfigurationFolder
    drafts: DraftStore
    clock: Clock

    async def save(self, body: bytes, context: QueryContext, ask: AskQuery) -> _Answer:
        """Make the edited document the next revision of its account or environment. Answers 409 if it was changed
        meanwhile, and 422 if the checks refuse it."""
        status, reply = await ask("check_save", body)
        if status != 200:
            return status, reply
        request, checked = msgspec.json.decode(body, type=SaveRequest), msgspec.json.decode(reply)
        file, text, reason = checked["file"], checked["text"], request.reason.strip()
        subject = Subject(checked["kind"], checked["name"])
        if not reason.isprintable() or (request.accept and not reason):
            message = "nothing was saved: the reason is missing, or is not one line"
            return _refuse(422, "reason", message, "say why in one line")

        def edit(current: Revision, _workspace: Workspace) -> Mapping[str, str]:
            if digest_text(parse(current.files.get(file, ""), file).text) != request.digest:
                raise RevisionConflictError(f"{file} was changed by somebody else since it was opened")
            return {**current.files, file: text}

        asked = RevisionRequest(context.user.actor, "edit", reason, reason if request.accept else "")
        try:
            made = await asyncio.to_thread(self.changes.edit, subject, edit, asked)
        except RevisionConflictError as error:
            await self.folder.update()
            status, reply = await ask("check_save", body)
            return (status, reply) if status == 409 else _refuse(409, "conflict", error.message, "save again")
        except (RefusedChangeError, ChecksUnavailableError) as error:
            return _describe_failure(error)
        had_draft = await asyncio.to_thread(self.drafts.put, context.user.actor, self._name_draft(request), None)
        return 200, msgspec.json.encode(
            {
                "file": file,
                "digest": digest_text(text),
                "saved": True,
                "revision": made.revision.number,
                "commit": None,
                "commit_problem": "",
                "draft_removed": had_draft,
            }
        )

    async def save_form(self, saves: Mapping[str, Any], context: QueryContext, ask: AskQuery) -> _Answer:
        """Save what a form without scripts has checked: edits, or a new connector with an account."""
        if "edits" in saves:
            return await self.save(msgspec.json.encode(saves["edits"]), context, ask)
        name, account, reason = saves["connector"], saves["account"], saves["reason"].strip()
        if not reason.isprintable():
            return _refuse(422, "reason", "nothing was saved: the reason is not one line", "say why in one line")
        asked = RevisionRequest(context.user.actor, "create", reason)
        try:
            await asyncio.to_thread(self._create, Subject("connector", name), saves["files"], asked)
        except ConnError as error:
            return _describe_failure(error)
        if not account or self.changes.configuration.get_current()[1].has_account(account):
            return 200, b"{}"
        files = {f"accounts/{account}.yaml": f"connector: {name}\n"}
        try:
            await asyncio.to_thread(self._create, Subject("account", account), files, asked)
        except ConnError as error:
            text = f"the connector {name} was saved, but not the account: {error.message}"
            return _refuse(422, "refused", text, error.hint)
        return 200, b"{}"

    def _create(self, subject: Subject, files: Mapping[str, str], asked: RevisionRequest) -> None:
        """Add a connector or an account. Raises RevisionConflictError if it exists, and what `Changes.edit` raises."""

        def build(current: Revision, _workspace: Workspace) -> Mapping[str, str]:
            if not current.is_deleted:
                raise RevisionConflictError(f"{subject.path} exists", hint="choose another name")
            return files

        subject.check_files(files)
        self.changes.edit(subject, build, asked)

    async def draft(self, body: bytes, context: QueryContext, _ask: AskQuery) -> _Answer:
        """Return the edits that this person has remembered for an account."""
        try:
            request = msgspec.json.decode(body, type=ReviewRequest)
        except msgspec.MsgspecError as error:
            return _refuse(400, "request", f"the request is invalid: {error}", "reload the page")
        content = await asyncio.to_thread(self.drafts.find, context.user.actor, self._name_draft(request))
        return 200, b'{"edits":[]}' if content is None else content.encode()

    async def keep_draft(self, body: bytes, context: QueryContext, _ask: AskQuery) -> _Answer:
        """Remember the edits of this person for an account, or forget them."""
        try:
            request = msgspec.json.decode(body, type=DraftRequest)
        except msgspec.MsgspecError as error:
            return _refuse(400, "request", f"the request is invalid: {error}", "reload the page")
        if context.user.edit_refusal:
            return _refuse(403, "read_only", f"nothing was saved: {context.user.edit_refusal}", context.user.fix)
        if request.level == "environment" and context.user.release_refusal:
            text = f"nothing was saved: {context.user.release_refusal}, and an environment concerns many accounts"
            return _refuse(403, "read_only", text, context.user.fix)
        if not self.changes.configuration.get_current()[1].has_account(request.account):
            return _refuse(422, "usage", f'there is no account "{request.account[:100]}"', "reload the page")
        now = datetime.fromtimestamp(self.clock.now(), UTC).isoformat(timespec="seconds") if request.edits else None
        content = None
        if now is not None:
            content = msgspec.json.encode(
                StoredDraft(edits=request.edits, digest=request.digest, saved_at=now)
            ).decode()
        await asyncio.to_thread(self.drafts.put, context.user.actor, self._name_draft(request), content)
        return 200, msgspec.json.encode({"saved_at": now})

    def _name_draft(self, request: ReviewRequest) -> str:
        """Return what a draft is for: an account, or the operations of its connector in its environment."""
        workspace = self.changes.configuration.get_current()[1]
        if request.level == "account" or not workspace.has_account(request.account):
            return request.account
        account = workspace.account(request.account)
        environment = account.environment or workspace.settings.default_environment
        return f"environments/{environment}/{account.connector}"


def _refuse(status: int, code: str, message: str, fix: str) -> _Answer:
    return status, msgspec.json.encode(describe_problem(code, message, fix))


def _describe_failure(error: ConnError) -> _Answer:
    """Return why no revision was made."""
    if isinstance(error, RefusedChangeError):
        return _describe_refusal(error)
    if isinstance(error, ChecksUnavailableError):
        return _refuse(503, "overloaded", error.message, error.hint)
    is_conflict = isinstance(error, RevisionConflictError)
    return _refuse(409 if is_conflict else 422, "conflict" if is_conflict else "refused", error.message, error.hint)


def _describe_refusal(error: RefusedChangeError) -> _Answer:
    is_breaking = error.checks.is_breaking and not error.checks.errors
    findings: list[Any] = describe_findings(error.findings)
    effects = [f"{row.field} of {row.operation} {row.kind}" for row in error.checks.breaking[:20]]
    problem = describe_problem("breaking" if is_breaking else "refused", error.message, error.hint)
    return 422, msgspec.json.encode({**problem, "findings": findings, "breaking": effects})
