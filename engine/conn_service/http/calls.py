"""Read a request to the unified API: which operation it means, and the call with its query, strictly.

A name that the operation does not read is an error: a filter that is silently ignored returns too much.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from conn_engine.config import Effective, OperationName
from conn_engine.diagnostics import did_you_mean
from conn_engine.runtime.call import Call
from conn_engine.runtime.parameters import Parameters, parameters
from conn_service.http.problems import HttpProblem

__all__ = ["MOST_PER_PAGE", "UnifiedCall", "UnifiedPath", "parse_path", "read_call", "resolve_operation"]

MOST_PER_PAGE: Final = 1_000
_LISTED: Final = {"GET": "list", "POST": "create"}
_SINGLE: Final = {"GET": "get", "PATCH": "update", "PUT": "update", "DELETE": "delete"}
_STANDARD: Final = frozenset({*_LISTED.values(), *_SINGLE.values()})
_OWN: Final = ("limit", "cursor", "fields", "remote_data")
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class UnifiedPath:
    """The parts of a path: `/{model}/{resource}[/{id}][/-/{method}]`. `method` is a custom one, or None."""

    model: str
    resource: str
    id: str | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True)
class UnifiedCall:
    """An operation, its call, and the `fields` to return (None: all)."""

    name: OperationName
    call: Call
    fields: tuple[str, ...] | None = None


def parse_path(raw_path: str) -> UnifiedPath:
    """Split an encoded path. An ID may contain an encoded slash. Raises HttpProblem for any other form."""
    parts = [unquote(part) for part in raw_path.strip("/").split("/")]
    method = None
    if len(parts) >= 4 and parts[-2] == "-":
        method = parts[-1]
        parts = parts[:-2]
    if len(parts) not in (2, 3) or not all(parts) or any(_is_unfit(part) for part in parts):
        raise HttpProblem(404, "unknown", "there is nothing at this path", fix="use /unified/{model}/{resource}[/{id}]")
    return UnifiedPath(parts[0], parts[1], parts[2] if len(parts) == 3 else None, method)


def _is_unfit(part: str) -> bool:
    return part in (".", "..") or len(part) > _LONGEST or not part.isprintable()


def resolve_operation(effective: Effective, path: UnifiedPath, http_method: str) -> OperationName:
    """Return the operation of a request. Raises HttpProblem: 404 for an unknown one, 405 with what is allowed."""
    known = [
        name
        for name in effective.enabled_operations()
        if name.kind == "unified" and (name.model, name.resource) == (path.model, path.resource)
    ]
    if not known:
        resources = {f"{name.model}/{name.resource}" for name in effective.enabled_operations() if name.model}
        fix = did_you_mean(f"{path.model}/{path.resource}", resources)
        raise HttpProblem(404, "unknown", f"the account has no resource {path.model}/{path.resource}", fix=fix or "")
    methods = {name.method: name for name in known}
    if path.method is not None:
        return _resolve_custom(methods, path.method, http_method)
    allowed = _SINGLE if path.id is not None else _LISTED
    wanted = allowed.get(http_method)
    if wanted is None or wanted not in methods:
        offered = ", ".join(sorted(verb for verb, method in allowed.items() if method in methods))
        text = f"{path.model}/{path.resource} has no such operation for this account"
        raise HttpProblem(405, "method_not_allowed", text, headers={"allow": offered})
    return methods[wanted]


def _resolve_custom(methods: Mapping[str, OperationName], method: str, http_method: str) -> OperationName:
    custom = {name: operation for name, operation in methods.items() if name not in _STANDARD}
    if method not in custom:
        fix = did_you_mean(method, custom)
        raise HttpProblem(404, "unknown", f'there is no method "{method[:100]}"', fix=fix or "")
    if http_method != "POST":
        raise HttpProblem(405, "method_not_allowed", "a method is called by POST", headers={"allow": "POST"})
    return custom[method]


def read_call(
    effective: Effective, name: OperationName, path: UnifiedPath, query: Sequence[tuple[str, str]], body: Any
) -> UnifiedCall:
    """Check the query and return the call. Raises HttpProblem."""
    values: dict[str, str] = {}
    for key, value in query:
        if key in values:
            raise _refuse(f'"{key}" is given twice', "give each parameter once")
        if not key or not value.isprintable():
            raise _refuse("a parameter has no name, or a value with control characters", "correct the query")
        values[key] = value
    accepted = parameters(effective, name)
    is_list = name.method == "list"
    own = {key: values.pop(key) for key in _OWN if key in values and (is_list or key not in ("limit", "cursor"))}
    _check_names(accepted, values, is_list=is_list)
    fields = own.get("fields")
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
    return UnifiedCall(name, call, None if fields is None else _read_fields(fields))


def _check_names(accepted: Parameters, values: Mapping[str, str], *, is_list: bool) -> None:
    unknown = [] if accepted.open else accepted.unknown(values)
    if unknown:
        own = _OWN if is_list else _OWN[2:]
        known = sorted({*accepted.names, *accepted.query, *own} - (set() if is_list else {"limit", "cursor"}))
        fix = did_you_mean(unknown[0], known) or f"use one of: {', '.join(known)}"
        raise _refuse(f'the operation does not read "{unknown[0][:100]}"', fix)


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


def _read_fields(text: str) -> tuple[str, ...]:
    fields = tuple(part.strip() for part in text.split(","))
    if not all(fields):
        raise _refuse("fields must be names, separated by commas", "correct fields, such as fields=id,email")
    return fields


def _refuse(detail: str, fix: str) -> HttpProblem:
    return HttpProblem(400, "invalid_request", detail, fix)
