"""A cursor of a manifest as `incremental`."""

import json
import re
from collections.abc import Mapping
from typing import Any

from conn_import.airbyte.custom import find_kind, read_code
from conn_import.airbyte.jinja import Kind, Lit, Untranslatable, to_step, to_text, translate
from conn_import.airbyte.names import TemplateScope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.pagination import find_option_name, find_option_place
from conn_import.airbyte.templates import make_nullable, read_rendered, to_template

__all__ = ["build_incremental", "find_window_kind", "find_window_names", "has_effect"]

Config = dict[str, Any]
_DURATION = re.compile(r"P(?!$)(?:\d+(?:\.\d+)?[YMWD])*(?:T(?:\d+(?:\.\d+)?[HMS])+)?")
_DEFAULT = "%Y-%m-%dT%H:%M:%S.%f%z"


def find_window_names(cursor: Any) -> tuple[str, str] | None:
    """Return what a slice calls the start and the end of its window, or None without windows."""
    if not isinstance(cursor, Mapping) or find_kind(cursor, "incremental sync") != "DatetimeBasedCursor":
        return None
    start, end = cursor.get("partition_field_start"), cursor.get("partition_field_end")
    return str(start or "start_time"), str(end or "end_time")


def find_window_kind(cursor: Any) -> Kind:
    """Return the kind of a window's ends as text."""
    form = cursor.get("datetime_format") if isinstance(cursor, Mapping) else None
    return "digits" if form in ("%s", "%ms", "%epoch_microseconds") else "text"


def build_incremental(cursor: Any, scope: TemplateScope, notes: Notes) -> Config | None:
    """Build the `incremental` of an operation."""
    cursor = read_code(cursor, "incremental sync", notes) if isinstance(cursor, Mapping) else None
    if cursor is None:
        return None
    kind = cursor.get("type")
    if kind == "IncrementingCountCursor":
        return _build_counting(cursor, scope, notes)
    if kind != "DatetimeBasedCursor":
        notes.add(f"the cursor {kind}")
        return None
    config: Config = {}
    _add_cursor_field(cursor, scope, config, notes)
    form = _read_date_format(cursor.get("datetime_format"), notes) or _DEFAULT
    records = cursor.get("cursor_datetime_formats")
    records = [made for one in records if (made := _read_date_format(one, notes))] if isinstance(records, list) else []
    config["record_formats"] = list(dict.fromkeys([*records, form]))
    config["request_format"] = form
    _add_bounds(cursor, form, scope, config, notes)
    for key, name in (("step", "window"), ("cursor_granularity", "granularity"), ("lookback_window", "lookback")):
        _add_length(cursor.get(key), name, scope, config, notes)
    if "window" not in config:
        config.pop("granularity", None)
    for key, name in (("start_time_option", "start"), ("end_time_option", "end")):
        _set_place(cursor.get(key), name, scope, config, notes)
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


def has_effect(incremental: Config, row: Mapping[str, Any]) -> bool:
    """Return whether windows have an effect. A request without a place for them fetches everything in every run."""
    config = incremental["config"]
    if any(key.startswith(("start_", "end_")) for key in config) or config.get("filter"):
        return True
    text = json.dumps({key: value for key, value in row.items() if key != "incremental"})
    return "window." in text or "state.cursor" in text


def _add_cursor_field(cursor: Mapping[str, Any], scope: TemplateScope, config: Config, notes: Notes) -> None:
    try:
        node = translate(str(cursor.get("cursor_field", "")), scope.for_config())
    except Untranslatable as reason:
        notes.add(f"the cursor field: {reason}")
        return
    if isinstance(node, Lit) and node.value:
        name = str(node.value)
        config["record_cursor"] = ".".join(to_step(one) for one in name.split(".")) if "." in name else to_step(name)
    else:
        notes.add("a cursor field that the account sets")


def _read_date_format(value: Any, notes: Notes) -> str:
    """Return a literal date format, or "" if there is none or it is computed."""
    text = value if isinstance(value, str) else ""
    if "{{" not in text:
        return text
    notes.add("a computed date format")
    return ""


def _add_bounds(cursor: Mapping[str, Any], form: str, scope: TemplateScope, config: Config, notes: Notes) -> None:
    for key, name in (("start_datetime", "start"), ("end_datetime", "end")):
        value = cursor.get(key)
        if value is None:
            continue
        bound_settings = value if isinstance(value, Mapping) else {"datetime": value}
        try:
            at = _translate_bound(bound_settings.get("datetime"), scope)
            if at is None:
                continue
            row: Config = {"at": at, "format": _read_date_format(bound_settings.get("datetime_format"), notes) or form}
            for bound, ours in (("min_datetime", "earliest"), ("max_datetime", "latest")):
                if bound_settings.get(bound) and (limit := _translate_bound(bound_settings[bound], scope)) is not None:
                    row[ours] = limit
        except Untranslatable as reason:
            notes.add(f"{key}: {reason}")
            continue
        config[name] = row


def _translate_bound(value: Any, scope: TemplateScope) -> Any:
    """Return a bound as a template. If an account does not set it, the window is open."""
    if not isinstance(value, str):
        return None if value is None else str(value)
    return to_template(make_nullable(to_text(read_rendered(translate(value.strip(), scope.for_config())))))


def _add_length(value: Any, name: str, scope: TemplateScope, config: Config, notes: Notes) -> None:
    if not value:
        return
    try:
        node = to_text(translate(str(value).strip(), scope.for_config()))
    except Untranslatable as reason:
        notes.add(f"the length of {name}: {reason}")
        return
    if isinstance(node, Lit) and not _DURATION.fullmatch(str(node.value)):
        notes.add(f"the length of {name}: {str(node.value)[:40]}")
        return
    config[name] = to_template(node)


def _set_place(option: Any, name: str, scope: TemplateScope, config: Config, notes: Notes) -> None:
    if not isinstance(option, Mapping):
        return
    try:
        config[f"{name}_{find_option_place(option)}"] = find_option_name(option, scope)
    except Untranslatable as reason:
        notes.add(f"the place of a window's {name}: {reason}")


def _build_counting(cursor: Mapping[str, Any], scope: TemplateScope, notes: Notes) -> Config:
    config: Config = {}
    _add_cursor_field(cursor, scope, config, notes)
    start = cursor.get("start_value")
    if start is not None:
        try:
            config["start"] = to_template(translate(start, scope.for_config())) if isinstance(start, str) else start
        except Untranslatable as reason:
            notes.add(f"the first value of the cursor: {reason}")
    _set_place(cursor.get("start_value_option"), "start", scope, config, notes)
    return {"format": "integer", "config": config}
