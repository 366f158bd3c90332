"""Turn the blocks of .bru files into the objects that OpenCollection has for the same things."""

from collections.abc import Mapping, Sequence
from typing import Any

from conn_import.bruno.bru_text import BruBlock, BruRow

__all__ = ["to_defaults", "to_request", "to_variables"]

_METHODS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "trace", "connect", "http"})
_TEXT_BODIES = {"json": "json", "text": "text", "xml": "xml", "sparql": "sparql"}
_FORMS = {"formUrlEncoded": "form-urlencoded", "multipartForm": "multipart-form", "file": "file"}
_SCRIPTS = ("script:pre-request", "script:post-response", "tests")
Blocks = Mapping[str, BruBlock]


def to_request(blocks: Sequence[BruBlock]) -> dict[str, Any]:
    """Return a request. A file without one (a script, gRPC, a WebSocket) has no `http` and no `graphql`."""
    known = {block.name: block for block in blocks}
    info: dict[str, Any] = known["meta"].read_values() if "meta" in known else {}
    head = next((block for block in blocks if block.name in _METHODS), None)
    request: dict[str, Any] = {"info": info, "runtime": _read_runtime(known)}
    if head is None or info.get("type", "http") not in ("http", "graphql"):
        return request
    settings = head.read_values()
    params = [
        {**_to_row(row), "type": kind}
        for name, kind in (("query", "query"), ("params:query", "query"), ("params:path", "path"))
        for row in (known[name].read_rows() if name in known else ())
    ]
    http: dict[str, Any] = {
        "method": settings.get("method", "") if head.name == "http" else head.name,
        "url": settings.get("url", ""),
        "params": params,
        "headers": _read_rows(known, "headers"),
        "auth": _read_auth(known, settings.get("auth", "")),
    }
    body = _read_body(known, settings.get("body", ""))
    request["graphql" if body.get("type") == "graphql" else "http"] = http | ({"body": body} if body else {})
    request["examples"] = [_read_example(block) for block in blocks if block.name == "example"]
    return request


def to_defaults(blocks: Sequence[BruBlock]) -> dict[str, Any]:
    """Return what collection.bru and folder.bru set for the requests below: `{info, request}`."""
    known = {block.name: block for block in blocks}
    mode = known["auth"].read_values().get("mode", "") if "auth" in known else ""
    request = {
        "headers": _read_rows(known, "headers"),
        "auth": _read_auth(known, mode),
        "variables": to_variables(blocks),
        "scripts": _read_runtime(known)["scripts"],
    }
    return {"info": known["meta"].read_values() if "meta" in known else {}, "request": request}


def to_variables(blocks: Sequence[BruBlock]) -> list[dict[str, Any]]:
    """Return the variables that have values: those of an environment, or the ones set before requests. The values of
    secret ones are not in the files."""
    names = ("vars", "vars:pre-request")
    return [_to_row(row) for block in blocks if block.name in names for row in block.read_rows()]


def _read_rows(known: Blocks, name: str) -> list[dict[str, Any]]:
    return [_to_row(row) for row in known[name].read_rows()] if name in known else []


def _to_row(row: BruRow) -> dict[str, Any]:
    return {"name": row.name, "value": row.value, "disabled": not row.is_enabled}


def _read_auth(known: Blocks, mode: str) -> Any:
    if mode in ("", "inherit"):
        return "inherit"
    settings = known[f"auth:{mode}"].read_values() if f"auth:{mode}" in known else {}
    return {**settings, "type": mode}


def _read_runtime(known: Blocks) -> dict[str, Any]:
    return {
        "scripts": [{"type": name, "code": known[name].text} for name in _SCRIPTS if name in known],
        "assertions": _read_rows(known, "assert"),
        "actions": _read_rows(known, "vars:post-response"),
    }


def _read_body(known: Blocks, mode: str) -> dict[str, Any]:
    if not mode:  # written by hand: the only body
        mode = next((name.partition(":")[2] or "json" for name in known if name.partition(":")[0] == "body"), "none")
    if mode.startswith("graphql"):
        query, variables = (known[name].text if name in known else "" for name in ("body:graphql", "body:graphql:vars"))
        return {"type": "graphql", "query": query, "variables": variables}
    if mode in _TEXT_BODIES:
        block = known.get(f"body:{mode}") or (known.get("body") if mode == "json" else None)
        return {"type": mode, "data": block.text if block is not None else ""}
    kind = _FORMS.get(mode, mode)
    rows = _read_rows(known, f"body:{kind}")
    for row in rows:
        row["type"] = "file" if row["value"].startswith("@file(") else "text"
    return {} if mode == "none" else {"type": kind, "data": rows}


def _read_example(block: BruBlock) -> dict[str, Any]:
    response = next((inner for inner in block.read_blocks() if inner.name == "response"), None)
    parts = {inner.name: inner for inner in response.read_blocks()} if response is not None else {}
    body = parts["body"].read_values() if "body" in parts else {}
    content = (
        body["content"] if body.get("type") and "content" in body else parts["body"].text if "body" in parts else ""
    )
    return {
        "response": {
            "status": parts["status"].read_values().get("code", "") if "status" in parts else "",
            "headers": _read_rows(parts, "headers"),
            "body": {"data": content},
        }
    }
