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
    PathNode,
    Untranslatable,
    can_be_empty,
    find_secrets,
    list_children,
    to_text,
    translate,
)
from conn_import.airbyte.names import TemplateScope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.templates import (
    is_set_by_account,
    join_parts,
    make_nullable,
    read_rendered,
    split_parts,
    to_body_node,
    to_data,
    to_template,
)
from conn_import.airbyte.urls import (
    assume_secrets,
    find_hosts,
    parse_query,
    replace_secrets,
    split_after_host,
    split_values,
    to_base_url,
    to_url,
)

__all__ = ["ManifestRequest", "build_request"]

_ABSOLUTE = re.compile(r"(https?://[^/?{}\s]+)(/.*)?$", re.DOTALL)
"""A path that is a complete URL: it replaces the base URL."""
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


@dataclass(slots=True)
class ManifestRequest:
    """A requester as an operation. `authorizations` are those for secrets outside the authenticator; `hosts` are those
    that the URL contains literally."""

    base_url: str = ""
    row: dict[str, Any] = field(default_factory=dict)
    authorizations: list[dict[str, Any]] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    open_host: bool = False
    secrets: bool = False
    job: bool = False


def build_request(
    requester: Mapping[str, Any], scope: TemplateScope, notes: Notes, *, secrets: bool = False, job: bool = False
) -> ManifestRequest:
    """Return the request. Unsupported parts are noted. `secrets` is set for a token request, which may contain secrets.
    `job` is set for one of a job's requests, which share an authorization but have different paths."""
    made = ManifestRequest(secrets=secrets, job=job)
    names = scope.for_request()
    method = str(requester.get("http_method") or "GET").lower()
    if method not in _METHODS:
        notes.add(f"the method {method.upper()[:20]}")
        method = "get"
    made.row["method"] = method
    query: dict[str, Any] = {}
    _add_url(requester, scope, names, made, query, notes)
    if secrets:
        names = {**names, "config": scope.settings.translate_login}
    _add_parameters(requester.get("request_parameters"), names, made, query, notes)
    if query:
        made.row["query"] = query
    headers: dict[str, Any] = {}
    for name, value in _translate_pairs(requester.get("request_headers"), names, "request_headers", notes):
        _add_value(headers, "header", name, value, made, notes)
    if headers:
        made.row["headers"] = headers
    _add_body(requester, names, made, notes)
    timeout = requester.get("read_timeout_in_seconds")
    if isinstance(timeout, int | float) and 0 < timeout <= 3600:
        made.row["timeout_seconds"] = timeout
    if method not in ("get", "head"):
        made.row |= {"writes": False, "idempotent": True}
    return made


def _add_url(  # noqa: PLR0917
    requester: Mapping[str, Any],
    scope: TemplateScope,
    names: Names,
    request: ManifestRequest,
    query: dict[str, Any],
    notes: Notes,
) -> None:
    base, path = requester.get("url_base"), requester.get("path")
    if not base:
        base, path = requester.get("url") or "", path or ""
    if isinstance(path, str) and (absolute := _ABSOLUTE.match(path.strip())):
        base, path = absolute[1], absolute[2] or ""
    elif isinstance(path, str) and re.match("https?://", path.strip()):
        base, path = path, ""
    try:
        whole = _translate_url(base, names)
        kept, rest = _split_host_and_path(whole)
        if not request.secrets:
            if (keyed := assume_secrets(kept)) != kept:
                notes.add("the host of accounts without a key: base_url is the host with a key")
                kept = keyed
            host, below = split_after_host(kept)
            kept = join_parts([*host, _move_secrets_to_authorization(below, scope, request)])
            scope.settings.expose(find_secrets(kept), "the host's URL")
        request.base_url = to_base_url(kept)
        request.hosts = find_hosts(kept, scope.settings.list_choices)
        request.open_host = not request.hosts
    except Untranslatable as reason:
        notes.add(f"the base URL: {reason}")
        request.base_url, rest, request.open_host = "https://api.example.com", Lit(""), True
    try:
        own = split_values(_translate_url(path or "", names), scope.has_slash)
        whole = _join_paths(rest, own)
        if not request.secrets:
            whole = _move_secrets_to_authorization(whole, scope, request)
        url = to_url(whole)
        if not request.secrets:
            scope.settings.expose(url.secrets, "the path")
    except Untranslatable as reason:
        notes.add(f"the path: {reason}")
        request.row["path"] = "/"
        return
    bare = url.path.strip("/") == "" and rest == Lit("")
    request.row["path"] = ("/" if str(base).endswith("/") else "") if bare else url.path
    for name, node in url.query.items():
        _add_value(query, "query", name, node, request, notes)


