"""Read a request to the unified API: which operation it means, and the call with its query and body, strictly.

A name that the operation does not read is an error: a filter that is silently ignored returns too much.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from conn_engine.config import Effective, OperationName
from conn_engine.diagnostics import did_you_mean
from conn_engine.documents import format_path
from conn_engine.runtime.call import Call
from conn_service.http.contracts import (
    ID_PATTERN,
    LISTED,
    LONGEST_ID,
    MOST_PER_PAGE,
    SINGLE,
    STANDARD,
    TEXT_PATTERN,
    OperationContract,
    find_contract,
)
from conn_service.http.problems import HttpProblem

__all__ = ["CallWords", "UnifiedCall", "UnifiedPath", "is_path_part", "parse_path", "read_call", "resolve_operation"]

_MOST_OPTIONS = 20
_OWN = ("limit", "cursor", "fields", "remote_data")
_ID = re.compile(ID_PATTERN.removesuffix("$") + r"\Z")
_METHODS: WeakKeyDictionary[Effective, dict[tuple[str, str], dict[str, OperationName]]] = WeakKeyDictionary()
_TEXT = re.compile(TEXT_PATTERN.removesuffix("$") + r"\Z")


@dataclass(frozen=True, slots=True)
class UnifiedPath:
    """The parts of a path: `/{model}/{resource}[/{id}][/-/{method}]`. `method` is a custom one, or None."""

    model: str
    resource: str
    id: str | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True)
class CallWords:
    """What messages name: the places of the body and of the parameters, and what lists the fields."""

    body: str = "body"
    query: str = "query"
    reference: str = "/openapi.json"


@dataclass(frozen=True, slots=True)
class UnifiedCall:
    """An operation, its call, and the `fields` to return (None: all)."""

    contract: OperationContract
    call: Call
    fields: frozenset[str] | None = None


def parse_path(raw_path: str) -> UnifiedPath:
    """Split an encoded path. An ID may contain an encoded slash. Raises HttpProblem for any other form."""
    try:
        parts = [unquote(part, errors="strict") for part in raw_path.removeprefix("/").split("/")]
    except UnicodeDecodeError:
        parts = []
    method = None
    if len(parts) >= 4 and parts[-2] == "-":
        method = parts[-1]
        parts = parts[:-2]
    if len(parts) not in (2, 3) or not all(
        is_path_part(part) for part in (*parts, *([] if method is None else [method]))
    ):
        raise HttpProblem(404, "unknown", "there is nothing at this path", fix="use /unified/{model}/{resource}[/{id}]")
    return UnifiedPath(parts[0], parts[1], parts[2] if len(parts) == 3 else None, method)


def is_path_part(part: str) -> bool:
    """Return whether a text can be a part of a path, such as an ID."""
    return len(part) <= LONGEST_ID and _ID.match(part) is not None


def resolve_operation(effective: Effective, path: UnifiedPath, http_method: str) -> OperationContract:
    """Return the contract of a request's operation. Raises HttpProblem: 404 for an unknown one, 405 with what is
    allowed."""
    methods = _find_methods(effective).get((path.model, path.resource))
    if methods is None:
        resources = {f"{name.model}/{name.resource}" for name in effective.enabled_operations() if name.model}
        fix = did_you_mean(f"{path.model}/{path.resource}", resources)
        raise HttpProblem(404, "unknown", f"the account has no resource {path.model}/{path.resource}", fix=fix or "")
    if path.method is not None:
        custom = {name: find_contract(effective, known) for name, known in methods.items() if name not in STANDARD}
        return _resolve_custom(custom, path, path.method, http_method)
    allowed = SINGLE if path.id is not None else LISTED
    wanted = allowed.get(http_method)
    if wanted is None or wanted not in methods:
        offered = ", ".join(sorted(verb for verb, method in allowed.items() if method in methods))
        text = f"{path.model}/{path.resource} has no such operation for this account"
        if not offered:
            raise HttpProblem(404, "unknown", text)
        raise HttpProblem(405, "method_not_allowed", text, f"use one of: {offered}", headers={"allow": offered})
    return find_contract(effective, methods[wanted])


def _find_methods(effective: Effective) -> Mapping[tuple[str, str], Mapping[str, OperationName]]:
    """Return the enabled unified operations by model and resource, and by method. They are found once."""
    known = _METHODS.get(effective)
    if known is None:
        known = _METHODS[effective] = {}
        for name in effective.enabled_operations():
            if name.kind == "unified":
                known.setdefault((name.model, name.resource), {})[name.method] = name
    return known


def _resolve_custom(
    custom: Mapping[str, OperationContract], path: UnifiedPath, method: str, http_method: str
) -> OperationContract:
    contract = custom.get(method)
    if contract is None:
        fix = did_you_mean(method, custom) or (f"use one of: {', '.join(sorted(custom))}" if custom else "")
        raise HttpProblem(404, "unknown", f'there is no method "{method[:100]}"', fix=fix)
    if contract.has_id != (path.id is not None):
        raise HttpProblem(404, "unknown", "there is nothing at this path", f"use /unified{contract.path}")
    if http_method != "POST":
        raise HttpProblem(405, "method_not_allowed", "a method is called by POST", headers={"allow": "POST"})
    return contract


def read_call(
    contract: OperationContract,
    path: UnifiedPath,
    query: Sequence[tuple[str, str]],
    body: Any,
    words: CallWords = CallWords(),
) -> UnifiedCall:
    """Check the query and the body, and return the call. Raises HttpProblem."""
    values: dict[str, str] = {}
    for key, value in query:
        if key in values:
            raise _refuse(f'"{key}" is given twice', "give each parameter once")
        if not key or not _TEXT.match(value):
            raise _refuse("a parameter has no name, or a value with control characters", f"correct the {words.query}")
        values[key] = value
    accepted = contract.query
    own = {key: values.pop(key) for key in _list_own(contract) if key in values}
    _check_names(contract, values, words)
    _check_body(contract, body, words)
    call = Call(
        query={
            **{key: value for key, value in values.items() if key not in accepted.names},
            **({"limit": _read_limit(own["limit"])} if "limit" in own else {}),
        },
        body=body,
        id=path.id,
        params={key: value for key, value in values.items() if key in accepted.names},
        cursor=_read_cursor(own["cursor"]) if "cursor" in own else None,
        remote_data=_read_flag(own["remote_data"]) if "remote_data" in own else False,
    )
    fields = None
    if "fields" in own:
        fields = _read_fields(contract, own["fields"]) | ({"remote_data"} if call.remote_data else set())
    return UnifiedCall(contract, call, fields)


def _list_own(contract: OperationContract) -> tuple[str, ...]:
    return _OWN if contract.is_list else _OWN[2:]


def _check_names(contract: OperationContract, values: Mapping[str, str], words: CallWords) -> None:
    unknown = [] if contract.query.open else contract.query.unknown(values)
    if unknown:
        known = sorted({*contract.filters, *_list_own(contract)})
        fix = did_you_mean(unknown[0], known) or f"use one of: {', '.join(known)}"
        raise _refuse(f'the operation does not read "{unknown[0][:100]}"', fix)
    missing = sorted(contract.needed - values.keys())
    if missing:
        raise _refuse(f"{missing[0]} is missing", f"add it to the {words.query}: {missing[0]}=…")


def _check_body(contract: OperationContract, body: Any, words: CallWords) -> None:
    """Refuse a body that differs from its schema."""
    if body is None and contract.needs_body:
        raise _refuse(f"the {words.body} is missing", "send the record as JSON")
    if body is None or contract.check is None or contract.check.is_valid(body):
        return
    error = next(contract.check.iter_errors(body))
    place = format_path((words.body, *error.instance_path))
    kind = error.kind
    if getattr(kind, "name", "") == "additionalProperties":
        name = str(kind.unexpected[0])
        known = sorted((contract.body or {}).get("properties", {})) if not error.instance_path else []
        fix = did_you_mean(name, known) or f"remove it; {words.reference} has the fields"
        raise _refuse(f'{place} has an unknown field "{name[:100]}"', fix)
    raise _refuse(f"{place} {_describe_mismatch(kind)}", f"correct it; {words.reference} has the schema")


def _describe_mismatch(kind: Any) -> str:
    """Say how a value differs from its schema, without the value."""
    name = getattr(kind, "name", "schema")
    if name == "type":
        return f"must be of the type {' or '.join(sorted(kind.types, key=lambda kind: kind == 'null'))}"
    if name == "enum" and len(kind.options) <= _MOST_OPTIONS:
        return f"must be one of: {', '.join(map(str, kind.options))}"
    if name == "required":
        return f'lacks the field "{kind.property}"'
    return f"does not match its schema: {name}"


def _read_limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST_PER_PAGE:
        raise _refuse(f"limit must be a number from 1 to {MOST_PER_PAGE:,}", "correct limit")
    return int(text)


def _read_cursor(text: str) -> str:
    if not text:
        raise _refuse("cursor is empty", "leave it out to start at the first page")
    return text


def _read_flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise _refuse("remote_data must be true or false", "correct remote_data")
    return text == "true"


def _read_fields(contract: OperationContract, text: str) -> frozenset[str]:
    """Return the fields to return: those that are given, and those that each record has."""
    fields = [part.strip(" ") for part in text.split(",")]
    if not all(fields):
        raise _refuse("fields must be names, separated by commas", "correct fields, such as fields=id,email")
    known = contract.record.fields
    for name in fields:
        if known is not None and name not in known:
            fix = did_you_mean(name, known) or f"use some of: {', '.join(known)}"
            raise _refuse(f'the records have no field "{name[:100]}"', fix)
    return frozenset(fields) | contract.record.required


def _refuse(detail: str, fix: str) -> HttpProblem:
    return HttpProblem(400, "invalid_request", detail, fix)
