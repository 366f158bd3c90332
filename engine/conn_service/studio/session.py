"""Answers the page's queries about one workspace."""

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from conn_engine.documents.edits import SharedTextError
from conn_engine.errors import ConfigurationError, ConnError, UsageError
from conn_service.authoring.results import describe_error, describe_problem
from conn_service.studio.drafts import StudioWorkspace
from conn_service.studio.evaluation import evaluate, identify, map_saved
from conn_service.studio.hosting import QueryContext
from conn_service.studio.operation_page import describe_operation
from conn_service.studio.pickers import describe_workspace, find_accounts, list_operations
from conn_service.studio.reading import explain_fields, find_readers
from conn_service.studio.recorded_cases import describe_records, find_case
from conn_service.studio.requests import (
    AccountsRequest,
    DraftRequest,
    EvaluateRequest,
    OperationRequest,
    RecordsRequest,
    ReviewRequest,
    SaveRequest,
    WhyRequest,
)
from conn_service.studio.review import describe_plan, measure_impact
from conn_service.studio.saving import check_edits, keep_draft, load_draft, save_edits
from conn_service.studio.views.page_request import PageRequest
from conn_service.studio.views.rendering import CREATING, EDITING, RELEASING, render_page

__all__ = ["StudioSession"]

Answer = tuple[int, Any]
_EDITING = frozenset({"save", "check_save", "keep_draft"})


class StudioSession:
    """The answers about one workspace: a status as in HTTP, and data."""

    def __init__(self, root: Path, context: QueryContext = QueryContext()) -> None:
        self._root = root
        self._context = context
        self._note: Callable[[bytes], None] = lambda _: None
        self._workspace: StudioWorkspace | None = None
        self._queries: Mapping[str, tuple[type[Any], Callable[[StudioWorkspace, Any], Any]]] = {
            "workspace": (AccountsRequest, lambda it, _: describe_workspace(it.saved, self._context)),
            "accounts": (AccountsRequest, lambda it, asked: find_accounts(it.saved, asked.search, asked.limit)),
            "operations": (AccountsRequest, lambda it, asked: list_operations(it, asked.account)),
            "operation": (OperationRequest, describe_operation),
            "records": (RecordsRequest, _describe_records),
            "page": (PageRequest, lambda it, asked: render_page(it, replace(asked, context=self._context))),
            "plan": (ReviewRequest, describe_plan),
            "draft": (ReviewRequest, load_draft),
            "keep_draft": (DraftRequest, keep_draft),
            "save": (SaveRequest, save_edits),
            "check_save": (SaveRequest, check_edits),
            "impact": (ReviewRequest, lambda it, asked: measure_impact(it, asked, self._report_progress)),
            "refresh": (AccountsRequest, lambda _it, _asked: {}),
            "readers": (OperationRequest, find_readers),
            "why": (WhyRequest, explain_fields),
            "evaluate": (EvaluateRequest, evaluate),
        }

    def answer(
        self,
        name: str,
        body: bytes,
        note: Callable[[bytes], None] = lambda _: None,
        context: QueryContext | None = None,
    ) -> Answer:
        """Return the answer to a query, whose body is JSON. Errors are answers too. `note` gets the progress. Without a
        `context`, it is that of the session."""
        self._note, self._context = note, context or self._context
        kind, find_answer = self._queries[name]
        try:
            request = msgspec.json.decode(body or b"{}", type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return 400, describe_problem("request", f"the request is invalid: {error}", "reload the page")
        user = self._context.user
        refusal = _find_refusal(self._context, name, request)
        if refusal:
            return 403, describe_problem("read_only", f"nothing was saved: {refusal}", user.fix)
        try:
            found = find_answer(self._open(name != "evaluate"), request)
            return found if isinstance(found, tuple) else (200, found)
        except SharedTextError as error:
            paths = [".".join(map(str, path)) for path in error.paths]
            return 422, {**describe_error(error), "code": "shared_text", "paths": paths}
        except (UsageError, ConfigurationError) as error:
            return 422, describe_error(error)
        except ConnError as error:
            return 500, describe_error(error)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
            return 500, describe_problem("internal", f"this is a mistake in Conn: {where}", "report it", exit_code=70)

    def _report_progress(self, done: int, total: int) -> None:
        self._note(msgspec.json.encode({"done": done, "total": total}))

    def _open(self, is_fresh: bool) -> StudioWorkspace:
        if self._workspace is None:
            self._workspace = StudioWorkspace(self._root)
        elif is_fresh:  # not on each key: a workspace with 2,000 accounts takes 12 ms
            self._workspace.refresh()
        return self._workspace


def _find_refusal(context: QueryContext, name: str, request: Any) -> str:
    """Return why a user may not ask this; "" if it may. The document of an environment and a connector of a service
    concern many accounts, so that who saves them must be allowed to release."""
    user = context.user
    is_page = isinstance(request, PageRequest)
    page, level = (request.page, request.query.get("level")) if is_page else ("", getattr(request, "level", ""))
    if page in RELEASING or (page in CREATING and context.saves == "revision"):
        return user.release_refusal
    if name not in _EDITING and page not in EDITING:
        return ""
    return user.edit_refusal or (user.release_refusal if level == "environment" else "")


def _describe_records(workspace: StudioWorkspace, request: RecordsRequest) -> dict[str, Any]:
    operation = workspace.find_operation(request)
    unified, case = operation.get_unified(), find_case(workspace, operation, request)
    mapped = map_saved(workspace, operation, request, case, operation.saved)
    identifiers = [identify(result.value) for result in mapped]
    each = unified.each if unified is not None else "record"
    return describe_records(case, identifiers, request.start, request.count, each)
