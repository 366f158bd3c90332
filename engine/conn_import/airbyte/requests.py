"""A requester of a manifest: URL, method, query, headers and body of an operation."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conn_import.airbyte.jinja import (
    Cond,
    ListOf,
    Lit,
    Names,
    Node,
    ObjectOf,
    Path,
    Untranslatable,
    children,
    may_be_empty,
    secrets_in,
    textual,
    translated,
)
from conn_import.airbyte.names import Scope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.templates import (
    by_account,
    data,
    joined,
    leaves,
    nullable,
    parts,
    template,
    written,
)
from conn_import.airbyte.urls import (
    after_host,
    base_of,
    hosts_of,
    query_of,
    split_values,
    url_of,
    with_places,
    with_secrets,
)

__all__ = ["Request", "request_of"]

_ABSOLUTE = re.compile(r"(https?://[^/?{}\s]+)(/.*)?$", re.DOTALL)
"""A path that is a URL of its own: it stands for the base URL too."""
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


@dataclass(slots=True)
class Request:
    """What a requester says, in our language. `carried` are authorizations for secrets outside of the authenticator;
    `hosts` what the URL writes out."""

    base_url: str = ""
    row: dict[str, Any] = field(default_factory=dict)
    carried: list[dict[str, Any]] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    open_host: bool = False
    secrets: bool = False
    job: bool = False


def request_of(
    requester: Mapping[str, Any], scope: Scope, notes: Notes, *, secrets: bool = False, job: bool = False
) -> Request:
    """The request. What it cannot say goes to the notes. `secrets`: it is one for a token, which may name them; `job`:
    it is one of several of a job, which have one authorization and different paths."""
    made = Request(secrets=secrets, job=job)
    names = scope.request()
    method = str(requester.get("http_method") or "GET").lower()
    if method not in _METHODS:
        notes.add(f"the method {method.upper()[:20]}")
        method = "get"
    made.row["method"] = method
    query: dict[str, Any] = {}
    _url(requester, scope, names, made, query, notes)
    if secrets:
        names = {**names, "config": scope.settings.login_value}
    _parameters(requester.get("request_parameters"), names, made, query, notes)
    if query:
        made.row["query"] = query
    headers: dict[str, Any] = {}
    for name, value in _pairs(requester.get("request_headers"), names, "request_headers", notes):
        _placed(headers, "header", name, value, made, notes)
    if headers:
        made.row["headers"] = headers
    _body(requester, names, made, notes)
    timeout = requester.get("read_timeout_in_seconds")
    if isinstance(timeout, int | float) and 0 < timeout <= 3600:
        made.row["timeout_seconds"] = timeout
    if method not in ("get", "head"):
        made.row |= {"writes": False, "idempotent": True}
    return made


def _url(  # noqa: PLR0917
    requester: Mapping[str, Any], scope: Scope, names: Names, made: Request, query: dict[str, Any], notes: Notes
) -> None:
    base, path = requester.get("url_base"), requester.get("path")
    if not base:
        base, path = requester.get("url") or "", path or ""
    if isinstance(path, str) and (absolute := _ABSOLUTE.match(path.strip())):
        base, path = absolute[1], absolute[2] or ""
    elif isinstance(path, str) and re.match("https?://", path.strip()):
        base, path = path, ""
    try:
        whole = _text(base, names)
        kept, rest = _host_and_path(whole)
        if not made.secrets:
            if (keyed := with_secrets(kept)) != kept:
                notes.add("that accounts without a key have another host: the one with a key stands there")
                kept = keyed
            host, below = after_host(kept)
            kept = joined([*host, _by_authorization(below, scope, made)])
            scope.settings.expose(secrets_in(kept), "the host's URL")
        made.base_url = base_of(kept)
        made.hosts = hosts_of(kept, scope.settings.choices)
        made.open_host = not made.hosts
    except Untranslatable as reason:
        notes.add(f"the base URL: {reason}")
        made.base_url, rest, made.open_host = "https://api.example.com", Lit(""), True
    try:
        own = split_values(_text(path or "", names), scope.has_slash)
        whole = _under(rest, own)
        if not made.secrets:
            whole = _by_authorization(whole, scope, made)
        url = url_of(whole)
        if not made.secrets:
            scope.settings.expose(url.secrets, "the path")
    except Untranslatable as reason:
        notes.add(f"the path: {reason}")
        made.row["path"] = "/"
        return
    bare = url.path.strip("/") == "" and rest == Lit("")
    made.row["path"] = ("/" if str(base).endswith("/") else "") if bare else url.path
    for name, node in url.query.items():
        _placed(query, "query", name, node, made, notes)


def _by_authorization(node: Node, scope: Scope, made: Request) -> Node:
    """A URL with a place for each secret that its path cannot be without; the authorization puts it there."""
    if made.job:
        return node
    put, places = with_places(node, scope.settings.kept())
    for place, name in places.items():
        carried = {"format": "path", "config": {"name": place, "value": f"{{{{{name}}}}}"}}
        if carried not in made.carried:
            made.carried.append(carried)
    scope.settings.require(places.values())
    return put


def _text(value: Any, names: Names) -> Node:
    if not isinstance(value, str):
        raise Untranslatable("a URL that is no text")
    node = textual(translated(value.strip(), names))

    return joined(parts(node))


def _host_and_path(node: Node) -> tuple[Node, Node]:
    """A URL as what only the configuration decides, and the rest, which becomes a part of the path."""

    def configured(one: Node) -> bool:
        if isinstance(one, Path) and one.root not in ("context", "") and not one.root.startswith("$"):
            return False
        return all(configured(child) for child in children(one))

    pieces = parts(node)
    for n, piece in enumerate(pieces):
        text = str(piece.value) if isinstance(piece, Lit) else ""
        if not configured(piece):
            before = pieces[:n]
            if before and isinstance(before[-1], Lit):
                head, slash, tail = str(before[-1].value).rpartition("/")
                if slash and "://" not in f"{slash}{tail}" and not head.endswith((":", "/")):
                    return joined([*before[:-1], Lit(head)]), joined([Lit(f"/{tail}"), *pieces[n:]])
            raise Untranslatable("a host that differs within a stream")
        if "?" in text:
            head, _, tail = text.partition("?")
            return joined([*pieces[:n], Lit(head)]), joined([Lit(f"?{tail}"), *pieces[n + 1 :]])
    return node, Lit("")


def _under(rest: Node, own: Node) -> Node:
    """A path below what is left of the URL."""

    if rest == Lit(""):
        first = parts(own)[0]
        if isinstance(first, Lit):
            return joined([Lit(f"/{str(first.value).lstrip('/')}"), *parts(own)[1:]]) if own != Lit("") else own
        return own
    if own == Lit(""):
        return rest
    first, *others = parts(own)
    if isinstance(first, Lit):
        first = Lit(str(first.value).lstrip("/"))
    before = joined(parts(rest))
    last = parts(before)[-1]
    slash = "" if isinstance(last, Lit) and str(last.value).endswith("/") else "/"
    return joined([before, Lit(slash), first, *others])


def _pairs(value: Any, names: Names, key: str, notes: Notes) -> list[tuple[str, Node]]:
    """The texts of an object of templates; empty ones are not sent."""
    if not value:
        return []
    if not isinstance(value, Mapping):
        notes.add(f"{key} that are no object")
        return []
    found: list[tuple[str, Node]] = []
    for name, one in value.items():
        if isinstance(one, Mapping) and one.get("type") == "QueryProperties":
            continue
        try:
            label = textual(translated(str(name), names))
            if not isinstance(label, Lit):
                raise Untranslatable("a name that is computed")
            node = _value(one, names)
        except Untranslatable as reason:
            notes.add(f"{key}.{name}: {reason}")
            continue
        if node != Lit(None):
            found.append((str(label.value), node))
    return found


def _value(one: Any, names: Names) -> Node:
    if isinstance(one, bool):
        return Lit(str(one))
    if one is None or isinstance(one, int | float):
        return Lit(one)
    if isinstance(one, list):
        return ListOf(tuple(_value(item, names) for item in one))
    if not isinstance(one, str):
        raise Untranslatable("an object as a value")
    return nullable(written(translated(one, names)))


def _parameters(value: Any, names: Names, made: Request, query: dict[str, Any], notes: Notes) -> None:
    if isinstance(value, str):
        try:
            pairs = query_of(parts(textual(translated(value, names))))
        except Untranslatable as reason:
            notes.add(f"request_parameters: {reason}")
            return
        if pairs is None:
            notes.add("request_parameters that are no list of names and values")
        for name, node in (pairs or {}).items():
            _placed(query, "query", name, nullable(node), made, notes)
        return
    for name, node in _pairs(value, names, "request_parameters", notes):
        _placed(query, "query", name, node, made, notes)


def _placed(  # noqa: PLR0917
    into: dict[str, Any], place: str, name: str, node: Node, made: Request, notes: Notes
) -> None:
    """A value where it goes; one with a secret is carried by the authorization."""
    if made.secrets or not secrets_in(node):
        into[name] = leaves(node, secrets=True) if isinstance(node, ListOf) else template(node)
        return
    if not by_account(node):
        notes.add(f"{name}: a secret together with values of the request")
        return
    made.carried.append({"format": place, "config": {"name": name, "value": str(template(node))}})


def _body(requester: Mapping[str, Any], names: Names, made: Request, notes: Notes) -> None:
    body = requester.get("request_body")
    kind = body.get("type") if isinstance(body, Mapping) else None
    json, form = requester.get("request_body_json"), requester.get("request_body_data")
    if kind in ("RequestBodyJsonObject", "RequestBodyGraphQL"):
        json = body["value"] if isinstance(body, Mapping) else None
    elif kind in ("RequestBodyUrlEncodedForm", "RequestBodyPlainText"):
        form = body["value"] if isinstance(body, Mapping) else None
    try:
        if json:
            _json_body(json, kind == "RequestBodyGraphQL", names, made, notes)
        elif isinstance(form, str) and form:
            made.row["body"] = template(textual(translated(form, names)))
            made.row["body_format"] = "raw"
        elif form:
            fields: dict[str, Any] = {}
            for name, node in _pairs(form, names, "request_body_data", notes):
                if secrets_in(node) and not made.secrets:
                    _carry_in_body((name,), node, made)
                else:
                    fields[name] = template(node)
            made.row["body"], made.row["body_format"] = fields, "form"
    except Untranslatable as reason:
        notes.add(f"the body: {reason}")


def _null_for_empty(node: Node) -> Node:
    """A choice of bodies, of which an empty one is none."""
    if isinstance(node, Cond):
        return Cond(node.test, _null_for_empty(node.then), _null_for_empty(node.other))
    return Lit(None) if isinstance(node, ObjectOf) and not node.pairs else node


def _without_secrets(node: Node, place: tuple[str, ...], made: Request) -> Node:
    """A body without the fields that hold secrets; the authorization puts them there."""
    if not isinstance(node, ObjectOf) or not secrets_in(node):
        return node
    pairs: list[tuple[Node, Node]] = []
    for key, item in node.pairs:
        if isinstance(item, ObjectOf) and isinstance(key, Lit):
            pairs.append((key, _without_secrets(item, (*place, str(key.value)), made)))
        elif secrets_in(item) and isinstance(key, Lit):
            _carry_in_body((*place, str(key.value)), item, made)
        else:
            pairs.append((key, item))
    return ObjectOf(tuple(pairs), optional=node.optional)


def _carry_in_body(place: tuple[str, ...], node: Node, made: Request) -> None:
    if made.row["method"] in ("get", "head"):
        raise Untranslatable("a secret in the body of a request that has none with us")
    if not by_account(node) or any("." in name for name in place):
        raise Untranslatable("a secret inside of a body")
    made.carried.append({"format": "body", "config": {"field": ".".join(place), "value": str(template(node))}})


def _json_body(value: Any, graphql: bool, names: Names, made: Request, notes: Notes) -> None:

    node = data(value, names)
    if not made.secrets:
        node = _without_secrets(node, (), made)
    body = leaves(_null_for_empty(node), secrets=made.secrets)
    if body in ({}, None):
        return  # the kit sends no body instead of an empty object
    if may_be_empty(node) and isinstance(body, str):
        body = f"{{{{ {body[2:-2].strip()}[$ != {{}}] ?? null }}}}"
    made.row["body"] = body
    if graphql:
        made.row["body_format"] = "graphql"
