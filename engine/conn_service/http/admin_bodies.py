"""What `/admin/accounts` and `/admin/connectors` read from requests, and how they describe revisions and refusals."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import to_builtins
from starlette.requests import Request

from conn_engine.documents.dump import dump_json, dump_yaml
from conn_engine.reports import describe_finding
from conn_service.http.problems import HttpProblem
from conn_service.http.reading import parse_query
from conn_service.revisions import ChangeChecks, RefusedChangeError, Revision, Subject, SubjectKind

__all__ = [
    "build_unknown",
    "describe_checks",
    "describe_refused_change",
    "describe_revision",
    "read_connector_files",
    "read_cursor",
    "read_dry_run",
    "read_reason",
    "read_version",
    "refuse",
]

_LONGEST_REASON: Final = 2_000


def read_connector_files(body: Mapping[str, Any], subject: Subject) -> Mapping[str, str]:
    """Return the documents of a connector, from paths relative to its folder."""
    files = body.get("files")
    if not isinstance(files, dict) or not files:
        raise refuse("files are missing", 'send every document: {"files": {"connector.yaml": "…"}}')
    texts = {}
    for path, content in files.items():
        if not isinstance(content, str | dict):
            raise refuse(f'"{path[:100]}" is not a text or an object', "send the text of the file")
        is_json = path.endswith(".json")
        text = content if isinstance(content, str) else dump_json(content) if is_json else dump_yaml(content)
        texts[f"{subject.path}/{path}"] = text
    return texts


def read_reason(body: Mapping[str, Any], name: str) -> str:
    text = body.get(name, "")
    if not isinstance(text, str) or len(text) > _LONGEST_REASON or not text.isprintable():
        raise refuse(f"{name} must be one line of text of at most {_LONGEST_REASON:,} characters", "correct it")
    return text.strip()


def read_version(request: Request, *, is_known: bool) -> str:
    """Return the version that the caller has read, or "" for something new or any version (`*`). Raises HttpProblem
    428 without one."""
    tags = request.headers.get("if-match")
    if tags is None:
        if is_known and request.headers.get("if-none-match") == "*":
            raise HttpProblem(412, "conflict", "it exists already", "read it, and send If-Match with its ETag")
        if is_known:
            fix = "read it, and send its ETag: If-Match: ETAG"
            raise HttpProblem(428, "version_required", "the request does not say which version it changes", fix)
        return ""
    return "" if tags == "*" else tags.removeprefix("W/").strip('"')


def read_dry_run(request: Request) -> bool:
    query = dict(parse_query(request))
    text = query.pop("dry_run", "false")
    if query or text not in ("true", "false"):
        raise refuse("the query has only dry_run, which is true or false", "correct the query")
    return text == "true"


def read_cursor(request: Request) -> str:
    query = dict(parse_query(request))
    cursor = query.pop("cursor", "")
    if query:
        raise refuse(f'the list does not read "{min(query)[:100]}"', "use: cursor")
    return cursor


def describe_revision(revision: Revision) -> dict[str, Any]:
    return {
        "revision": revision.number,
        "by": revision.by,
        "at": revision.at,
        "reason": revision.reason,
        "accepted": revision.accepted,
        "tenant": revision.tenant,
        "deleted": revision.is_deleted,
        "diff": revision.diff,
    }


def describe_checks(checks: ChangeChecks) -> dict[str, Any]:
    """Return findings with code, path, message and fix, and the effects on records as counts, without a value."""
    findings = (*checks.findings, *checks.failures)
    effects = [] if checks.impact is None else checks.impact.fields
    return {
        "findings": [to_builtins(describe_finding(finding)) for finding in findings],
        "effects": [
            {
                "operation": row.operation,
                "field": row.field,
                "kind": row.kind,
                "accounts": row.accounts,
                "records": row.records,
                "breaking": row.breaking,
            }
            for row in effects
        ],
    }


def describe_refused_change(error: RefusedChangeError) -> HttpProblem:
    more = describe_checks(error.checks)
    if not error.checks.is_breaking or error.checks.errors:
        return HttpProblem(422, "refused", error.message, error.hint, more=more)
    fix = 'correct it, or send "accept" with the reason why the effects are wanted'
    return HttpProblem(422, "breaking", error.message, fix, more=more)


def build_unknown(kind: SubjectKind) -> HttpProblem:
    return HttpProblem(404, "unknown", f"there is no such {kind}")


def refuse(detail: str, fix: str) -> HttpProblem:
    return HttpProblem(400, "invalid_request", detail, fix)
