"""Name path parameters: one name for each place, even if the document's operations use different ones.

`/deals/{id}`, `/deals/{dealId}/products` and `/deals/{deal}/products/{id}` have one deal in one place. The subject of
an operation is `id`. Its parents get the name that most paths use, or one from the segment before. A place that nearly
all paths have belongs to the account.
"""

import re
from collections import Counter
from collections.abc import Iterable

from conn_engine.secrets import REDACTED, is_secret_name
from conn_import.secrecy import looks_secret
from conn_import.words import to_identifier, to_singular, to_snake

__all__ = ["PATH_PARAMETER", "PathNames", "get_context_name", "to_path_template"]

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
_CONTEXT = "context."
_FEWEST_USES = 5
"""Fewer operations with a parameter do not show that it belongs to the account."""
_LEAST_SHARE = 0.75
_ACCOUNTS = frozenset({
    "account", "business", "company", "environment", "instance", "merchant", "org", "organisation", "organization",
    "portal", "realm", "shop", "site", "store", "subscription", "team", "tenant", "workspace",
})  # fmt: skip
"""Words for what an account is at a vendor."""


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
    """The names of a document's path parameters. `paths` has the path of each operation."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._called: dict[_Place, Counter[str]] = {}
        all_paths = list(paths)
        self._of_account = _find_account_places(all_paths)
        for path in sorted(set(all_paths)):
            for name, place, _ in _find_parameters(path):
                word = to_snake(name)
                if word and word not in _IDS:
                    self._called.setdefault(place, Counter())[word] += 1

    def name_parameters(self, path: str, *, item: bool) -> dict[str, str]:
        """Return the template name of each parameter of a path. `item` is set if the last one is the operation's
        subject. The name of a value of the account starts with `context.`."""
        found = _find_parameters(path)
        names: dict[str, str] = {}
        for number, (name, place, shared) in enumerate(found):
            if name in names:
                continue
            if place in self._of_account and _is_inside(place, path):
                names[name] = f"{_CONTEXT}{self._choose_name(name, place)}"
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


def get_context_name(name: str) -> str:
    """Return the name in the account's context that a template name refers to, or ""."""
    return name.removeprefix(_CONTEXT) if name.startswith(_CONTEXT) else ""


def _find_account_places(paths: list[str]) -> frozenset[_Place]:
    """Return the places of parameters that nearly all operations have, before further segments. One that operations
    read or write itself, as `/deals/{id}`, is a record, unless it has a name for an account."""
    counts: Counter[_Place] = Counter()
    records: set[_Place] = set()
    for path in paths:
        for name, place, shared in _find_parameters(path):
            if not _is_inside(place, path):
                records.add(place)
            elif not shared and not is_secret_name(name):
                counts[place] += 1
    fewest = max(_FEWEST_USES, len(paths) * _LEAST_SHARE)
    return frozenset(
        place
        for place, count in counts.items()
        if count >= fewest and (place not in records or to_singular(to_snake("".join(place[-2:-1]))) in _ACCOUNTS)
    )


def _is_inside(place: _Place, path: str) -> bool:
    """Return whether segments follow a place."""
    return len(place) < sum(1 for segment in path.partition("?")[0].split("/") if segment)


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
