"""Read Bruno collections: OpenCollection documents, folders of .bru or YAML files (`folders`), and earlier `exports`.

A collection is read as a Postman collection with the same requests, so both are imported alike. Values in requests are
samples, and scripts are left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conn_engine.errors import ConfigurationError
from conn_import import postman
from conn_import.bruno.exports import is_export, to_document
from conn_import.bruno.folders import read_collection
from conn_import.coercion import as_list, as_mapping
from conn_import.contract import Contract, Options
from conn_import.words import clean_text

__all__ = ["LABEL", "import_document", "read_collection", "recognizes"]

LABEL = "Bruno collection"
_DEEPEST = 50
_GRANTS = frozenset({"client_credentials", "authorization_code"})
_MODES = {"form-urlencoded": "urlencoded", "formUrlEncoded": "urlencoded",
          "multipart-form": "formdata", "multipartForm": "formdata"}  # fmt: skip
_FIRST_ENVIRONMENTS = ("prod", "production", "live")
Rows = list[dict[str, Any]]
Losses = list[tuple[str, str]]


def recognizes(data: Any) -> bool:
    """Return whether a document is an OpenCollection document, or a collection that Bruno has exported as JSON."""
    return (isinstance(data, Mapping) and "opencollection" in data) or is_export(data)


def import_document(data: Any, options: Options) -> Contract:
    """Return the contract of a collection, with its losses."""
    if "opencollection" not in data:
        data = to_document(data)
    if not as_list(data.get("items")):
        raise ConfigurationError(
            "the collection has no items: its requests are in files of their own",
            hint="import the folder of the collection: conn import FOLDER",
        )
    losses: Losses = []
    request = as_mapping(data.get("request"))
    collection = {
        "info": {"name": str(as_mapping(data.get("info")).get("name") or "")},
        "auth": _to_auth(request.get("auth")),
        "event": _to_events(request.get("scripts")),
        "variable": [*_read_variables(request.get("variables")), *_choose_environment(data, losses)],
        "item": list(_to_items(data, _to_rows(request.get("headers")), "", losses)),
    }
    contract = postman.import_document(collection, options)
    contract.format = LABEL
    for reason, where in losses:
        contract.losses.add(reason, clean_text(where, 120))
    return contract


def _choose_environment(data: Mapping[str, Any], losses: Losses) -> Rows:
    """Return the variables of one environment, which may have the base URL: that of production, else the first."""
    config = as_mapping(data.get("config"))
    environments = _list_mappings(config.get("environments") or data.get("environments"))
    names = [str(environment.get("name") or "") for environment in environments]
    index = next((index for index, name in enumerate(names) if name.lower() in _FIRST_ENVIRONMENTS), 0)
    others = [name for position, name in enumerate(names) if position != index]
    losses += [
        (f"environments other than {clean_text(names[index], 40)}, which has the base URL", name) for name in others
    ]
    return _read_variables(environments[index].get("variables")) if environments else []


def _read_variables(rows: Any) -> Rows:
    """Return the variables with a value. Those that are marked as secret are left out."""
    return [
        {"key": str(row.get("name") or ""), "value": row["value"]}
        for row in _list_mappings(rows)
        if isinstance(row.get("value"), str) and not (row.get("secret") or row.get("transient") or row.get("disabled"))
    ]


def _to_items(parent: Mapping[str, Any], headers: Rows, where: str, losses: Losses, depth: int = 0) -> Iterator[Any]:
    for item in _list_mappings(parent.get("items")):
        info = as_mapping(item.get("info")) or item
        name = str(info.get("name") or "")
        place = f"{where}/{name}".lstrip("/")
        defaults = as_mapping(item.get("request"))
        if isinstance(item.get("items"), list):
            if depth < _DEEPEST:
                inner = _merge_headers(headers, _to_rows(defaults.get("headers")))
                row = {"name": name, "event": _to_events(defaults.get("scripts"))}
                row |= {"item": list(_to_items(item, inner, place, losses, depth + 1))}
                yield _with_auth(row, defaults.get("auth"))
        elif isinstance(item.get("http"), Mapping) or isinstance(item.get("graphql"), Mapping):
            yield _to_item(item, name, headers, place, losses)
        elif isinstance(item.get("problem"), str):
            losses.append((clean_text(item["problem"], 200), place))
        else:
            kind = clean_text(str(info.get("type") or item.get("type") or "unknown"), 30)
            losses.append((f"items of type {kind}: only http and graphql requests are imported", place))


def _to_item(item: Mapping[str, Any], name: str, headers: Rows, where: str, losses: Losses) -> dict[str, Any]:
    is_graphql = not isinstance(item.get("http"), Mapping)
    http: Mapping[str, Any] = item["graphql"] if is_graphql else item["http"]
    runtime = as_mapping(item.get("runtime"))
    parameters = [row for row in _list_mappings(http.get("params")) if _is_enabled(row)]
    request = {
        "method": str(http.get("method") or ("POST" if is_graphql else "GET")),
        "url": {
            "raw": str(http.get("url") or ""),
            "query": _to_rows([row for row in parameters if row.get("type") != "path"]),
            "variable": _to_rows([row for row in parameters if row.get("type") == "path"]),
        },
        "header": _merge_headers(headers, _to_rows(http.get("headers"))),
        "body": _to_body(http.get("body"), "graphql" if is_graphql else "", where, losses),
    }
    for key, text in (("assertions", "assertions"), ("actions", "variables that are set from responses")):
        if _list_mappings(runtime.get(key)):
            losses.append((text, where))
    auth = http.get("auth") or runtime.get("auth") or item.get("auth")
    return {
        "name": name,
        "request": _with_auth(request, auth),
        "response": [_to_response(as_mapping(row.get("response"))) for row in _list_mappings(item.get("examples"))],
        "event": _to_events(runtime.get("scripts")),
    }


def _to_body(body: Any, kind: str, where: str, losses: Losses) -> dict[str, Any] | None:
    if isinstance(body, list):  # variants
        variants = _list_mappings(body)
        chosen = next((row for row in variants if row.get("selected")), variants[0] if variants else {})
        if len(variants) > 1:
            losses.append(("variants of a body other than the selected one", where))
        body = chosen.get("body")
    settings = as_mapping(body)
    kind = kind or str(settings.get("type") or settings.get("mode") or "none")
    data = settings.get("data", settings.get(kind))
    if kind == "graphql":
        return {"mode": "graphql", "graphql": {**settings, **as_mapping(data)}}
    if kind in ("json", "text", "xml", "sparql"):
        language = "text" if kind == "sparql" else kind
        return {"mode": "raw", "raw": str(data or ""), "options": {"raw": {"language": language}}}
    if kind in _MODES:
        rows = [row for row in _list_mappings(data) if _is_enabled(row)]
        return {"mode": _MODES[kind], _MODES[kind]: [{**_to_row(row), "type": row.get("type", "text")} for row in rows]}
    return None if kind == "none" else {"mode": kind}


def _to_response(response: Mapping[str, Any]) -> dict[str, Any]:
    status, body = str(response.get("status") or ""), response.get("body")
    data = as_mapping(body).get("data", body)
    return {
        "code": int(status) if status.isascii() and status.isdigit() and len(status) == 3 else None,
        "header": _to_rows(response.get("headers")),
        "body": data if isinstance(data, str) else "",
    }


def _to_auth(auth: Any) -> dict[str, Any] | None:
    """Return an authorization in Postman's form; None if it is inherited."""
    if auth == "none" or (isinstance(auth, Mapping) and auth.get("type") == "none"):
        return {"type": "noauth"}
    settings = as_mapping(auth)
    kind = str(settings.get("type") or settings.get("mode") or "")
    if kind in ("", "inherit"):
        return None
    settings = {**settings, **as_mapping(settings.get(kind))}
    if kind == "apikey":
        place = "query" if str(settings.get("placement") or "").startswith("query") else "header"
        return {"type": kind, kind: {"key": settings.get("key"), "value": settings.get("value"), "in": place}}
    if kind == "oauth2":
        grant = str(settings.get("flow") or settings.get("grant_type") or "")
        urls = {
            "accessTokenUrl": settings.get("accessTokenUrl") or settings.get("access_token_url"),
            "authUrl": settings.get("authorizationUrl") or settings.get("authorization_url"),
        }
        if grant and grant not in _GRANTS:
            return {"type": f"oauth2 {grant}"}
        return {"type": kind, kind: {**urls, "scope": settings.get("scope"), "grant_type": grant}}
    return {"type": kind}


