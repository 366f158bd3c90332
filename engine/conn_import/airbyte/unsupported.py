"""Keys of components that mean something to the kit and that nothing here reads: told, so that nothing is dropped in
silence. Keys that the kit does not know either mean nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_import.airbyte.notes import Notes
from conn_import.airbyte.references import PARAMETERS

__all__ = ["note_unsupported"]

_UNREAD: Mapping[str, Mapping[str, str]] = {
    "DeclarativeStream": {"file_uploader": "files that are downloaded beside the records"},
    "SimpleRetriever": {
        "page_size_reduction": "pages that get smaller when the vendor cannot answer",
        "request_window_splitting": "windows that are split when the vendor cannot answer",
        "pagination_reset": "a listing that begins again at a cap",
    },
    "AsyncRetriever": {
        "download_paginator": "a download in pages",
        "failed_retry_wait_time_in_seconds": "the pause before a failed job is tried again",
    },
    "HttpRequester": {
        "fetch_properties_from_endpoint": "a list of fields that the vendor is asked for, in its old form",
        "use_tcp_keepalive": "connections that are kept open",
    },
    "DatetimeBasedCursor": {
        "clamping": "windows that begin with a day, week or month",
        "allow_catalog_defined_cursor_field": "a cursor's field that the user chooses",
    },
    "IncrementingCountCursor": {"allow_catalog_defined_cursor_field": "a cursor's field that the user chooses"},
    "OAuthAuthenticator": {
        "refresh_token_error_key": "which answers mean that the refresh token is spent",
        "access_token_value": "an access token that the account has from the start",
    },
    "ConstantBackoffStrategy": {"jitter_range_in_seconds": "chance in the pauses before a retry"},
    "ExponentialBackoffStrategy": {"jitter_range_in_seconds": "chance in the pauses before a retry"},
    "WaitUntilTimeFromHeader": {"min_wait": "the least wait until a time from a header"},
    "HttpResponseFilter": {},
}


def note_unsupported(component: Any, notes: Notes) -> None:
    """Note what a stream's components say and nothing reads. Parents are streams of their own."""
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
