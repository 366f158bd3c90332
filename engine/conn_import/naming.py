"""Guess names of resources and operations from paths and methods. The same document always gets the same names.

`/deals` is `deals.list` and `deals.create`, `/deals/{id}` is `deals.get`, `/deals/{id}/products` is
`deal_products.list`, `/deals/search` is `deals.search`, and `/chat.postMessage` is `chat.post_message`. If two
operations get the same name, the one with the shorter path keeps it. The other one gets the document's name for it,
or a number.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from conn_engine.analysis.drift.contract import Endpoint
from conn_engine.config.models import Resource
from conn_import.words import is_plural, squeeze, to_identifier, to_singular, to_snake

__all__ = ["SuggestedName", "suggest_names"]

_NOISE = re.compile(
    r"(?:api|rest|v\d+(?:\.\d+)*(?:beta|alpha)?\d*|\d+(?:\.\d+)*|\d{4}-\d{2}(?:-\d{2})?)", re.IGNORECASE
)
_VERSION = re.compile(r"v\d+(?:\.\d+)*", re.IGNORECASE)
_SUFFIX = re.compile(r"\.(?:json|xml|csv)$", re.IGNORECASE)
_BULK = frozenset({"batch", "bulk", "batches"})
_VERBS = frozenset({
    "activate", "add", "approve", "archive", "assign", "attach", "autocomplete", "cancel", "capture", "clone",
    "close", "complete", "confirm", "convert", "copy", "count", "create", "deactivate", "delete", "detach",
    "disable", "download", "duplicate", "enable", "execute", "export", "filter", "finalize", "find", "get",
    "import", "list", "lock", "lookup", "merge", "move", "pay", "preview", "publish", "purge", "query", "read",
    "recent", "refresh", "refund", "reject", "remove", "reopen", "resend", "restore", "run", "search", "send",
    "set", "start", "stop", "subscribe", "sync", "transfer", "unarchive", "unassign", "unlock", "unpublish",
    "unsubscribe", "update", "upload", "upsert", "validate", "verify", "void",
})  # fmt: skip
_OF_MANY = frozenset({"create", "list"})
"""Actions on a collection, never on the one record that the path names before them."""
RESERVED = frozenset({"operations", *(name for name in Resource.__struct_fields__), *Resource.aliases})
"""Keys of a resource that are no operation's name."""


@dataclass(frozen=True, slots=True)
class SuggestedName:
    """A name, `resource.method`. `many` is set if a list of records is expected, and `item` if the operation is about
    the record that the path's last parameter identifies. `noun` is the last fixed word of the path."""

    resource: str
    method: str
    many: bool
    noun: str
    item: bool = False

    @property
    def text(self) -> str:
        """`resource.method`."""
        return f"{self.resource}.{self.method}"


@dataclass(frozen=True, slots=True)
class _Segment:
    text: str
    parameter: bool


def suggest_names(endpoints: Sequence[Endpoint], title: str = "") -> dict[int, SuggestedName]:
    """Return the name of each endpoint by its index."""
    paths = _Paths(endpoints, title)
    order = sorted(
        range(len(endpoints)),
        key=lambda n: (len(paths.segments[n]), endpoints[n].path, endpoints[n].method, n),
    )
    names: dict[int, SuggestedName] = {}
    taken: set[str] = set()
    counts: Counter[str] = Counter()
    for number in order:
        name = paths.suggest_name(number, endpoints[number])
        if name.text in taken:
            name = replace(name, method=_find_own_method(endpoints[number], name))
        base = name
        while name.text in taken:
            counts[base.text] += 1
            name = replace(base, method=f"{base.method}_{counts[base.text] + 1}")
        taken.add(name.text)
        names[number] = name
    return names


def _find_own_method(endpoint: Endpoint, name: SuggestedName) -> str:
    """Return the document's name for an operation without the resource's words, or its HTTP method."""
    words = [word for word in to_snake(endpoint.name.rpartition("/")[2]).split("_") if word]
    existing = {form for part in name.resource.split("_") for form in (part, to_singular(part))}
    rest = [word for word in words if word not in existing]
    return _avoid_reserved("_".join(rest or words) or f"{name.method}_{endpoint.method}")


