"""Build the expressions of a mapping: a model's value from a vendor's field, and the reverse for writes."""

import json
from collections.abc import Sequence

from conn_import.proposals.matching import Fit, ModelField, find_pair, find_single_value
from conn_import.proposals.vendor_fields import VendorField
from conn_import.words import squeeze, to_singular, to_snake, to_step

__all__ = ["build_read_expression", "build_write_expression"]

_DATES = ("date", "date-time")
_MILLIS = 100_000_000_000
_TEXT_KINDS = ("string", "")


def build_read_expression(target: ModelField, source: VendorField, inner: Sequence[tuple[ModelField, Fit]] = ()) -> str:
    """Build the expression over `response` for a field of the model, or return "" if it cannot be derived. `inner` are
    the fits for the fields of a list's objects."""
    place = ".".join(("response", *(to_step(name) for name in source.path)))
    if target.kind == "array":
        return _convert_list(target, source, place, inner)
    if target.kind == "object" and (pair := find_pair(source)) is not None:
        name, content = (to_step(one.path[-1]) for one in pair)
        holder = ".".join((place, *(to_step(part) for part in pair[0].path[:-1])))
        return f"$merge([{holder}[{name} != null].{{$string({name}): {content}}}])"
    if source.kind == "array":
        value = find_single_value(source)
        return f"{place}[0].{to_step(value.path[0])}" if value is not None else f"{place}[0]"
    if target.format in _DATES:
        return _convert_date(target, source, place)
    if target.values:
        return _convert_choice(target, source, place) if source.closed else _keep_known(target, place)
    if target.kind == "string" and source.kind not in _TEXT_KINDS:
        return f"$string({place})" if target.required else f"{place} != null ? $string({place}) : {place}"
    if target.kind in ("integer", "number") and source.kind == "string":
        return f"{place} != null and {place} != '' ? $number({place}) : null"
    return place


def build_write_expression(target: ModelField, source: VendorField) -> str:
    """Build the vendor's value from `body`, or return "" if it cannot be derived."""
    place = f"body.{to_step(target.name)}"
    if target.kind in ("array", "object") or source.kind in ("array", "object") or target.format in _DATES:
        return place if target.kind == source.kind and target.item_kind == source.item_kind != "object" else ""
    if target.values and source.closed:
        pairs = {one: known for one in target.values if (known := _find_alike(one, source)) is not None}
        same = all(one == known for one, known in pairs.items())
        return place if same else f"$lookup({_format_object(pairs)}, {place})"
    if target.kind == "string" and source.kind in ("integer", "number"):
        return f"$contains({place} & '', /^[0-9]{{1,15}}$/) ? $number({place}) : {place}"
    return place


def _convert_choice(target: ModelField, source: VendorField, place: str) -> str:
    pairs: dict[str, str | int | float] = {
        str(known): one for one in target.values if (known := _find_alike(one, source)) is not None
    }
    if all(one == known for known, one in pairs.items()) and len(pairs) == len(source.values):
        return place
    return f"$lookup({_format_object(pairs)}, $string({place}))"


def _keep_known(target: ModelField, place: str) -> str:
    """Keep a value if it is one of the model's values; drop others."""
    value = f"$string({place})" if any(one != one.lower() for one in target.values) else f"$lowercase($string({place}))"
    return f"{value} in [{', '.join(map(_quote, target.values))}] ? {value}"


def _format_object(pairs: dict[str, str | int | float]) -> str:
    """Format an object as an expression that fits in a double-quoted YAML string."""
    return f"{{{', '.join(f'{_quote(key)}: {_quote(value)}' for key, value in pairs.items())}}}"


def _quote(value: str | float) -> str:
    text = isinstance(value, str) and "'" not in value and "\\" not in value
    return f"'{value}'" if text else json.dumps(value)


def _find_alike(value: str, source: VendorField) -> str | int | float | None:
    return next((one for one in source.values if squeeze(str(one)) == squeeze(value)), None)


def _convert_date(target: ModelField, source: VendorField, place: str) -> str:
    if source.kind in ("integer", "number"):
        millis = any(isinstance(value, int | float) and value > _MILLIS for value in source.values)
        unit = ", 'milliseconds'" if millis or "millisecond" in source.description.lower() else ""
        made = f"$fromEpoch({place}{unit})"
        return f"{place} ? {made if target.format == 'date-time' else f'$substring({made}, 0, 10)'} : null"
    if target.format == "date":
        return place if source.format == "date" else f"{place} ? $substring({place}, 0, 10) : {place}"
    return f"{place} ? {place} & 'T00:00:00Z' : {place}" if source.format == "date" else place


def _convert_list(target: ModelField, source: VendorField, place: str, inner: Sequence[tuple[ModelField, Fit]]) -> str:
    if target.item_kind == "object":
        if inner:
            pairs = ", ".join(f"'{one.name}': {_convert_inner(one, fit.source)}" for one, fit in inner)
            return f"[{place}.{{{pairs}}}]"
        needed = next(one.name for one in target.inner if one.required)
        return f"[{place}[$ != null and $ != ''].{{'{needed}': $}}]"
    if source.item_kind == "object":
        words = ("name", "value", "label", to_singular(to_snake(source.path[-1])), "title", "id")
        wrapper = _find_wrapper(source)
        rows = [one for one in source.inner if one.path[:-1] == wrapper]
        name = next((one for word in words for one in rows if to_snake(one.path[-1]) == word), None)
        if name is None:
            return ""
        place, kind = ".".join((place, *(to_step(part) for part in name.path))), name.kind
    else:
        kind = source.item_kind or source.kind
    texts = target.item_kind == "string" and kind not in _TEXT_KINDS
    return f"[{place}.$string($)]" if texts else f"[{place}]"


def _find_wrapper(source: VendorField) -> tuple[str, ...]:
    """Return the path of the only field of a list's objects, if it is an object: `[{"tag": {"name": "vip"}}]`."""
    top = [one for one in source.inner if len(one.path) == 1]
    return top[0].path if len(top) == 1 and top[0].kind == "object" else ()


def _convert_inner(target: ModelField, source: VendorField) -> str:
    place = ".".join(to_step(name) for name in source.path)
    texts = target.kind == "string" and source.kind not in _TEXT_KINDS
    return f"$string({place})" if texts else place
