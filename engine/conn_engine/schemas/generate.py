"""Generate JSON Schema 2020-12 from typed models, in the forms of documents: strategies with their settings next to
`format` or below `config`, aliases, partial overrides.

A union of strategies is `if format const then branch`, and an optional value is `if not null then value`, so that an
error is reported only by the branch that applies. `published` lists the documents, and `__main__` writes the files.

A model is described in one of three modes: `full`; `part` for an override, where nothing is required and null is
allowed anywhere; `inherited` for a setting that a resource or operation repeats, where a strategy needs its format and
inherits the rest.
"""

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import inspect

from conn_engine.config.merge import INHERITED
from conn_engine.config.models import Configuration, Operation, Resource
from conn_engine.roles import describe_setting, to_note
from conn_engine.schemas.advanced import is_advanced, is_advanced_format
from conn_engine.schemas.resource_operations import add_path_form, describe_operations
from conn_engine.settings import Settings

__all__ = ["Generator", "Schema"]

Schema = dict[str, Any]
Mode = Literal["full", "part", "inherited"]
_SUFFIX: dict[Mode, str] = {"full": "", "part": "Part", "inherited": "Inherited"}
_MAPPING: Schema = {
    "description": "An expression, or an object whose leaves are expressions. In an override, null removes "
    "a field (one that an expression sets becomes null) and `{replace: …}` drops what is below.",
    "type": ["string", "object"],
}

_PLACE = (
    "The value at a place, such as `crm.contacts.response_mapping.email`, `headers.X-Api-Version` or "
    "`resources.contacts.list.path`. The first name is a key of a connector, or a unified model."
)


