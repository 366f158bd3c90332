"""Where a request tells which page it wants: the paginator's own place, or the requester's templates."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from differential.peer import synthesis, templates
from differential.peer.endpoints import Seen

__all__ = ["Place", "places", "read", "texts"]

NAME = "next_page_token"
Path = tuple[Any, ...]


def read(seen: Seen, place: str, path: Path) -> Any:
    """What a request holds at a place: query, header, body or path."""
    if place == "query":
        return dict(seen.query).get(path[0])
    if place == "header":
        return next((value for name, value in seen.headers if name.lower() == str(path[0]).lower()), None)
    if place == "path":
        return seen.path
    if not path:
        return seen.data if isinstance(seen.data, str) else json.dumps(seen.data)
    value = synthesis.take(seen.data, path)
    return value if isinstance(value, str | int | float | dict | list) else None


class Place:
    """One place of the page token. With a template the token is in what its holes gave."""

    def __init__(self, place: str, path: Path, template: str = "") -> None:
        self.place, self.path, self.template = place, path, template
        self.rendered: dict[str, tuple[int, Any]] = {}

    @cached_property
    def _whole(self) -> bool:
        return not self.template or templates.only(self.template, NAME)

    def remember(self, token: Any, number: int, config: dict[str, Any], parameters: dict[str, Any]) -> None:
        """A token was handed out for a page."""
        if not self.template:
            self.rendered[_text(token)] = (number, token)
            return
        names = {NAME: {NAME: token}}
        if self._whole:
            self.rendered[templates.plain(self.template, config, parameters, **names)] = (number, token)
            return
        for hole in templates.capturing(self.template, NAME)[1]:
            if templates.only(hole, NAME):
                self.rendered[templates.plain(hole, config, parameters, **names)] = (number, token)

    def number(self, seen: Seen) -> tuple[int, Any] | None:
        """Which page a request wants, and its token; None when this place does not tell."""
        held = read(seen, self.place, self.path)
        if held is None:
            return None
        for text in (_text(held), *self._captured(str(held))):
            if text in self.rendered:
                return self.rendered[text]
        for text, found in self.rendered.items():
            if len(text) > 3 and text in str(held):
                return found
        return None

    def holds(self, seen: Seen, but: set[str]) -> bool:
        """Whether a request has something here, other than one of these."""
        held = read(seen, self.place, self.path)
        return not self.template and held is not None and str(held) not in but

    def _captured(self, held: str) -> list[str]:
        if not self.template or self._whole or "{%" in self.template:
            return []
        match = templates.capturing(self.template, NAME)[0].fullmatch(held)
        return list(match.groups()) if match else []

    def blank(self, held: str) -> str:
        """A text of this place without its token."""
        if self._whole:
            return ""
        for text in self._captured(held):
            held = held.replace(text, "") if len(text) > 3 else held
        if "{%" not in self.template:
            match = templates.capturing(self.template, NAME)[0].fullmatch(held)
            for at in range(len(match.groups()) if match else 0, 0, -1):
                assert match is not None
                held = held[: match.start(at)] + held[match.end(at) :]
        for text in self.rendered:
            held = held.replace(text, "") if len(text) > 3 else held
        return held

    def base(self, query: dict[str, str], body: Any, path: str) -> str:
        """Take the token out of a request's query and body (changed in place); gives the path without it."""
        if self.place == "query" and self.path[0] in query:
            query[self.path[0]] = self.blank(query[self.path[0]])
        elif self.place == "body" and self.path and isinstance(body, dict):
            held = synthesis.take(body, self.path)
            if isinstance(held, str) and self.template:
                synthesis.put(body, self.path, self.blank(held))
            else:
                synthesis.remove(body, self.path)
        elif self.place == "path":
            for text in self.rendered:
                path = path.replace(text, "") if len(text) > 3 else path
        return path


def places(option: Mapping[str, Any], requester: Mapping[str, Any]) -> list[Place]:
    """Every place of an endpoint's page token."""
    found: list[Place] = []
    path = option.get("field_path") or ([option["field_name"]] if option.get("field_name") else None)
    kinds = {"request_parameter": "query", "header": "header", "body_data": "body", "body_json": "body"}
    place = kinds.get(str(option.get("inject_into")))
    if place and path:
        found.append(Place(place, tuple(path)))
    found += [Place(where, path, text) for where, path, text in texts(requester) if templates.mentions(text, NAME)]
    return found


def texts(requester: Mapping[str, Any]) -> Iterator[tuple[str, Path, str]]:
    """Every text of a requester's request, with its place."""
    body = requester.get("request_body") or {}
    rows = (
        ("query", requester.get("request_parameters")),
        ("header", requester.get("request_headers")),
        ("body", requester.get("request_body_json")),
        ("body", requester.get("request_body_data")),
        ("body", body.get("value")),
        ("path", requester.get("path")),
    )
    for where, data in rows:
        for path, text in _leaves(data):
            yield where, path, text


def _leaves(data: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, dict):
        for name, inner in data.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(data, list):
        for at, inner in enumerate(data):
            yield from _leaves(inner, (*path, at))


def _text(token: Any) -> str:
    return token if isinstance(token, str) else json.dumps(token, sort_keys=True)
