"""The kinds of settings in documents, by the names that users know: `operation`, `job.poll`, `pagination.cursor`.

They are found in the typed models; `reference` prints them. A kind is named after its key. Kinds of the top level of a
document, of a resource or of an operation have no prefix. A strategy is named after the key of its union and its
format, and the keys that all members of a union share are listed once, for the union.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from msgspec import inspect

from conn_engine.config.models import Configuration
from conn_engine.roles import Note, describe_setting, name_kind, to_note
from conn_engine.schemas.advanced import is_advanced, is_advanced_format
from conn_engine.schemas.published import MODELS
from conn_engine.settings import Settings

__all__ = ["Key", "Kind", "find_kinds"]

_ROOTS = ("connector", "resource", "operation")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a kind. `default` is written as in a document; `refers` are the kinds that its value can have.
    `is_computed`: its strings are templates or expressions."""

    name: str
    type: str
    default: str
    meaning: str
    aliases: tuple[str, ...] = ()
    refers: tuple[str, ...] = ()
    is_computed: bool = False
    is_advanced: bool = False


@dataclass(slots=True)
class Kind:
    """A kind of settings. `format`: it is a strategy, written with its `format`. `common`: the kind whose keys all
    members of its union have too. `formats`: it is a union of these. `others`: other names of the format."""

    name: str
    meaning: str
    keys: list[Key] = field(default_factory=list)
    format: bool = False
    common: str | None = None
    formats: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    is_advanced: bool = False


@cache
def find_kinds() -> dict[str, Kind]:
    """Return every kind by its name, in the order in which documents lead to them."""
    return _KindFinder().to_kinds()


class _KindFinder:
    """Walks the models. Names are assigned first, so that keys can refer to later kinds."""

    def __init__(self) -> None:
        self.names: dict[type, str] = {}
        self.unions: dict[str, list[inspect.StructType]] = {}

    def to_kinds(self) -> dict[str, Kind]:
        for name, (model, _) in MODELS.items():
            self._name(model, name)
        by_name: dict[str, Kind] = {}
        for model, name in self.names.items():
            union = self._of_union(model)
            if union is not None and union not in by_name:
                by_name[union] = self._common(union, self.unions[union])
            if model is not Configuration:
                by_name[name] = Kind(name, "")
        for model, name in self.names.items():
            if model is not Configuration:
                self._fill(by_name, model, name)
        return by_name

    def _of_union(self, model: Any) -> str | None:
        return next((key for key, parts in self.unions.items() if any(part.cls is model for part in parts)), None)

    def _name(self, model: Any, name: str) -> None:
        if model in self.names:
            return
        self.names[model] = name
        prefix = "" if name in _ROOTS else f"{name}."
        info = _struct(model)
        if info.tag is not None:  # models inside strategies are named after the union
            prefix = f"{name.partition('.')[0]}."
        for entry in info.fields:
            tagged = [part for part in _find_models(entry.type) if part.tag is not None]
            key = f"{prefix}{entry.encode_name}"
            for part in tagged:
                union = self._union(key, tagged)
                self._name(part.cls, f"{union}.{part.tag}")
            for part in _find_models(entry.type):
                if part.tag is None:
                    self._name(part.cls, self._singular(part.cls, key))

    def _union(self, key: str, members: list[inspect.StructType]) -> str:
        for name, known in self.unions.items():
            if {part.cls for part in members} & {part.cls for part in known}:
                return name
        self.unions[key] = members
        return key

    def _singular(self, model: Any, key: str) -> str:
        """Name the kind of a key. Resources and operations have plural keys; a name that is taken gets the name of the
        model."""
        singular = {"resources": "resource", "operations": "operation"}.get(key, key)
        if model.__name__ in ("UnifiedResource", "UnifiedOperation", "UnifiedEvent"):
            singular = f"unified.{model.__name__.removeprefix('Unified').lower()}"
        return singular if singular not in self.names.values() else f"{singular}.{model.__name__.lower()}"

    def _common(self, name: str, members: list[inspect.StructType]) -> Kind:
        """Build the kind of a union: its formats, and the keys that all members share, if there are at least two. A
        member that shares no key with another one does not count."""
        formats = tuple(self.names[part.cls] for part in sorted(members, key=is_advanced_format))
        member_keys = [{entry.encode_name: repr(entry) for entry in part.fields} for part in members if part.fields]
        related = [
            own for own in member_keys if any(own.items() & other.items() for other in member_keys if other is not own)
        ]
        first = related[0] if related else {}
        shared = [key for key, value in first.items() if all(other.get(key) == value for other in related)]
        entries = {entry.encode_name: entry for part in members for entry in part.fields}
        keys = _sort_keys(self._key(entries[key], {}) for key in shared) if len(shared) > 1 else []
        return Kind(name, f"A choice of {len(members)} formats.", keys, formats=formats)

    def _fill(self, by_name: dict[str, Kind], model: Any, name: str) -> None:
        info, kind = _struct(model), by_name[name]
        kind.meaning = " ".join((model.__doc__ or "").split())
        kind.format = info.tag is not None
        kind.others = tuple(model.format_aliases) if issubclass(model, Settings) else ()
        shared: set[str] = set()
        union = self._of_union(model)
        common = {key.name for key in by_name[union].keys} if union is not None else set()
        if common and common <= {entry.encode_name for entry in info.fields}:
            kind.common, shared = union, common
        if issubclass(model, Settings):
            shared |= model.moved.keys()
        aliases = dict(model.aliases) if issubclass(model, Settings) else {}
        kind.is_advanced = is_advanced_format(info)
        kind.keys = _sort_keys(self._key(entry, aliases) for entry in info.fields if entry.encode_name not in shared)
        rest = getattr(model, "rest", "")  # entries with custom names instead of keys
        kind.keys = [replace(key, name="<name>") if key.name == rest else key for key in kind.keys]

    def _key(self, entry: inspect.Field, aliases: dict[str, str]) -> Key:
        name = entry.encode_name
        refers = [self.names[part.cls] for part in _find_models(entry.type) if part.cls in self.names]
        unions = [
            key for key, parts in self.unions.items() if any(part.cls in _find_classes(entry.type) for part in parts)
        ]
        note = _find_note(entry.type)
        return Key(
            name,
            _describe_type(entry.type).replace("text", name_kind(note) or "text"),
            _format_default(entry),
            describe_setting(note, _get_description(entry.type)),
            tuple(alias for alias, target in aliases.items() if target == name),
            tuple(dict.fromkeys(unions or refers)),
            bool(name_kind(note)),
            is_advanced(entry.type),
        )


