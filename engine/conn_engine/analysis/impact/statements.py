"""List the settings that a change modifies, and the overrides that it conflicts with. Nothing is run."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from conn_engine.analysis.impact.model import ChangedSetting
from conn_engine.analysis.impact.plan import Group
from conn_engine.analysis.population import Digests
from conn_engine.config import (
    MAPPINGS,
    MISSING,
    RESOURCE_MAPPINGS,
    Effective,
    Layer,
    Path_,
    Workspace,
    format_place,
    is_remark,
    leaves,
    lookup,
)
from conn_engine.diagnostics import Span
from conn_engine.documents import Document, is_overlap
from conn_engine.errors import ConnError
from conn_engine.secrets import REDACTED, is_secret_name

__all__ = [
    "find_affected_overrides",
    "find_changed_settings",
    "find_changed_syncs",
    "find_other_overrides",
    "format_plain",
    "shorten_around_difference",
]

LONGEST = 60
LEAD = 20
GONE = "conflict: what it extends is no longer there"


def find_changed_settings(groups: Sequence[Group], digests: Digests) -> list[ChangedSetting]:
    """Return every leaf of the configuration that the change adds, changes or removes, once, by level and place."""
    settings: dict[tuple[str, str, str], ChangedSetting] = {}
    keys: set[tuple[str, str, str]] = set()
    for group in groups:
        before, after = group.configurations
        if before is None or after is None:
            continue
        for level in ("base", "environment", "account"):
            old, new = _layer(before, level), _layer(after, level)
            key = (
                digests.digest(old.data if old else {}),
                digests.digest(new.data if new else {}),
                _owner(level, group),
            )
            if key[0] == key[1] or key in keys:
                continue
            keys.add(key)
            for path, note, layer in _differences(old, new):
                values = shorten_around_difference(_format_value(old, path), _format_value(new, path))
                account = group.accounts[0] if level == "account" else ""
                settings[level, format_place(path), _owner(level, group)] = ChangedSetting(
                    level, format_place(path), layer.span(path), note, account, *values
                )
    order = {"base": 0, "environment": 1, "account": 2}
    return sorted(settings.values(), key=lambda s: (order[s.level], s.account, str(s.span and s.span.file), s.path))


def find_changed_syncs(before: Workspace, after: Workspace, groups: Iterable[Group]) -> list[ChangedSetting]:
    """Return every leaf of a sync's document that the change adds, changes or removes, and of what environments and
    accounts override."""
    accounts = find_other_overrides(groups)
    rows: list[ChangedSetting] = []
    for name in sorted({*before.syncs(), *after.syncs()}):
        sides = [_read_sync_settings(workspace, "sync", name) for workspace in (before, after)]
        rows += _compare_sync_settings("base", sides, "", name)
    for name in sorted({*before.environments(), *after.environments()}):
        sides = [_read_sync_settings(workspace, "environment", name) for workspace in (before, after)]
        rows += _compare_sync_settings("environment", sides, "")
    for name in sorted(accounts):
        sides = [_read_sync_settings(workspace, "account", name) for workspace in (before, after)]
        rows += _compare_sync_settings("account", sides, name)
    return rows


def find_other_overrides(groups: Iterable[Group]) -> list[str]:
    """Return the accounts whose documents override something else, or have other endpoints, than before the change."""
    changed = [
        group for group in groups if group.before and group.after and group.before.override != group.after.override
    ]
    return [name for group in changed for name in group.accounts]


_SyncSettings = tuple[Document, Path_, dict[Path_, Any]] | None


def _read_sync_settings(
    workspace: Workspace, kind: Literal["sync", "environment", "account"], name: str
) -> _SyncSettings:
    try:
        document = workspace.document(kind, name)
    except ConnError:  # it does not exist, or cannot be read, which is reported elsewhere
        return None
    start: Path_ = () if kind == "sync" else ("syncs",)
    settings = lookup(document.data, start) if isinstance(document.data, Mapping) else MISSING
    return document, start, dict(leaves(settings)) if isinstance(settings, Mapping) else {}


def _compare_sync_settings(
    level: str, sides: Sequence[_SyncSettings], account: str, sync: str = ""
) -> Iterator[ChangedSetting]:
    if sync and (sides[0] is None or sides[1] is None):
        side, note = (sides[0], "removed") if sides[1] is None else (sides[1], "added")
        if side is not None:
            yield ChangedSetting(level, f"syncs.{sync}", side[0].span(()), note)
        return
    old, new = ({} if side is None else side[2] for side in sides)
    for path in sorted({*old, *new}, key=str):
        if path[-1:] in (("name",), ("description",)) or old.get(path, MISSING) == new.get(path, MISSING):
            continue
        side = sides[1] if path in new else sides[0]
        if side is None:
            continue
        document, start, _ = side
        note = "removed" if path not in new else "added" if path not in old else "changed"
        values = shorten_around_difference(*(format_plain(rows.get(path, MISSING)) for rows in (old, new)))
        where = format_place(("syncs", *([sync] if sync else []), *path))
        yield ChangedSetting(level, where, document.span((*start, *path)), note, account, *values)


def _owner(level: str, group: Group) -> str:
    """Return the account, environment or connector whose document sets a level."""
    if level == "account":
        return group.accounts[0]
    shape = group.after or group.before
    return group.connector if level == "base" or shape is None else f"{shape.environment} {group.connector}"


def _layer(effective: Effective, level: str) -> Layer | None:
    return next((layer for layer in effective.layers if layer.level == level), None)


def _differences(old: Layer | None, new: Layer | None) -> Iterator[tuple[Path_, str, Layer]]:
    before = dict(leaves(old.data)) if old else {}
    after = dict(leaves(new.data)) if new else {}
    for path in before.keys() | after.keys():
        if is_remark(path):
            continue
        if path not in after and old is not None:
            yield path, "removed", old
        elif path not in before and new is not None:
            yield path, "added", new
        elif before[path] != after[path] and new is not None:
            yield path, "changed", new


def _format_value(layer: Layer | None, path: Path_) -> str:
    value = lookup(layer.data, path) if layer is not None else MISSING
    if path[-2:-1] in (("headers",), ("query",)) and is_secret_name(str(path[-1])) and value is not MISSING:
        return REDACTED  # a secret does not belong there, but may be there
    return format_plain(value)


def format_plain(value: object) -> str:
    """Return a value as text in one line, "" without a value."""
    if value is MISSING:
        return ""
    return " ".join((value if isinstance(value, str) else json.dumps(value, default=list)).split())


def shorten_around_difference(before: str, after: str) -> tuple[str, str]:
    """Return both strings, shortened so that the difference is visible."""
    pairs = enumerate(zip(before, after, strict=False))
    shared = next(
        (index for index, (character, new_character) in pairs if character != new_character),
        min(len(before), len(after)),
    )
    start = max(0, shared - LEAD) if max(len(before), len(after)) > LONGEST else 0
    return _shorten(before, start), _shorten(after, start)


def _shorten(text: str, start: int) -> str:
    shortened = f"…{text[start:]}" if start else text
    return shortened if len(shortened) <= LONGEST else f"{shortened[: LONGEST - 1]}…"


def find_affected_overrides(groups: Sequence[Group]) -> list[ChangedSetting]:
    """Return the overrides that a change below them makes dead, or whose overridden value has changed."""
    affected = []
    changed: dict[tuple[int, int], set[Path_]] = {}
    for group in groups:
        before, after = group.configurations
        if before is None or after is None or before.connector_name != after.connector_name:
            continue
        for index in range(1, len(after.layers)):
            if index >= len(before.layers) or not after.layers[index].data:
                continue
            below = _changed_below(before, after, index, changed)
            if below:
                affected += _find_changed_values(group, before, after, index, below)
    return sorted(
        set(affected), key=lambda s: (str(s.span and s.span.file), s.span.line if s.span else 0, s.path, s.note)
    )


def _changed_below(
    before: Effective, after: Effective, index: int, cache: dict[tuple[int, int], set[Path_]]
) -> set[Path_]:
    paths: set[Path_] = set()
    for old, new in zip(before.layers[:index], after.layers[:index], strict=False):
        key = (id(old.data), id(new.data))
        if key not in cache:
            cache[key] = {path for path, _, _ in _differences(old, new)}
        paths |= cache[key]
    return paths


def _find_changed_values(
    group: Group, before: Effective, after: Effective, index: int, below: set[Path_]
) -> list[ChangedSetting]:
    layer, sides = after.layers[index], (before, after)
    places = {path: _find_places(path, sides) for path, _ in leaves(layer.data)}
    gone = _gone_operations(before, after, index, below)
    below = {place for path in below for place in (path, *_find_places(path, sides))}
    if not any(_operation(path) in gone or _find_related(related, below) for path, related in places.items()):
        return []
    lower = [side.with_layers(side.layers[:index]).data for side in sides]
    below = {place for place in below if not _is_same(*(lookup(data, place) for data in lower))}
    was_dead, is_dead = ({(origin.level, origin.path) for origin in side.dead()} for side in sides)
    rows = []
    for path, related in places.items():
        nearby = _find_related(related, below)
        note = ""
        if _operation(path) in gone:
            note = GONE
        elif (layer.level, path) in is_dead - was_dead:
            note = "dead: it now equals the level below"
        elif any(
            _is_replaced_below(other, place, after, layer)
            for other in nearby
            for place in related
            if is_overlap(place, other)
        ):
            note = GONE
        elif any(other[: len(place)] == place for other in nearby for place in related):
            note = "conflict: the value it was written over has changed"
        if note:
            rows.append((path, note, layer.span(path)))
    accounts = group.accounts if layer.level == "account" else [""]
    return [
        ChangedSetting(layer.level, format_place(path), _span_for_account(span, group, account), note, account)
        for account in accounts
        for path, note, span in rows
    ]


def _find_places(path: Path_, sides: Sequence[Effective]) -> list[Path_]:
    """Return the paths of the configuration that a document's path sets, before or after the change."""
    return [place for side in sides for place in side.find_effects(path)]