def _with_auth(target: dict[str, Any], auth: Any) -> dict[str, Any]:
    made = _to_auth(auth)
    return target if made is None else {**target, "auth": made}


def _to_events(scripts: Any) -> Rows:
    return [
        {"listen": str(row.get("type") or ""), "script": {"exec": [str(row.get("code") or row.get("script") or "")]}}
        for row in _list_mappings(scripts)
    ]


def _merge_headers(above: Rows, own: Rows) -> Rows:
    """Return the headers of a request with those that it inherits."""
    names = {row["key"].lower() for row in own}
    return [*(row for row in above if row["key"].lower() not in names), *own]


def _to_rows(rows: Any) -> Rows:
    return [_to_row(row) for row in _list_mappings(rows) if _is_enabled(row)]


def _to_row(row: Mapping[str, Any]) -> dict[str, Any]:
    value = row.get("value")
    return {
        "key": str(row.get("name") or ""),
        "value": value if isinstance(value, str | int | float) else "",
        "description": str(row.get("description") or ""),
    }


def _is_enabled(row: Mapping[str, Any]) -> bool:
    return not row.get("disabled") and row.get("enabled") is not False


def _list_mappings(value: Any) -> Sequence[Mapping[str, Any]]:
    return [row for row in as_list(value) if isinstance(row, Mapping)]
