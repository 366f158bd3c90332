"""Which requests reading one stream makes: its own, its parents', those for tokens. From the resolved manifest."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from differential.peer import templates

__all__ = ["Endpoint", "Request", "Seen", "custom", "endpoints_of"]

Json = dict[str, Any]
Window = tuple[float | None, float | None]
Request = tuple[str, Window, int]
"""What tells a request: base, window and page."""
_SLASHES = re.compile(r"(?<!:)/{2,}")


@dataclass
class Seen:
    """One request as it arrived. `origin` is the scheme and host that the reader meant.

    `kind` and `name` are those of the endpoint that answered, `page` counts from 0, with `count` records;
    `own`: it is the stream itself and no parent. `base` is the request without its page and its window, which is the
    time it asks for, in Unix seconds.
    """

    method: str
    origin: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    kind: str = ""
    name: str = ""
    page: int = 0
    count: int = 0
    own: bool = False
    base: str = ""
    window: Window = (None, None)

    @property
    def request(self) -> Request:
        return self.base, self.window, self.page

    @cached_property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @cached_property
    def data(self) -> Any:
        """The body as JSON, else its form fields, else its text."""
        text = self.body.decode("utf-8", "replace")
        try:
            return json.loads(text) if text else None
        except ValueError:
            return dict(parse_qsl(text, keep_blank_values=True)) or text

    def plain(self) -> Json:
        """What is compared."""
        return {
            "method": self.method,
            "url": self.origin + self.target,
            "headers": self.headers,
            "body": self.body.decode("utf-8", "surrogateescape"),
            "kind": self.kind,
            "name": self.name,
            "page": self.page,
            "count": self.count,
            "own": self.own,
            "base": self.base,
            "window": self.window,
        }


@dataclass
class Endpoint:
    """One kind of request. `kind`: records, token (OAuth), login (session), check (of a session), job, poll or
    download."""

    kind: str
    requester: Json
    config: Json
    retriever: Json = field(default_factory=dict)
    stream: Json = field(default_factory=dict)
    keys: list[tuple[Any, ...]] = field(default_factory=list)
    own: bool = False
    depth: int = 0
    extra: Json = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.stream.get("name") or self.requester.get("name") or self.kind)

    @property
    def parameters(self) -> Json:
        return self.requester.get("$parameters") or {}

    @cached_property
    def parted(self) -> frozenset[str]:
        """The headers that tell which part of the stream a request is for, in small letters."""
        headers = self.requester.get("request_headers")
        return frozenset(
            name.lower()
            for name, value in (headers.items() if isinstance(headers, dict) else ())
            if templates.mentions(value, "stream_partition", "stream_slice")
        )

    @property
    def decoder(self) -> Json:
        if self.kind == "download":
            return self.retriever.get("download_decoder") or {}
        return self.retriever.get("decoder") or self.requester.get("decoder") or {}

    @property
    def method(self) -> str:
        return str(self.requester.get("http_method") or "GET").upper()

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], re.Pattern[str] | None, int]:
        """What the URL may be, what else its query may hold, and how many characters are certain."""
        base = str(self.requester.get("url_base") or self.requester.get("url") or "")
        path, _, query = _halves(str(self.requester.get("path") or ""))
        head, sure = templates.pattern(base, self.config, self.parameters)
        head = re.split(r"\\\?", head, maxsplit=1)[0]  # a query of its own
        tail, certain = templates.pattern(path, self.config, self.parameters)
        asked, more = templates.pattern(query, self.config, self.parameters)
        if base and not re.match(r"https?(:|\\:)", tail):
            tail = unquote(head).rstrip("/") + "/" + unquote(tail).lstrip("/")
        whole = _SLASHES.sub("/", tail).rstrip("/").replace(".*?/", "(?:.*?/)?")
        whole = re.sub(r"/\.\*\?$", "(?P<last>/.*?)?", whole)  # a last segment may be empty
        search = re.compile(asked, re.DOTALL) if more else None
        return re.compile(whole, re.DOTALL | re.IGNORECASE), search, sure + certain

    def score(self, seen: Seen) -> int:
        """How well a request fits; below 0: not at all."""
        if seen.method != self.method:
            return -1
        expression, search, certain = self._patterns
        found = expression.fullmatch(_SLASHES.sub("/", seen.origin + seen.path).rstrip("/"))
        if not found:
            return -1
        if found.groupdict(default="").get("last") == "":  # what has no such segment at all fits better
            certain -= 2
        fixed = self._fixed(seen)
        if search is not None:
            fixed += len(search.pattern) if search.search(unquote(seen.target)) else -5
        return max(certain * 10 + fixed, 0)

    def _fixed(self, seen: Seen) -> int:
        query, score = dict(seen.query), 0
        for text in templates.literals(str(self.requester.get("path") or "")):
            if isinstance(text, str) and "/" in text:  # one of several paths
                score += len(text) if text in seen.path else -1
        params = self.requester.get("request_parameters")
        for name, value in params.items() if isinstance(params, dict) else ():
            score += 1 if name in query else -1
            score += 3 if query.get(name) == str(value) else 0
        for name in ("request_body_json", "request_body_data"):
            body = self.requester.get(name)
            for key, value in body.items() if isinstance(body, dict) and isinstance(seen.data, dict) else ():
                score += 3 if _same(seen.data.get(key), value) else 0
        return score


def _halves(path: str) -> tuple[str, str, str]:
    """A path template at the first `?` outside of its holes."""
    bare = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", lambda hole: "x" * len(hole.group()), path, flags=re.DOTALL)
    mark = bare.find("?")
    return (path, "", "") if mark < 0 else (path[:mark], "?", path[mark + 1 :])


def _same(got: Any, wanted: Any) -> bool:
    squeeze = re.compile(r"[\s\\]+")
    return squeeze.sub("", str(got)) == squeeze.sub("", str(wanted))


def custom(stream: Any) -> list[str]:
    """The Python classes that a stream needs beyond the CDK."""
    found: list[str] = []
    if isinstance(stream, dict):
        if "class_name" in stream:
            found.append(str(stream["class_name"]).rpartition(".")[2])
        for name, inner in stream.items():
            if name not in ("schema", "$parameters"):
                found += custom(inner)
    elif isinstance(stream, list):
        for inner in stream:
            found += custom(inner)
    return list(dict.fromkeys(found))


def endpoints_of(stream: Json, config: Json) -> list[Endpoint]:
    """Every endpoint that reading the stream may ask."""
    return list(_stream(stream, config, (), own=True, depth=0))


def _routers(retriever: Json) -> list[Json]:
    router = retriever.get("partition_router") or []
    rows = list(router) if isinstance(router, list) else [router]
    found: list[Json] = []
    while rows:
        row = rows.pop(0)
        found.append(row)
        rows += row.get("partition_routers") or []
        rows += [row["underlying_partition_router"]] if row.get("underlying_partition_router") else []
    return found


def _stream(stream: Json, config: Json, keys: Any, *, own: bool, depth: int) -> Iterator[Endpoint]:
    if stream.get("type") == "StateDelegatingStream":
        for name in ("full_refresh_stream", "incremental_stream"):
            yield from _stream(stream[name], config, keys, own=own, depth=depth)
        return
    retriever = stream.get("retriever") or {}
    for name, kind in (
        ("requester", "records"),
        ("creation_requester", "job"),
        ("polling_requester", "poll"),
        ("download_requester", "download"),
    ):
        requester = retriever.get(name)
        if isinstance(requester, Mapping):
            yield Endpoint(kind, dict(requester), config, retriever, stream, list(keys), own, depth)
            yield from _tokens(requester.get("authenticator"), config, str(requester.get("url_base") or ""))
    for router in _routers(retriever):
        for row in router.get("parent_stream_configs") or []:
            key = templates.plain(row["parent_key"], config, row.get("$parameters") or {})
            wanted = [tuple(key.split("."))] + [tuple(map(str, path)) for path in row.get("extra_fields") or []]
            yield from _stream(row["stream"], config, wanted, own=False, depth=depth + 1)


def _tokens(authenticator: Any, config: Json, base: str = "") -> Iterator[Endpoint]:
    if not isinstance(authenticator, Mapping):
        return
    if authenticator.get("type") == "SelectiveAuthenticator":
        for one in authenticator["authenticators"].values():
            yield from _tokens(one, config, base)
    elif authenticator.get("type") == "OAuthAuthenticator" and authenticator.get("token_refresh_endpoint"):
        requester = {
            "url_base": authenticator["token_refresh_endpoint"],
            "http_method": "POST",
            "$parameters": authenticator.get("$parameters"),
        }
        yield Endpoint("token", requester, config, extra=dict(authenticator))
    elif authenticator.get("login_requester"):
        requester = dict(authenticator["login_requester"])
        yield Endpoint("login", requester, config, extra=dict(authenticator))
        yield from _tokens(requester.get("authenticator"), config)
    elif authenticator.get("type") == "LegacySessionTokenAuthenticator":
        requester = {
            "url_base": base,
            "path": authenticator["login_url"],
            "http_method": "POST",
            "$parameters": authenticator.get("$parameters"),
        }
        yield Endpoint("login", requester, config, extra=dict(authenticator))
        check = {**requester, "path": authenticator["validate_session_url"], "http_method": "GET"}
        yield Endpoint("check", check, config, extra=dict(authenticator))
