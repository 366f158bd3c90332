"""Expressions and templates of `incremental` and `job`, and the names that they bring."""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.config import Path_
from conn_engine.lint.site import ANSWER, CALL, Site, templates

__all__ = ["run_names", "run_sites"]

_BOUNDS = ("start", "end", "window", "granularity", "lookback")
_REQUESTS = ("poll", "locate", "download", "abort")
_PARTS = ("path", "query", "headers", "body")
_JOB = CALL | {"job"}


def run_sites(data: Mapping[str, Any], path: Path_) -> Iterator[Site]:
    """The sites below `incremental` and `job` of an operation."""
    incremental = data.get("incremental")
    config = incremental.get("config") if isinstance(incremental, Mapping) else None
    if isinstance(config, Mapping):
        here: Path_ = (*path, "incremental", "config")
        for key in _BOUNDS:
            yield from templates(config.get(key), (*here, key), CALL | {"state"})
        if isinstance(config.get("cursor_field"), str):
            yield Site((*here, "cursor_field"), config["cursor_field"], "expression", None)
    job = data.get("job")
    if isinstance(job, Mapping):
        for key in _REQUESTS:
            if isinstance(job.get(key), Mapping):
                yield from _request(job[key], (*path, "job", key))


def _request(request: Mapping[str, Any], path: Path_) -> Iterator[Site]:
    for key in _PARTS:
        yield from templates(request.get(key), (*path, key), _JOB)
    url = request.get("url")
    if path[-1] != "download":
        yield from templates(url, (*path, "url"), _JOB)
    elif isinstance(url, str):
        yield Site((*path, "url"), url, "expression", _JOB)
    for key in ("status", "message"):
        if isinstance(request.get(key), str):
            yield Site((*path, key), request[key], "expression", ANSWER | {"job"})
    if isinstance(request.get("response_path"), str):
        yield Site((*path, "response_path"), request["response_path"], "expression", None)


def run_names(operation: Mapping[str, Any]) -> frozenset[str]:
    """What an incremental operation brings into its own scope. A part of an operation (an override) may be of one."""
    whole = "method" in operation and "path" in operation
    return frozenset() if whole and "incremental" not in operation else frozenset({"window", "state"})
