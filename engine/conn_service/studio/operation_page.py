"""All that the page needs of one operation before a key is pressed."""

import os
from typing import Any

from conn_engine.config import Effective
from conn_engine.documents.dump import dump_yaml
from conn_engine.expressions.language import list_entries
from conn_engine.roles import SCOPES
from conn_service.lsp.samples import hide_secrets
from conn_service.studio.drafts import EditedOperation, StudioWorkspace
from conn_service.studio.operation import MappingRows
from conn_service.studio.recorded_cases import describe_cases, describe_shape
from conn_service.studio.requests import OperationRequest, ReviewRequest

__all__ = ["describe_operation"]


def describe_operation(workspace: StudioWorkspace, request: OperationRequest) -> dict[str, Any]:
    """Return the rows, recordings and names of an operation. Raises ConnError for edits that cannot be made."""
    operation = workspace.find_operation(request)
    name, effective = operation.name, operation.edited
    unified = effective.get_unified(name.model, name.resource, name.method)
    rows = MappingRows(operation, request.level)
    cases = describe_cases(workspace, operation, request)
    known = {case["scenario"] for case in cases}
    first = cases[0]["scenario"] if cases else ""
    return {
        "account": request.account,
        "operation": name.text,
        "connector": effective.connector_name,
        "environment": effective.environment,
        "level": request.level,
        "record": rows.record,
        "each": unified.each if unified is not None else "record",
        "file": describe_file(workspace, request, effective),
        "case": request.case if request.case in known else first,
        "cases": cases,
        "rows": rows.list_fields(),
        "others": rows.list_others(),
        "steps": list_steps(operation),
        "shape": describe_shape(workspace, operation),
        "names": describe_names(effective),
        "faults": rows.list_faults(),
    }


def describe_file(workspace: StudioWorkspace, request: ReviewRequest, effective: Effective) -> dict[str, Any]:
    """Return the document that the edits of a request go to."""
    environment = workspace.find_environment(request)
    saved = workspace.saved
    if environment is not None and environment not in saved.environments():
        return {"path": f"environments/{environment}.yaml", "digest": "", "writable": False, "shared_by": 0}
    kind, name = ("account", request.account) if environment is None else ("environment", environment)
    file = saved.file("account" if kind == "account" else "environment", name)
    document = saved.read(file)
    digest = workspace.remember_opened(document.text)
    return {
        "path": document.file,
        "digest": digest,
        "writable": os.access(file.path, os.W_OK),
        "shared_by": 0 if environment is None else count_sharing(workspace, effective, environment),
    }


def count_sharing(workspace: StudioWorkspace, effective: Effective, environment: str) -> int:
    """Return the number of other accounts that use the environment's document for this connector."""
    saved = workspace.saved
    accounts = [saved.account(name) for name in saved.accounts() if name != effective.account]
    default = saved.settings.default_environment
    return sum(
        account.connector == effective.connector_name and (account.environment or default) == environment
        for account in accounts
    )


def list_steps(operation: EditedOperation) -> list[dict[str, Any]]:
    """Return the steps before the request and after the mapping, for reading."""
    found = []
    for key in ("before", "after"):
        for origin in operation.edited.origins((*operation.name.path, key)):
            found.append(
                {
                    "key": key,
                    "level": origin.level,
                    "place": {"file": origin.span.file, "line": origin.span.line},
                    "overridden": origin.overridden,
                    "text": dump_yaml(origin.value),
                }
            )
    return found


def describe_names(effective: Effective) -> dict[str, Any]:
    """Return what an expression of a response mapping can use."""
    return {
        "context": hide_secrets(effective.context),
        "scope": sorted(SCOPES["mapped"] or ()),
        "functions": [
            {"name": entry.name, "signature": entry.signature, "description": entry.doc}
            for entry in list_entries()
            if entry.topic == "function"
        ],
    }
