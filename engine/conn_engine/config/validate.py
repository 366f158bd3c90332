"""Validate a document against its published JSON Schema: one finding per fault, on the line that caused it.

Editors use the same schema files, so both report the same. `Effective` finds faults that only show once levels are
merged, and lint checks what goes beyond structure (references, expressions, secrets).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from conn_engine.config.conflicts import find_conflicts
from conn_engine.config.dotted_places import connector_keys
from conn_engine.config.expanded_document import ExpandedDocument, find_configurations
from conn_engine.config.faults import quote_value
from conn_engine.config.foreign_words import find_meant_key, suggest_key
from conn_engine.config.implied import OPERATION_PATH, PATHS, explain_missing, is_operation_path
from conn_engine.config.merge import MISSING, Path_, lookup
from conn_engine.config.misplaced_fields import explain_field, explain_fields, is_misplaced_field
from conn_engine.config.models import (
    HOST_PATTERN,
    NAME,
    OPERATION,
    PATH_PREFIX,
    PLACEMENT,
    RECORDING_AGE,
    TRUSTED_HOST,
    URL,
    VARIABLE,
    WORD,
    Configuration,
    Resource,
    UnifiedResource,
)
from conn_engine.config.wrong_types import convert_value, describe_types, explain_model, name_type, suggest_type
from conn_engine.diagnostics import Diagnostic, Fix, diagnostic, did_you_mean, find_match
from conn_engine.documents import Document
from conn_engine.documents.locate import find_packaged

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

__all__ = ["load_schema", "validate"]

_FIRST_KEYS: Mapping[str, str] = {
    "account": "write at least the connector: connector: NAME",
    "connector": "write at least base_url and resources; a new connector with a sample: conn new NAME",
    "unified": "write at least the resources that it maps (resources: …), or remove the file",
}
"""What a document that is empty needs."""
_EMPTY_ALLOWED = frozenset({"workspace", "environment"})
_PATTERNS = {
    WORD: "a name: letters, digits, dash and underscore, starting with a letter",
    NAME: "a name: letters, digits, dot, dash and underscore, starting with a letter or digit",
    HOST_PATTERN: "a host such as api.example.com or *.example.com, without scheme and path",
    TRUSTED_HOST: "a host pattern such as localhost:4200 or http://kinto:8888, or a network such as 10.0.0.0/8",
    URL: "a URL that starts with https:// or http://",
    OPERATION: "an operation: resource.method",
    OPERATION_PATH: "an operation, or its path, which starts with /",
    RECORDING_AGE: "an age such as P90D, P12W or P6M, or never",
    PATH_PREFIX: "a path that starts with /",
    PLACEMENT: "a setting such as credentials.config.client_authentication or resources.files.authorization",
    VARIABLE: "the name of an environment variable",
}


_HOST_FIRST = re.compile(r"[\w{][^\s:/]*[.:][^\s]*$")


def validate(document: Document, kind: str) -> list[Diagnostic]:
    """Return the findings of a document of a kind (connector, unified, environment, account, workspace, recording), by
    position."""
    data = document.data
    if data is None and kind in _EMPTY_ALLOWED:
        data = {}
    if not isinstance(data, dict):
        message = f"expected an object at the top of the document, found {name_type(data)}"
        hint = _FIRST_KEYS.get(kind, "") if data is None else ""
        return [diagnostic("CFG102", message, document.span(()), hint=hint)]
    expanded = ExpandedDocument(document, kind, data)
    check, data = _Check(expanded, kind), expanded.data
    findings = [
        *check.place_faults(),
        *check.misspelt_keys(data),
        *check.doubled_keys(data),
        *check.schema_faults(data),
    ]
    findings = [f for f in findings if f.code != "CFG103" or f.path not in check.meant]  # one typo is one finding
    return sorted({(f.code, f.span, f.message): f for f in findings}.values(), key=Diagnostic.sort_key)


@cache
def load_schema(kind: str) -> dict[str, Any]:
    """Return the published schema of a kind of document."""
    schema: dict[str, Any] = msgspec.json.decode(find_packaged("schemas", f"{kind}.schema.json").read_bytes())
    return schema


@cache
def _validator(kind: str) -> "Draft202012Validator":
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator(load_schema(kind))


class _Check:
    def __init__(self, document: ExpandedDocument, kind: str) -> None:
        self.document = document
        self.kind = kind
        self.settled: set[Path_] = set()  # places with a known fault: schema errors below them are noise
        self.meant: set[str] = set()  # the keys that unknown ones probably mean

    def place_faults(self) -> Iterator[Diagnostic]:
        """Report keys at the top of overrides that are unknown, are not places, or set what another key sets."""
        yield from self.document.find_place_faults()
        for at, override in self.document.overrides.items():
            for key in (key for key in override.data if key not in connector_keys()):
                self.settled.add((*at, key))
                if hint := explain_fields(key, override.data[key]):
                    yield self._at_key("CFG101", f"unknown key {quote_value(key)}", (*at, key), hint)
                else:
                    yield self._build_unknown_key((*at, key), connector_keys(), connector_keys())

    def schema_faults(self, data: Any) -> Iterator[Diagnostic]:
        for error in _validator(self.kind).iter_errors(data):
            path = tuple(error.instance_path)
            if not any(path[:end] in self.settled for end in range(len(path) + 1)):
                yield from self._findings(error, path)

    def misspelt_keys(self, data: Any) -> Iterator[Diagnostic]:
        """Find misspelled keys. A misspelled `pagination` of a resource looks like an operation of that name, so report
        what is probably meant instead."""
        for path, model in _open_objects(self.kind, data):
            names = [name for name in model.__struct_fields__ if name != model.rest]
            for key, value in lookup(data, path).items():
                near = suggest_key(key, names) if key not in names else ""
                is_operation = isinstance(value, dict) and value.keys() & _operation_keys(model)
                if near and not is_operation and not (model is Resource and key in PATHS):
                    self.settled.add((*path, key))
                    yield self._build_unknown_key((*path, key), names, names)
                elif model is Resource and key in names and isinstance(value, dict) and "method" in value:
                    self.settled.add((*path, key))
                    message = f'"{key}" is a setting of a resource, so it cannot be the name of an operation'
                    yield self._at_key("CFG104", message, (*path, key), f"rename the operation, for example {key}_list")

    def doubled_keys(self, data: Any) -> Iterator[Diagnostic]:
        for piece in find_configurations(self.kind, data):
            for conflict in find_conflicts(lookup(data, piece), Configuration):
                path = (*piece, *conflict.path)
                self.settled.add(path)
                yield self._at_key("CFG106", conflict.message, path, conflict.fix)

    def _findings(self, error: "ValidationError", path: Path_) -> Iterator[Diagnostic]:
        details = error.kind.as_dict()
        keyword = error.kind.name
        node = self._schema_at(error.schema_path)
        if keyword in ("additionalProperties", "unevaluatedProperties"):
            unexpected = [str(key) for key in details["unexpected"]]
            yield from (self._unknown_key(path, key, node) for key in unexpected if (*path, key) not in self.settled)
        elif keyword == "falseSchema":
            yield self._at_key("CFG101", f"unknown key {quote_value(str(path[-1]))}", path, "move it next to config")
        elif keyword == "required":
            yield self._missing_key(path, str(details["property"]))
        elif keyword == "anyOf":
            names = [part["required"][0] for part in node.get("anyOf", []) if "required" in part]
            yield self._missing_key(path, names[0]) if names else self._bad_value(path, error.message)
        elif keyword == "type" and is_operation_path(path, error.instance):
            yield self._missing_key(path, "method", str(error.instance))
        elif keyword == "type":
            yield self._wrong_type(path, details["types"], error.instance, pattern=str(node.get("pattern", "")))
        elif keyword in ("enum", "const"):
            yield self._not_one_of(path, details.get("options", [details.get("expected_value")]), error.instance, node)
        elif keyword == "propertyNames":
            yield self._bad_name(path, details["error"])
        else:
            pattern = _PATTERNS.get(str(details.get("pattern")))
            message = f"expected {pattern}" if pattern else error.message
            lacks_scheme = details.get("pattern") == URL and _HOST_FIRST.match(str(error.instance))
            if lacks_scheme:
                url = f"https://{error.instance}"
                yield self._bad_value(path, message, f'did you mean "{url}"?', self.document.build_put(path, url))
            else:
                yield self._bad_value(path, message)

    def _schema_at(self, schema_path: list[str | int]) -> dict[str, Any]:
        """Return the schema object with the failing keyword."""
        root = load_schema(self.kind)
        node: Any = root
        for key in schema_path[:-1]:
            if isinstance(node, dict) and "$ref" in node and key not in node:
                node = root["$defs"][node["$ref"].rpartition("/")[2]]
            if key == "$ref":
                node = root["$defs"][node["$ref"].rpartition("/")[2]]
            else:
                node = node[key]
        return node if isinstance(node, dict) else {}

    # --- one finding each ---

    def _unknown_key(self, path: Path_, key: str, node: Mapping[str, Any]) -> Diagnostic:
        names = [name for name, schema in node.get("properties", {}).items() if not schema.get("deprecated")]
        key_names = [name for name in names if name != "format" or path[-1:] != ("config",)]
        also = ["config"] if "format" in key_names else []
        finding = self._build_unknown_key((*path, key), [*key_names, *also], key_names)
        if finding.hint.startswith("did you mean"):
            self.meant.add(self.document.format((*path, finding.hint.split('"')[1])))
        return finding

    def _build_unknown_key(self, path: Path_, known: Iterable[str], listed: Sequence[str]) -> Diagnostic:
        key, names = str(path[-1]), list(known)
        value = lookup(self.document.data, path)
        if is_misplaced_field(self.kind, path, value) and not suggest_key(key, names):
            return self._build_misplaced_field(path, value)
        hint = suggest_key(key, names) or _list_words(list(listed))
        meant, is_certain = find_meant_key(key, names)
        fix = self.document.build_rename(path, meant, is_certain=is_certain)
        return self._at_key("CFG101", f"unknown key {quote_value(key)}", path, hint, fix)

    def _build_misplaced_field(self, path: Path_, value: str) -> Diagnostic:
        key, fix = str(path[-1]), self.document.build_move(path, "response_mapping", value)
        return self._at_key("CFG101", f"unknown key {quote_value(key)}", path, explain_field(key, value), fix)

    def _missing_key(self, path: Path_, key: str, text: str = "") -> Diagnostic:
        span = self.document.key_span(path) if path else self.document.span(())
        where = f" in {self.document.format(path)}" if path else ""
        hint = explain_missing(path, key, text)
        return diagnostic(
            "CFG103", f'missing key "{key}"{where}', span, path=self.document.format((*path, key)), hint=hint
        )

    def _wrong_type(self, path: Path_, types: list[str], value: Any, hint: str = "", pattern: str = "") -> Diagnostic:
        if is_misplaced_field(self.kind, path, value):
            return self._build_misplaced_field(path, value)
        message = f"expected {describe_types(types)}, found {name_type(value)}"
        model = self.document.find_implied_model(path)
        source = self.document.read_source(path) if isinstance(value, bool | int | float) else ""
        hint = hint or (explain_model(model) if model else suggest_type(path, types, value, source))
        converted = None if model else convert_value(types, value, source)
        if isinstance(converted, str) and pattern in _PATTERNS and not re.search(pattern, converted):
            hint, converted = f"write {_PATTERNS[pattern]}", None
        fix = self.document.build_put(path, converted) if converted is not None else None
        return self._at_value("CFG102", message, path, hint, fix)

    def _not_one_of(self, path: Path_, options: list[Any], value: Any, node: Mapping[str, Any]) -> Diagnostic:
        words = [str(option) for option in options if option is not None]
        if not isinstance(value, str) and all(isinstance(option, str | None) for option in options):
            return self._wrong_type(path, ["string"], value, _list_words(words))
        strategy = node.get("title") == "format" or (path[-1:] == ("format",) and self._is_strategy(path[:-1], words))
        code, label = ("CFG105", "format") if strategy else ("CFG104", "value")
        value_text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        hint = did_you_mean(str(value), words) or _list_words(words)
        meant, is_certain = find_match(str(value), words)
        fix = self.document.build_put(path, meant, is_certain=is_certain) if meant in options else None
        return self._at_value(code, f"unknown {label} {quote_value(value_text)}", path, hint, fix)

    def _is_strategy(self, path: Path_, options: list[str]) -> bool:
        return isinstance(lookup(self.document.data, path), dict) and bool(options)

    def _bad_name(self, path: Path_, error: "ValidationError") -> Diagnostic:
        pattern = str(error.kind.as_dict().get("pattern", ""))
        expected = _PATTERNS.get(pattern, f"a name that matches {pattern}")
        return self._at_key(
            "CFG104", f"{quote_value(str(error.instance))} is not {expected}", (*path, str(error.instance))
        )

    def _bad_value(self, path: Path_, message: str, hint: str = "", fix: Fix | None = None) -> Diagnostic:
        return self._at_value("CFG104", message, path, hint, fix)

    def _at_key(self, code: str, message: str, path: Path_, hint: str = "", fix: Fix | None = None) -> Diagnostic:
        place = self.document.format(path)
        return diagnostic(code, message, self.document.key_span(path), path=place, hint=hint, fix=fix)

    def _at_value(self, code: str, message: str, path: Path_, hint: str = "", fix: Fix | None = None) -> Diagnostic:
        return diagnostic(code, message, self.document.span(path), path=self.document.format(path), hint=hint, fix=fix)


def _list_words(words: list[str]) -> str:
    listed = [word for word in words if not word.startswith("$")]
    return f"use one of {', '.join(listed[:12])}{', …' if len(listed) > 12 else ''}" if listed else ""


def _operation_keys(model: type[Resource] | type[UnifiedResource]) -> set[str]:
    if model is Resource:
        return {"method", "path"}
    return {"response_mapping", "query_mapping", "request_body_mapping", "resource", "method"}


def _open_objects(kind: str, data: Any) -> Iterator[tuple[Path_, type[Resource] | type[UnifiedResource]]]:
    """Yield the objects in which a name is either a known key or an operation."""
    for piece in find_configurations(kind, data):
        yield from ((path, Resource) for path in _children(data, (*piece, "resources")))
        for model in _children(data, (*piece, "unified")):
            yield from ((path, UnifiedResource) for path in _children(data, model))
    if kind == "unified":
        yield from ((path, UnifiedResource) for path in _children(data, ("resources",)))


def _children(data: Any, path: Path_) -> Iterator[Path_]:
    node = lookup(data, path)
    if node is not MISSING and isinstance(node, dict):
        yield from ((*path, key) for key, value in node.items() if isinstance(value, dict))
