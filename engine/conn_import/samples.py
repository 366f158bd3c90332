"""Create recordings from a document: one for each list, from its example or its schema, and one for each write whose
request and response the document contains.

They show that paths fit the document, not that the document fits the vendor. Their notes say so.
"""

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any
from urllib.parse import quote

from msgspec import UNSET, structs

from conn_engine.analysis.drift.contract import Parameter, Shape
from conn_engine.recordings.files import (
    Exchange,
    RecordedCall,
    RecordedRequest,
    RecordedResponse,
    Recording,
)
from conn_engine.secrets.wary_redaction import WaryRedactor
from conn_import.build import BuiltConnector
from conn_import.contract import Contract
from conn_import.operation import BuiltOperation
from conn_import.pagination import PaginationGuess

__all__ = ["build_samples", "invent_value"]

_DEEPEST = 7
_MOST_NODES = 600
_MOST_BYTES = 200_000
_MOST_SAMPLES = 2_000
_VARIABLE = re.compile(r"\{\{\s*\$?([^{}]*?)\s*\}\}")
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,80}")
_BY_FORMAT = {
    "date-time": "2026-01-01T09:00:00Z",
    "date": "2026-01-01",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000001",
}


def build_samples(built: BuiltConnector, contract: Contract, connector: str, recorded_at: str) -> list[Recording]:
    """Return a recording for each list by GET with an example or a usable schema, and for each write with an
    example."""
    collected: list[Recording] = []
    blank = Recording(
        connector=connector,
        operation="",
        source=contract.source,
        recorded_at=recorded_at,
        base_url=_fill(contract.base_url, contract.context),
        context=contract.context,
        exchanges=[],
    )
    for operation in built.operations:
        if len(collected) >= _MOST_SAMPLES:
            contract.losses.add(f"samples beyond the first {_MOST_SAMPLES:,}")
            break
        if operation.endpoint.base_url:
            continue
        if operation.endpoint.method == "get" and operation.name.many:
            recording = _record_listing(operation, built.common, contract, blank)
        else:
            recording = _record_write(operation, contract, blank)
        if recording is not None:
            collected.append(recording)
    return collected


def _record_write(operation: BuiltOperation, contract: Contract, blank: Recording) -> Recording | None:
    """Record a request with its body and its response. Returns None if the document lacks one of them."""
    endpoint = operation.endpoint
    redactor = WaryRedactor(parameters=list(_find_credential_parameters(contract.authorization)))
    answer = redactor.data(_cut_to_limits(endpoint.answer.example, 0, [_MOST_NODES * 4]))
    records = _get_at(answer, operation.records)
    known = endpoint.sample_body is not UNSET and endpoint.fixed_body is UNSET
    if not known or endpoint.answer.example is UNSET or not isinstance(records, dict | list) or not records:
        return None
    call, url, query = _build_call(operation, contract)
    if url is None or endpoint.body_format not in ("json", "form"):
        return None
    sent = redactor.data(_remove_variables(_cut_to_limits(endpoint.sample_body, 0, [_MOST_NODES * 4])))
    body = {"form": sent} if endpoint.body_format == "form" else {"body": sent}
    request = RecordedRequest(method=endpoint.method.upper(), url=url, query=query, **body)
    return structs.replace(
        blank,
        operation=operation.name.text,
        note="Made from a request and its response in the imported document, not recorded live.",
        call=structs.replace(call, body=sent),
        exchanges=[_build_exchange(request, answer)],
    )