class Generator:
    """Generates schemas of models. Definitions that they share are collected in `definitions`."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}
        self._names: dict[str, Any] = {}

    def describe_model(self, kind: Any, mode: Mode = "full") -> Schema:
        """Return the schema of one model, without a reference."""
        info = inspect.type_info(kind)
        if not isinstance(info, inspect.StructType):
            raise TypeError(f"{kind!r} is not a model")
        return self._convert_model(info, mode)

    # --- types ---

    def _to_schema(self, info: inspect.Type, mode: Mode) -> Schema:
        if isinstance(info, inspect.Metadata):
            return self._annotate(info, mode)
        if isinstance(info, inspect.UnionType):
            return self._convert_union(info, mode)
        if isinstance(info, inspect.StructType):
            return self._refer_to_model(info, mode)
        if isinstance(info, inspect.ListType | inspect.VarTupleType):
            return {
                "type": "array",
                "items": self._to_schema(info.item_type, "full"),
            }  # an override replaces the complete list
        if isinstance(info, inspect.TupleType):
            items = [self._to_schema(item, "full") for item in info.item_types]
            return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
        if isinstance(info, inspect.DictType):
            return self._convert_map(info, mode)
        return _convert_scalar(info)

    def _annotate(self, info: inspect.Metadata, mode: Mode) -> Schema:
        extra = info.extra or {}
        if extra.get("override"):
            schema = self._refer_to_override()
        elif extra.get("mapping"):
            self.definitions.setdefault("Mapping", _MAPPING)
            schema = {"$ref": "#/$defs/Mapping"}
        else:
            schema = self._to_schema(info.type, mode)
        described = {**schema, **(info.extra_json_schema or {})}
        description = describe_setting(to_note(extra), described.get("description", ""))
        if extra.get("advanced"):
            description = f"Advanced. {description}"
        return {**described, "description": description} if description else described

    def _convert_union(self, info: inspect.UnionType, mode: Mode) -> Schema:
        parts = [part for part in info.types if not isinstance(part, inspect.NoneType)]
        tagged = [part for part in parts if isinstance(part, inspect.StructType) and part.tag is not None]
        schemas = [self._to_schema(part, mode) for part in parts if part not in tagged]
        if tagged:
            schemas.append(self._refer_to_strategies(tagged, mode))
        if len(parts) < len(info.types):
            return allow_null(_choose_by_type(schemas))
        return _choose_by_type(schemas)

    def _convert_map(self, info: inspect.DictType, mode: Mode) -> Schema:
        value = self._to_schema(info.value_type, mode)
        schema: Schema = {
            "type": "object",
            "additionalProperties": allow_null(value) if mode == "part" else value,
        }
        return schema | _convert_key_names(info)

    # --- models ---

    def _refer_to_override(self) -> Schema:
        """Refer to the schema of an override: a part of a connector, in which keys may be dotted places and models."""
        reference = self._refer_to_model(_struct_type(Configuration), "part")
        override = self.definitions["ConfigurationPart"]
        models = override["properties"]["unified"]["additionalProperties"]
        override["additionalProperties"] = {**models, "type": "object"}  # a model is removed below `unified`
        override["patternProperties"] = {r"[.\[]": {"description": _PLACE}}
        return reference

    def _refer_to_model(self, info: inspect.StructType, mode: Mode) -> Schema:
        mode = "part" if mode == "inherited" else mode
        name = self._choose_name(info.cls, _SUFFIX[mode])
        if name not in self.definitions:
            self.definitions[name] = {}  # a model may contain itself
            self.definitions[name] = self._convert_model(info, mode)
        return {"$ref": f"#/$defs/{name}"}

    def _choose_name(self, kind: Any, suffix: str) -> str:
        name = f"{kind.__name__}{suffix}"
        if self._names.setdefault(name, kind) is not kind:
            name = f"{kind.__module__.rpartition('.')[2].title().replace('_', '')}{name}"
            if self._names.setdefault(name, kind) is not kind:
                raise ValueError(f"two models are called {name}")
        return name

    def _convert_model(self, info: inspect.StructType, mode: Mode) -> Schema:
        rest = getattr(info.cls, "rest", "")
        aliases = dict(info.cls.aliases) if issubclass(info.cls, Settings) else {}
        inherits = info.cls in (Operation, Resource)
        result: Schema = {
            "type": "object",
            "description": _get_docstring(info.cls),
            "properties": {} if info.tag is None else {"format": {"description": "The format.", **_match_format(info)}},
            "additionalProperties": False,
        }
        needed: list[Schema | str] = []
        for entry in sorted(info.fields, key=lambda entry: is_advanced(entry.type)):
            name = entry.encode_name
            if name == rest:
                operations = self._convert_rest(entry, mode)
                result["properties"] |= operations.pop("properties", {})
                result |= operations
                continue
            schema = self._to_schema(
                entry.type, "inherited" if inherits and name in INHERITED and mode == "full" else mode
            )
            schema = allow_null(schema) if mode == "part" else schema
            moved = info.cls.moved.get(name) if issubclass(info.cls, Settings) else None
            result["properties"][name] = {**_add_default(schema, entry), **(_describe_alias(moved) if moved else {})}
            spellings = [alias for alias, target in aliases.items() if target == name]
            for alias in spellings:
                result["properties"][alias] = {**schema, **_describe_alias(name)}
            if entry.required and mode == "full":
                needed.append({"anyOf": [{"required": [word]} for word in (name, *spellings)]} if spellings else name)
        if required := [word for word in needed if isinstance(word, str)]:
            result["required"] = required
        if choices := [word for word in needed if not isinstance(word, str)]:
            result["allOf"] = choices
        return result

    def _convert_rest(self, entry: inspect.Field, mode: Mode) -> Schema:
        info = entry.type.type if isinstance(entry.type, inspect.Metadata) else entry.type
        if not isinstance(info, inspect.DictType):
            raise TypeError(f"the rest of a model is a mapping, not {info!r}")
        schema = self._to_schema(info.value_type, mode)
        names = _convert_key_names(info)
        is_operation = isinstance(info.value_type, inspect.StructType) and info.value_type.cls is Operation
        if is_operation and mode == "full":
            return describe_operations(schema) | names
        schema = add_path_form(schema) if is_operation else schema
        return {"additionalProperties": allow_null(schema) if mode == "part" else schema, **names}

    def _refer_to_strategies(self, parts: list[inspect.StructType], mode: Mode) -> Schema:
        """Refer to a union of strategies, which is named after the package of its members."""
        package = parts[0].cls.__module__.rpartition(".")[0].rpartition(".")[2]
        name = f"{package.title()}Strategy{_SUFFIX[mode]}"
        kinds = tuple(part.cls for part in parts)
        if self._names.setdefault(name, kinds) != kinds:
            raise ValueError(f"two unions of strategies are called {name}")
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self._convert_strategies(parts, mode)
        return {"$ref": f"#/$defs/{name}"}

    def _convert_strategies(self, parts: list[inspect.StructType], mode: Mode) -> Schema:
        branch_mode: Mode = "full" if mode == "full" else "part"
        parts = sorted(parts, key=is_advanced_format)
        tags = [str(part.tag) for part in parts]
        others = [alias for part in parts for alias in _get_format_aliases(part)]
        entry = {
            "description": _describe_formats(parts),
            **_allow_others({"enum": tags if mode != "part" else [*tags, None]}, others),
        }
        config = {"type": ["object", "null"], "description": "The settings, if they are not next to `format`."}
        any_format = {"properties": {"format": {}, "config": {}, **_describe_settings(parts)}}
        schema: Schema = {
            "type": ["object", "string"],
            "properties": {"format": entry, "config": config},
            "allOf": [
                {"if": {"type": "string"}, "then": _allow_others({"title": "format", "enum": tags}, others)},
                {"if": {"not": {"required": ["format"]}}, "then": {**any_format, "additionalProperties": False}},
                *(self._convert_strategy(part, branch_mode) for part in parts),
            ],
        }
        return schema if mode == "part" else {**schema, "required": ["format"]}

    def _convert_strategy(self, part: inspect.StructType, mode: Mode) -> Schema:
        """Return the branch of one format: its settings are next to `format`, or below `config`."""
        settings = self._refer_to_model(part, mode)
        below = {**settings, "properties": {"format": False}}
        return {
            "if": {"type": "object", "properties": {"format": _match_format(part)}, "required": ["format"]},
            "then": {
                "if": {"required": ["config"]},
                "then": {"properties": {"format": {}, "config": allow_null(below)}, "additionalProperties": False},
                "else": settings,
            },
        }


def _get_format_aliases(part: inspect.StructType) -> list[str]:
    return list(part.cls.format_aliases) if issubclass(part.cls, Settings) else []


def _match_format(part: inspect.StructType) -> Schema:
    others = _get_format_aliases(part)
    return {"pattern": _match_names([str(part.tag), *others])} if others else {"const": part.tag}


def _allow_others(schema: Schema, names: list[str]) -> Schema:
    """Return a schema of names that also allows others. An `enum` would make editors offer them."""
    return {"if": {"pattern": _match_names(names)}, "else": schema} if names else schema


def _match_names(names: list[str]) -> str:
    return f"^({'|'.join(names)})$"


def _describe_settings(parts: Iterable[inspect.StructType]) -> dict[str, Schema]:
    """Return every setting of a union with the formats that have it. The branch of a format checks the value."""
    formats: dict[str, list[str]] = {}
    aliases: dict[str, Schema] = {}
    for part in parts:
        for entry in part.fields:
            formats.setdefault(entry.encode_name, []).append(str(part.tag))
        if issubclass(part.cls, Settings):
            aliases |= {alias: _describe_alias(name) for alias, name in part.cls.aliases.items()}
    return aliases | {name: {"description": f"A setting of: {', '.join(tags)}."} for name, tags in formats.items()}


def allow_null(schema: Schema) -> Schema:
    """Return the schema with null allowed too."""
    if not schema or "null" in _list_types(schema):
        return schema
    if "enum" in schema and "type" not in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    if "type" in schema and not schema.keys() & {"enum", "const", "if", "allOf", "anyOf"}:
        return {**schema, "type": [*_list_types(schema), "null"]}
    outer: Schema = {key: schema[key] for key in ("description", "default") if key in schema}
    inner = {key: value for key, value in schema.items() if key not in outer}
    return {**outer, "if": {"not": {"type": "null"}}, "then": inner}


def _list_types(schema: Schema) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _choose_by_type(schemas: list[Schema]) -> Schema:
    """Combine alternatives by JSON type: each condition applies only to its own type."""
    if len(schemas) == 1:
        return schemas[0]
    if any(not schema for schema in schemas):
        return {}
    types: list[str] = []
    conditions: list[Schema] = []
    for schema in schemas:
        own = _list_types(schema) or ["object" if "$ref" in schema else _value_type(schema)]
        types.extend(kind for kind in own if kind not in types)
        if schema.keys() - {"type", "description"}:
            conditions.append({"if": {"type": own[0] if len(own) == 1 else own}, "then": schema})
    made: Schema = {"type": types[0] if len(types) == 1 else types}
    return made | ({"allOf": conditions} if conditions else {})


def _value_type(schema: Schema) -> str:
    values = schema.get("enum", [schema.get("const")])
    return "string" if all(isinstance(value, str) for value in values) else "number"


def _convert_scalar(info: inspect.Type) -> Schema:
    if isinstance(info, inspect.AnyType):
        return {}
    if isinstance(info, inspect.LiteralType):
        return {"const": info.values[0]} if len(info.values) == 1 else {"enum": list(info.values)}
    names = (
        (inspect.StrType, "string"),
        (inspect.BoolType, "boolean"),
        (inspect.IntType, "integer"),
        (inspect.FloatType, "number"),
    )
    for kind, name in names:
        if isinstance(info, kind):
            return {"type": name, **_convert_bounds(info)}
    if isinstance(info, inspect.NoneType):
        return {"type": "null"}
    raise TypeError(f"no JSON Schema for {info!r}")


_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
}


def _convert_bounds(info: inspect.Type) -> Schema:
    bounds = ((keyword, getattr(info, name, None)) for name, keyword in _BOUNDS.items())
    return {keyword: value for keyword, value in bounds if value is not None}


def _convert_key_names(info: inspect.DictType) -> Schema:
    key = info.key_type.type if isinstance(info.key_type, inspect.Metadata) else info.key_type
    bounds = _convert_bounds(key)
    return {"propertyNames": bounds} if bounds else {}


def _add_default(schema: Schema, entry: inspect.Field) -> Schema:
    plain = isinstance(entry.default, str | int | float) and entry.default != ""
    return {**schema, "default": entry.default} if plain else schema


def _describe_alias(name: str) -> Schema:
    """Return what marks another spelling of a setting: valid, but not offered by editors."""
    return {"description": f"Write `{name}` instead.", "deprecated": True, "doNotSuggest": True}


def _get_docstring(kind: Any) -> str:
    return " ".join((kind.__doc__ or "").split())


def _describe_formats(parts: Iterable[inspect.StructType]) -> str:
    return "The format. " + " ".join(
        f"{part.tag}: {_get_docstring(part.cls).partition('. ')[0].rstrip('.')}."
        + (" Advanced." if is_advanced_format(part) else "")
        for part in parts
    )


def _struct_type(kind: Any) -> inspect.StructType:
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"{kind!r} is not a model")
    return info
