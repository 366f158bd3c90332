"""Read `proxy.retry`, `proxy.paginate` and `proxy.verification`: waits, pagination and the credential check."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from conn_engine.analysis.drift.contract import Endpoint
from conn_import.contract import FinishedConnector
from conn_import.naming import suggest_names
from conn_import.nango.draft import HEADER, ConnectorDraft
from conn_import.words import clean_text, to_identifier, to_step

__all__ = ["Check", "finish", "read_pages", "read_verification", "read_waits"]

_METHODS = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})
_NAME = re.compile(r"\$\{([^{}]+)\}")


def read_waits(draft: ConnectorDraft) -> None:
    """`proxy.retry` as `rate_limit`: `at` are moments, `after` are waits."""
    entry = draft.entry
    sources: list[dict[str, Any]] = []
    for key, unit in (("at", "epoch"), ("after", "seconds")):
        for name in entry.take_texts("proxy", "retry", key):
            if HEADER.fullmatch(name):
                sources.append({"header": name.lower(), "unit": unit})
            else:
                draft.losses.add(f"proxy.retry.{key}: not a valid header name", clean_text(name, 60))
    row: dict[str, Any] = {}
    if sources:
        row["retry_after"] = sources
    remaining, code = entry.take_texts("proxy", "retry", "remaining"), entry.take("proxy", "retry", "error_code")
    if remaining:
        row["windows"] = [{"remaining": remaining[0].lower()}]
        for name in remaining[1:]:
            draft.losses.add("a second header with the remaining requests", clean_text(name, 60))
    status = str(code) if str(code).isdigit() else ""
    if code is not None and not status:
        draft.losses.add(f"proxy.retry.error_code {clean_text(code, 40)}")
    if status and status != "429":
        empty = f" and headers.{to_step(remaining[0].lower())} = '0'" if remaining else ""
        row["limited_when"] = f"status = 429 or (status = {status}{empty})"
    if row:
        draft.settings["rate_limit"] = row


def read_pages(draft: ConnectorDraft) -> None:
    """`proxy.paginate` as `pagination`."""
    paginate = draft.entry.take_object("proxy", "paginate")
    if not paginate:
        return
    used = {"type", "response_path", "limit_name_in_request", "limit"}
    config: dict[str, Any] = {}
    kind = str(paginate.get("type"))
    if kind == "link":
        used |= {"link_rel_in_response_header", "link_path_in_response_body"}
        path = paginate.get("link_path_in_response_body")
        name = "next_url" if path else "link_header"
        config = {"next_url_field": str(path)} if path else {}
        rel = str(paginate.get("link_rel_in_response_header") or "next")
        if not path and rel != "next":
            config["rel"] = rel
    elif kind == "cursor":
        used |= {"cursor_path_in_response", "cursor_name_in_request"}
        name = "cursor"
        config = {
            "cursor_field": paginate.get("cursor_path_in_response"),
            "cursor_param": paginate.get("cursor_name_in_request"),
        }
    elif kind == "offset":
        used |= {"offset_name_in_request", "offset_start_value", "offset_calculation_method"}
        by_page = paginate.get("offset_calculation_method") == "per-page"
        name = "page" if by_page else "offset"
        config = {"page_param" if by_page else "offset_param": paginate.get("offset_name_in_request")}
        first = paginate.get("offset_start_value")
        if isinstance(first, int) and first != (1 if by_page else 0):
            config["first"] = first
        elif first is None and by_page:
            config["first"] = 0
    else:
        draft.losses.add(f"proxy.paginate with the type {clean_text(kind, 40)}")
        return
    config = {key: value for key, value in config.items() if value is not None}
    if isinstance(paginate.get("limit_name_in_request"), str):
        config["size_param"] = paginate["limit_name_in_request"]
        if isinstance(paginate.get("limit"), int):
            config["size"] = paginate["limit"]
    if paginate.get("response_path"):
        where = clean_text(paginate["response_path"], 80)
        draft.notes["pagination",] = f"for the lists that you add; their response_path is {where}"
    for other in paginate.keys() - used:
        draft.losses.add("keys of proxy.paginate", clean_text(other, 60))
    draft.settings["pagination"] = {"format": name, "config": config} if config else {"format": name}


@dataclass(frozen=True, slots=True)
class Check:
    """A verification call: where it is in `resources`, its settings, and the request as people know it."""

    resource: str
    method: str
    row: dict[str, Any]
    where: str

    @property
    def text(self) -> str:
        """`resource.method`."""
        return f"{self.resource}.{self.method}"


def read_verification(draft: ConnectorDraft, title: str) -> list[Check]:
    """Read the operations of `proxy.verification`. The first one verifies the credential."""
    entry = draft.entry
    verification = ("proxy", "verification")
    method = (entry.take_text(*verification, "method") or "GET").lower()
    if method not in _METHODS:
        draft.losses.add(f"proxy.verification.method {clean_text(method, 40)}")
        method = "get"
    endpoints = entry.take_texts(*verification, "endpoints")
    headers = _read_headers(draft, entry.take_object(*verification, "headers"))
    data = entry.take(*verification, "data")
    base = entry.take_text(*verification, "base_url_override")
    listed = [
        Endpoint(method, _NAME.sub(lambda found: f"{{{to_identifier(found[1].rpartition('.')[2])}}}", path))
        for path in endpoints
    ]
    for endpoint in listed:
        endpoint.path = endpoint.path.partition("?")[0]
    names = suggest_names(listed, title) if listed else {}
    checks = []
    for number, path in enumerate(endpoints):
        row: dict[str, Any] = {"description": "Verify the credential", "method": method}
        place, _, query = path.partition("?")
        if draft.names.is_secret(path):
            draft.losses.add("proxy.verification: its path contains a secret", clean_text(place, 100))
            continue
        if base and (made := draft.fill_url(base.rstrip("/"), "proxy.verification.base_url_override")):
            row["base_url"] = made
        row["path"] = draft.fill_url(place, "proxy.verification") or place
        if query:
            pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=200)
            row["query"] = {name: draft.fill(value, "proxy.verification") for name, value in pairs}
        if headers:
            row["headers"] = headers
        if data is not None and method not in ("get", "head"):
            row["body"] = draft.fill_deep(data, "proxy.verification.data")
        if method not in ("get", "head"):
            row["writes"] = False
        checks.append(Check(names[number].resource, names[number].method, row, f"{method.upper()} {place}"))
    return checks


def _read_headers(draft: ConnectorDraft, told: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of the check that other requests do not have."""
    row: dict[str, str] = {}
    usual = {name.lower(): value for name, value in draft.settings.get("headers", {}).items()}
    carried = {name.lower() for name in draft.entry.take_object("proxy", "headers")}
    for name, value in told.items():
        text = str(value)
        if draft.names.is_secret(text):
            if name.lower() not in carried:
                draft.losses.add("a header of proxy.verification that contains a secret", clean_text(name, 60))
            continue
        told_header = draft.fill_headers({name: value}, "proxy.verification.headers")
        if told_header.get(name) != usual.get(name.lower()):
            row |= told_header
    return row


def finish(draft: ConnectorDraft, label: str, data: dict[str, Any], checks: list[Check]) -> FinishedConnector:
    """Return the connector with its checks, and note the parts of the entry that were not read."""
    resources: dict[str, Any] = {}
    for check in checks:
        resources.setdefault(check.resource, {})[check.method] = check.row
        if "writes" in check.row:
            draft.notes["resources", check.resource, check.method, "writes"] = "guess: the check does not write"
    if checks:
        data["verify"] = checks[0].text
    else:
        draft.notes["resources",] = "the entry has no operations: add those you need"
    data["resources"] = resources
    for left in draft.entry.list_unread():
        draft.losses.add("unsupported settings", clean_text(left, 80))
    places = (
        ("connectionConfig", "context", draft.names.context),
        ("credentials", "credential", draft.names.secrets),
    )
    return FinishedConnector(
        format=label,
        title=data["label"],
        data=data,
        notes=draft.notes,
        operations=[(check.text, check.where) for check in checks],
        losses=draft.losses,
        found=len(checks),
        supplied={f"{scope}.{name}": (kind, known) for scope, kind, names in places for name, known in names.items()},
        bare=True,
    )
