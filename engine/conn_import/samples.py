"""Create recordings from a document: one for each operation, from its examples or its schemas, and the responses of
other scenarios: several pages, an empty listing, and the errors that the document describes.

They show that paths fit the document, not that the document fits the vendor. Their notes say so.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from msgspec import UNSET, structs

from conn_engine.analysis.drift.contract import Parameter, Shape
from conn_engine.documents.pointers import get_at
from conn_engine.recordings.files import (
    Exchange,
    RecordedCall,
    RecordedRequest,
    RecordedResponse,
    Recording,
)
from conn_engine.secrets import REDACTED
from conn_engine.secrets.wary_redaction import WaryRedactor
from conn_import.build import BuiltConnector
from conn_import.contract import Contract
from conn_import.inventing import cut_to_limits, invent_value, vary_record
from conn_import.operation import BuiltOperation
from conn_import.pagination import PaginationGuess
from conn_import.records import find_shape
from conn_import.sample_failures import list_failures
from conn_import.sample_pages import build_page_query, build_pages, make_last_page, set_at

__all__ = ["SampleScenario", "build_samples", "build_scenarios"]

_MOST_SAMPLES = 2_000
_VARIANTS = 3
_VARIABLE = re.compile(r"\{\{\s*\$?([^{}]*?)\s*\}\}")
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,80}")
_NAMES = WaryRedactor()
"""Knows the names of values that recordings never contain."""


@dataclass(frozen=True, slots=True)
class SampleScenario:
    """What a vendor operation responds in a scenario, according to the document, in order. `call` has the values that
    its request needs."""

    operation: str
    scenario: str
    responses: tuple[RecordedResponse, ...]
    call: RecordedCall = field(default_factory=RecordedCall)


def build_samples(
    built: BuiltConnector, contract: Contract, connector: str, recorded_at: str, *, every: bool
) -> list[Recording]:
    """Return a recording for each listing by GET with an example or a usable schema, and for each write with an example
    in a collection; with `every`, for each operation whose request and response the document describes.

    A sample of an operation may not fit how it is imported, so the caller of `every` replays them.
    """
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
    redactor = _build_redactor(contract)
    for operation in built.operations:
        if len(collected) >= _MOST_SAMPLES:
            contract.losses.add(f"samples beyond the first {_MOST_SAMPLES:,}")
            break
        if operation.endpoint.base_url:
            continue
        if operation.endpoint.method == "get" and operation.name.many:
            recording = _record_listing(operation, built.common, contract, blank, redactor)
        elif every or _is_saved_write(operation):
            recording = _record_one(operation, contract, blank, redactor)
        else:
            continue
        if recording is not None:
            collected.append(recording)
    return collected


def _is_saved_write(operation: BuiltOperation) -> bool:
    """Return whether it is a write of a collection, which has its request and its response as they were saved."""
    endpoint = operation.endpoint
    is_saved = endpoint.sample_body is not UNSET and isinstance(endpoint.answer.example, dict | list)
    return is_saved and not endpoint.answer.status and endpoint.method not in ("get", "head")


def build_scenarios(built: BuiltConnector, contract: Contract) -> list[SampleScenario]:
    """Return the scenarios that the document describes: several pages and no records of a listing, and errors."""
    redactor = _build_redactor(contract)
    found: list[SampleScenario] = []
    for operation in built.operations[:_MOST_SAMPLES]:
        call, url, _ = _build_call(operation, contract)
        if operation.endpoint.base_url or url is None:
            continue
        rows = [(name, [response]) for name, response in list_failures(operation, contract.endpoints, redactor)]
        if operation.name.many and operation.endpoint.method == "get":
            rows += _list_pages(operation, operation.paging or built.common, redactor, url)
        found += [SampleScenario(operation.name.text, name, tuple(responses), call) for name, responses in rows]
    return found


def _list_pages(
    operation: BuiltOperation, paging: PaginationGuess | None, redactor: WaryRedactor, url: str
) -> Iterator[tuple[str, list[RecordedResponse]]]:
    """Yield the scenarios of a listing: several pages, only required fields, and no records."""
    bodies = [_choose_body(operation, redactor, variant)[0] for variant in range(_VARIANTS)]
    if any(body is None for body in bodies):
        return
    if paging is not None and (pages := build_pages(operation, paging, bodies, url)):
        yield "several_pages", pages
    last = make_last_page(operation, paging, bodies[0])
    sparse = _invent_sparse(operation)
    rows = [("empty", []), *([("only_required", [sparse])] if sparse else [])]
    for scenario, records in rows:
        body = make_last_page(operation, paging, set_at(last, operation.records, records))
        yield scenario, [RecordedResponse(status=200, headers={"content-type": "application/json"}, body=body)]


def _invent_sparse(operation: BuiltOperation) -> Any:
    """Return a record with only the fields that a record always has, or None."""
    shape = find_shape(operation.endpoint.answer.shape, operation.records)
    items = shape.items() if shape is not None else None
    return invent_value(items, sparse=True) if items is not None and items.type == "object" else None


def _build_redactor(contract: Contract) -> WaryRedactor:
    return WaryRedactor(parameters=list(_find_credential_parameters(contract.authorization)))


def _record_one(
    operation: BuiltOperation, contract: Contract, blank: Recording, redactor: WaryRedactor
) -> Recording | None:
    """Record a request, with its body, and its response. Returns None if the document does not describe them."""
    endpoint = operation.endpoint
    call, url, query = _build_call(operation, contract)
    sent = _choose_sent(operation, redactor)
    answer = _choose_answer(operation, redactor)
    if url is None or answer is None or sent is None:
        return None
    body = {"form": sent} if endpoint.body_format == "form" else {"body": sent}
    request = RecordedRequest(
        method=endpoint.method.upper(), url=url, query=query, **(body if sent is not UNSET else {})
    )
    return structs.replace(
        blank,
        operation=operation.name.text,
        note="Made from a request and its response in the imported document, not recorded live.",
        call=structs.replace(call, body=sent),
        exchanges=[Exchange(request=request, response=answer)],
    )


def _choose_sent(operation: BuiltOperation, redactor: WaryRedactor) -> Any:
    """Return the body of a request from an example or the schema; UNSET without one, and None if it is unknown."""
    endpoint = operation.endpoint
    if endpoint.fixed_body is not UNSET or endpoint.body_format not in (None, "json", "form"):
        return None
    if endpoint.body_format is None or endpoint.method in ("get", "head"):
        return UNSET
    sent = endpoint.sample_body
    if sent is UNSET and endpoint.body is not None and endpoint.body.type in ("object", "array"):
        sent = invent_value(endpoint.body, sent=True)
    if not isinstance(sent, dict | list) or (endpoint.body_format == "form" and not _is_flat(sent)):
        return None
    return redactor.data(_remove_variables(cut_to_limits(sent)))


def _is_flat(sent: Any) -> bool:
    return isinstance(sent, dict) and not any(isinstance(value, dict | list) for value in sent.values())


def _choose_answer(operation: BuiltOperation, redactor: WaryRedactor) -> RecordedResponse | None:
    """Return the response to a request. Returns None if it is unknown: only a write may have an empty one."""
    answer = operation.endpoint.answer
    if answer.format:
        return None
    for value in (answer.example, _invent_from_shape(answer.shape, 0)):
        body = UNSET if value is UNSET or value is None else redactor.data(cut_to_limits(value))
        records = get_at(body, operation.records)
        if isinstance(body, dict | list) and isinstance(records, dict | list) and _has_values(records):
            headers = {"content-type": "application/json"}
            return RecordedResponse(status=answer.status or 200, headers=headers, body=body)
    if operation.reads or not answer.status or (answer.shape is not None and answer.shape.properties()):
        return None
    return RecordedResponse(status=answer.status)


def _has_values(records: Any) -> bool:
    first = records[0] if isinstance(records, list) and records else records
    return bool(first) and (not isinstance(first, dict) or any(value is not None for value in first.values()))


def _remove_variables(value: Any) -> Any:
    """Replace the variables of a collection in a value by their names."""
    if isinstance(value, dict):
        return {key: _remove_variables(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_remove_variables(item) for item in value]
    return _VARIABLE.sub(r"\1", value) if isinstance(value, str) else value


def _record_listing(
    operation: BuiltOperation,
    common: PaginationGuess | None,
    contract: Contract,
    blank: Recording,
    redactor: WaryRedactor,
) -> Recording | None:
    paging = operation.paging or common
    body, origin = _choose_body(operation, redactor)
    call, url, query = _build_call(operation, contract)
    if body is None or url is None:
        return None
    body = make_last_page(operation, paging, body)
    first = RecordedRequest(method="GET", url=url, query={**query, **build_page_query(operation, 0)})
    exchanges = [_build_exchange(first, body)]
    if (
        operation.paging is not None
        and not operation.paging.ends
        and not (operation.paging.total or operation.paging.more)
    ):
        count = len(get_at(body, operation.records))
        empty = set_at(body, operation.records, [])
        second = RecordedRequest(method="GET", url=url, query={**query, **build_page_query(operation, count)})
        exchanges.append(_build_exchange(second, empty))
    return structs.replace(
        blank,
        operation=operation.name.text,
        note=f"Made from {origin} of the imported document, not recorded live.",
        call=call,
        exchanges=exchanges,
    )


def _build_exchange(request: RecordedRequest, body: Any) -> Exchange:
    headers = {"content-type": "application/json"}
    return Exchange(request=request, response=RecordedResponse(status=200, headers=headers, body=body))


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


def _choose_body(operation: BuiltOperation, redactor: WaryRedactor, variant: int = 0) -> tuple[Any, str]:
    """Return a response of a listing, without credentials, and its origin. None if none can be created."""
    answer = operation.endpoint.answer
    for value, origin in (
        (answer.example, "an example"),
        (_invent_from_shape(answer.shape, variant), "the schema"),
    ):
        if value is UNSET or value is None or not isinstance(value, dict | list):
            continue
        body = redactor.data(cut_to_limits(value))
        records = get_at(body, operation.records)
        if not isinstance(records, list) or not records or any(item is None for item in records):
            continue
        if origin == "the schema":
            return body, origin
        if not isinstance(records[0], dict) or _is_complete(records[0], operation):
            varied = [vary_record(record, variant * len(records)) for record in records]
            return set_at(body, operation.records, varied), origin
    return None, ""


def _is_complete(record: dict[str, Any], operation: BuiltOperation) -> bool:
    """Return whether an example has what identifies a record, or whether its schema has nothing that does."""
    shape = find_shape(operation.endpoint.answer.shape, operation.records)
    items = shape.items() if shape is not None else None
    names = items.properties() if items is not None else {}
    return _has_values(record) and ("id" not in names or record.get("id") is not None)


def _invent_from_shape(shape: Shape | None, variant: int) -> Any:
    if shape is None or shape.type not in ("object", "array"):
        return None
    return invent_value(shape, variant)


def _build_call(operation: BuiltOperation, contract: Contract) -> tuple[RecordedCall, str | None, dict[str, Any]]:
    """Return the caller's input, and the URL and the query that are sent for it."""
    form, endpoint = operation.form, operation.endpoint
    values = {
        inner: REDACTED if _NAMES.is_named(inner, "field") else _find_sample_text(endpoint.parameter("path", outer))
        for outer, inner in form.names.items()
    }
    asked = {one.name: _find_sample_text(one) for one in form.asked}
    query: dict[str, Any] = {}
    for name, value in form.query.items():
        query[name] = asked.get(name) if name in asked else _fill(_to_query_text(value), contract.context)
    path = form.path
    for key in form.supplied.values():
        path = path.replace(f"{{{{context.{key}}}}}", quote(contract.context.get(key, "example"), safe=""))
    for name, value in values.items():
        path = path.replace(f"{{{{{name}}}}}", quote(value, safe="[]"))
    if "{{" in path:
        return RecordedCall(), None, {}
    base = _fill(contract.base_url, contract.context)
    params = {name: value for name, value in values.items() if name != "id"}
    call = RecordedCall(query=asked, id=values.get("id"), params=params)
    return call, f"{base}{path if path.startswith('/') else f'/{path}'}", query


def _find_sample_text(one: Parameter | None) -> str:
    sample = one.sample if one is not None and one.sample is not UNSET else "1"
    return str(sample) if _SAFE.fullmatch(str(sample)) and not isinstance(sample, bool) else "1"


def _to_query_text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _fill(base_url: str, context: Mapping[str, str]) -> str:
    return re.sub(r"\{\{context\.([A-Za-z0-9_]+)\}\}", lambda found: context.get(found[1], "example"), base_url)
