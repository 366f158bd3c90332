"""Operations of an OpenAPI document, 2.0 and 3.x, as endpoints. Parameters are `parameters`', schemes `security`'s."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Endpoint, ResponseContract, Shape
from conn_import.contract import Contract
from conn_import.openapi.bodies import choose_body
from conn_import.openapi.media import find_answer_format, is_json
from conn_import.openapi.parameters import build_swagger_body, read_parameters
from conn_import.openapi.references import References
from conn_import.openapi.security import Schemes
from conn_import.openapi.webhooks import DeclaredWebhook, list_callbacks, read_webhooks
from conn_import.servers import Server, build_server_url, is_usable_url
from conn_import.words import clean_text

__all__ = ["METHODS", "read_operations"]

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_UNSUPPORTED_METHODS = ("trace", "query")
_JSON = "application/json"
MAX_OPERATIONS = 100_000
_MOST_FAILURES = 20
_FAILURE = re.compile(r"[45](?:\d\d|XX|xx)|default")


def read_operations(
    root: Mapping[str, Any], contract: Contract, schemes: Schemes, follow: References, *, given: bool
) -> Iterator[Endpoint]:
    """Yield every operation that can be imported; the others are noted in the contract's losses. `given` is set if the
    caller gave a base URL, which also replaces the servers of individual operations.

    Sets `contract.found` to the number of operations in the document, and `contract.webhooks`.
    """
    paths = root.get("paths")
    reader = _OperationReader(root, contract, schemes, follow, given=given)
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
                contract.losses.add(f"operations beyond the first {MAX_OPERATIONS:,}")
                return
            endpoint = reader.read_operation(path, method, operation, shared)
            if endpoint is not None:
                yield endpoint
    contract.webhooks = read_webhooks(root, reader.callbacks, follow, contract.losses)


class _OperationReader:
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
        self.callbacks: list[DeclaredWebhook] = []

    def read_operation(
        self, path: str, method: str, operation: Mapping[str, Any], shared: Mapping[str, Any]
    ) -> Endpoint | None:
        """Read one endpoint. Returns None if it cannot be imported."""
        endpoint = Endpoint(
            method=method,
            path=path.partition("#")[0],
            name=clean_text(operation.get("operationId") or operation.get("summary") or "", 120),
            tags=tuple(clean_text(tag, 80) for tag in _as_list(operation.get("tags"))[:20]),
            summary=clean_text(operation.get("summary") or "", 110),
            deprecated=operation.get("deprecated") is True,
            sunset=_as_text(operation.get("x-sunset")),
        )
        rows = [*_as_list(shared.get("parameters")), *_as_list(operation.get("parameters"))]
        declared = [self._follow(row) for row in rows[:2_000]]
        endpoint.parameters = read_parameters(
            declared, endpoint.where, self._losses, self._follow, self._schemes.is_credential
        )
        body = self._get_swagger_content(operation, declared) if self._old else self._get_content(operation)
        if not choose_body(endpoint, body, self._follow, self._losses):
            return None
        self._read_answer(endpoint, operation)
        if operation.get("x-webhooks"):
            self._losses.add("webhooks of individual operations", endpoint.where)
        self.callbacks += list_callbacks(operation, endpoint.where, self._follow)
        self._read_server(endpoint, operation, shared)
        self._schemes.count_use(operation.get("security"), endpoint.where)
        endpoint.public = self._schemes.is_public(operation.get("security"))
        return endpoint

    def _get_content(self, operation: Mapping[str, Any]) -> Mapping[str, Any]:
        body = self._follow(operation.get("requestBody"))
        content = body.get("content")
        return content if isinstance(content, Mapping) else {}

    def _get_swagger_content(self, operation: Mapping[str, Any], declared: list[dict[str, Any]]) -> Mapping[str, Any]:
        consumes = [str(kind) for kind in _as_list(operation.get("consumes") or self._root.get("consumes"))]
        return build_swagger_body(declared, consumes)

    def _read_answer(self, endpoint: Endpoint, operation: Mapping[str, Any]) -> None:
        responses = operation.get("responses")
        responses_by_code = (
            {str(code): answer for code, answer in responses.items()} if isinstance(responses, Mapping) else {}
        )
        code = next((c for c in ("200", "201", "202", "2XX", "2xx") if c in responses_by_code), "")
        code = code or next(
            (c for c in responses_by_code if c.startswith("2") and c != "204"),
            "default" if "default" in responses_by_code else "",
        )
        if "204" in responses_by_code and code in ("", "default"):
            code = "204"
        endpoint.answer = self._read_response(responses_by_code.get(code), operation, endpoint.where)
        endpoint.answer.status = int(code) if code.isdecimal() else 0
        endpoint.failures = {
            failure: self._read_response(answer, operation)
            for failure, answer in list(responses_by_code.items())[:_MOST_FAILURES]
            if _FAILURE.fullmatch(failure) and failure != code
        }

    def _read_response(self, node: Any, operation: Mapping[str, Any], where: str = "") -> ResponseContract:
        """Read a response. What is lost of it is noted at `where`, unless that is ""."""
        answer = self._follow(node)
        headers = answer.get("headers")
        names = frozenset(str(name).lower() for name in headers) if isinstance(headers, Mapping) else frozenset[str]()
        if not self._old:
            return self._read_content(_as_object(answer.get("content")), names, where)
        produced = [str(kind) for kind in _as_list(operation.get("produces") or self._root.get("produces"))]
        schema = answer.get("schema")
        examples = _as_object(answer.get("examples"))
        content = (
            {
                kind: {"schema": schema, **({"example": examples[kind]} if kind in examples else {})}
                for kind in produced or [_JSON]
            }
            if schema is not None or examples
            else {}
        )
        return self._read_content(content, names, where)

    def _read_content(self, content: Mapping[str, Any], headers: frozenset[str], where: str) -> ResponseContract:
        kinds = [str(kind) for kind in content]
        usable = [kind for kind in kinds if is_json(kind) or kind.startswith("*/*") or kind == "application/*"]
        if not usable:
            form = find_answer_format(kinds) if kinds else ""
            if where and form == "text" and not all(kind.startswith("text/") for kind in kinds):
                loss = f"responses of type {clean_text(', '.join(kinds), 120)}: they are read as text"
                self._losses.add(loss, where)
            return ResponseContract(format=form, headers=headers)
        chosen = next((kind for kind in usable if kind.lower().startswith(_JSON)), usable[0])
        media = _as_object(content[chosen])
        shape = Shape.from_node(media["schema"], self._follow) if "schema" in media else None
        return ResponseContract(shape, self._find_example(media), headers)

    def _find_example(self, media: Mapping[str, Any]) -> Any:
        if "example" in media:
            return media["example"]
        for example in _as_object(media.get("examples")).values():
            value = self._follow(example).get("value", UNSET)
            if value is not UNSET:
                return value
        schema = self._follow(media.get("schema"))
        return schema.get("example", UNSET)

    def _read_server(self, endpoint: Endpoint, operation: Mapping[str, Any], shared: Mapping[str, Any]) -> None:
        servers = _as_list(operation.get("servers")) or _as_list(shared.get("servers"))
        server = _as_object(servers[0]) if servers else {}
        url = _join_server(self._contract.base_url, _as_text(server.get("url")).rstrip("/"))
        if not url or url == self._contract.base_url:
            return
        if self._given:
            self._losses.add("a separate server: --base-url replaces it", endpoint.where)
            return
        made = build_server_url(self._contract, Server(url, _as_object(server.get("variables"))))
        if is_usable_url(made):
            endpoint.base_url = "" if made == self._contract.base_url else made
        else:
            self._losses.add(f"the server {clean_text(url, 100)} of individual operations", endpoint.where)


def _join_server(base: str, url: str) -> str:
    """Return a server's URL. A relative one is resolved on the host of the base URL."""
    host = re.match(r"https?://[^/]+", base)
    return f"{host[0]}{url}" if host is not None and url.startswith("/") else url


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _as_object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""
