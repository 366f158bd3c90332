"""Write the OpenAPI document of an account."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.config import Effective
from conn_service.http.contracts import FIELD_PATTERN, TEXT_PATTERN, OperationContract, RecordShape, list_contracts
from conn_service.http.openapi.components import build_shared_components, list_rate_headers, name_problem, refer

__all__ = ["build_openapi"]

Json = dict[str, Any]
_ALWAYS = (400, 401, 403, 404, 408, 414, 424, 429, 431, 500, 502, 503, 504)
_WITH_BODY = (413, 415)
_OF_WRITES = (409, 422)
_VERBS = {"list": "List", "get": "Get", "create": "Create", "update": "Change", "delete": "Delete"}


def build_openapi(effective: Effective, account: str, *, label: str = "") -> Json:
    """Return the document (OpenAPI 3.1) with the unified operations that an account can call, in a fixed order.

    Its version changes with its content.
    """
    components = build_shared_components(account)
    schemas: Json = components["schemas"]
    paths: dict[str, Json] = {}
    tags: dict[str, Json] = {}
    for contract in list_contracts(effective):
        verb = contract.http_method.lower()
        paths.setdefault(f"/unified{contract.path}", {})[verb] = _describe_operation(effective, contract, schemas)
        tag = _tag(contract)
        tags[tag] = {"name": tag, "description": f"{contract.name.resource} of the model {contract.name.model}"}
    document: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": f"Unified API of {label or account}",
            "version": "",
            "description": "Records of one account in the unified form. The document follows from the account's "
            "configuration, so that it is exact, and may differ between accounts.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": list(tags.values()),
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {**components, "schemas": {name: schemas[name] for name in sorted(schemas)}},
    }
    document["info"]["version"] = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:12]
    return document


def _tag(contract: OperationContract) -> str:
    return f"{contract.name.model}.{contract.name.resource}"


def _describe_operation(effective: Effective, contract: OperationContract, schemas: Json) -> Json:
    name = contract.name
    operation = effective.get_unified(name.model, name.resource, name.method)
    note = operation.description if operation is not None else None
    statuses = sorted({*_ALWAYS, *(_WITH_BODY if contract.body is not None else ()),
                       *(_OF_WRITES if contract.is_write else (422,))})  # fmt: skip
    return {
        "operationId": "_".join((name.model, name.resource, name.method)),
        "tags": [_tag(contract)],
        "summary": f"{_VERBS.get(name.method, 'Call ' + name.method + ' on')} {name.resource}",
        **({"description": note} if note else {}),
        "parameters": list(_list_parameters(contract)),
        **_describe_body(contract, schemas),
        "responses": {
            "201" if name.method == "create" else "200": _describe_success(contract, schemas),
            **{str(status): refer("responses", name_problem(status)) for status in statuses},
        },
    }


def _list_parameters(contract: OperationContract) -> Iterator[Json]:
    if contract.has_id:
        yield refer("parameters", "Id")
    yield refer("parameters", "Account")
    if contract.is_write:
        yield refer("parameters", "IdempotencyKey")
    if contract.is_list:
        yield refer("parameters", "Limit")
        yield refer("parameters", "Cursor")
    yield _describe_fields(contract.record)
    yield refer("parameters", "RemoteData")
    for name in contract.filters:
        needed = {"required": True} if name in contract.needed else {}
        text = "A part of the vendor's path." if name in contract.query.names else "A filter that the mapping reads."
        yield {
            "name": name,
            "in": "query",
            **needed,
            "description": text,
            "schema": _describe_filter(name) | ({"minLength": 1} if needed else {}),
        }
    if contract.query.open:
        yield {
            "name": "others",
            "in": "query",
            "description": "Other parameters: the mapping reads all.",
            "style": "form",
            "explode": True,
            "schema": {"type": "object", "additionalProperties": {"type": "string", "pattern": TEXT_PATTERN}},
        }


def _describe_filter(name: str) -> Json:
    """Return the schema of a filter. By the models' convention, one such as `updated_after` is a time."""
    is_time = name.endswith(("_after", "_before"))
    return {"type": "string", **({"format": "date-time"} if is_time else {"pattern": TEXT_PATTERN})}


