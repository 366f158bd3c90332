"""Note keys of components that the kit reads but the import does not, so that nothing is dropped silently. Keys that
the kit does not read have no effect."""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_import.airbyte.notes import Notes
from conn_import.airbyte.references import PARAMETERS

__all__ = ["note_unsupported"]

_UNREAD: Mapping[str, Mapping[str, str]] = {
    "DeclarativeStream": {"file_uploader": "files that are downloaded with the records"},
    "SimpleRetriever": {
        "page_size_reduction": "smaller pages after a failed request",
        "request_window_splitting": "splitting windows after a failed request",
        "pagination_reset": "restarting a list at a limit",
    },
    "AsyncRetriever": {
        "download_paginator": "a paginated download",
        "failed_retry_wait_time_in_seconds": "the pause before a failed job is retried",
    },
    "HttpRequester": {
        "fetch_properties_from_endpoint": "a list of requested fields in its old form",
        "use_tcp_keepalive": "TCP keep-alive",
    },
    "DatetimeBasedCursor": {
        "clamping": "windows aligned to a day, week or month",
        "allow_catalog_defined_cursor_field": "a cursor field that the user selects",
    },
    "IncrementingCountCursor": {"allow_catalog_defined_cursor_field": "a cursor field that the user selects"},
    "OAuthAuthenticator": {
        "refresh_token_error_key": "detecting an expired refresh token",
        "access_token_value": "an initial access token",
    },
    "ConstantBackoffStrategy": {"jitter_range_in_seconds": "random jitter in the pauses before a retry"},
    "ExponentialBackoffStrategy": {"jitter_range_in_seconds": "random jitter in the pauses before a retry"},
    "WaitUntilTimeFromHeader": {"min_wait": "the minimum wait until a time in a header"},
    "HttpResponseFilter": {},
}


def note_unsupported(component: Any, notes: Notes) -> None:
    """Note keys of a stream's components that are not read. Parents are separate streams."""
    for one in _walk_components(component):
        kind = one.get("type")
        for key, what in _UNREAD.get(kind, {}).items() if isinstance(kind, str) else ():
            if one.get(key) not in (None, "", False):
                notes.add(what)


def _walk_components(component: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [component]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, Mapping):
            if "type" in one:
                yield one
            parents = "stream" if one.get("type") == "ParentStreamConfig" else ""
            skipped = (PARAMETERS, "schema", "schema_loader", parents)
            waiting.extend(value for key, value in one.items() if key not in skipped)
