"""Write a document in the short form, with the current names of settings and the usual layout of YAML and expressions.
Comments stay.

Each change is checked: the document must mean the same, or the change is left out.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from conn_engine.config.expanded_document import ExpandedDocument, find_configurations
from conn_engine.config.implied import METHODS
from conn_engine.config.merge import Path_, lookup
from conn_engine.config.models import Configuration
from conn_engine.config.reads import is_expression
from conn_engine.config.short_form import Spelling, expand, find_long_strategies, find_spellings
from conn_engine.documents import Document, iterate_texts, parse
from conn_engine.documents.edits import drop_value, lift_value, put_value, rename_key
from conn_engine.documents.yaml_layout import lay_out_yaml, list_comments
from conn_engine.errors import ConfigurationError
from conn_engine.expressions.layout import lay_out
from conn_engine.expressions.syntax_trees import has_same_tree

__all__ = ["check_layout", "find_expressions", "format_document", "rename_settings"]

_Change = Callable[[Document], str]


def format_document(document: Document, kind: str) -> str:
    """Return the text of a document of a kind in the short form.

    Strategies lose their `config`, settings get their current names, and the methods that the names of operations imply
    are left out. Below dotted places of an override, this does not happen. Expressions get the layout of
    `expressions.layout`: on one line in a value of one line, else in lines. YAML gets that of `documents.yaml_layout`.
    Spaces at the ends of lines go, and the text ends with one line break.

    Raises ConfigurationError if the data would change.
    """
    if not isinstance(document.data, dict):
        return document.text
    document = _lay_out_expressions(_apply_changes(document, kind)[0], kind)
    text = lay_out_yaml(_trim(document)) if document.is_yaml else _trim(document)
    check_layout(document, text)
    return text


def check_layout(document: Document, text: str) -> None:
    """Raise ConfigurationError if a new text has other data than the document, or other comments."""
    try:
        is_same = _dump(parse(text, document.file).data) == _dump(document.data)
    except ConfigurationError:
        is_same = False
    if is_same and document.is_yaml:
        is_same = list_comments(text) == list_comments(document.text)
    if not is_same:
        raise ConfigurationError(
            f"{document.file} was not formatted: its data or comments would change",
            hint="format the other files: conn fmt PATH...; please report this file as a fault of Conn",
        )


def _dump(data: Any) -> str:
    return json.dumps(data, default=repr)


def rename_settings(document: Document, kind: str) -> tuple[str, list[Spelling]]:
    """Return the text of a document of a kind with the current names of settings, and what was renamed."""
    if not isinstance(document.data, dict):
        return document.text, []
    document, paths = _apply_changes(document, kind, "rename")
    return document.text, paths


def _apply_changes(document: Document, kind: str, only: str = "") -> tuple[Document, list[Spelling]]:
    """Return the document with the changes that keep its meaning, or those of one sort, and what they replaced."""
    skipped: set[tuple[str, Path_]] = set()
    replaced: list[Spelling] = []
    while (found := _find_change(document, kind, skipped, only)) is not None:
        key, name, change = found
        try:
            changed = parse(change(document), document.file)
        except ConfigurationError:
            changed = None
        if changed is None or _read_meaning(changed, kind) != _read_meaning(document, kind):
            skipped.add(key)
            continue
        document = changed
        replaced.append(Spelling(key[1], name))
    return document, replaced


def _find_change(
    document: Document, kind: str, skipped: set[tuple[str, Path_]], only: str
) -> tuple[tuple[str, Path_], str, _Change] | None:
    changes = ((key, name, change) for key, name, change in _list_changes(document, kind) if only in ("", key[0]))
    return next((found for found in changes if found[0] not in skipped), None)


def _list_changes(document: Document, kind: str) -> Iterator[tuple[tuple[str, Path_], str, _Change]]:
    for at in find_configurations(kind, document.data):
        part = lookup(document.data, at)
        for spelling in find_spellings(part, Configuration):
            path, new = (*at, *spelling.path), spelling.name
            if "[" not in new and path[-1] != "format":
                yield ("rename", path), new, lambda now, path=path, new=new: rename_key(now, path, new)  # type: ignore[misc]
        for inner in find_long_strategies(part, Configuration):
            path = (*at, *inner)
            yield ("lift", path), "", lambda now, path=path: lift_value(now, path)  # type: ignore[misc]
    if kind == "connector":
        yield from _list_implied(document)


def _list_implied(document: Document) -> Iterator[tuple[tuple[str, Path_], str, _Change]]:
    resources = document.data.get("resources")
    for resource, operations in resources.items() if isinstance(resources, dict) else ():
        for operation, settings in operations.items() if isinstance(operations, dict) else ():
            method = settings.get("method") if isinstance(settings, dict) else None
            if isinstance(method, str) and METHODS.get(operation) == method.lower():
                path = ("resources", resource, operation)
                yield ("drop", (*path, "method")), "", lambda now, path=path: _drop_method(now, path)  # type: ignore[misc]


def _drop_method(document: Document, path: Path_) -> str:
    is_last = lookup(document.data, path).keys() == {"method"}
    return put_value(document, path, {}) if is_last else drop_value(document, (*path, "method"))


def _read_meaning(document: Document, kind: str) -> Any:
    """Return what a document means: its canonical data, with what is implied."""
    data: Any = dict(document.data)
    if kind == "connector":
        return _with_methods(expand(data, Configuration)[0])
    for at in find_configurations(kind, document.data):
        holder = data
        for key in at[:-1]:
            holder[key] = dict(holder[key])
            holder = holder[key]
        holder[at[-1]] = expand(lookup(document.data, at), Configuration)[0]
    return data


def _with_methods(data: Any) -> Any:
    resources = data.get("resources")
    if not isinstance(resources, dict):
        return data
    filled = {
        resource: {key: _with_method(key, value) for key, value in operations.items()}
        if isinstance(operations, dict)
        else operations
        for resource, operations in resources.items()
    }
    return {**data, "resources": filled}


def _with_method(name: str, operation: Any) -> Any:
    if name not in METHODS or not isinstance(operation, dict):
        return operation
    method = operation.get("method", METHODS[name])
    return {**operation, "method": method.lower() if isinstance(method, str) else method}


def _lay_out_expressions(document: Document, kind: str) -> Document:
    for path, text in list(find_expressions(document, kind)):
        source = document.read_source(path)
        is_block = re.match(r"\|[-+]?[ \t]*(#[^\n]*)?\r?\n", source) is not None
        if ("\n" in source and not is_block) or "{{" in text or lookup(document.data, path) != text:
            continue
        new = lay_out(text, in_lines=is_block)
        if new != text and has_same_tree(text, new):
            with suppress(ConfigurationError):  # an alias repeats the text, or it cannot be changed in place
                document = parse(put_value(document, path, new), document.file)
    return document


def find_expressions(document: Document, kind: str) -> Iterator[tuple[Path_, str]]:
    """Yield the expressions of a document with their paths in it."""
    expanded = ExpandedDocument(document, kind, document.data)
    for at in find_configurations(kind, document.data):
        override = expanded.overrides.get(at)
        data, written = expand(lookup(document.data, at) if override is None else override.data, Configuration)
        for path, text in _list_expressions(data):
            place = written.find(path)
            yield (*at, *(place if override is None else override.find_written(place))), text
    if kind == "unified":
        for path, text in _list_expressions({"unified": {"": document.data.get("resources")}}):
            yield ("resources", *path[2:]), text


def _list_expressions(data: Any) -> Iterator[tuple[Path_, str]]:
    return ((path, text) for path, text in iterate_texts(data) if is_expression(Configuration, path))


def _trim(document: Document) -> str:
    """Return the text without spaces at the ends of lines, unless they are part of a value."""
    newline = "\r\n" if "\r\n" in document.text else "\n"
    text = newline.join(line.rstrip(" \t") for line in document.text.split(newline))
    text = text.rstrip() + newline if text.strip() else text
    try:
        return text if parse(text, document.file).data == document.data else document.text
    except ConfigurationError:
        return document.text
