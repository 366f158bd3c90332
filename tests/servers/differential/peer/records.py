"""The records that an endpoint has: which fields need what, so that templates, keys and cursors of the stream work."""

from collections.abc import Mapping
from typing import Any

from differential.peer import synthesis, templates
from differential.peer.endpoints import Endpoint

__all__ = ["Records"]


class Records:
    """Makes the records of one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        stream = endpoint.stream
        self.schema = (_loader(stream.get("schema_loader")) or {}).get("schema") or {}
        self.sync = stream.get("incremental_sync") or {}
        selector = endpoint.retriever.get("record_selector") or {}
        self.filter = str((selector.get("record_filter") or {}).get("condition") or "")
        self.added = _added(stream)
        sources = (*(text for _, text in self.added), self.filter)
        self.reads = [read for template in sources for read in _reads(template)]
        self.cursors = self._cursors()
        self.keys = [path for path in self._keys() if path not in self.cursors]
        self.forms = [*(self.sync.get("cursor_datetime_formats") or []), self.sync.get("datetime_format")]

    def _keys(self) -> list[tuple[Any, ...]]:
        row = self.endpoint.stream.get("primary_key") or []
        rows = [row] if isinstance(row, str) else row
        keys = [tuple(key) if isinstance(key, list) else (key,) for key in rows]
        keys += self.endpoint.keys
        for template in _texts(self.endpoint.retriever.get("paginator")):
            keys += [path for path in templates.paths(template, "last_record") if path]
        return list(dict.fromkeys(key for key in keys if key))

    def _cursors(self) -> list[tuple[Any, ...]]:
        name = self.sync.get("cursor_field")
        if not name:
            return []
        name = templates.plain(name, self.endpoint.config, self.sync.get("$parameters") or {})
        field = tuple(name.split(".")) if "." in name else (name,)
        found = [field]
        for path, template in self.added:
            if tuple(path) == field:
                found += templates.paths(template, "record")
        dated = [tuple(read.path) for read in self.reads if read.form]
        return [path for path in found if path not in dated]

    def make(self, number: int, place: float, dates: synthesis.Dates) -> dict[str, Any]:
        """The record of a number, which lies at a place (0 to 1) among the dates."""
        record = synthesis.make(
            self.schema, number, place, dates, keys=self.keys, cursors=self.cursors, reads=self.reads
        )
        self._please(record, number)
        return record

    def _please(self, record: dict[str, Any], number: int) -> None:
        """Make some records pass the stream's filter, where it compares a field with a constant."""
        if not self.filter or number % 3 == 2:
            return
        constants = [one for one in templates.compared(self.filter) if isinstance(one, str | int) and one != ""]
        for path in templates.paths(self.filter, "config"):
            held = synthesis.take(self.endpoint.config, path)
            constants = [*(held if isinstance(held, list) else [held] if isinstance(held, str) else []), *constants]
        for path in templates.paths(self.filter, "record"):
            held = synthesis.take(record, path)
            options = [one for one in constants if one not in path]
            if options and not isinstance(held, int | float | bool):
                synthesis.put(record, path, options[number % len(options)])


def _loader(loader: Any) -> Any:
    return loader[0] if isinstance(loader, list) and loader else loader


def _added(stream: Mapping[str, Any]) -> list[tuple[list[str], str]]:
    found = []
    for row in stream.get("transformations") or []:
        for added in row.get("fields") or [] if row.get("type") == "AddFields" else []:
            found.append((list(map(str, added.get("path") or [])), str(added.get("value") or "")))
    return found


def _reads(template: str) -> list[synthesis.Read]:
    """What a template reads of the record; a date where it parses one."""
    form = templates.read_form(template)
    found = [synthesis.Read(path, form) for path in templates.paths(template, "record")]
    return found + [synthesis.Read(path, field=name) for path, name in templates.lists(template, "record")]


def _texts(data: Any) -> list[str]:
    if isinstance(data, str):
        return [data]
    rows = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return [text for row in rows for text in _texts(row)]