def _operation(path: Path_) -> Path_:
    """Return the path of the operation that a path belongs to, or () if it belongs to none."""
    length = {"unified": 4, "resources": 3}.get(str(path[0]), 0)
    of_resource = path[0] == "unified" and path[3:4] and path[3] in RESOURCE_MAPPINGS
    return path[:length] if len(path) > length and not of_resource else ()


def _gone_operations(before: Effective, after: Effective, index: int, below: set[Path_]) -> set[Path_]:
    """Return the operations that levels below declared before the change and no longer declare."""
    candidates = {_operation(path) for path in below} - {()}
    there = [
        {
            operation_path
            for operation_path in candidates
            if any(lookup(layer.data, operation_path) is not MISSING for layer in side.layers[:index])
        }
        for side in (before, after)
    ]
    return there[0] - there[1]


def _span_for_account(span: Span | None, group: Group, account: str) -> Span | None:
    """Return the same line in the document of another account of the group, which has equal content."""
    if span is None or not account or group.after is None or account == group.after.name:
        return span
    from dataclasses import replace

    return replace(span, file=span.file.replace(group.after.name, account, 1))


def _is_same(before: object, after: object) -> bool:
    """Return whether a value is unchanged, no matter whether the operation or its resource sets it now."""
    return before is not MISSING and after is not MISSING and before == after


def _find_related(places: Sequence[Path_], below: set[Path_]) -> list[Path_]:
    return [other for other in below if any(is_overlap(path, other) for path in places)]


def _is_replaced_below(changed: Path_, path: Path_, after: Effective, layer: Layer) -> bool:
    """Return whether a level below replaced the object that `path` adds to with another type of value."""
    if len(changed) >= len(path):
        return False
    lower = itertools.takewhile(lambda other: other.level != layer.level, after.expanded)
    values = [lookup(other.data, changed) for other in lower]
    present = [value for value in values if value is not MISSING]
    if present and isinstance(present[-1], str) and len(changed) == 5 and changed[-1] in MAPPINGS:
        return False  # a mapping that is one expression composes with the others
    return not present or not isinstance(present[-1], Mapping)
