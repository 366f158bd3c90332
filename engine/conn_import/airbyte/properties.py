"""Convert query properties, a list of requested fields that is split if it is long, to `chunk`."""

from collections.abc import Callable, Mapping
from typing import Any

from conn_import.airbyte.jinja import Untranslatable, to_step
from conn_import.airbyte.notes import Notes
from conn_import.coercion import as_list

__all__ = ["CHUNK", "build_chunk"]

CHUNK = "chunk"
_ALL = 10_000
Listed = Callable[[Mapping[str, Any]], str | None]
"""Given a retriever, the operation that lists its records."""


def build_chunk(requester: Mapping[str, Any], listed: Listed, notes: Notes) -> dict[str, Any]:
    """Build `chunk` and `query` of an operation with query properties; empty without them."""
    parameter, properties = _find_properties(requester)
    if properties is None:
        return {}
    chunk: dict[str, Any] = {}
    try:
        chunk["values"] = _build_values(properties.get("property_list"), listed)
    except Untranslatable as reason:
        notes.add(f"the requested fields: {reason}")
        return {}
    if properties.get("property_selector"):
        notes.add("requesting only the fields that the user selects")
    chunking = properties.get("property_chunking")
    chunk |= _build_sizes(chunking if isinstance(chunking, Mapping) else {}, notes)
    row: dict[str, Any] = {CHUNK: chunk}
    always = properties.get("always_include_properties")
    if parameter:
        listed_ = [str(one) for one in always] if isinstance(always, list) else []
        fields = f"$append({listed_!r}, chunk)" if listed_ else "chunk"
        row["query"] = {parameter: f"{{{{$join({fields}, ',')}}}}"}
    return row


def _find_properties(requester: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    own = requester.get("query_properties")
    if isinstance(own, Mapping):
        return "", own
    parameters = requester.get("request_parameters")
    for name, value in parameters.items() if isinstance(parameters, Mapping) else ():
        if isinstance(value, Mapping) and value.get("type") == "QueryProperties":
            return str(name), value
    return "", None


def _build_values(property_list: Any, listed: Listed) -> Any:
    if isinstance(property_list, list):
        return [str(one) for one in property_list]
    if isinstance(property_list, Mapping) and isinstance(property_list.get("retriever"), Mapping):
        operation = listed(property_list["retriever"])
        if operation is not None:
            path = [str(one) for one in as_list(property_list.get("property_field_path"))]
            return {"from": operation, "key": ".".join(to_step(one) for one in path) or "$"}
    raise Untranslatable("a list with an unknown source")


def _build_sizes(chunking: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    limit = chunking.get("property_limit")
    by_characters = chunking.get("property_limit_type") == "characters"
    row: dict[str, Any] = {"size": _ALL}
    if isinstance(limit, int) and limit > 0:
        row = {"max_length": limit} if by_characters else {"size": limit}
    strategy = chunking.get("record_merge_strategy")
    key = strategy.get("key") if isinstance(strategy, Mapping) else None
    if isinstance(key, str) and key != "id":
        row["key"] = to_step(key)
    elif isinstance(key, list) and key:
        row["key"] = f"$join([{', '.join(f'$string({to_step(str(one))})' for one in key)}], '|')"
    return row