def _describe_fields(record: RecordShape) -> Json:
    text = "Only these fields of each record, separated by commas."
    if record.required:
        text += f" {', '.join(sorted(record.required))} is always there."
    names: Json = {"type": "string", "minLength": 1, "pattern": FIELD_PATTERN}
    if record.fields is not None:
        names = {"type": "string", "enum": list(record.fields)}
    return {
        "name": "fields",
        "in": "query",
        "description": text,
        "style": "form",
        "explode": False,
        "schema": {"type": "array", "minItems": 1, "items": names},
    }


def _describe_body(contract: OperationContract, schemas: Json) -> Json:
    if contract.body is None:
        return {}
    name = _name(f"{_tag(contract)}.{contract.name.method}")
    schemas[name] = _embed(contract.body, name)
    return {
        "requestBody": {
            "required": contract.needs_body,
            "content": {"application/json": {"schema": refer("schemas", name)}},
        }
    }


def _describe_success(contract: OperationContract, schemas: Json) -> Json:
    content: Json = {"application/json": {"schema": _describe_result(contract, schemas)}}
    headers = list_rate_headers()
    text = "The record"
    if contract.is_list:
        text = "A page; or, with `Accept: application/x-ndjson`, all pages as lines"
        lines = (
            'One JSON object per line: `{"record": …}` for each record, and at the end `{"end": {"count": …, '
            '"completeness": …}}`, or `{"problem": …}` if the listing breaks off.'
        )
        content["application/x-ndjson"] = {"schema": {"type": "string", "description": lines}}
    elif contract.is_write:
        text = "The result"
        headers["Idempotency-Replayed"] = refer("headers", "Idempotency-Replayed")
    return {"description": text, "headers": headers, "content": content}


def _describe_result(contract: OperationContract, schemas: Json) -> Json:
    record = _place_record(contract, schemas)
    failures = {"type": "array", "items": refer("schemas", "FieldFailure")}
    page: Json = {
        "result": {"type": "array", "items": record},
        "next_cursor": {
            "type": ["string", "null"],
            "description": "`cursor` of the next page; null if there is no next page.",
        },
        "prev_cursor": {"type": ["string", "null"], "description": "`cursor` of the page before, if there is one."},
        "result_count": {"type": "integer", "description": "The number of records on this page."},
        "completeness": refer("schemas", "Completeness"),
        "problems": failures,
        "state": {"description": "Where an incremental listing continues."},
    }
    name = _name(_tag(contract))
    if contract.is_list:
        schemas[f"{name}Page"] = _object(page, ("result", "next_cursor", "prev_cursor", "result_count"))
        return refer("schemas", f"{name}Page")
    result = record
    if contract.name.method == "delete":
        result = schemas["Deletion"] = _DELETION
    elif contract.is_custom:
        result = {"description": "What the mapping gives: a record, a list of records, or null."}
        return _object({**page, "result": result}, ("result",))
    elif contract.is_write:
        result = {"anyOf": [record, {"type": "null"}]} if record else record
    suffix = {"delete": "Deleted", "get": "Result"}.get(contract.name.method, "Written")
    schemas[f"{name}{suffix}"] = _object({"result": result, "problems": failures}, ("result",))
    return refer("schemas", f"{name}{suffix}")


_DELETION: Json = {
    "type": ["object", "null"],
    "description": "What the mapping gives for a deleted record.",
    "properties": {"id": {"description": "The identifier of the record."}, "deleted": {"type": ["boolean", "null"]}},
}


def _object(properties: Json, required: tuple[str, ...]) -> Json:
    return {"type": "object", "required": list(required), "properties": properties}


def _place_record(contract: OperationContract, schemas: Json) -> Json:
    if contract.record.schema is None:
        return {}
    name = _name(contract.record.name)
    shape = _embed(contract.record.schema, name)
    known = schemas.setdefault(name, shape)  # operations of one record may differ in the fields of the account
    known["properties"] = {**known["properties"], **shape["properties"]}
    return refer("schemas", name)


def _name(text: str) -> str:
    """Return the name of a component: CrmContact for crm.contact."""
    words = text.replace(".", "_").replace("-", "_").split("_")
    return "".join(word[:1].upper() + word[1:] for word in words)


def _embed(schema: Any, component: str) -> Any:
    """Return a schema as a component: references within it are to places in the component."""
    if isinstance(schema, Mapping):
        return {
            key: f"#/components/schemas/{component}{value[1:]}"
            if key == "$ref" and isinstance(value, str) and value.startswith("#")
            else _embed(value, component)
            for key, value in schema.items()
            if key not in ("$schema", "$id")
        }
    return [_embed(item, component) for item in schema] if isinstance(schema, list | tuple) else schema