def _move_secrets_to_authorization(node: Node, scope: TemplateScope, made: ManifestRequest) -> Node:
    """Replace each secret that a path needs by a placeholder, which the authorization fills in."""
    if made.job:
        return node
    put, places = replace_secrets(node, scope.settings.list_path_secrets())
    for place, name in places.items():
        authorization = {"format": "path", "config": {"name": place, "value": f"{{{{{name}}}}}"}}
        if authorization not in made.authorizations:
            made.authorizations.append(authorization)
    scope.settings.require(places.values())
    return put


def _translate_url(value: Any, names: Names) -> Node:
    if not isinstance(value, str):
        raise Untranslatable("a URL that is not a string")
    node = to_text(translate(value.strip(), names))

    return join_parts(split_parts(node))


def _split_host_and_path(node: Node) -> tuple[Node, Node]:
    """Split a URL into the part that depends only on the configuration, and the rest, which becomes part of the
    path."""

    def is_configured(one: Node) -> bool:
        if isinstance(one, PathNode) and one.root not in ("context", "") and not one.root.startswith("$"):
            return False
        return all(is_configured(child) for child in list_children(one))

    pieces = split_parts(node)
    for n, piece in enumerate(pieces):
        text = str(piece.value) if isinstance(piece, Lit) else ""
        if not is_configured(piece):
            before = pieces[:n]
            if before and isinstance(before[-1], Lit):
                head, slash, tail = str(before[-1].value).rpartition("/")
                if slash and "://" not in f"{slash}{tail}" and not head.endswith((":", "/")):
                    return join_parts([*before[:-1], Lit(head)]), join_parts([Lit(f"/{tail}"), *pieces[n:]])
            raise Untranslatable("a host that differs within a stream")
        if "?" in text:
            head, _, tail = text.partition("?")
            return join_parts([*pieces[:n], Lit(head)]), join_parts([Lit(f"?{tail}"), *pieces[n + 1 :]])
    return node, Lit("")


def _join_paths(rest: Node, own: Node) -> Node:
    """Append the path to the rest of the URL."""

    if rest == Lit(""):
        first = split_parts(own)[0]
        if isinstance(first, Lit):
            return (
                join_parts([Lit(f"/{str(first.value).lstrip('/')}"), *split_parts(own)[1:]]) if own != Lit("") else own
            )
        return own
    if own == Lit(""):
        return rest
    first, *others = split_parts(own)
    if isinstance(first, Lit):
        first = Lit(str(first.value).lstrip("/"))
    before = join_parts(split_parts(rest))
    last = split_parts(before)[-1]
    slash = "" if isinstance(last, Lit) and str(last.value).endswith("/") else "/"
    return join_parts([before, Lit(slash), first, *others])


def _translate_pairs(value: Any, names: Names, key: str, notes: Notes) -> list[tuple[str, Node]]:
    """Translate an object of templates. Empty ones are not sent."""
    if not value:
        return []
    if not isinstance(value, Mapping):
        notes.add(f"{key} that are not an object")
        return []
    collected: list[tuple[str, Node]] = []
    for name, one in value.items():
        if isinstance(one, Mapping) and one.get("type") == "QueryProperties":
            continue
        try:
            label = to_text(translate(str(name), names))
            if not isinstance(label, Lit):
                raise Untranslatable("a computed name")
            node = _translate_value(one, names)
        except Untranslatable as reason:
            notes.add(f"{key}.{name}: {reason}")
            continue
        if node != Lit(None):
            collected.append((str(label.value), node))
    return collected


def _translate_value(one: Any, names: Names) -> Node:
    if isinstance(one, bool):
        return Lit(str(one))
    if one is None or isinstance(one, int | float):
        return Lit(one)
    if isinstance(one, list):
        return ListOf(tuple(_translate_value(item, names) for item in one))
    if not isinstance(one, str):
        raise Untranslatable("an object as a value")
    return make_nullable(read_rendered(translate(one, names)))


