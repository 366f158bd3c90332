"""The steps before the request of an operation and after its mapping: read, changed as one text, reviewed and saved."""

from typing import Any
from urllib.parse import quote

import msgspec

from conn_engine.analysis.step_overrides import STEPS, has_comment
from conn_engine.config import MISSING, Path_, lookup
from conn_engine.config.override_places import find_override_place
from conn_engine.documents import Document
from conn_engine.documents.dump import dump_yaml
from conn_engine.errors import UsageError
from conn_service.studio.drafts import EditedOperation, StudioWorkspace
from conn_service.studio.operation_page import describe_file, list_steps
from conn_service.studio.requests import EditLevel, OperationRequest, PageEdit, SaveRequest
from conn_service.studio.review import describe_plan
from conn_service.studio.saving import save_edits
from conn_service.studio.views.page_request import PageRequest

__all__ = ["review_steps", "save_steps", "show_steps"]


def show_steps(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return the steps of every level, and those of the account or its environment to change."""
    asked = _read_request(request)
    operation = studio.find_operation(asked)
    levels = list_steps(operation)
    return {
        "account": asked.account,
        "operation": operation.name.text,
        "level": asked.level,
        "environment": operation.saved.environment,
        "file": describe_file(studio, asked, operation.saved),
        "saved": request.query.get("saved", ""),
        "keys": [
            {
                "name": key,
                **_describe_own(studio, asked, operation, key),
                "levels": [level for level in levels if level["key"] == key],
            }
            for key in STEPS
        ],
    }


def review_steps(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Return what saving the steps of a form would change."""
    save = _read_edits(studio, request)
    plan = describe_plan(studio, save)
    return {
        "plan": plan,
        "account": save.account,
        "operation": request.query.get("operation", ""),
        "level": save.level,
        "texts": {key: request.query.get(key, "") for key in STEPS},
        "digest": save.digest,
        "has_reason": request.context.saves == "revision",
        "refusal": _find_refusal(request, save),
    }


def save_steps(studio: StudioWorkspace, request: PageRequest) -> dict[str, Any]:
    """Write the document with the steps of a form, or return what a service saves. Raises UsageError if it has changed,
    or if its results fail."""
    save = _read_edits(studio, request)
    if request.context.saves == "revision":
        file = describe_file(studio, _read_request(request), studio.find_effective(save.account))["path"]
        return {"location": _find_location(request, save, file), "saves": {"edits": msgspec.to_builtins(save)}}
    status, answer = save_edits(studio, save)
    if status != 200:
        raise UsageError(answer["message"], hint=answer["fix"])
    return {"location": _find_location(request, save, answer["file"])}


def _find_location(request: PageRequest, save: SaveRequest, file: str) -> str:
    place = f"{quote(save.account)}/{quote(request.query.get('operation', ''))}"
    return f"/steps/{place}?level={save.level}&saved={quote(file)}"


def _find_refusal(request: PageRequest, save: SaveRequest) -> str:
    """Return why this person may not save the steps; "" if it may."""
    user = request.context.user
    return user.edit_refusal or (user.release_refusal if save.level == "environment" else "")


def _read_request(request: PageRequest) -> OperationRequest:
    level: EditLevel = "environment" if request.query.get("level") == "environment" else "account"
    account, operation = request.require("account", "the account"), request.require("operation", "the operation")
    return OperationRequest(account=account, operation=operation, level=level)


def _read_edits(studio: StudioWorkspace, request: PageRequest) -> SaveRequest:
    """Return the steps of a form that differ from the document."""
    asked = _read_request(request)
    operation = studio.find_operation(asked)
    edits = []
    for key in STEPS:
        text = request.query.get(key, "").replace("\r\n", "\n")
        if text.strip() != _describe_own(studio, asked, operation, key)["text"].strip():
            edits.append(
                PageEdit(operation=asked.operation, field=key, scope="operation", action="steps", expression=text)
            )
    return SaveRequest(
        account=asked.account,
        level=asked.level,
        edits=tuple(edits),
        digest=request.query.get("digest", ""),
        accept=request.query.get("accept") == "yes",
        reason=request.query.get("reason", "").strip(),
    )


def _describe_own(
    studio: StudioWorkspace, request: OperationRequest, operation: EditedOperation, key: str
) -> dict[str, str]:
    """Return the steps that the document sets, and why they cannot be changed in the page; "" if they can."""
    found = _find_own(studio, request, operation, (*operation.name.path, key))
    if found is None:
        return {"text": "", "reason": ""}
    document, place, value = found
    reason = ""
    if has_comment(document, place):
        where = f"{document.file}:{document.key_span(place).line}"
        reason = f"These steps have comments, which would be lost. Change them in {where}."
    return {"text": dump_yaml(value), "reason": reason}


def _find_own(
    studio: StudioWorkspace, request: OperationRequest, operation: EditedOperation, path: Path_
) -> tuple[Document, Path_, Any] | None:
    saved, environment = studio.saved, studio.find_environment(request)
    if environment is not None and environment not in saved.environments():
        return None
    start: Path_ = ("override",) if environment is None else ("connectors", operation.saved.connector_name)
    file = saved.file("account", request.account) if environment is None else saved.file("environment", environment)
    document = saved.read(file)
    part = lookup(document.data, start)
    place = find_override_place(part if isinstance(part, dict) else {}, path)
    return None if place.value is MISSING else (document, (*start, *place.path), place.value)
