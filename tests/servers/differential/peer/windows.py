"""Which time a request asks for: by the cursor's own options, or by templates that read the slice's bounds."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airbyte_cdk.sources.declarative.datetime.datetime_parser import DatetimeParser
from dateutil.parser import isoparse

from differential.peer import synthesis, templates, tokens
from differential.peer.endpoints import Endpoint, Seen

__all__ = ["Windows"]

_DAY = timedelta(days=1) - timedelta(microseconds=1)
_NAMES = {"start": re.compile("start_time"), "end": re.compile("end_time")}


class _Bound:
    """One place of one end of the window."""

    def __init__(self, place: str, path: tuple[Any, ...], template: str, reads: re.Pattern[str] | None) -> None:
        self.place, self.path = place, path
        self.pattern, self.holes = templates.holding(template, reads) if reads else (None, [])
        if self.pattern is not None and place == "path":  # below that of the base URL
            self.pattern = re.compile(f".*?{self.pattern.pattern}", re.DOTALL)

    def texts(self, seen: Seen) -> list[str]:
        held = tokens.read(seen, self.place, self.path)
        if held is None:
            return []
        if self.pattern is None:
            return [str(held)]
        match = self.pattern.fullmatch(str(held))
        return list(match.groups()) if match else []

    def erase(self, query: dict[str, str], body: Any, path: str) -> str:
        """Take the bound out of a request's query and body (changed in place); gives the path without it."""
        if self.place == "query" and self.path[0] in query:
            query[self.path[0]] = self._blank(query[self.path[0]])
        elif self.place == "body" and self.path:
            held = synthesis.take(body, self.path)
            if isinstance(held, str | int | float):
                synthesis.put(body, self.path, self._blank(str(held)))
        elif self.place == "path":
            return self._blank(path)
        return path

    def _blank(self, held: str) -> str:
        if self.pattern is None:
            return ""
        match = self.pattern.fullmatch(held)
        for at in range(len(match.groups()) if match else 0, 0, -1):
            assert match is not None
            held = held[: match.start(at)] + held[match.end(at) :]
        return held


class Windows:
    """The window of each request of an endpoint whose stream has a cursor."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.sync: Mapping[str, Any] = endpoint.stream.get("incremental_sync") or {}
        self._bounds = {end: list(self._places(endpoint, end)) for end in _NAMES}

    def _places(self, endpoint: Endpoint, end: str) -> Iterator[_Bound]:
        if not self.sync:
            return
        for place in tokens.places(self.sync.get(f"{end}_time_option") or {}, {}):
            yield _Bound(place.place, place.path, "", None)
        for where, path, text in tokens.texts(endpoint.requester):
            holes = templates.holding(text, _NAMES[end])[1]
            if holes and (where != "path" or len(holes) == 1):  # not a year and a month
                yield _Bound(where, path, text, _NAMES[end])

    @property
    def any(self) -> bool:
        """Whether requests tell where their window begins."""
        return bool(self._bounds["start"])

    def of(self, seen: Seen) -> tuple[datetime | None, datetime | None]:
        """Start and end of a request's window; None for an end it does not tell."""
        return self._read(seen, "start"), self._read(seen, "end")

    def _read(self, seen: Seen, end: str) -> datetime | None:
        for bound in self._bounds[end]:
            for text in bound.texts(seen):
                forms = [str(self.sync.get("datetime_format") or ""), *_forms(bound.holes)]
                for form in [*forms, ""]:
                    found = _moment(text, form)
                    if found is not None:
                        whole = end == "end" and bool(form) and "%" in form and not re.search("%[HsfcX_]|%ms|%e", form)
                        return found + _DAY if whole else found
        return None

    def erase(self, query: dict[str, str], body: Any, path: str) -> str:
        """Take the window out of a request, as `_Bound.erase`."""
        for bounds in self._bounds.values():
            for bound in bounds:
                path = bound.erase(query, body, path)
        return path


def _forms(holes: list[str]) -> list[str]:
    return [one for hole in holes for one in templates.literals(hole) if isinstance(one, str) and "%" in one]


def _moment(text: str, form: str) -> datetime | None:
    try:
        if form:
            return DatetimeParser().parse(text, form).astimezone(UTC)
        if re.fullmatch(r"[0-9]{9,13}(\.[0-9]*)?", text):
            number = float(text)
            return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
        found = isoparse(text.replace(" ", "T"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
