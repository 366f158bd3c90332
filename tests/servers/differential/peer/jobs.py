"""What the requests of a report are answered: it is made, is running once, then done with two files elsewhere."""

from collections.abc import Mapping
from typing import Any

from differential.peer import synthesis, templates
from differential.peer.endpoints import Endpoint

__all__ = ["answer"]

FILES = ("https://files.example.net/export/1", "https://files.example.net/export/2")


def answer(endpoint: Endpoint, polled: int) -> dict[str, Any]:
    """The body for the request that makes a report (kind `job`) or asks for it (`poll`, the `polled`th from 1)."""
    retriever = endpoint.retriever
    body: dict[str, Any] = {}
    root = "creation_response" if endpoint.kind == "job" else "polling_response"
    for requester in ("polling_requester", "download_requester", "download_target_requester", "delete_requester"):
        for template in _texts(retriever.get(requester)):
            for path in templates.paths(template, root):
                synthesis.put(body, path, f"{path[-1]}-71")
    if endpoint.kind == "poll":
        mapping: Mapping[str, Any] = retriever.get("status_mapping") or {}
        status = (mapping.get("running") if polled < 2 else mapping.get("completed")) or ["done"]
        synthesis.put(body, _path(endpoint, "status_extractor"), status[0])
        if polled >= 2 and retriever.get("download_target_extractor"):
            synthesis.put(body, _path(endpoint, "download_target_extractor"), list(FILES))
    return body


def _path(endpoint: Endpoint, extractor: str) -> list[str]:
    row = endpoint.retriever.get(extractor) or {}
    parameters = row.get("$parameters") or {}
    return [templates.plain(step, endpoint.config, parameters) for step in row.get("field_path") or ["status"]]


def _texts(data: Any) -> list[str]:
    if isinstance(data, str):
        return [data]
    rows = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return [text for row in rows for text in _texts(row)]
