"""Check the arguments of a call. Each error names what is wrong, and the nearest name that would be right."""

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

import jsonschema_rs

from conn_engine.diagnostics import did_you_mean
from conn_engine.documents import format_path
from conn_engine.runtime.agent_tools import METHODS, AgentTool
from conn_service.http.calls import is_path_part
from conn_service.http.problems import HttpProblem

__all__ = ["build_query", "check_arguments", "check_method", "read_arguments"]

_MOST_BYTES: Final = 256 * 2**10
_MOST_SHOWN: Final = 100
_OWN_PARAMETERS: Final = frozenset({"limit", "cursor", "fields", "remote_data"})
"""What the unified API reads from a query, and no agent passes in `query`."""


def read_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments without those that are null. Raises HttpProblem if they are too long, or not text."""
    try:
        size = len(json.dumps(arguments, ensure_ascii=False, allow_nan=False).encode())
    except (UnicodeEncodeError, RecursionError, ValueError):
        raise _refuse("the arguments cannot be read", "pass UTF-8 text, and numbers that JSON has") from None
    if size > _MOST_BYTES:
        raise HttpProblem(413, "too_large", f"the arguments have more than {_MOST_BYTES:,} bytes", "pass less")
    return {name: value for name, value in arguments.items() if value is not None}


def check_arguments(tool: AgentTool, arguments: Mapping[str, Any], resources: Mapping[str, Collection[str]]) -> None:
    """Raise HttpProblem if the arguments are not those of a tool. `resources` have the methods that may be used."""
    for name in arguments:
        if name not in tool.properties:
            known = list(tool.properties)
            fix = did_you_mean(name[:_MOST_SHOWN], known) or f"use some of: {', '.join(known)}"
            raise _refuse(f'{tool.name} has no argument "{name[:_MOST_SHOWN]}"', fix)
    for name in tool.required:
        if name not in arguments:
            raise _refuse(f"{name} is missing", f"pass {name}")
    if "resource" in tool.properties:
        _check_resource(tool, arguments["resource"], resources)
    for error in jsonschema_rs.validator_for(tool.schema).iter_errors(dict(arguments)):
        place = format_path(tuple(error.instance_path))
        raise _refuse(f"{place}: {error.message[:200]}", "correct it as the tool's schema says")
    if "id" in arguments and not is_path_part(arguments["id"]):
        raise _refuse("id is empty, too long, or has control characters", "pass the id of a record")


def _check_resource(tool: AgentTool, resource: Any, resources: Mapping[str, Collection[str]]) -> None:
    having = [name for name, methods in resources.items() if tool.method is None or tool.method in methods]
    shown = str(resource)[:_MOST_SHOWN]
    if isinstance(resource, str) and resource in resources:
        if resource in having:
            return
        fix = f"its operations: {', '.join(resources[resource])}"
        raise HttpProblem(404, "unknown", f"{shown} has no operation {tool.method} for this account", fix)
    by_last = [name for name in having if name.rpartition("/")[2] == shown]
    near = did_you_mean(shown, having) or (f'did you mean "{by_last[0]}"?' if by_last else "")
    fix = near or f"use one of: {', '.join(having[:10])}{', …' if len(having) > 10 else ''}"
    raise HttpProblem(404, "unknown", f'the account has no resource "{shown}"', fix)


def check_method(arguments: Mapping[str, Any], methods: Mapping[str, bool]) -> None:
    """Raise HttpProblem if the method of `call_method` is not one of these, which say whether they write."""
    method = arguments["method"]
    if method not in methods:
        shown = method[:_MOST_SHOWN]
        known = f"use one of: {', '.join(methods)}" if methods else "it has none: use another tool"
        raise HttpProblem(
            404,
            "unknown",
            f'{arguments["resource"]} has no method "{shown}" to call by name',
            "use the tool for it" if method in METHODS else did_you_mean(shown, methods) or known,
        )
    if "confirmation" in arguments and not methods[method]:
        raise _refuse(f"{method} only reads, and needs no confirmation", "leave confirmation out")


def build_query(arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the query and the fields of a call, as the unified API reads them. Raises HttpProblem."""
    query = []
    for name, value in arguments.get("query", {}).items():
        if name in _OWN_PARAMETERS:
            raise _refuse(f'query has no parameter "{name}"', f"leave it out of query; {name} may be an argument")
        if not isinstance(value, str | int | float):
            raise _refuse(f"query.{name[:_MOST_SHOWN]} is not a text, a number, true or false", "pass one value")
        query.append((name, value if isinstance(value, str) else json.dumps(value)))
    if "fields" in arguments:
        query.append(("fields", ",".join(arguments["fields"])))
    return query


def _refuse(detail: str, fix: str) -> HttpProblem:
    return HttpProblem(400, "invalid_request", detail, fix)
