"""Components of a manifest that are Python code. They are listed by name and purpose, and never run.

Code that extends a component of the kit has its keys and is read like it; what the code changes is lost.
"""

import re
from collections.abc import Mapping
from typing import Any

from conn_import.airbyte.notes import Notes
from conn_import.words import clean_text

__all__ = ["INSTEAD", "find_kind", "is_code", "note_code", "read_code"]

INSTEAD: Mapping[str, str] = {
    "authorization": "`credentials` (a `session` for a login with custom requests, `jwt_bearer` for "
    "a signed one) and `authorization`; a value that is computed from the complete request is a `signature`",
    "extracting records": "`response_path`, an expression: for an object of records by ID: "
    "`$each($, function($v, $k) {$merge([$v, {'id': $k}])})`",
    "transforming records": "`record_mapping`, an expression over `record`; remove fields without a value with "
    "`$sift(record, function($v) {$v != null and $v != ''})`",
    "filtering records": "`record_filter`, an expression over `record`, `partition` and `window`",
    "selecting records": "`response_path`, `record_filter` and `record_mapping`",
    "casting values to the schema": "`record_types`, and `$dateFormat` in `record_mapping` for dates",
    "pagination": "`pagination`: `next_cursor`, `next_url`, `next_page` and `stop` are expressions over the "
    "response; `dynamic` for several values for one page",
    "partitions": "`parents`: `values` may be an expression over `context`, `from` another "
    "operation, `union` several of them",
    "incremental sync": "`incremental`; a template can read `window.start`",
    "error handling": "`errors`: `when` is an expression over `status`, `headers`, `body` and `text`",
    "backoff": "`errors` with `retry: {wait: …}` or `rate_limit`, expressions over the response",
    "decoding responses": "`response_format` and `response_options`; gzip and zip are always unpacked",
    "building requests": "templates in `path`, `query`, `headers` and `body`",
    "reading a stream": "`pagination`, `job`, or `parents` with an operation that lists what to request",
    "the record schema": "a file with the schema of the records",
    "migrating state": "",
    "a complete stream": "a separate operation",
}
"""What to write in a connector instead, by the code's purpose."""

_BASES: Mapping[str, tuple[tuple[str, frozenset[str]], ...]] = {
    "authorization": (("OAuthAuthenticator", frozenset({"client_id", "client_secret", "token_refresh_endpoint"})),),
    "extracting records": (("DpathExtractor", frozenset({"field_path"})),),
    "pagination": (("CursorPagination", frozenset({"cursor_value"})),),
    "partitions": (("SubstreamPartitionRouter", frozenset({"parent_stream_configs"})),),
    "incremental sync": (("DatetimeBasedCursor", frozenset({"cursor_field", "start_datetime"})),),
    "error handling": (
        ("DefaultErrorHandler", frozenset({"response_filters"})),
        ("DefaultErrorHandler", frozenset({"backoff_strategies"})),
    ),
    "backoff": (("WaitTimeFromHeader", frozenset({"header"})),),
    "building requests": (("HttpRequester", frozenset({"path"})), ("HttpRequester", frozenset({"url_base"}))),
    "casting values to the schema": (("Default", frozenset()),),
    "reading a stream": (("SimpleRetriever", frozenset({"requester", "record_selector"})),),
}
"""The types that code can extend, by the keys that identify them."""
_DECODER = re.compile(r"(?:Gzip|Zip(?:file)?)?(Csv|Jsonl?|Xml)(?:Decoder|Parser)", re.IGNORECASE)
"""A decoder, by its name: it needs no keys, and compressed data is recognized by its first bytes."""


def is_code(component: Any) -> bool:
    """Return whether a component is custom code of the manifest."""
    return isinstance(component, Mapping) and (
        "class_name" in component or str(component.get("type", "")).startswith("Custom")
    )


def note_code(component: Any, purpose: str, notes: Notes) -> bool:
    """Return whether a component is code, and note it with its purpose."""
    if not is_code(component):
        return False
    notes.add_code(purpose, _get_class_name(component), INSTEAD[purpose])
    return True


def read_code(component: Any, purpose: str, notes: Notes) -> Any:
    """Return the component. Code is noted and read as the component that it extends, or None if that is unknown."""
    if not is_code(component):
        return component
    kind = _find_base(component, purpose)
    notes.add_code(f"{purpose} (read as {kind})" if kind else purpose, _get_class_name(component), INSTEAD[purpose])
    return {**{key: one for key, one in component.items() if key != "class_name"}, "type": kind} if kind else None


def find_kind(component: Mapping[str, Any], purpose: str) -> Any:
    """Return the type as which a component is read, or "" for code with an unknown base."""
    return _find_base(component, purpose) if is_code(component) else component.get("type")


def _find_base(component: Mapping[str, Any], purpose: str) -> str:
    for kind, keys in _BASES.get(purpose, ()):
        if keys <= component.keys():
            return kind
    if purpose == "decoding responses" and (match := _DECODER.fullmatch(_get_class_name(component))):
        return f"{match[1].capitalize()}Decoder"
    return ""


def _get_class_name(component: Mapping[str, Any]) -> str:
    name = clean_text(component.get("class_name") or component.get("type") or "code", 120)
    return name.rpartition(".")[2] or name