def _avoid_reserved(method: str) -> str:
    method = to_identifier(method, "call")
    return f"{method}_records" if method in RESERVED else method


class _Paths:
    """The paths of a document, split into segments without their common start."""

    def __init__(self, endpoints: Sequence[Endpoint], title: str) -> None:
        self._title = to_snake(title)
        cut = [_split_path(endpoint.path) for endpoint in endpoints]
        skipped = _count_shared(cut)
        self.segments = [_remove_noise(segments[skipped:]) for segments in cut]
        keys = [tuple(_to_key(segment) for segment in segments) for segments in self.segments]
        self._methods: dict[tuple[str, ...], set[str]] = {}
        self._below: set[tuple[str, ...]] = set()
        for key, endpoint in zip(keys, endpoints, strict=True):
            self._methods.setdefault(key, set()).add(endpoint.method)
            self._below.update(key[:length] for length in range(1, len(key)))
        self._nameless = {
            segment.text
            for segments in self.segments
            for segment in segments
            if not segment.parameter and not to_snake(segment.text).strip("_0123456789")
        }

    def suggest_name(self, number: int, endpoint: Endpoint) -> SuggestedName:
        segments = self.segments[number]
        written = [segment for segment in segments if not segment.parameter]
        if not written:
            item = bool(segments) and segments[-1].parameter
            return SuggestedName(
                "root", _avoid_reserved(_choose_method(endpoint, item=False, many=False)), False, "", item
            )
        last = written[-1].text
        if len(written) == 1 and "." in last.strip("."):
            return replace(_name_remote_call(last, endpoint), item=segments[-1].parameter)
        if len(segments) == 1 and endpoint.method == "post" and to_snake(last).split("_")[0] in _VERBS:
            return SuggestedName(to_identifier(to_snake(last), "root"), _avoid_reserved(to_snake(last)), True, last)
        action, rest = self._split_action(segments, endpoint)
        noun = next((segment.text for segment in reversed(rest) if not segment.parameter), last)
        resource = self._name_resource(rest)
        item = bool(rest) and rest[-1].parameter
        if action:
            shape = endpoint.answer.shape
            many = action == "list" or (shape is not None and not (item and endpoint.method != "get"))
            return SuggestedName(resource, _avoid_reserved(action), many, noun, item)
        key = tuple(_to_key(segment) for segment in segments)
        holds_items = is_plural(noun) and (*key, "{}") in self._methods
        listed = holds_items or to_snake(last) == "list" or _is_listing(endpoint, noun)
        many = not item and endpoint.method == "get" and listed
        below = {"put", "patch"} & self._methods[key]
        method = _choose_method(endpoint, item=item, many=many, both=len(below) == 2)
        return SuggestedName(resource, _avoid_reserved(method), many, noun, item)

    def _name_resource(self, segments: Sequence[_Segment]) -> str:
        words: list[str] = []
        written = [n for n, segment in enumerate(segments) if not segment.parameter]
        for n in written:
            word = to_snake(segments[n].text)
            if segments[n].text in self._nameless:
                word = self._title if len(self._nameless) == 1 and self._title else f"type_{word}"
            followed = n + 1 < len(segments) and segments[n + 1].parameter
            word = to_singular(word) if followed and n != written[-1] else word
            if words and word.startswith(f"{words[-1]}_"):
                words.pop()  # projects/{id}/project_memberships
            words.append(word)
        return to_identifier(to_snake("_".join(word for word in words if word)), "root")

    def _split_action(self, segments: list[_Segment], endpoint: Endpoint) -> tuple[str, list[_Segment]]:
        """Return the action in the last segments, and the segments of the resource before it."""
        last = segments[-1]
        if last.parameter or len(segments) < 2:
            return "", segments
        bulk = max((n for n, one in enumerate(segments) if n and one.text.lower() in _BULK), default=0)
        if bulk and not any(one.parameter for one in segments[bulk:]):
            return "_".join(to_snake(one.text) for one in segments[bulk:]), segments[:bulk]
        before = segments[:-1]
        key = tuple(_to_key(segment) for segment in segments)
        word = to_snake(last.text)
        if word in _OF_MANY and before[-1].parameter:
            return "", segments  # `/actions/{id}/list` lists the items of one action, not the actions
        if word.split("_")[0] in _VERBS and (key not in self._below or word in _VERBS):
            return word, before
        if is_plural(last.text) or key in self._below:
            return "", segments
        methods = self._methods[key]
        alone = len(methods) == 1
        owner = before[-1].parameter or tuple(_to_key(segment) for segment in before) in self._methods
        if alone and owner and (endpoint.method != "get" or not _is_listing(endpoint, last.text)):
            return word, before
        if alone and endpoint.method == "get" and not before[-1].parameter and owner:
            return word, before
        return "", segments


