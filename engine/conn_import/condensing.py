"""The short form of an imported connector, with its comments: what repeats is set once, what is implied is left out.

Each operation means the same afterwards. A setting that most listings share moves to the connector; the others keep
what is different, and null where they have none.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Final

import msgspec

from conn_engine.config.implied import METHODS, PATHS, find_path
from conn_engine.config.inheritance import is_listing, resolve_settings
from conn_engine.config.merge import INHERITED_BY_LISTINGS, merge_over
from conn_engine.config.models import Configuration
from conn_engine.config.operations import operation_names
from conn_engine.config.short_form import expand, shorten
from conn_import.contract import Where

__all__ = ["condense"]

_MOST_VALUES: Final = 3
"""How many values of a setting are tried as the common one."""


def condense(data: Mapping[str, Any], notes: Mapping[Where, str]) -> tuple[dict[str, Any], dict[Where, str]]:
    """Return the data of connector.yaml in the short form, and its comments by their places in it. The input is not
    changed."""
    connector, comments = deepcopy(dict(data)), dict(notes)
    for key in INHERITED_BY_LISTINGS:
        _hoist_setting(connector, key, comments)
    for name, resource in connector.get("resources", {}).items():
        _hoist_path(resource, ("resources", name), comments)
    for place, operation in _iterate_operations(connector):
        if _has_implied_method(place, operation):
            del operation["method"]
    short = shorten(connector, Configuration)
    written = expand(short, Configuration)[1]
    return short, {tuple(map(str, written.find(place))): note for place, note in comments.items()}


def _iterate_operations(connector: Mapping[str, Any]) -> Iterator[tuple[Where, dict[str, Any]]]:
    for name in operation_names(connector):
        if name.kind == "vendor":
            yield ("resources", name.resource, name.method), connector["resources"][name.resource][name.method]


def _has_implied_method(place: Where, operation: Mapping[str, Any]) -> bool:
    return str(operation.get("method")).lower() == METHODS.get(place[2])


def _hoist_path(resource: dict[str, Any], place: Where, comments: dict[Where, str]) -> None:
    """Set the path of a resource if several of its operations have it."""
    operations = {name: resource[name] for name in PATHS if isinstance(resource.get(name), dict)}
    if resource.get("path") is not None:
        return
    for path in dict.fromkeys(operations[name].get("path") for name in ("list", "create") if name in operations):
        holder = {"path": path}
        sharing = [name for name, row in operations.items() if row.get("path") == find_path(name, {}, holder)]
        if len(sharing) > 1:
            for name in sharing:
                del resource[name]["path"]
                note = comments.pop((*place, name, "path"), None)
                if note:
                    comments[*place, "path"] = note
            rows = dict(resource)
            resource.clear()
            resource.update({"path": path, **rows})
            return


def _hoist_setting(connector: dict[str, Any], key: str, comments: dict[Where, str]) -> None:
    """Move a setting that listings share to the connector, if that makes the document shorter."""
    resources = connector.get("resources", {})
    if key in connector or any(key in resource for resource in resources.values()):
        return
    listings = [
        (place, row)
        for place, row in _iterate_operations(connector)
        if is_listing(resolve_settings(connector, *place[1:]))
    ]
    counts = Counter(_to_text(row[key]) for _, row in listings if key in row)
    values = {_to_text(row[key]): row[key] for _, row in listings if key in row}
    best: dict[Where, dict[str, Any]] = {}
    common, fewest = None, sum(_count_operation(*place_and_row) for place_and_row in listings)
    for text in (text for text, count in counts.most_common(_MOST_VALUES) if count > 1):
        value = values[text]
        rows = {place: _set_difference(row, key, value) for place, row in listings}
        usable = {place: row for place, row in rows.items() if row is not None}
        lines = _count_lines(value) + sum(_count_operation(place, row) for place, row in usable.items())
        if lines < fewest and len(usable) == len(rows):
            best, common, fewest = usable, value, lines
    if not best:
        return
    following = ("errors", "part_failure", "verify", "resources")
    last: dict[str, Any] = {name: connector.pop(name) for name in following if name in connector}
    connector.update({key: common, **last})
    for place, row in best.items():
        note = comments.get((*place, key))
        if note and key not in row:
            comments[key,] = comments.pop((*place, key))
        resources[place[1]][place[2]] = row


def _set_difference(row: Mapping[str, Any], key: str, common: Any) -> dict[str, Any] | None:
    """Return the operation if the connector sets the common value; None if it cannot have its own value then."""
    own_value = row.get(key)
    if own_value == common:
        return {name: value for name, value in row.items() if name != key}
    difference = _find_difference(common, own_value)
    if isinstance(difference, dict) and isinstance(own_value, dict) and "format" in own_value:
        difference = {"format": own_value["format"], **difference}
    is_same = own_value is None or merge_over(common, difference) == own_value
    return {**row, key: difference} if is_same else None


def _find_difference(common: Any, row_value: Any) -> Any:
    """Return what to merge over the common value to get another one."""
    if (
        not isinstance(row_value, dict)
        or not isinstance(common, dict)
        or row_value.get("format") != common.get("format")
    ):
        return row_value
    changed = {
        name: _find_difference(common.get(name), value)
        for name, value in row_value.items()
        if common.get(name) != value
    }
    return {**changed, **dict.fromkeys(name for name in common if name not in row_value)}


def _to_text(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def _count_operation(place: Where, row: Mapping[str, Any]) -> int:
    """Return how many lines an operation needs in the short form."""
    is_implied = _has_implied_method(place, row)
    settings = {name: value for name, value in row.items() if name != "method" or not is_implied}
    return 1 if settings.keys() == {"path"} else _count_lines(settings)


def _count_lines(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + sum(map(_count_lines, value.values()))
    return 1 + sum(map(_count_lines, value)) if isinstance(value, list) else 1
