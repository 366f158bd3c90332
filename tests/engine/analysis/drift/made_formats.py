"""Configurations of every format, made from the models: for each setting that holds an expression, a template or the
name of a header, one in which it reads a part of an answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from conn_engine.config.convert import ConversionError, convert
from conn_engine.config.models import Connector, Operation
from conn_engine.roles import TEMPLATES, Note, note_of
from conn_engine.webhooks import Webhooks

__all__ = ["HEADER", "Case", "cases_of", "find_formats", "find_holders", "models_of"]

HEADER = "X-Left"
_LINK = ("$headers", "link")
_READS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "body": ("a.b", ("a", "b")),
    **dict.fromkeys(("answer", "paging", "fault", "restart"), ("body.a.b", ("a", "b"))),
    "item": ("r", ("items", "r")),
    "record": ("record.r", ("items", "r")),
    "job": ("job.created.body.a.b", ("a", "b")),
}
"""An expression over each scope, and what of the answer it reads. One over another scope reads nothing of it."""
_VALUES: tuple[Any, ...] = (
    "x",
    1,
    True,
    "/x",
    "https://acme.example",
    "P1D",
    "2020-01-01",
    "rows.list",
    ["x"],
    {"x": "x"},
)
"""Values that required settings are tried with."""


@dataclass(frozen=True)
class Case:
    """A value for a key of an operation or the connector, in which one setting over a scope reads `gone` (None:
    nothing)."""

    setting: str
    value: Any
    over: str
    gone: tuple[str, ...] | None


def find_holders() -> Iterator[tuple[str, Any]]:
    """The keys of operations and connectors that have formats or rules about answers, with their types."""
    for owner, start in ((Operation, ""), (Connector, ""), (Webhooks, "webhooks.")):
        for field in msgspec.structs.fields(owner):
            if owner is Connector and field.name in Operation.__struct_fields__:
                continue
            models = models_of(field.type)
            if any(_tag(model) for model in models) or field.name in ("errors", "rate_limit", "job"):
                yield f"{start}{field.encode_name}", field.type


def find_formats(kind: Any = Connector) -> set[type[msgspec.Struct]]:
    """Every format: the models with a tag in a type and in all that is inside it."""
    found: set[type[msgspec.Struct]] = set()
    waiting = [kind]
    while waiting:
        for model in models_of(waiting.pop()):
            if model not in found:
                found.add(model)
                waiting += [field.type for field in msgspec.structs.fields(model)]
    return {model for model in found if _tag(model)}


def cases_of(model: type[msgspec.Struct], kind: Any) -> list[Case]:
    """The cases of a model that a key of type `kind` may have, a case without a setting first."""
    tried = (_accepted(kind, _written(model, config)) for config in _configs(model, deep=True))
    plain = next((value for value in tried if value is not None), None)
    assert plain is not None, f"no configuration of {model.__name__} is valid"
    made = [Case("", plain, "", None)]
    for case, own in _settings(model):
        values = (_accepted(kind, _written(model, {**more, **case.value})) for more in _configs(model, deep=True))
        value = next((value for value in values if value is not None), None)
        assert value is not None or not own, f"no configuration of {model.__name__} with {case.setting} is valid"
        made += [] if value is None else [replace(case, value=value)]
    return made


def _settings(model: type[msgspec.Struct], *, nested: bool = False) -> Iterator[tuple[Case, bool]]:
    """The settings of a model and of those in it, each with a part of a configuration, and whether it is the model's
    own. Of a format inside another, which has cases of its own, those of its own model that read something."""
    for field in msgspec.structs.fields(model):
        key, note = field.encode_name, _note(field.type)
        for value, gone in _texts(note, key):
            if (one := _accepted(field.type, value)) is not None:
                yield Case(key, {key: one}, note.over, gone), True
                break
        for inner in models_of(field.type) if note.role != "template" and not nested else ():
            for case, _ in _settings(inner, nested=bool(_tag(inner))):
                tried = (_accepted(field.type, _written(inner, {**more, **case.value})) for more in _configs(inner))
                value = next((one for one in tried if one is not None), None)
                if value is not None and (case.gone or not _tag(inner)):
                    yield replace(case, value={key: value}), not _tag(inner)


def _texts(note: Note, key: str) -> Iterator[tuple[Any, tuple[str, ...] | None]]:
    """Values for a setting of a role, and what they read."""
    text, gone = _READS.get(note.over, ("body.a.b", None))
    if note.role == "header":
        yield HEADER, ("$headers", HEADER.lower())
    elif note.role == "link":
        yield "next", _LINK
    elif note.role in ("expression", "values"):
        yield from ((value, gone) for value in (text, {key: text}, [text]))
    elif note.role in TEMPLATES:
        texts = (f"{{{{{text}}}}}", f"/{{{{{text}}}}}", f"https://acme.example/{{{{{text}}}}}")
        yield from ((value, gone) for one in texts for value in (one, {key: one}, [one]))


def _configs(model: type[msgspec.Struct], *, deep: bool = False) -> Iterator[dict[str, Any]]:
    """Configurations to try: the required settings alone, with one other, with all others, and with other values."""
    fields = msgspec.structs.fields(model)
    needed = {field.encode_name: _value(field.type) for field in fields if field.required}
    yield needed
    others: dict[str, Any] = {}
    for field in fields:
        if not field.required and (value := _value(field.type)) is not None:
            others[field.encode_name] = value
            yield {**needed, field.encode_name: value}
    yield {**needed, **others}
    for field in fields:
        if field.required and deep:
            yield from ({**needed, field.encode_name: value} for value in _simple(field.type))


@cache
def _value(kind: Any) -> Any:
    """A value of a type; None for a type without a simple value."""
    return next((one for value in _simple(kind) if (one := _accepted(kind, value)) is not None), None)


def _simple(kind: Any) -> Iterator[Any]:
    """Simple values that may be of a type."""
    yield from _VALUES
    for part in _parts(kind):
        if get_origin(part) is Literal:
            yield get_args(part)[0]
        elif get_origin(part) in (dict, Mapping):
            yield {"x": _value(get_args(part)[1])}
        elif get_origin(part) is tuple:
            yield [_value(get_args(part)[0])]
    for model in sorted(models_of(kind), key=lambda one: sum(field.required for field in msgspec.structs.fields(one))):
        yield from (_written(model, config) for config in _configs(model))


def _parts(kind: Any) -> Iterator[Any]:
    """The types that a union or an annotated type is of."""
    if get_origin(kind) in (Annotated, Union, UnionType):
        for part in get_args(kind):
            yield from _parts(part)
    else:
        yield kind


def _accepted(kind: Any, value: Any) -> Any:
    """The value, or a list of it, if one is valid for the type; else None."""
    for one in (value, [value]):
        try:
            convert(one, kind)
        except ConversionError:
            continue
        return one
    return None


def _written(model: type[msgspec.Struct], config: dict[str, Any]) -> dict[str, Any]:
    tag = _tag(model)
    return {"format": tag, "config": config} if tag else config


def _tag(model: type[msgspec.Struct]) -> Any:
    return model.__struct_config__.tag


def models_of(kind: Any) -> list[type[msgspec.Struct]]:
    """The models that a value of a type is, or is made of."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind]
    return [model for part in get_args(kind) if not isinstance(part, msgspec.Meta) for model in models_of(part)]


def _note(kind: Any) -> Note:
    """The first note with a role in a type."""
    notes = (note_of(kind), *(_note(part) for part in get_args(kind) if not isinstance(part, msgspec.Meta)))
    return next((note for note in notes if note.role is not None), Note())
