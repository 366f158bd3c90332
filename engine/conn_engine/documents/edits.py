"""Change one value in the text of a document. Every line that the change does not concern stays as it is.

An edit is a splice at the place of a value, never a rewrite of the document. The result is read again: unless its data
is exactly the data with the change applied, the edit is refused. An anchored value with aliases is one text at several
paths, so the caller decides whether all of them change.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any, Final, Literal

from conn_engine.diagnostics import Edit
from conn_engine.documents.child_places import UnknownSyntaxError
from conn_engine.documents.document import Document, Lines, Place
from conn_engine.documents.parse import parse
from conn_engine.documents.paths import Path_, format_path
from conn_engine.documents.splices import Splicer
from conn_engine.errors import ConfigurationError

__all__ = ["SharedChoice", "SharedTextError", "apply_edits", "drop_value", "lift_value", "put_value", "rename_key"]

SharedChoice = Literal["refuse", "change", "write out"]
"""What to do with a string that aliases repeat: refuse the edit, change it for all paths, or write it out first."""

_ABSENT: Final = object()


class SharedTextError(ConfigurationError):
    """The text to change is repeated by aliases. `paths` are all paths that have it."""

    def __init__(self, message: str, paths: Sequence[Path_], *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.paths = tuple(paths)


def put_value(document: Document, path: Sequence[str | int], value: Any, shared: SharedChoice = "refuse") -> str:
    """Return the text of the document with `value` at `path`. Missing parents are created.

    Where both the present and the new value are mappings, only the keys that differ are changed. An index that
    equals the length of a list appends. Raises SharedTextError for a string that aliases repeat, unless `shared`
    says what to do with it, and ConfigurationError if a parent is neither a mapping nor a list, or if the text
    cannot be changed in place.
    """
    for at, new in list(_list_changes(document, tuple(path), value)):
        document = _change(_separate(document, at, shared), at, new)
    return document.text


def drop_value(document: Document, path: Sequence[str | int], shared: SharedChoice = "refuse") -> str:
    """Return the text of the document without the value at `path`, and without the parents that this leaves empty.

    A comment directly above a key goes with it. The text is unchanged if the path does not exist. Raises the errors of
    `put_value`.
    """
    at = tuple(path)
    if not at or _get(document.data, at) is _ABSENT:
        return document.text
    while len(at) > 1 and len(_get(document.data, at[:-1])) == 1:
        at = at[:-1]
    return _change(_separate(document, at, shared), at, _ABSENT).text


def lift_value(document: Document, path: Sequence[str | int]) -> str:
    """Return the text of the document with the entries of the mapping at `path` in place of the mapping, one level up.

    Raises ConfigurationError if that would change more, such as a key that is there already.
    """
    at = tuple(path)
    expected = deepcopy(document.data)
    parent = _get(expected, at[:-1])
    inner = parent.pop(str(at[-1]))
    is_free = isinstance(inner, dict) and inner.keys().isdisjoint(parent)
    parent.update(inner if is_free else {})
    return _read_again(document, at, expected if is_free else None, lambda: Splicer(document).lift(at)).text


def rename_key(document: Document, path: Sequence[str | int], name: str) -> str:
    """Return the text of the document with another name of the key at `path`. Raises ConfigurationError if the name is
    taken, or if the text cannot be changed in place."""
    at = tuple(path)
    expected = deepcopy(document.data)
    parent = _get(expected, at[:-1])
    taken = name in parent
    parent[name] = parent.pop(str(at[-1]))
    expected = None if taken else expected
    return _read_again(document, at, expected, lambda: Splicer(document).rename(at, name)).text


def apply_edits(text: str, file: str, edits: Sequence[Edit]) -> str:
    """Return the text of a document with the edits of a finding's fix, applied in order.

    Raises ConfigurationError if the document cannot be read, or cannot be changed in place.
    """
    for edit in edits:
        if edit.action == "write":
            text = _write_over(text, edit)
            continue
        document = parse(text, file)
        if edit.action == "rename":
            text = rename_key(document, edit.path, str(edit.value))
        elif edit.action == "drop":
            text = drop_value(document, edit.path)
        else:
            text = put_value(document, edit.path, edit.value)
    return text


def _write_over(text: str, edit: Edit) -> str:
    if edit.span is None:
        raise ConfigurationError("the edit names no place", hint="name a place")
    lines = Lines(text)
    start = lines.to_offset(edit.span.line, edit.span.column)
    return text[:start] + str(edit.value) + text[lines.to_offset(edit.span.end_line, edit.span.end_column) :]


def _list_changes(document: Document, path: Path_, value: Any) -> Iterator[tuple[Path_, Any]]:
    """Yield the single changes that make the value at a path equal to `value`."""
    present = _get(document.data, path)
    if isinstance(present, dict) and isinstance(value, dict) and present.keys() & value.keys():
        for key, item in value.items():
            yield from _list_changes(document, (*path, key), item)
        for key in present:
            if key not in value:
                yield (*path, key), _ABSENT
    elif present is _ABSENT or not _is_same(present, value):
        yield path, value


# --- one change ---


def _change(document: Document, path: Path_, value: Any) -> Document:
    """Return the document with one change, read again. Raises ConfigurationError if more than that would change."""
    expected = deepcopy(document.data)
    for alias in _find_same(document, path):
        expected = _apply(expected, alias, value, document.file)
    splicer = Splicer(document)
    return _read_again(
        document, path, expected, lambda: splicer.drop(path) if value is _ABSENT else splicer.put(path, value)
    )


def _read_again(document: Document, path: Path_, expected: Any, edit: Callable[[], str]) -> Document:
    try:
        changed = parse(edit(), document.file)
    except (UnknownSyntaxError, ConfigurationError):
        changed = None
    if changed is None or not _is_same(changed.data, expected):
        where = f"{document.file}, line {document.key_span(path).line}"
        raise ConfigurationError(
            f"{where}: {format_path(path) or 'the document'} cannot be changed without rewriting other lines",
            hint="change it in an editor",
        )
    return changed


def _apply(data: Any, path: Path_, value: Any, file: str) -> Any:
    """Return the data with the change applied."""
    if not path:
        return {} if value is _ABSENT else value
    if data is None:
        data = [] if path[0] == 0 else {}
    head, rest = path[0], path[1:]
    if isinstance(data, dict):
        key = str(head)
        if not rest and value is _ABSENT:
            del data[key]
        else:
            data[key] = _apply(data.get(key), rest, value, file)
        return data
    if not (isinstance(data, list) and isinstance(head, int) and 0 <= head <= len(data)):
        raise ConfigurationError(
            f"{file}: {format_path((head,))} cannot be set: its parent is "
            f"{f'a list of {len(data)}' if isinstance(data, list) else 'a single value'}",
            hint="remove the parent's value first",
        )
    if not rest and value is _ABSENT:
        del data[head]
    elif head == len(data):
        data.append(_apply(None, rest, value, file))
    else:
        data[head] = _apply(data[head], rest, value, file)
    return data


def _get(data: Any, path: Path_) -> Any:
    for part in path:
        if isinstance(data, dict) and str(part) in data:
            data = data[str(part)]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return _ABSENT
    return data


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two values are equal as JSON; 1, 1.0 and true differ."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


# --- aliases ---


def _find_same(document: Document, path: Path_) -> list[Path_]:
    """Return the paths at which a change at `path` is seen: itself, and those of aliases that repeat it."""
    if "*" not in document.text or not document.is_yaml or _is_alias(document, path):
        return [path]
    existing = path
    while existing and _get(document.data, existing) is _ABSENT:
        existing = existing[:-1]
    place = _get_place(document, existing)
    rest = path[len(existing) :]
    return [(*same, *rest) for same in _list_paths_of(document, place)] or [path]


def _list_paths_of(document: Document, place: Place) -> list[Path_]:
    return [path for path, other in _walk(document.root, ()) if (other.start, other.end) == (place.start, place.end)]


def _walk(place: Place, path: Path_) -> Iterator[tuple[Path_, Place]]:
    yield path, place
    for step, child in (place.children or {}).items():
        yield from _walk(child, (*path, step))


def _get_place(document: Document, path: Path_) -> Place:
    place = document.root
    for part in path:
        place = (place.children or {})[str(part) if place.keys is not None else part]
    return place


def _separate(document: Document, path: Path_, shared: SharedChoice) -> Document:
    """Return a document in which `path` can be changed as `shared` says. Raises SharedTextError for "refuse"."""
    if document.first_line != 1 or document.indent:
        raise ConfigurationError(f"{document.file} is a block of another document", hint="change it in an editor")
    while shared != "change" and (found := _find_shared(document, path)):
        if shared == "refuse":
            names = ", ".join(format_path(same) for same in found)
            raise SharedTextError(
                f"{document.file}: an alias repeats this text, so {names} are one value",
                found,
                hint="change it for all of them, or write it out at each place first",
            )
        alias = next((same for same in found if _is_alias(document, same)), found[-1])
        document = _write_out(document, alias)
    while shared == "write out" and (inner := _find_alias_of_inner(document, path)):
        document = _write_out(document, inner)
    return document


def _find_alias_of_inner(document: Document, path: Path_) -> Path_ | None:
    """Return the path of an alias elsewhere that repeats a part of the value at `path`, and would lose its anchor."""
    if "*" not in document.text or not document.is_yaml or not path or _get(document.data, path) is _ABSENT:
        return None
    inner = {(place.start, place.end) for below, place in _walk(_get_place(document, path), ()) if below}
    return next(
        (
            other
            for other, place in _walk(document.root, ())
            if (place.start, place.end) in inner and other[: len(path)] != path and _is_alias(document, other)
        ),
        None,
    )


def _find_shared(document: Document, path: Path_) -> list[Path_]:
    """Return the paths of the outermost value on the way to `path` that aliases repeat."""
    if "*" not in document.text or not document.is_yaml:
        return []
    for length in range(1, len(path) + 1):
        above = path[:length]
        if _get(document.data, above) is _ABSENT or (above == path and _is_alias(document, path)):
            break
        found = _list_paths_of(document, _get_place(document, above))
        if len(found) > 1:
            return found
    return []


def _is_alias(document: Document, path: Path_) -> bool:
    """Return whether the value at a path is written as an alias."""
    if not path or _get(document.data, path) is _ABSENT:
        return False
    try:
        return Splicer(document).find_child(_get_place(document, path[:-1]), path[-1]).alias
    except UnknownSyntaxError:
        return False


def _write_out(document: Document, path: Path_) -> Document:
    parent, value = _get_place(document, path[:-1]), _get(document.data, path)
    return _read_again(document, path, document.data, lambda: Splicer(document).replace(parent, path[-1], value))
