"""A cursor of a manifest as `incremental`."""

import json
import re
from collections.abc import Mapping
from typing import Any

from conn_import.airbyte.custom import kind_of, read_code
from conn_import.airbyte.jinja import Kind, Lit, Untranslatable, step, textual, translated
from conn_import.airbyte.names import Scope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.paging import place_of, pointer
from conn_import.airbyte.templates import nullable, template, written

__all__ = ["incremental_of", "matters", "window_kind", "window_names"]

Config = dict[str, Any]
_DURATION = re.compile(r"P(?!$)(?:\d+(?:\.\d+)?[YMWD])*(?:T(?:\d+(?:\.\d+)?[HMS])+)?")
_DEFAULT = "%Y-%m-%dT%H:%M:%S.%f%z"


def window_names(cursor: Any) -> tuple[str, str] | None:
    """What a slice calls the start and the end of its window; None without windows."""
    if not isinstance(cursor, Mapping) or kind_of(cursor, "what is new since the last time") != "DatetimeBasedCursor":
        return None
    start, end = cursor.get("partition_field_start"), cursor.get("partition_field_end")
    return str(start or "start_time"), str(end or "end_time")


def window_kind(cursor: Any) -> Kind:
    """What the ends of a window are as text."""
    form = cursor.get("datetime_format") if isinstance(cursor, Mapping) else None
    return "digits" if form in ("%s", "%ms", "%epoch_microseconds") else "text"


def incremental_of(cursor: Any, scope: Scope, notes: Notes) -> Config | None:
    """The `incremental` of an operation."""
    cursor = read_code(cursor, "what is new since the last time", notes) if isinstance(cursor, Mapping) else None
    if cursor is None:
        return None
    kind = cursor.get("type")
    if kind == "IncrementingCountCursor":
        return _counting(cursor, scope, notes)
    if kind != "DatetimeBasedCursor":
        notes.add(f"the cursor {kind}")
        return None
    config: Config = {}
    _field(cursor, scope, config, notes)
    form = _form(cursor.get("datetime_format"), notes) or _DEFAULT
    records = cursor.get("cursor_datetime_formats")
    records = [made for one in records if (made := _form(one, notes))] if isinstance(records, list) else []
    config["record_formats"] = list(dict.fromkeys([*records, form]))
    config["request_format"] = form
    _bounds(cursor, form, scope, config, notes)
    for key, name in (("step", "window"), ("cursor_granularity", "granularity"), ("lookback_window", "lookback")):
        _length(cursor.get(key), name, scope, config, notes)
    if "window" not in config:
        config.pop("granularity", None)
    for key, name in (("start_time_option", "start"), ("end_time_option", "end")):
        _placed(cursor.get(key), name, scope, config, notes)
    if cursor.get("is_client_side_incremental") is True:
        config["filter"] = True
    if cursor.get("is_data_feed") is True:
        config |= {"stop_when_older": True, "filter": True}
    if cursor.get("global_substream_cursor") is True:
        config["per_partition"] = False
    if cursor.get("is_compare_strictly") is True:
        config["skip_empty"] = True
    if "start" in config or "end" in config:
        config["when_reversed"] = "skip"
    if "granularity" in config:
        config["last_window"] = "joined"
    return {"format": "datetime", "config": config}


def matters(incremental: Config, row: Mapping[str, Any]) -> bool:
    """Whether windows change anything: a request that has no place for them asks for everything in every run."""
    config = incremental["config"]
    if any(key.startswith(("start_", "end_")) for key in config) or config.get("filter"):
        return True
    text = json.dumps({key: value for key, value in row.items() if key != "incremental"})
    return "window." in text or "state.cursor" in text


def _field(cursor: Mapping[str, Any], scope: Scope, config: Config, notes: Notes) -> None:
    try:
        node = translated(str(cursor.get("cursor_field", "")), scope.config())
    except Untranslatable as reason:
        notes.add(f"the cursor's field: {reason}")
        return
    if isinstance(node, Lit) and node.value:
        name = str(node.value)
        config["cursor_field"] = ".".join(step(one) for one in name.split(".")) if "." in name else step(name)
    else:
        notes.add("a cursor's field that the account decides")


def _form(value: Any, notes: Notes) -> str:
    """A date's format as it is written out; empty for none, and for one that is computed."""
    text = value if isinstance(value, str) else ""
    if "{{" not in text:
        return text
    notes.add("a date's format that is computed")
    return ""


def _bounds(cursor: Mapping[str, Any], form: str, scope: Scope, config: Config, notes: Notes) -> None:
    for key, name in (("start_datetime", "start"), ("end_datetime", "end")):
        value = cursor.get(key)
        if value is None:
            continue
        said = value if isinstance(value, Mapping) else {"datetime": value}
        try:
            at = _moment(said.get("datetime"), scope)
            if at is None:
                continue
            made: Config = {"at": at, "format": _form(said.get("datetime_format"), notes) or form}
            for bound, ours in (("min_datetime", "earliest"), ("max_datetime", "latest")):
                if said.get(bound) and (limit := _moment(said[bound], scope)) is not None:
                    made[ours] = limit
        except Untranslatable as reason:
            notes.add(f"{key}: {reason}")
            continue
        config[name] = made


def _moment(value: Any, scope: Scope) -> Any:
    """A bound as a template. An account that says none leaves it open."""
    if not isinstance(value, str):
        return None if value is None else str(value)
    return template(nullable(textual(written(translated(value.strip(), scope.config())))))


def _length(value: Any, name: str, scope: Scope, config: Config, notes: Notes) -> None:
    if not value:
        return
    try:
        node = textual(translated(str(value).strip(), scope.config()))
    except Untranslatable as reason:
        notes.add(f"the length of {name}: {reason}")
        return
    if isinstance(node, Lit) and not _DURATION.fullmatch(str(node.value)):
        notes.add(f"the length of {name}: {str(node.value)[:40]}")
        return
    config[name] = template(node)


def _placed(option: Any, name: str, scope: Scope, config: Config, notes: Notes) -> None:
    if not isinstance(option, Mapping):
        return
    try:
        config[f"{name}_{place_of(option)}"] = pointer(option, scope)
    except Untranslatable as reason:
        notes.add(f"where the {name} of a window goes: {reason}")


def _counting(cursor: Mapping[str, Any], scope: Scope, notes: Notes) -> Config:
    config: Config = {}
    _field(cursor, scope, config, notes)
    start = cursor.get("start_value")
    if start is not None:
        try:
            config["start"] = template(translated(start, scope.config())) if isinstance(start, str) else start
        except Untranslatable as reason:
            notes.add(f"the first value of the cursor: {reason}")
    _placed(cursor.get("start_value_option"), "start", scope, config, notes)
    return {"format": "integer", "config": config}
