"""What schemathesis cannot know of the unified API: which cursors and IDs there are, and that a key is for one request.

Loaded by the schemathesis of `test_openapi_contract.py` (SCHEMATHESIS_HOOKS), in an environment of its own.
"""

import os
import uuid
from typing import Any

import schemathesis
from schemathesis.core.parameters import ParameterLocation

CURSOR = os.environ["CONTACTS_CURSOR"]
CONTACTS = "/unified/crm/contacts"


def is_valid(case: Any, location: ParameterLocation) -> bool:
    component = case.meta.components.get(location) if case.meta is not None else None
    return component is not None and component.mode.is_positive


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Replace valid values that only a server can issue."""
    if case.headers and "Idempotency-Key" in case.headers and is_valid(case, ParameterLocation.HEADER):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    if case.query and "cursor" in case.query and is_valid(case, ParameterLocation.QUERY):
        if case.operation.path == CONTACTS:
            case.query["cursor"] = CURSOR
            case.query.pop("updated_after", None)  # it is a cursor of the complete listing
        else:
            del case.query["cursor"]  # the stand-in has no second page of these
    if case.query and case.query.get("updated_after") == "":  # which filters nothing
        case.query["updated_after"] = "no time"
    parameters = case.path_parameters or {}
    if "id" in parameters and case.method != "DELETE" and is_valid(case, ParameterLocation.PATH):
        number = sum(map(ord, str(parameters["id"])))
        if number % 2:
            parameters["id"] = str(1001 + number % 200)
