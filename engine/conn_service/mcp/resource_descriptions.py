"""What an agent has to know of a resource: its operations, query parameters and fields, in few words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from conn_engine.config import Effective, OperationName
from conn_service.http.contracts import NOT_WRITTEN, OperationContract, find_contract
from conn_service.mcp.results import MOST_CHARACTERS, format_data

__all__ = ["describe_resource"]

_MOST_VALUES: Final = 20
_MOST_WORDS: Final = 80
_MOST_DEPTH: Final = 3


def describe_resource(effective: Effective, resource: str, methods: Sequence[str]) -> str:
    """Return the operations of a resource among `methods`, with what each takes and returns, and apart from them the
    methods that `call_method` calls, as JSON text. A resource with many fields is described without words."""
    model, _, name = resource.partition("/")
    contracts = [find_contract(effective, OperationName("unified", model, name, method)) for method in methods]
    text = format_data(_describe(resource, contracts, _MOST_WORDS), most=None)
    return text if len(text) <= MOST_CHARACTERS else format_data(_describe(resource, contracts, 0))


def _describe(resource: str, contracts: Sequence[OperationContract], words: int) -> dict[str, Any]:
    schema = next((one.record.schema for one in contracts if one.record.schema is not None), None)
    fields = None if schema is None else _describe_fields(_Part(schema, words), _MOST_DEPTH)

    def describe_all(chosen: Iterable[OperationContract]) -> dict[str, Any]:
        return {one.name.method: _describe_operation(one, fields or {}, words) for one in chosen}

    return {
        "resource": resource,
        "operations": describe_all(one for one in contracts if not one.is_custom) or None,
        "methods": describe_all(one for one in contracts if one.is_custom) or None,
        "fields": "not known: read a record" if fields is None else fields,
    }


def _describe_operation(contract: OperationContract, fields: Mapping[str, Any], words: int) -> dict[str, Any]:
    body = contract.body
    return {
        **({"writes": contract.is_write, "id": contract.has_id} if contract.is_custom else {}),
        "query": [*contract.filters, *(["others"] if contract.query.open else [])] or None,
        "needed": sorted(contract.needed) or None,
        "required": None if body is None else body.get("required"),
        **({} if body is None else _describe_values(body, fields, words)),
    }


def _describe_values(schema: Mapping[str, Any], fields: Mapping[str, Any], words: int) -> dict[str, Any]:
    """Return what a mapping reads: the names of fields, and what is not a field of the records."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return {"values": "any"}
    written = {key: part for key, part in properties.items() if NOT_WRITTEN not in str(_get(part, "description"))}
    others = {key: part for key, part in written.items() if key not in fields}
    described = _describe_fields(_Part({**schema, "properties": others}, words), _MOST_DEPTH)
    return {"values": [key for key in written if key in fields] or None, "other_values": described or None}


@dataclass(frozen=True, slots=True)
class _Part:
    """A schema, the characters that a description may have, and the schema with the definitions."""

    schema: Mapping[str, Any]
    words: int
    whole: Mapping[str, Any] = field(default_factory=dict)

    def enter(self, schema: Any) -> "_Part":
        """Return a part of it, or the definition that the part refers to."""
        whole = self.whole or self.schema
        name = str(_get(schema, "$ref"))
        if name.startswith("#/$defs/"):
            schema = _get(whole.get("$defs"), name.removeprefix("#/$defs/"))
        return _Part(schema if isinstance(schema, Mapping) else {}, self.words, whole)


def _describe_fields(part: _Part, depth: int) -> dict[str, Any]:
    known = part.schema.get("properties")
    return {
        name: _describe_value(part.enter(schema), depth)
        for name, schema in (known if isinstance(known, Mapping) else {}).items()
    }


def _describe_value(part: _Part, depth: int) -> Any:
    """Return the fields of an object, and for any other value its type and what it is."""
    if isinstance(part.schema.get("properties"), Mapping):
        return _describe_fields(part, depth - 1) if depth > 1 else "object"
    items = part.schema.get("items")
    if isinstance(items, Mapping) and depth > 1:
        return [_describe_value(part.enter(items), depth - 1)]
    about = str(part.schema.get("description", ""))
    about = about if len(about) <= part.words or not part.words else f"{about[: part.words]}…"
    return ": ".join(text for text in (_describe_type(part.schema), about if part.words else "") if text) or "any"


def _describe_type(schema: Mapping[str, Any]) -> str:
    values = schema.get("enum")
    if isinstance(values, list):
        shown = [str(value) for value in values if value is not None]
        return f"one of {', '.join(shown[:_MOST_VALUES])}{', …' if len(shown) > _MOST_VALUES else ''}"
    kinds = schema.get("type", [])
    names = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]
    return " ".join(part for part in (" or ".join(names), str(schema.get("format", ""))) if part)


def _get(value: Any, key: str) -> Any:
    return value.get(key, "") if isinstance(value, Mapping) else ""
