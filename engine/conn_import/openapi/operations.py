"""Operations of an OpenAPI document, 2.0 and 3.x, as endpoints. Parameters are `parameters`', schemes `security`'s."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Answer, Endpoint, Shape
from conn_import.contract import Contract
from conn_import.openapi.bodies import choose_body
from conn_import.openapi.media import answer_format, holds_json
from conn_import.openapi.parameters import parameters_of, swagger_body
from conn_import.openapi.references import References
from conn_import.openapi.security import Schemes
from conn_import.openapi.webhooks import note_webhooks
from conn_import.places import Server, server_url, usable_url
from conn_import.words import plain

__all__ = ["METHODS", "operations_of"]

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_UNSUPPORTED_METHODS = ("trace", "query")
_JSON = "application/json"
MAX_OPERATIONS = 100_000


def operations_of(
    root: Mapping[str, Any], contract: Contract, schemes: Schemes, follow: References, *, given: bool
) -> Iterator[Endpoint]:
    """Every operation that can be said; the others are listed in the contract's losses. `given`: the caller has given a
    base URL, which holds for operations with a server of their own too.

    Sets `contract.found` to the number of operations in the document.
    """
    paths = root.get("paths")
    reader = _Reader(root, contract, schemes, follow, given=given)
    for path, item in paths.items() if isinstance(paths, Mapping) else ():
        if not isinstance(path, str):
            continue
        shared = follow(item)
        for method, operation in shared.items():
            if method in _UNSUPPORTED_METHODS:
                contract.found += 1
                contract.losses.add(f"the method {str(method).upper()}", path)
            if method not in METHODS or not isinstance(operation, Mapping):
                continue
            contract.found += 1
            if contract.found > MAX_OPERATIONS:
                contract.losses.add(f"operations beyond the first {MAX_OPERATIONS}")
                return
            endpoint = reader.read(path, method, operation, shared)
            if endpoint is not None:
                yield endpoint
    note_webhooks(root, follow, contract.losses)


class _Reader:
    def __init__(
        self, root: Mapping[str, Any], contract: Contract, schemes: Schemes, follow: References, *, given: bool
    ) -> None:
        self._root = root
        self._given = given
        self._contract = contract
        self._losses = contract.losses
        self._schemes = schemes
        self._follow = follow
        self._old = "swagger" in root

    def read(self, path: str, method: str, operation: Mapping[str, Any], shared: Mapping[str, Any]) -> Endpoint | None:
        """One endpoint; None when it cannot be said at all."""
        endpoint = Endpoint(
            method=method,
            path=path.partition("#")[0],
            name=plain(operation.get("operationId") or operation.get("summary") or "", 120),
            tags=tuple(plain(tag, 80) for tag in _list(operation.get("tags"))[:20]),
            summary=plain(operation.get("summary") or "", 110),
            deprecated=operation.get("deprecated") is True,
            sunset=_text(operation.get("x-sunset")),
        )
        rows = [*_list(shared.get("parameters")), *_list(operation.get("parameters"))]
        declared = [self._follow(row) for row in rows[:2_000]]
        endpoint.parameters = parameters_of(declared, endpoint.where, self._losses, self._follow, self._schemes.carries)
        body = self._swagger_content(operation, declared) if self._old else self._content(operation)
        if not choose_body(endpoint, body, self._follow, self._losses):
            return None
        self._answer(endpoint, operation)
        for key in ("callbacks", "x-webhooks"):
            if operation.get(key):
                self._losses.add(key.removeprefix("x-"), endpoint.where)
        self._server(endpoint, operation, shared)
        self._schemes.count(operation.get("security"), endpoint.where)
        endpoint.public = self._schemes.asks_for_none(operation.get("security"))
        return endpoint

    def _content(self, operation: Mapping[str, Any]) -> Mapping[str, Any]:
        body = self._follow(operation.get("requestBody"))
        content = body.get("content")
        return content if isinstance(content, Mapping) else {}

    def _swagger_content(self, operation: Mapping[str, Any], declared: list[dict[str, Any]]) -> Mapping[str, Any]:
        consumes = [str(kind) for kind in _list(operation.get("consumes") or self._root.get("consumes"))]
        return swagger_body(declared, consumes)

    def _answer(self, endpoint: Endpoint, operation: Mapping[str, Any]) -> None:
        responses = operation.get("responses")
        said = {str(code): answer for code, answer in responses.items()} if isinstance(responses, Mapping) else {}
        code = next((c for c in ("200", "201", "202", "2XX", "2xx") if c in said), "")
        code = code or next(
            (c for c in said if c.startswith("2") and c != "204"), "default" if "default" in said else ""
        )
        if "204" in said and code == "default":
            return
        answer = self._follow(said.get(code))
        headers = answer.get("headers")
        endpoint.answer.headers = (
            frozenset(str(name).lower() for name in headers) if isinstance(headers, Mapping) else frozenset()
        )
        if self._old:
            produced = [str(kind) for kind in _list(operation.get("produces") or self._root.get("produces"))]
            schema = answer.get("schema")
            examples = _object(answer.get("examples"))
            content: Mapping[str, Any] = (
                {
                    kind: {"schema": schema, **({"example": examples[kind]} if kind in examples else {})}
                    for kind in produced or [_JSON]
                }
                if schema is not None or examples
                else {}
            )
        else:
            content = _object(answer.get("content"))
        self._decoded(endpoint, content)

    def _decoded(self, endpoint: Endpoint, content: Mapping[str, Any]) -> None:
        kinds = [str(kind) for kind in content]
        if not kinds:
            return
        usable = [kind for kind in kinds if holds_json(kind) or kind.startswith("*/*") or kind == "application/*"]
        if not usable:
            endpoint.answer = Answer(format=answer_format(kinds), headers=endpoint.answer.headers)
            if endpoint.answer.format == "text" and not all(kind.startswith("text/") for kind in kinds):
                self._losses.add(f"answers of {plain(', '.join(kinds), 120)}: they are read as text", endpoint.where)
            return
        chosen = next((kind for kind in usable if kind.lower().startswith(_JSON)), usable[0])
        media = _object(content[chosen])
        if "schema" in media:
            endpoint.answer.shape = Shape.of(media["schema"], self._follow)
        endpoint.answer.example = self._example(media)

    def _example(self, media: Mapping[str, Any]) -> Any:
        if "example" in media:
            return media["example"]
        for example in _object(media.get("examples")).values():
            value = self._follow(example).get("value", UNSET)
            if value is not UNSET:
                return value
        schema = self._follow(media.get("schema"))
        return schema.get("example", UNSET)

    def _server(self, endpoint: Endpoint, operation: Mapping[str, Any], shared: Mapping[str, Any]) -> None:
        servers = _list(operation.get("servers")) or _list(shared.get("servers"))
        server = _object(servers[0]) if servers else {}
        url = _joined(self._contract.base_url, _text(server.get("url")).rstrip("/"))
        if not url or url == self._contract.base_url:
            return
        if self._given:
            self._losses.add("a server of its own: --base-url stands for it", endpoint.where)
            return
        made = server_url(self._contract, Server(url, _object(server.get("variables"))))
        if usable_url(made):
            endpoint.base_url = "" if made == self._contract.base_url else made
        else:
            self._losses.add(f"the server {plain(url, 100)} of single operations", endpoint.where)


def _joined(base: str, url: str) -> str:
    """A server's URL; one that is relative is one on the host of the base."""
    host = re.match(r"https?://[^/]+", base)
    return f"{host[0]}{url}" if host is not None and url.startswith("/") else url


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