def _name_remote_call(text: str, endpoint: Endpoint) -> SuggestedName:
    """`admin.apps.list` as `admin_apps.list`."""
    resource, _, method = text.rpartition(".")
    word = to_snake(method)
    many = word == "list" or endpoint.method == "get"
    return SuggestedName(
        to_identifier(to_snake(resource), "root"), _avoid_reserved(word), many, resource.rpartition(".")[2]
    )


def _choose_method(endpoint: Endpoint, *, item: bool, many: bool, both: bool = False) -> str:
    method = endpoint.method
    if method == "get":
        return "list" if many else "get"
    if method == "post":
        return "update" if item else "create"
    if method == "delete":
        return "delete"
    if method in ("put", "patch"):
        return "replace" if both and method == "put" else "update"
    return method


def _is_listing(endpoint: Endpoint, noun: str) -> bool:
    """Return whether the response to a GET on a collection's path is a list."""
    shape = endpoint.answer.shape
    if shape is not None and shape.type == "array":
        return True
    properties = shape.properties() if shape is not None else {}
    if not properties:
        return is_plural(noun)
    arrays = [name for name, inner in properties.items() if inner.type == "array"]
    if not arrays:  # one record instead of a list, or an envelope
        return is_plural(noun) and (
            "id" in properties or any(one.type in ("object", "") for one in properties.values())
        )
    if is_plural(noun):
        return True
    existing = {squeeze(noun), "data", "results", "items", "records", "values"}
    return "id" not in properties and (len(properties) <= 4 or any(squeeze(name) in existing for name in arrays))


def _split_path(path: str) -> list[_Segment]:
    found = []
    for text in path.partition("?")[0].split("/"):
        if text:
            # `{id}.json` and `{id}:cancel` are parameters too, as far as names go.
            parameter = "{" in text
            found.append(_Segment(text if parameter else _SUFFIX.sub("", text) or text, parameter))
    return found


def _count_shared(paths: Sequence[list[_Segment]]) -> int:
    """Count the first segments that all paths share. Each path keeps at least one fixed segment."""
    if not paths:
        return 0
    shared = 0
    first = paths[0]
    while all(
        len(path) > shared + 1
        and path[shared] == first[shared]
        and not path[shared].parameter
        and any(not segment.parameter for segment in path[shared + 1 :])
        for path in paths
    ):
        shared += 1
    return shared


def _remove_noise(segments: list[_Segment]) -> list[_Segment]:
    """Remove `api`, `rest` and versions at the start, and versions anywhere. At least one word remains."""
    kept = list(segments)
    while len(kept) > 1 and not kept[0].parameter and _NOISE.fullmatch(kept[0].text) and not kept[1].parameter:
        kept.pop(0)
    slim = [
        one for n, one in enumerate(kept) if one.parameter or n == len(kept) - 1 or not _VERSION.fullmatch(one.text)
    ]
    return slim if any(not one.parameter for one in slim) else kept


def _to_key(segment: _Segment) -> str:
    return "{}" if segment.parameter else segment.text