def _add_parameters(value: Any, names: Names, request: ManifestRequest, query: dict[str, Any], notes: Notes) -> None:
    if isinstance(value, str):
        try:
            pairs = parse_query(split_parts(to_text(translate(value, names))))
        except Untranslatable as reason:
            notes.add(f"request_parameters: {reason}")
            return
        if pairs is None:
            notes.add("request_parameters that are not a list of names and values")
        for name, node in (pairs or {}).items():
            _add_value(query, "query", name, make_nullable(node), request, notes)
        return
    for name, node in _translate_pairs(value, names, "request_parameters", notes):
        _add_value(query, "query", name, node, request, notes)


def _add_value(  # noqa: PLR0917
    into: dict[str, Any], place: str, name: str, node: Node, request: ManifestRequest, notes: Notes
) -> None:
    """Add a value. The authorization sends it if it contains a secret."""
    if request.secrets or not find_secrets(node):
        into[name] = to_data(node, secrets=True) if isinstance(node, ListOf) else to_template(node)
        return
    if not is_set_by_account(node):
        notes.add(f"{name}: a secret combined with values of the request")
        return
    request.authorizations.append({"format": place, "config": {"name": name, "value": str(to_template(node))}})


def _add_body(requester: Mapping[str, Any], names: Names, request: ManifestRequest, notes: Notes) -> None:
    body = requester.get("request_body")
    kind = body.get("type") if isinstance(body, Mapping) else None
    json, form = requester.get("request_body_json"), requester.get("request_body_data")
    if kind in ("RequestBodyJsonObject", "RequestBodyGraphQL"):
        json = body["value"] if isinstance(body, Mapping) else None
    elif kind in ("RequestBodyUrlEncodedForm", "RequestBodyPlainText"):
        form = body["value"] if isinstance(body, Mapping) else None
    try:
        if json:
            _add_json_body(json, kind == "RequestBodyGraphQL", names, request, notes)
        elif isinstance(form, str) and form:
            request.row["body"] = to_template(to_text(translate(form, names)))
            request.row["body_format"] = "raw"
        elif form:
            fields: dict[str, Any] = {}
            for name, node in _translate_pairs(form, names, "request_body_data", notes):
                if find_secrets(node) and not request.secrets:
                    _carry_in_body((name,), node, request)
                else:
                    fields[name] = to_template(node)
            request.row["body"], request.row["body_format"] = fields, "form"
    except Untranslatable as reason:
        notes.add(f"the body: {reason}")


def _replace_empty(node: Node) -> Node:
    """Replace empty bodies in a choice by null."""
    if isinstance(node, Cond):
        return Cond(node.test, _replace_empty(node.then), _replace_empty(node.other))
    return Lit(None) if isinstance(node, ObjectOf) and not node.pairs else node


def _remove_secrets(node: Node, place: tuple[str, ...], request: ManifestRequest) -> Node:
    """Remove fields with secrets from a body; the authorization adds them."""
    if not isinstance(node, ObjectOf) or not find_secrets(node):
        return node
    pairs: list[tuple[Node, Node]] = []
    for key, item in node.pairs:
        if isinstance(item, ObjectOf) and isinstance(key, Lit):
            pairs.append((key, _remove_secrets(item, (*place, str(key.value)), request)))
        elif find_secrets(item) and isinstance(key, Lit):
            _carry_in_body((*place, str(key.value)), item, request)
        else:
            pairs.append((key, item))
    return ObjectOf(tuple(pairs), optional=node.optional)


def _carry_in_body(place: tuple[str, ...], node: Node, request: ManifestRequest) -> None:
    if request.row["method"] in ("get", "head"):
        raise Untranslatable("a secret in the body of a GET")
    if not is_set_by_account(node) or any("." in name for name in place):
        raise Untranslatable("a secret inside a body")
    request.authorizations.append(
        {"format": "body", "config": {"field": ".".join(place), "value": str(to_template(node))}}
    )


def _add_json_body(value: Any, graphql: bool, names: Names, request: ManifestRequest, notes: Notes) -> None:

    node = to_body_node(value, names)
    if not request.secrets:
        node = _remove_secrets(node, (), request)
    body = to_data(_replace_empty(node), secrets=request.secrets)
    if body in ({}, None):
        return  # the kit sends no body instead of an empty object
    if can_be_empty(node) and isinstance(body, str):
        body = f"{{{{ {body[2:-2].strip()}[$ != {{}}] ?? null }}}}"
    request.row["body"] = body
    if graphql:
        request.row["body_format"] = "graphql"
