"""An asynchronous retriever of a manifest as `job`: create, poll, download."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from conn_import.airbyte.jinja import Lit, Node, PathNode, Untranslatable, to_expression, translate
from conn_import.airbyte.names import TemplateScope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.records import build_record_path
from conn_import.airbyte.requests import build_request
from conn_import.airbyte.responses import build_response_format
from conn_import.contract import Losses

__all__ = ["build_job"]

Job = dict[str, Any]
_STATES = {"completed": "done", "failed": "failed", "running": "running", "timeout": "failed", "skipped": "empty"}


_CREATED = ("extra_fields", "creation_response")


@dataclass(slots=True)
class _JobScope(TemplateScope):
    """The names in a job's requests, in addition to those of the stream. `creating` is the requester that creates the
    job."""

    creating: Mapping[str, Any] = field(default_factory=dict)

    def for_request(self) -> Any:
        """Return the names in requests. `creation_response` and `polling_response` are the responses so far."""
        return {
            **TemplateScope.for_request(self),
            "creation_response": lambda steps: PathNode("job", ("created", "body", *steps), sure=True),
            "polling_response": lambda steps: PathNode("job", ("polled", "body", *steps), sure=True),
            "download_target": lambda steps: PathNode("job", ("url", *steps), "text", not steps),
        }

    def _read_slice(self, steps: tuple[Any, ...], *, bare: bool) -> Node:
        """Read a name of a job's slice, which also has the response that created the job and its request."""
        if steps[:2] != _CREATED:
            return TemplateScope._read_slice(self, steps, bare=bare)
        headers = self.creating.get("request_headers")
        match steps[2:]:
            case ("request", "headers", str() as name) if isinstance(headers, Mapping):
                by_name = {str(one).lower(): value for one, value in headers.items()}
                return translate(str(by_name.get(name.lower(), "")), TemplateScope.for_request(self))
            case _:
                raise Untranslatable("a part of the response that created the job")


def build_job(retriever: Mapping[str, Any], scope: TemplateScope, notes: Notes) -> Job:
    """Return the `job` of an operation whose own request creates it."""
    names = {one.name: getattr(scope, one.name) for one in fields(scope)}
    creating = retriever.get("creation_requester")
    inner = _JobScope(**names, creating=creating if isinstance(creating, Mapping) else {})
    job: Job = {"poll": _build_poll(retriever, inner, notes)}
    targets = retriever.get("download_target_requester")
    if isinstance(targets, Mapping):
        job["locate"] = _build_job_request(targets, inner, notes, "the request for the download's URL")
    download = retriever.get("download_requester")
    if isinstance(download, Mapping):
        job["download"] = _build_download(retriever, download, inner, notes, located="locate" in job)
    for key, ours in (("abort_requester", "abort"), ("delete_requester", "")):
        requester = retriever.get(key)
        if isinstance(requester, Mapping) and ours:
            job[ours] = _build_job_request(requester, inner, notes, "the request that aborts a job")
        elif isinstance(requester, Mapping):
            notes.add("the request that deletes a finished job")
    timeout = retriever.get("polling_job_timeout")
    if isinstance(timeout, int):
        job["poll"]["timeout_seconds"] = timeout * 60
    elif timeout is not None:
        notes.add("the time limit of a job, which the account sets")
    return job


def _build_job_request(requester: Mapping[str, Any], scope: _JobScope, notes: Notes, what: str) -> Job:
    request = build_request(requester, scope, notes, job=True)
    creating = build_request(scope.creating, scope, Notes(Losses()), job=True)  # it authorizes all requests of the job
    if any(one not in creating.authorizations for one in request.authorizations):
        notes.add(f"{what}: it contains a secret")
    row = {key: value for key, value in request.row.items() if key not in ("writes", "idempotent", "body_format")}
    if row.get("method") == "get":
        del row["method"]
    return row


def _build_poll(retriever: Mapping[str, Any], scope: _JobScope, notes: Notes) -> Job:
    requester = retriever.get("polling_requester")
    poll: Job = {"path": "/"}
    if isinstance(requester, Mapping):
        poll = _build_job_request(requester, scope, notes, "the poll")
    path = build_record_path(retriever.get("status_extractor"), scope, notes)
    poll["status"] = f"body.{path.strip('[]')}" if path else "body"
    mapping = retriever.get("status_mapping")
    for state, ours in _STATES.items():
        values = mapping.get(state) if isinstance(mapping, Mapping) else None
        for value in values if isinstance(values, list) else ():
            poll.setdefault(ours, []).append(value)
    return poll


def _build_download(
    retriever: Mapping[str, Any], requester: Mapping[str, Any], scope: TemplateScope, notes: Notes, *, located: bool
) -> Job:
    path = build_record_path(retriever.get("download_target_extractor"), scope, notes)
    body = "job.located.body" if located else "job.polled.body"
    target = f"{body}.{path.strip('[]')}" if path else body
    download: Job = {}
    try:
        url = requester.get("url") or f"{requester.get('url_base') or ''}{requester.get('path') or ''}"
        node = translate(str(url).strip(), scope.for_request())
    except Untranslatable as reason:
        notes.add(f"the download's URL: {reason}")
        node = PathNode("job", ("url",))
    if isinstance(node, PathNode) and node.steps == ("url",):
        download["url"] = target
    elif not isinstance(node, Lit):
        download["url"] = to_expression(node).replace("job.url", target)
    else:
        download["url"] = target
    download |= build_response_format(retriever.get("download_decoder"), notes)
    extractor = retriever.get("download_extractor")
    if isinstance(extractor, Mapping) and (found := build_record_path(extractor, scope, notes)):
        download["response_path"] = found
    return download