def _struct(model: Any) -> inspect.StructType:
    info = inspect.type_info(model)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"{model!r} is not a model")
    return info


def _unwrap(info: inspect.Type) -> inspect.Type:
    while isinstance(info, inspect.Metadata):
        info = info.type
    return info


def _find_models(info: inspect.Type) -> Iterator[inspect.StructType]:
    """Yield the models that a value can be, or contain as items."""
    extra = (info.extra or {}) if isinstance(info, inspect.Metadata) else {}
    info = _unwrap(info)
    if isinstance(info, inspect.StructType):
        yield info
    elif extra.get("override"):
        return
    elif isinstance(info, inspect.UnionType):
        for part in info.types:
            yield from _find_models(part)
    elif isinstance(info, inspect.ListType | inspect.VarTupleType):
        yield from _find_models(info.item_type)
    elif isinstance(info, inspect.DictType):
        yield from _find_models(info.value_type)


def _find_classes(info: inspect.Type) -> set[type]:
    return {part.cls for part in _find_models(info)}


def _sort_keys(keys: Iterable[Key]) -> list[Key]:
    return sorted(keys, key=lambda key: key.is_advanced)


def _find_note(info: inspect.Type) -> Note:
    while isinstance(info, inspect.Metadata):
        note = to_note(info.extra or {})
        if note.role is not None:
            return note
        info = info.type
    return Note()


def _get_description(info: inspect.Type) -> str:
    description = (info.extra_json_schema or {}).get("description") if isinstance(info, inspect.Metadata) else None
    if description is None and isinstance(info, inspect.Metadata):
        return _get_description(info.type)
    return " ".join(str(description or "").split())


def _format_default(entry: inspect.Field) -> str:
    import msgspec

    if entry.required:
        return "required"
    value = entry.default
    if value is msgspec.NODEFAULT or value in (None, (), {}, []) or isinstance(value, msgspec.Struct):
        return ""
    return value if isinstance(value, str) and value else msgspec.json.encode(value).decode()


_NAMES: tuple[tuple[type[inspect.Type], str], ...] = (
    (inspect.StrType, "text"),
    (inspect.BoolType, "true or false"),
    (inspect.IntType, "whole number"),
    (inspect.FloatType, "number"),
    (inspect.AnyType, "any"),
    (inspect.DictType, "object"),
)


def _describe_type(info: inspect.Type) -> str:
    """Return in words what a value can be."""
    extra = (info.extra or {}) if isinstance(info, inspect.Metadata) else {}
    if extra.get("mapping"):
        return "expression, or object of expressions"
    if extra.get("override"):
        return "part of a connector"
    info = _unwrap(info)
    if isinstance(info, inspect.LiteralType):
        values = [str(value) for value in info.values]  # GET and get are one value
        return " | ".join(value for value in values if value == value.lower() or value.lower() not in values)
    if isinstance(info, inspect.StructType):
        return "object"
    if isinstance(info, inspect.ListType | inspect.VarTupleType):
        item = _describe_type(info.item_type)
        if item == "text":
            return "list of text values"
        return f"list of {item}s" if item in ("object", "number", "whole number") else f"list of {item}"
    if isinstance(info, inspect.UnionType):
        parts = dict.fromkeys(_describe_type(part) for part in info.types if not isinstance(part, inspect.NoneType))
        return ", ".join(parts)
    return next((name for kind, name in _NAMES if isinstance(info, kind)), "any")
