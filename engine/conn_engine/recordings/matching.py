"""Compares a request with a recorded one. `replay` decides which response is next.

Method, path relative to the base URL, query (in any order of names, without the parameters of the credential) and
decoded body are compared. `[redacted]` in a recorded value matches any text; `[redacted].2.` is a value that was
redacted because of its name.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl

from msgspec import UNSET

from conn_engine.documents.pointers import to_pointer
from conn_engine.documents.wildcards import has_in_order
from conn_engine.recordings.exchanges import flat, group_values
from conn_engine.recordings.files import RecordedPart, RecordedRequest, Values
from conn_engine.secrets import REDACTED, is_numbered, remove_numbers

__all__ = ["Question", "differences", "distance", "is_same", "matches", "question"]

_SHOWN = 60


class Question:
    """The compared parts of a request. `path` starts with "/" if it is below a known base URL, else it is a URL."""

    __slots__ = ("content", "method", "path", "query")

    def __init__(self, method: str, path: str, query: dict[str, list[str]], content: Any) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.content = content

    @property
    def text(self) -> str:
        """The request for display, not encoded: `GET /contacts?limit=2`."""
        query = "&".join(f"{name}={value}" for name, values in self.query.items() for value in values)
        return f"{self.method} {self.path}{'?' if query else ''}{query}"

    def without_parameters(self, names: Collection[str]) -> "Question":
        """Return the parts without these query parameters."""
        query = {name: values for name, values in self.query.items() if name not in names}
        return Question(self.method, self.path, query, self.content)


def question(request: RecordedRequest, bases: Sequence[str]) -> Question:
    """Return the compared parts of a request. `bases` are base URLs that are treated as equal."""
    url, _, inline = request.url.partition("?")
    query = _lists(request.query)
    if inline:
        for name, values in _lists(group_values(parse_qsl(inline, keep_blank_values=True))).items():
            query.setdefault(name, []).extend(values)
    return Question(request.method.upper(), _remove_base(url, bases), query, _content(request))


def _remove_base(url: str, bases: Sequence[str]) -> str:
    for base in bases:
        stem = base.rstrip("/")
        if stem and url.startswith(stem) and url[len(stem) : len(stem) + 1] in ("", "/"):
            return url[len(stem) :] or "/"
    return url


def _lists(values: Values) -> dict[str, list[str]]:
    values_by_name: dict[str, list[str]] = {}
    for name, value in flat(values):
        values_by_name.setdefault(name, []).append(value)
    return values_by_name


def _content(request: RecordedRequest) -> Any:
    if request.body is not UNSET:
        return request.body
    if request.form is not None:
        return _lists(request.form)
    if request.parts is not None:
        return [_part(part) for part in request.parts]
    if request.sha256 is not None:
        return f"sha256:{request.sha256}"
    if request.text is not None:
        return request.text
    return UNSET if request.base64 is None else f"base64:{request.base64}"


def _part(part: RecordedPart) -> dict[str, Any]:
    content = part.body
    if content is UNSET:
        content = part.text if part.base64 is None else f"base64:{part.base64}"
    return {"name": part.name, "filename": part.filename, "content_type": part.content_type, "content": content}


def is_same(recorded: Any, actual: Any) -> bool:
    """Return whether JSON-like data is equal: 1 equals 1.0 but not true, and a recorded `[redacted]` matches any
    text."""
    if isinstance(recorded, str):
        if REDACTED not in recorded:
            return isinstance(actual, str) and recorded == actual
        if not isinstance(actual, str):
            return recorded == REDACTED and isinstance(actual, (int, float)) and not isinstance(actual, bool)
        pattern = recorded if is_numbered(actual) else remove_numbers(recorded)
        return has_in_order(pattern.split(REDACTED), actual)
    if isinstance(recorded, dict):
        if not isinstance(actual, dict) or len(recorded) != len(actual):
            return False
        return all(key in actual and is_same(value, actual[key]) for key, value in recorded.items())
    if isinstance(recorded, list):
        if not isinstance(actual, list) or len(recorded) != len(actual):
            return False
        return all(is_same(item, actual_item) for item, actual_item in zip(recorded, actual, strict=True))
    if isinstance(recorded, bool) or isinstance(actual, bool):
        return recorded is actual
    return bool(recorded == actual)


def matches(recorded: Question, actual: Question) -> bool:
    """Return whether the requests match."""
    return (
        recorded.method == actual.method
        and is_same(recorded.path, actual.path)
        and is_same(recorded.query, actual.query)
        and is_same(recorded.content, actual.content)
    )


def differences(recorded: Question, actual: Question) -> list[str]:
    """Describe each part that differs: `query limit: recorded "2", sent "100"`. Returns an empty list if they match."""
    texts: list[str] = []
    if recorded.method != actual.method:
        texts.append(f"method: recorded {recorded.method}, sent {actual.method}")
    if not is_same(recorded.path, actual.path):
        texts.append(f"path: recorded {recorded.path}, sent {actual.path}")
    for name in [*recorded.query, *(name for name in actual.query if name not in recorded.query)]:
        before, now = recorded.query.get(name), actual.query.get(name)
        if not is_same(before, now):
            texts.append(f"query {name}: {_pair(_unwrap_single(before), _unwrap_single(now))}")
    texts.extend(
        f"body{where and f' {where}'}: {difference}" for where, difference in _unlike(recorded.content, actual.content)
    )
    return texts


def _unwrap_single(values: list[str] | None) -> Any:
    if values is None:
        return UNSET
    return values[0] if len(values) == 1 else values


def _unlike(recorded: Any, actual: Any, where: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(recorded, dict) and isinstance(actual, dict):
        for key in [*recorded, *(key for key in actual if key not in recorded)]:
            yield from _unlike(recorded.get(key, UNSET), actual.get(key, UNSET), where + to_pointer(str(key)))
    elif isinstance(recorded, list) and isinstance(actual, list) and len(recorded) == len(actual):
        for index, (item, actual_item) in enumerate(zip(recorded, actual, strict=True)):
            yield from _unlike(item, actual_item, f"{where}/{index}")
    elif not is_same(recorded, actual):
        yield where, _pair(recorded, actual)


def _pair(recorded: Any, actual: Any) -> str:
    if recorded is UNSET:
        return f"not recorded, sent {_shorten(actual)}"
    if actual is UNSET:
        return f"recorded {_shorten(recorded)}, not sent"
    return f"recorded {_shorten(recorded)}, sent {_shorten(actual)}"


def _shorten(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def distance(recorded: Question, actual: Question) -> tuple[int, int, float, int]:
    """Return a sort key for how different two requests are; the smallest is the nearest."""
    from difflib import SequenceMatcher

    likeness = 1.0
    if recorded.path != actual.path:
        likeness = SequenceMatcher(None, recorded.path[:300], actual.path[:300]).ratio()
    return (
        int(not is_same(recorded.path, actual.path)),
        int(recorded.method != actual.method),
        1.0 - likeness,
        len(differences(recorded, actual)),
    )
