"""Streams that a manifest creates from a response or from an account's settings: one operation that repeats for each
of them."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conn_import.airbyte.notes import Notes
from conn_import.airbyte.references import PARAMETERS
from conn_import.coercion import as_list

__all__ = ["COMPONENT", "DynamicStream", "build_dynamic", "expand_parameters"]

COMPONENT = "component"
"""The name of the value that a stream is created from."""

_READ = re.compile(
    r"components_values\s*(?:\.\s*(?!get\b)([A-Za-z_]\w*)|\[\s*['\"]([^'\"]+)['\"]\s*\]|\.get\(\s*['\"]([^'\"]+)['\"])"
)
_MAX_EXPANDED = 500


class DynamicStream:
    """A stream over components: its template with the mapped values in it, and where the components are from."""

    def __init__(
        self, template: dict[str, Any], retriever: Mapping[str, Any] | None, pointer: list[str], key: str
    ) -> None:
        self.template = template
        self.retriever = retriever
        self.pointer = pointer
        self.key = key


def build_dynamic(stream: Mapping[str, Any], notes: Notes) -> DynamicStream | None:
    """Return the stream of a template, or None, with a note, if it is unsupported."""
    template, resolver = stream.get("stream_template"), stream.get("components_resolver")
    if not isinstance(template, Mapping) or not isinstance(resolver, Mapping):
        notes.add("a dynamic stream without a template")
        return None
    component = copy.deepcopy(dict(template))
    texts = [str(row.get("value", "")) for row in _list_rows(resolver)]
    for row in _list_rows(resolver):
        _set_at(component, [str(item) for item in as_list(row.get("field_path"))], row.get("value"), notes)
    component["name"] = _choose_name(stream, template)
    key = _find_key(texts)
    match resolver.get("type"):
        case "HttpComponentsResolver" if isinstance(resolver.get("retriever"), Mapping):
            return DynamicStream(component, resolver["retriever"], [], key)
        case "ConfigComponentsResolver":
            configs = resolver.get("stream_config")
            config = configs[0] if isinstance(configs, list) and len(configs) == 1 else configs
            pointer = config.get("configs_pointer") if isinstance(config, Mapping) else None
            if isinstance(pointer, list) and pointer:
                return DynamicStream(component, None, [str(item) for item in pointer], key)
    notes.add(f"a dynamic stream by {resolver.get('type')}")
    return None


def expand_parameters(stream: Mapping[str, Any], notes: Notes) -> Iterator[dict[str, Any]]:
    """Return the streams of a template whose values the manifest itself lists."""
    resolver = stream.get("components_resolver")
    listed = resolver.get("stream_parameters") if isinstance(resolver, Mapping) else None
    rows = listed.get("list_of_parameters_for_stream") if isinstance(listed, Mapping) else None
    for row in (rows if isinstance(rows, list) else [])[:_MAX_EXPANDED]:
        component = copy.deepcopy(dict(stream.get("stream_template") or {}))
        for mapping in _list_rows(resolver):
            value = mapping.get("value")
            match = _READ.fullmatch(str(value).strip().strip("{}").strip())
            name = next((part for part in match.groups() if part), "") if match else ""
            if isinstance(row, Mapping) and name in row:
                value = row[name]
            _set_at(component, [str(item) for item in as_list(mapping.get("field_path"))], value, notes)
        yield component


def _list_rows(resolver: Any) -> list[Mapping[str, Any]]:
    rows = resolver.get("components_mapping") if isinstance(resolver, Mapping) else None
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _choose_name(stream: Mapping[str, Any], template: Mapping[str, Any]) -> str:
    own = stream.get("name")
    for one in (own, template.get("name")):
        if isinstance(one, str) and one and "{" not in one:
            return one
    return "dynamic"


def _find_key(texts: list[str]) -> str:
    """Return the component's identifying field: its ID if one is read, or the first field that is."""
    read = [next(part for part in found if part) for text in texts for found in _READ.findall(text)]
    return "id" if "id" in read or not read else read[0]


def _set_at(data: Any, path: list[str], value: Any, notes: Notes) -> None:
    """Set a value at a path of a template. A part `*` stands for every item."""
    if not path or path[0] in ("schema_loader",):
        return
    *above, last = path
    for node in _find_nodes(data, above):
        if isinstance(node, dict):
            node[last] = value
            parameters = node.get(PARAMETERS)
            if isinstance(parameters, dict) and last in parameters:
                parameters[last] = value
        elif isinstance(node, list) and last.isdecimal() and int(last) < len(node):
            node[int(last)] = value
        else:
            notes.add(f"a dynamic value at {'.'.join(path)[:100]}")


def _find_nodes(data: Any, path: list[str]) -> list[Any]:
    found = [data]
    for part in path:
        below: list[Any] = []
        for node in found:
            if part in ("*", "**"):
                below += list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
            elif isinstance(node, dict):
                below.append(node.setdefault(part, {}))
            elif isinstance(node, list) and part.isdecimal() and int(part) < len(node):
                below.append(node[int(part)])
        found = below
    return found
