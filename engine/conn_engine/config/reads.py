"""Find every text of a configuration that is an expression, a template or the name of a response header, with its path
and its scope. The models declare them (`roles`): nothing here knows the name of a setting.

The data may come from one level only, so settings may lack their `format`. Then every kind with such a key counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, get_args, get_origin

import msgspec

from conn_engine.documents import Path_, iterate_texts
from conn_engine.roles import OUTER, SCOPES, TEMPLATES, Names, Note, Role, note_of, read_roles

__all__ = ["Text", "find_keys", "find_note", "find_reserved", "find_texts", "is_expression"]

_NOTHING: frozenset[str] = frozenset()
_EXPRESSIONS = frozenset({"expression", "values"})


@dataclass(frozen=True, slots=True)
class Text:
    """One text. `role` is `expression`, `template` or `header`; `over` is a scope of `roles.SCOPES`; `more` has the
    names that settings add to that scope (`roles.bring_names`)."""

    path: Path_
    text: str
    role: Role
    over: str
    more: frozenset[str] = _NOTHING

    @property
    def names(self) -> Names:
        """The names that it may use; None when any name is allowed or none are declared."""
        names = SCOPES.get(self.over)
        return None if names is None else names | self.more


def find_texts(kind: Any, data: Any, path: Path_ = (), *, without: frozenset[str] = _NOTHING) -> Iterator[Text]:
    """Yield the strings of raw data of a type: a model, a union of models, a list or an object of them. The keys in
    `without` are skipped at the top level."""
    yield from _find(kind, data, path, Note(), _NOTHING, without)


@cache
def find_keys(kind: Any) -> Mapping[Role, frozenset[str]]:
    """Return the keys of the settings in a type and in everything inside it, by role."""
    found: dict[Role, set[str]] = {}
    seen: set[type[msgspec.Struct]] = set()
    waiting = [kind]
    while waiting:
        shape = _shape(waiting.pop())
        waiting += [shape.item] if shape.item is not None else []
        for model in set(shape.models) - seen:
            seen.add(model)
            for key, of_field in _fields(model).items():
                waiting.append(of_field)
                role = _shape(of_field).note.role
                if role is not None:
                    found.setdefault(role, set()).add(key)
    return {role: frozenset(keys) for role, keys in found.items()}


def find_note(kind: Any, path: Path_) -> Note:
    """Return the note of the setting at a path of raw data; inside templates and objects or lists of expressions, that
    of the setting around it."""
    note, shapes = Note(), [_shape(kind)]
    for key in path:
        is_item = not any(shape.models for shape in shapes)
        shapes = [below for shape in shapes for below in shape.find_children(key)]
        own = next((shape.note for shape in shapes if shape.note != Note()), None)
        if own is not None or not (note.role in TEMPLATES or (is_item and note.role in _EXPRESSIONS)):
            note = own or Note()
    return note


def is_expression(kind: Any, path: Path_) -> bool:
    """Return whether the text at a path of raw data is an expression, or a leaf of an object of expressions."""
    role = find_note(kind, path).role
    return role == "expression" or (role == "values" and not isinstance(path[-1], int))


@cache
def find_reserved(model: type[msgspec.Struct]) -> frozenset[Path_]:
    """Return the paths of settings that only the connector may set. Settings in formats and lists are not included,
    because their path does not identify them."""
    found: set[Path_] = set()
    for key, kind in _fields(model).items():
        shape = _shape(kind)
        if shape.note.reserved:
            found.add((key,))
        elif shape.item is None and len(shape.models) == 1 and shape.models[0].__struct_config__.tag is None:
            found |= {(key, *path) for path in find_reserved(shape.models[0])}
    return frozenset(found)


def _find(  # noqa: PLR0917
    kind: Any, data: Any, path: Path_, note: Note, more: frozenset[str], without: frozenset[str] = _NOTHING
) -> Iterator[Text]:
    shape = _shape(kind)
    note = _combine_notes(note, shape.note)
    if isinstance(data, str):
        yield from _of_text(data, path, note, more)
    elif note.role in TEMPLATES:
        yield from _templates(data, path, note, more)
    elif isinstance(data, Mapping) and shape.models:
        yield from _settings(shape.models, data, path, note, more, without)
    elif isinstance(data, Mapping):
        for key, item in data.items():
            yield from _find(shape.item, item, (*path, key), note, more)
    elif isinstance(data, list | tuple):
        if note.role == "values":
            yield from _templates(data, path, note, more)
            return
        for index, item in enumerate(data):
            yield from _find(shape.item or kind, item, (*path, index), note, more)


def _combine_notes(above: Note, own: Note) -> Note:
    """Return the note of a setting below another. Inside items, the scope is the one that their list declares."""
    return (own if own.role is not None else above)._replace(inner=own.inner or above.inner)


def _of_text(text: str, path: Path_, note: Note, more: frozenset[str]) -> Iterator[Text]:
    if note.role in TEMPLATES:
        if "{{" in text:
            yield _text(path, text, "template", note, more)
    elif note.role in ("expression", "values"):
        yield _text(path, text, "expression", note, more)
    elif note.role in ("header", "link"):
        yield Text(path, text if note.role == "header" else "Link", "header", "answer", more)


def _templates(data: Any, path: Path_, note: Note, more: frozenset[str]) -> Iterator[Text]:
    for where, text in iterate_texts(data, path):
        if "{{" in text:
            yield _text(where, text, "template", note, more)


def _text(path: Path_, text: str, role: Role, note: Note, more: frozenset[str]) -> Text:
    return Text(path, text, role, note.inner if note.over == OUTER else note.over, more | note.more)


def _settings(  # noqa: PLR0917
    models: tuple[type[msgspec.Struct], ...],
    data: Mapping[str, Any],
    path: Path_,
    above: Note,
    more: frozenset[str],
    without: frozenset[str],
) -> Iterator[Text]:
    tagged = [model for model in models if model.__struct_config__.tag is not None]
    config = data
    if tagged:
        said = data.get(tagged[0].__struct_config__.tag_field or "")
        models = tuple(model for model in tagged if model.__struct_config__.tag == said) or tuple(tagged)
        if isinstance(data.get("config"), Mapping):
            config, path = data["config"], (*path, "config")
    for key, value in config.items():
        known = [(model, field) for model in models if (field := _fields(model).get(key)) is not None]
        if not known or key in without:
            continue
        brought = frozenset[str]().union(*(_find_added_names(model, config, field) for model, field in known))
        yield from _find(known[0][1], value, (*path, key), Note(inner=above.inner), more | brought)


def _find_added_names(model: type[msgspec.Struct], config: Mapping[str, Any], kind: Any) -> frozenset[str]:
    """Return the names that settings of a model add to one of its settings; all of them if that setting only contains
    others."""
    own = _shape(kind).note
    scope = own.over or own.inner
    found: set[str] = set()
    for key, note, by_default in _find_naming_settings(model):
        is_set = config[key] is not None if key in config else by_default
        if is_set and (not scope or scope in note.into):
            found |= note.brings
    return frozenset(found)


@cache
def _find_naming_settings(model: type[msgspec.Struct]) -> tuple[tuple[str, Note, bool], ...]:
    """Return the settings of a model that add names, by key, and whether they have a value by default."""
    unset = {field.encode_name for field in msgspec.structs.fields(model) if field.default is None}
    return tuple((key, note, key not in unset) for _, key, note in read_roles(model) if note.brings)


@cache
def _fields(model: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(model)}


@dataclass(frozen=True, slots=True)
class _Shape:
    """What matters about a type: its note, the models it may be, and the type of its items."""

    note: Note
    models: tuple[type[msgspec.Struct], ...]
    item: Any
    _known: dict[Any, tuple["_Shape", ...]] = field(default_factory=dict)

    def find_children(self, key: str | int) -> tuple["_Shape", ...]:
        """Return the possible shapes of the value at a key."""
        named = key == "config" or any(key in _fields(model) for model in self.models)
        known = self._known.get(key if named else None)
        if known is None:
            known = self._known[key if named else None] = tuple(_shape(kind) for kind in self._kinds_at(key))
        return known

    def _kinds_at(self, key: str | int) -> Iterator[Any]:
        for model in self.models:
            rest = getattr(model, "rest", "")
            if key == "config" and model.__struct_config__.tag is not None:
                yield model
            elif key in _fields(model) and key != rest:
                yield _fields(model)[str(key)]
            elif rest:
                yield _shape(_fields(model)[rest]).item
        if self.item is not None:
            yield self.item


def _merge_notes(outer: Note, inner: Note) -> Note:
    """Return the note of a type with one note around another."""
    if inner == Note() or outer.role is not None:
        return outer
    return inner._replace(
        inner=outer.inner or inner.inner,
        reserved=outer.reserved or inner.reserved,
        secrets=outer.secrets or inner.secrets,
        pauses=outer.pauses or inner.pauses,
    )


@cache
def _shape(kind: Any) -> _Shape:
    note, models, items = Note(), [], []
    waiting = [kind]
    while waiting:
        current = waiting.pop(0)
        if get_origin(current) is Annotated:
            note = _merge_notes(note, note_of(current))
            waiting.append(get_args(current)[0])
        elif isinstance(current, type) and issubclass(current, msgspec.Struct):
            models.append(current)
        elif get_origin(current) in (dict, Mapping):
            items.append(get_args(current)[1])
        elif get_origin(current) in (tuple, list):
            items.append(get_args(current)[0])
        else:
            waiting.extend(get_args(current))
    return _Shape(note, tuple(models), items[0] if items else None)
