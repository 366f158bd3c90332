"""Records from a stream's JSON schema: the same for the same request, different between pages and partitions."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airbyte_cdk.sources.declarative.datetime.datetime_parser import DatetimeParser

from differential.peer.moment import NOW

__all__ = ["Dates", "Read", "make", "missing", "put", "remove", "take"]

MOST_PROPERTIES = 30
MOST_DEPTH = 4
_DATED = re.compile(r"(date|time|_at|_on|timestamp|created|updated|modified)$|(At|On|Date|Time|DateUTC)$", re.I)
_URL = re.compile(r"(^|_)(ur[il]|href|link)$|Ur[il]$", re.I)
_ZONE = re.compile(r"time_?zone$", re.I)
_ZONES = ("Europe/Berlin", "America/New_York", "UTC")
_MISSING = object()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Dates:
    """Which moments a page's records lie at, and how they are written. `grain`: they are whole days, hours …"""

    def __init__(
        self, start: datetime, end: datetime, formats: Sequence[str], grain: timedelta = timedelta(milliseconds=1)
    ) -> None:
        self.start, self.end, self.grain = start, end, grain
        self.formats = [form for form in formats if form] or ["%Y-%m-%dT%H:%M:%SZ"]

    def moment(self, place: float) -> datetime:
        """The moment at a place between 0 (start) and 1 (end)."""
        moment = self.start + (self.end - self.start) * place
        return moment - (moment - _EPOCH) % self.grain

    def text(self, place: float, *, whole: bool) -> str | int:
        """The moment at a place between 0 (start) and 1 (end), in the stream's own format."""
        written = DatetimeParser().format(self.moment(place), self.formats[0])
        return int(float(written)) if whole and re.fullmatch(r"[0-9.]+", written) else written


def take(record: Any, path: Sequence[Any]) -> Any:
    """The value at a path, or a marker that is not a value."""
    for step in path:
        if (isinstance(record, Mapping) and step in record) or (
            isinstance(record, list) and isinstance(step, int) and step < len(record)
        ):
            record = record[step]
        else:
            return _MISSING
    return record


def put(record: Any, path: Sequence[Any], value: Any) -> None:
    """Set a value at a path; objects on the way are made, also lists where the step is a number."""
    for step, following in zip(path, [*path[1:], None], strict=True):
        last = following is None
        fresh: Any = [] if isinstance(following, int) else {}
        if isinstance(record, list):
            if not isinstance(step, int):
                return
            record.extend({} for _ in range(step + 1 - len(record)))
            if last:
                record[step] = value
            record = record[step]
        elif isinstance(record, dict):
            if last:
                record[step] = value
            elif not isinstance(record.get(step), dict | list):
                record[step] = fresh
            record = record[step]
        else:
            return


def missing(record: Any, path: Sequence[Any]) -> bool:
    """Whether a record holds nothing at a path."""
    return take(record, path) in (_MISSING, None)


def remove(record: Any, path: Sequence[Any]) -> None:
    """Take the value at a path away."""
    holder = take(record, path[:-1])
    if isinstance(holder, dict):
        holder.pop(path[-1], None)


def _schema(row: Any) -> Mapping[str, Any]:
    return row if isinstance(row, Mapping) else {}


def _kind(row: Mapping[str, Any]) -> str:
    kind = row.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if not kind:
        kind = "object" if "properties" in row else "array" if "items" in row else ""
    for key in ("oneOf", "anyOf"):
        if not kind and row.get(key):
            return next((found for found in map(_kind, map(_schema, row[key])) if found not in ("null", "")), "string")
    return str(kind or "string")


def _number(name: str, seed: int) -> int:
    return int.from_bytes(hashlib.blake2s(f"{name}:{seed}".encode(), digest_size=4).digest(), "big")


