"""Writes an OpenAPI 2 document as OpenAPI 3.0, as far as a judge of requests needs it.

Answers and security are left out: the judges look at requests only. A parameter named `token` is left out too, because
the connectors send it as a header.
"""

from typing import Any

__all__ = ["as_openapi_3"]

Document = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
OF_PARAMETERS = ("name", "in", "required", "description")


def as_openapi_3(document: Document) -> Document:
    """The same requests in OpenAPI 3.0. The paths stay below the document's `basePath`."""
    paths = {
        path: {method: _as_operation(item[method]) for method in METHODS if method in item}
        for path, item in document["paths"].items()
    }
    return {"openapi": "3.0.3", "info": document["info"], "servers": [{"url": "/"}], "paths": paths}


def _as_operation(operation: Document) -> Document:
    parameters = [row for row in operation.get("parameters", []) if row["name"] != "token"]
    sent = [row for row in parameters if row["in"] == "formData"]
    made: Document = {
        "parameters": [_as_parameter(row) for row in parameters if row["in"] in ("query", "path")],
        "responses": {"200": {"description": "An answer."}},
    }
    if sent:
        schema = {
            "type": "object",
            "properties": {row["name"]: _as_schema(row) for row in sent},
            "required": [row["name"] for row in sent if row.get("required")],
            "additionalProperties": False,
        }
        kinds = operation.get("consumes", ["application/x-www-form-urlencoded"])
        made["requestBody"] = {"content": {kind: {"schema": schema} for kind in kinds}}
    return made


def _as_parameter(row: Document) -> Document:
    return {key: row[key] for key in OF_PARAMETERS if key in row} | {"schema": _as_schema(row)}


def _as_schema(row: Document) -> Document:
    return {key: value for key, value in row.items() if key not in (*OF_PARAMETERS, "collectionFormat")}
