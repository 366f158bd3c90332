"""Name path parameters: one name for each place, even if the document's operations use different ones.

`/deals/{id}`, `/deals/{dealId}/products` and `/deals/{deal}/products/{id}` have one deal in one place. The subject of
an operation is `id`. Its parents get the name that most paths use, or one from the segment before.
"""

import re
from collections import Counter
from collections.abc import Iterable

from conn_engine.secrets import REDACTED
from conn_import.secrecy import looks_secret
from conn_import.words import to_identifier, to_singular, to_snake

__all__ = ["PATH_PARAMETER", "PathNames", "to_path_template"]

PATH_PARAMETER = re.compile(r"\{[+/]?([^{}]*?)\*?\}")
_SCOPE = frozenset(
    {"query", "raw_query", "body", "headers", "context", "env", "before", "after", "params", "response", "status"}
    | {"record", "records", "page", "request", "and", "or", "in", "true", "false", "null"}
)
_IDS = frozenset({"id", "ids", "gid", "uuid", "guid", "key", "number", "uid", "sid"})
_ID = re.compile(
    r"\d+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27,}|[0-9a-fA-F]{16,}|[A-Za-z]{1,6}_[A-Za-z0-9]{8,}|(?=[A-Za-z]*\d)[A-Za-z0-9]{15,}"
)
_Place = tuple[str, ...]


def to_path_template(path: str) -> str:
    """Return the path with `{contact_id}` in place of a segment that looks like an ID."""
    segments = path.split("/")
    before, present = "", set(segments)
    for n, segment in enumerate(segments):
        known = _ID.fullmatch(segment) and n > 1 and not re.fullmatch(r"v\d+", segment)
        if known or REDACTED in segment or looks_secret(segment):
            name = to_identifier(f"{to_singular(to_snake(before))}_id")
            segments[n] = f"{{{name if f'{{{name}}}' not in present else f'{name}_{n}'}}}"
            present.add(segments[n])
        elif segment and "{" not in segment:
            before = segment
    return "/".join(segments)


class PathNames:
    """The names of a document's path parameters."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._called: dict[_Place, Counter[str]] = {}
        for path in sorted(set(paths)):
            for name, place, _ in _find_parameters(path):
                word = to_snake(name)
                if word and word not in _IDS:
                    self._called.setdefault(place, Counter())[word] += 1

    def name_parameters(self, path: str, *, item: bool) -> dict[str, str]:
        """Return the template name of each parameter of a path. `item` is set if the last one is the operation's
        subject."""
        found = _find_parameters(path)
        names: dict[str, str] = {}
        for number, (name, place, shared) in enumerate(found):
            if name in names:
                continue
            is_id = to_snake(name).rpartition("_")[2] in _IDS or len(found) == 1
            own = item and is_id and number == len(found) - 1 and not shared
            chosen = "id" if own else self._choose_name(name, place)
            if chosen in _SCOPE or chosen in names.values():
                chosen = f"{chosen}_value" if chosen in _SCOPE else f"{chosen}_{len(names) + 1}"
            names[name] = to_identifier(chosen)
        return names

    def _choose_name(self, name: str, place: _Place) -> str:
        called = self._called.get(place)
        if called:
            return to_identifier(min(called, key=lambda word: (-called[word], word)))
        before = next((to_snake(part) for part in reversed(place[:-1]) if "{" not in part), "")
        if to_snake(name) in _IDS:
            return to_identifier(f"{to_singular(before)}_id" if before else "own_id")
        return to_identifier(name)


def _find_parameters(path: str) -> list[tuple[str, _Place, bool]]:
    """The parameters of a path in order: name, place, and whether another one shares the segment."""
    collected: list[tuple[str, _Place, bool]] = []
    before: _Place = ()
    for segment in path.partition("?")[0].split("/"):
        names = PATH_PARAMETER.findall(segment)
        bare = PATH_PARAMETER.sub("{}", segment)
        collected += [(name, (*before, f"{bare} {n}"), len(names) > 1) for n, name in enumerate(names)]
        before = (*before, bare) if segment else before
    return collected