def _remove_variables(value: Any) -> Any:
    """Replace the variables of a collection in a value by their names."""
    if isinstance(value, dict):
        return {key: _remove_variables(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_remove_variables(item) for item in value]
    return _VARIABLE.sub(r"\1", value) if isinstance(value, str) else value


def _record_listing(
    operation: BuiltOperation, common: PaginationGuess | None, contract: Contract, blank: Recording
) -> Recording | None:
    redactor = WaryRedactor(parameters=list(_find_credential_parameters(contract.authorization)))
    body, origin = _choose_body(operation, operation.paging or common, redactor)
    if body is None:
        return None
    call, url, query = _build_call(operation, contract)
    if url is None:
        return None
    first = RecordedRequest(method="GET", url=url, query={**query, **_build_page_query(operation, 0)})
    exchanges = [_build_exchange(first, body)]
    if (
        operation.paging is not None
        and not operation.paging.ends
        and not (operation.paging.total or operation.paging.more)
    ):
        count = len(_get_at(body, operation.records))
        empty = _set_at(body, operation.records, [])
        second = RecordedRequest(method="GET", url=url, query={**query, **_build_page_query(operation, count)})
        exchanges.append(_build_exchange(second, empty))
    return structs.replace(
        blank,
        operation=operation.name.text,
        note=f"Made from {origin} of the imported document, not recorded live.",
        call=call,
        exchanges=exchanges,
    )


def _build_exchange(request: RecordedRequest, body: Any) -> Exchange:
    return Exchange(
        request=request,
        response=RecordedResponse(status=200, headers={"content-type": "application/json"}, body=body),
    )


def _find_credential_parameters(authorization: Any) -> Iterator[str]:
    """Return the parameters that are a credential."""
    if isinstance(authorization, Mapping):
        if authorization.get("format") == "query":
            yield str(authorization["config"]["name"])
        for value in authorization.values():
            yield from _find_credential_parameters(value)
    elif isinstance(authorization, list | tuple):
        for value in authorization:
            yield from _find_credential_parameters(value)


def _choose_body(operation: BuiltOperation, paging: PaginationGuess | None, redactor: WaryRedactor) -> tuple[Any, str]:
    """Return a response that is the last page, without credentials, and its origin. None if none can be created."""
    answer = operation.endpoint.answer
    for value, origin in ((answer.example, "an example"), (_invent_from_shape(answer.shape), "the schema")):
        if value is UNSET or value is None or not isinstance(value, dict | list):
            continue
        body = redactor.data(_make_last_page(operation, paging, _cut_to_limits(value, 0, [_MOST_NODES * 4])))
        records = _get_at(body, operation.records)
        if isinstance(records, list) and records and all(item is not None for item in records):
            return body, origin
    return None, ""


def _invent_from_shape(shape: Shape | None) -> Any:
    if shape is None or shape.type not in ("object", "array"):
        return None
    return invent_value(shape)


def invent_value(shape: Shape) -> Any:
    """Invent a value of a shape, from its examples if it has some. Depth and size are limited."""
    return _invent(shape, "", 0, [_MOST_NODES])


def _invent(shape: Shape, name: str, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    for key in ("example", "const", "default"):
        value = shape.get(key)
        if value is not UNSET and (value is not None or key == "const") and _has_type(value, shape.type):
            return _cut_to_limits(value, depth, left)
    choices = shape.get("enum")
    if isinstance(choices, list) and choices:
        return _cut_to_limits(choices[0], depth, left)
    kind = shape.type
    if kind == "object":
        if depth >= _DEEPEST or left[0] <= 0:
            return {}
        return {key: _invent(inner, key, depth + 1, left) for key, inner in list(shape.properties().items())[:60]}
    if kind == "array":
        items = shape.items()
        return [] if items is None or depth >= _DEEPEST or left[0] <= 0 else [_invent(items, name, depth + 1, left)]
    if kind in ("integer", "number"):
        return 1
    if kind == "boolean":
        return False
    if kind == "string":
        return _BY_FORMAT.get(str(shape.get("format")), "1" if name.lower().endswith("id") else "text")
    return None


def _has_type(value: Any, kind: str) -> bool:
    expected: dict[str, type | tuple[type, ...]] = {"object": dict, "array": list, "string": str, "boolean": bool}
    return isinstance(value, expected.get(kind, object))


def _cut_to_limits(value: Any, depth: int, left: list[int]) -> Any:
    """JSON data within the bounds: deep or long parts are cut off, other values become text."""
    left[0] -= 1
    if isinstance(value, dict):
        if depth > _DEEPEST * 2 or left[0] <= 0:
            return {}
        return {str(key): _cut_to_limits(item, depth + 1, left) for key, item in list(value.items())[:200]}
    if isinstance(value, list):
        if depth > _DEEPEST * 2 or left[0] <= 0:
            return []
        return [_cut_to_limits(item, depth + 1, left) for item in value[:5]]
    if isinstance(value, float):
        return value if isfinite(value) else 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 2**53 else str(value)
    return value[:2_000] if isinstance(value, str) else value


def _make_last_page(operation: BuiltOperation, paging: PaginationGuess | None, body: Any) -> Any:
    """Return the body without its link to a next page."""
    if paging is None or not isinstance(body, dict):
        return body
    if (
        paging.next
        and not isinstance(_get_at(body, paging.next), dict | list)
        and _get_at(body, paging.next) is not UNSET
    ):
        body = _set_at(body, paging.next, None)
    if paging.more:
        body = _set_at(body, paging.more, paging.config.get("has_more") is None)
    records = _get_at(body, operation.records)
    if paging.total and isinstance(records, list):
        body = _set_at(body, paging.total, len(records))
    return body


def _get_at(body: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if not isinstance(body, dict) or part not in body:
            return UNSET
        body = body[part]
    return body


def _set_at(body: Any, path: tuple[str, ...], value: Any) -> Any:
    """Return a copy with another value at a path; missing objects are created."""
    if not path:
        return value
    inner = body if isinstance(body, dict) else {}
    return {**inner, path[0]: _set_at(inner.get(path[0]), path[1:], value)}


def _build_call(operation: BuiltOperation, contract: Contract) -> tuple[RecordedCall, str | None, dict[str, Any]]:
    """Return the caller's input, and the URL and the query that are sent for it."""
    form, endpoint = operation.form, operation.endpoint
    values = {inner: _find_sample_text(endpoint.parameter("path", outer)) for outer, inner in form.names.items()}
    asked = {one.name: _find_sample_text(one) for one in form.asked}
    query: dict[str, Any] = {}
    for name, value in form.query.items():
        query[name] = asked.get(name) if name in asked else _to_query_text(value)
    path = form.path
    for name, value in values.items():
        path = path.replace(f"{{{{{name}}}}}", quote(value, safe=""))
    if "{{" in path:
        return RecordedCall(), None, {}
    base = _fill(contract.base_url, contract.context)
    params = {name: value for name, value in values.items() if name != "id"}
    call = RecordedCall(query=asked, id=values.get("id"), params=params)
    return call, f"{base}{path if path.startswith('/') else f'/{path}'}", query


def _build_page_query(operation: BuiltOperation, seen: int) -> dict[str, Any]:
    """Return what pagination adds to the query of the first request (`seen` is 0) or of the next one."""
    if operation.paging is None or operation.paging.ends:
        return {}
    config = operation.paging.config
    sent = {}
    if operation.paging.settings["format"] == "page":
        sent[config["page_param"]] = str(config.get("first", 1) + (1 if seen else 0))
    else:
        sent[config["offset_param"]] = str(seen)
    size = config.get("size_param")
    if size and "size" in config:
        sent[size] = str(config["size"])
    return sent


def _find_sample_text(one: Parameter | None) -> str:
    sample = one.sample if one is not None and one.sample is not UNSET else "1"
    return str(sample) if _SAFE.fullmatch(str(sample)) and not isinstance(sample, bool) else "1"


def _to_query_text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _fill(base_url: str, context: Mapping[str, str]) -> str:
    return re.sub(r"\{\{context\.([A-Za-z0-9_]+)\}\}", lambda found: context.get(found[1], "example"), base_url)