class Read:
    """A path that the stream's own templates read, with the form in which they expect a date there ("": none).

    With a `field` there is a list of objects that have it.
    """

    def __init__(self, path: Sequence[Any], form: str = "", field: str = "") -> None:
        self.path, self.form, self.field = path, form, field

    def fill(self, schema: Any, record: dict[str, Any], seed: int, place: float, dates: Dates) -> None:
        """Make the record hold something there."""
        if self.form:
            put(record, self.path, Dates(dates.start, dates.end, [self.form]).text(place, whole=False))
        elif self.field:
            put(record, self.path, [{self.field: f"{self.field}{seed}-{at}"} for at in range(seed % 3)])
        elif missing(record, self.path):
            name = str(self.path[-1])
            put(record, self.path, _Maker(seed, place, dates).value(name, at(schema, self.path), 0))


class _Maker:
    def __init__(self, seed: int, place: float, dates: Dates) -> None:
        self.seed, self.place, self.dates = seed, place, dates

    def value(self, name: str, row: Mapping[str, Any], depth: int) -> Any:
        kind = _kind(row)
        draw = _number(name, self.seed)
        if row.get("enum"):
            choices = [one for one in row["enum"] if one is not None] or [None]
            return choices[draw % len(choices)]
        if kind == "object":
            return self.object(row, depth + 1)
        if kind == "array":
            items = _schema(row.get("items"))
            return [self.value(f"{name}{at}", items, depth + 1) for at in range(draw % 3)] if depth < MOST_DEPTH else []
        if kind == "boolean":
            return draw % 2 == 0
        if kind == "integer":
            return draw % 100000
        if kind == "number":
            return draw % 10000 + (draw % 3 + 1) / 4
        if kind == "null":
            return None
        return self.text(name, row, draw)

    def text(self, name: str, row: Mapping[str, Any], draw: int) -> Any:
        form = row.get("format")
        moment = (NOW - timedelta(minutes=draw % 40000)).replace(microsecond=0)
        if _ZONE.search(name):
            return _ZONES[draw % len(_ZONES)]
        if form == "date":
            return moment.strftime("%Y-%m-%d")
        if form == "date-time" or _DATED.search(name):
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"{name} {draw % 1000}"

    def object(self, row: Mapping[str, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if depth > MOST_DEPTH:
            return found
        for name, given in list(_schema(row.get("properties")).items())[:MOST_PROPERTIES]:
            inner = _schema(given)
            nullable = isinstance(inner.get("type"), list) and "null" in inner["type"]
            if nullable and _number(f"null:{name}", self.seed) % 5 == 0:
                found[name] = None
                continue
            found[name] = self.value(str(name), inner, depth)
        return found


def at(schema: Any, path: Sequence[Any]) -> Mapping[str, Any]:
    """The schema at a path."""
    row = _schema(schema)
    for step in path:
        row = _schema(row.get("items")) if isinstance(step, int) else _schema(_schema(row.get("properties")).get(step))
    return row


def make(
    schema: Any,
    seed: int,
    place: float,
    dates: Dates,
    *,
    keys: Sequence[Sequence[Any]],
    cursors: Sequence[Sequence[Any]],
    reads: Sequence[Read] = (),
) -> dict[str, Any]:
    """One record. `keys` are paths whose values are distinct and present, `cursors` those that hold its moment."""
    record = _Maker(seed, place, dates).object(_schema(schema), 0)
    for read in reads:
        read.fill(schema, record, seed, place, dates)
    for path in keys:
        row = at(schema, path)
        kind = _kind(row)
        if kind in ("object", "array", "boolean") and row:
            if missing(record, path):
                put(record, path, _Maker(seed, place, dates).value(str(path[-1]), row, 0))
            continue
        if row.get("enum") or _ZONE.search(str(path[-1])):
            put(record, path, _Maker(seed, place, dates).value(str(path[-1]), row, 0))
            continue
        whole = kind in ("integer", "number") or (not row and str(path[-1]).lower() == "id")
        name = str(path[-1]).lower()
        text = f"https://api.example.com/{name}/{seed}" if _URL.search(name) else f"{name[:3]}{seed}"
        put(record, path, seed if whole else text)
    for path in cursors:
        put(record, path, dates.text(place, whole=_kind(at(schema, path)) in ("integer", "number")))
    record["beyond_schema"] = {"kept": True, "ratio": 2.5, "text": f"Grüße & <b> {seed}"}
    return record
