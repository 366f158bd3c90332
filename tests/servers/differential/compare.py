"""Holds two readings of one stream against each other: the requests as a multiset, the records as a sequence."""

import base64
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

__all__ = ["Difference", "Shape", "canonical", "compare", "shape", "unset"]

_TRANSPORT = {
    "user-agent",
    "accept-encoding",
    "connection",
    "host",
    "content-length",
    "accept",
    "content-type",
    "cookie",
}
"""Headers that the two clients set by themselves; compared only where the manifest sets them."""
_CLIENT = re.compile(r"Accept: \*/\*$|User-Agent: python-requests/")
_JWT = re.compile(r"\b(eyJ[\w-]+)\.(eyJ[\w-]+)\.[\w-]+")
Free = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Shape:
    """A request, normalised: no order among query parameters, headers and body fields.

    What follows is what the server made of it: `base` is the request without its page and its `window` of time.
    """

    method: str
    place: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: str
    kind: str = field(default="", compare=False)
    name: str = field(default="", compare=False)
    page: int = field(default=0, compare=False)
    count: int = field(default=0, compare=False)
    own: bool = field(default=False, compare=False)
    base: str = field(default="", compare=False)
    window: tuple[float | None, float | None] = field(default=(None, None), compare=False)

    @property
    def form(self) -> tuple[Any, ...]:
        """The request without its page and its window."""
        return (self.method, self.place.split("/", 3)[2], self.headers, self.base)

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.query)
        headers = ", ".join(f"{name}: {value}" for name, value in self.headers)
        return f"{self.method} {self.place}{'?' if query else ''}{query} [{headers}] {self.body}".strip()


@dataclass
class Difference:
    """What is not alike. Empty lists: alike."""

    only_cdk: list[Shape] = field(default_factory=list)
    only_ours: list[Shape] = field(default_factory=list)
    records_cdk: list[Any] = field(default_factory=list)
    records_ours: list[Any] = field(default_factory=list)
    order: bool = False

    def __bool__(self) -> bool:
        return bool(self.only_cdk or self.only_ours or self.records_cdk or self.records_ours or self.order)


def _place(request: Mapping[str, Any]) -> str:
    parts = urlsplit(request["url"])
    path = unquote(re.sub("%2f", "%252F", parts.path, flags=re.IGNORECASE))  # a slash in a segment divides nothing
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"


def unset(requests: Sequence[Mapping[str, Any]]) -> Free:
    """Headers with the values that the CDK's client gives them by itself, by place: the manifest sets none there."""
    return frozenset(
        (name.lower(), _place(one))
        for one in requests
        for name, value in one["headers"]
        if _CLIENT.match(f"{name}: {value}")
    )


def shape(request: Mapping[str, Any], set_by_manifest: frozenset[str], free: Free = frozenset()) -> Shape:
    """A request as it is compared. `free` are headers that may have any value, with the place where."""
    parts = urlsplit(request["url"])
    place = _place(request)
    query = sorted(parse_qsl(parts.query, keep_blank_values=True))
    headers = sorted(
        (name.lower(), _JWT.sub(_claims, value.strip()))
        for name, value in request["headers"]
        if (name.lower() not in _TRANSPORT or name.lower() in set_by_manifest) and (name.lower(), place) not in free
    )
    told = {key: request[key] for key in ("kind", "name", "page", "count", "own", "base")}
    window = tuple(request["window"])
    return Shape(request["method"], place, tuple(query), tuple(headers), _body(request["body"]), **told, window=window)


def _claims(found: re.Match[str]) -> str:
    """A JWT by what it says: the order of its claims is the client's, and with it the signature."""
    head, payload = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in found.group(1, 2))
    return f"jwt {json.dumps(head, sort_keys=True)} {json.dumps(payload, sort_keys=True)}"


def _body(text: str) -> str:
    if not text:
        return ""
    try:
        return json.dumps(_number(json.loads(text)), sort_keys=True)
    except ValueError:
        pairs = parse_qsl(text, keep_blank_values=True)
        return "&".join(f"{name}={value}" for name, value in sorted(pairs)) if pairs else text


def _number(data: Any) -> Any:
    """The same data with 2 for 2.0, which JSON does not tell apart."""
    if isinstance(data, float) and data.is_integer():
        return int(data)
    if isinstance(data, dict):
        return {name: _number(value) for name, value in data.items()}
    return [_number(value) for value in data] if isinstance(data, list) else data


def canonical(record: Any) -> str:
    """The same text for the same record."""
    return json.dumps(_number(record), sort_keys=True, ensure_ascii=False, default=str)


def compare(
    cdk: tuple[Sequence[Mapping[str, Any]], Sequence[Any]],
    ours: tuple[Sequence[Mapping[str, Any]], Sequence[Any]],
    set_by_manifest: frozenset[str],
    *,
    ordered: bool,
) -> Difference:
    """Both sides' requests and records. `ordered`: the order of records is the CDK's promise too (one slice)."""
    free = unset(cdk[0])
    theirs = Counter(shape(request, set_by_manifest, free) for request in cdk[0])
    mine = Counter(shape(request, set_by_manifest, free) for request in ours[0])
    found = Difference(list((theirs - mine).elements()), list((mine - theirs).elements()))
    left, right = [canonical(one) for one in cdk[1]], [canonical(one) for one in ours[1]]
    more, less = Counter(left) - Counter(right), Counter(right) - Counter(left)
    found.records_cdk = [json.loads(one) for one in more.elements()]
    found.records_ours = [json.loads(one) for one in less.elements()]
    found.order = ordered and not found.records_cdk and not found.records_ours and left != right
    return found
