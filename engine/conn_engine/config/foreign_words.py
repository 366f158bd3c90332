"""The words of other tools for keys of documents: of low-code manifests, OpenAPI, Postman and HTTP clients."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from conn_engine.diagnostics import did_you_mean, find_match

__all__ = ["FOREIGN_WORDS", "find_meant_key", "suggest_key", "translate_key"]

FOREIGN_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "query": ("params", "query_params", "query_parameters", "query_string", "parameters", "request_parameters"),
    "response_path": ("data_selector", "field_path", "record_selector", "record_path", "data_path", "results_path"),
    "authorization": ("auth", "authentication", "authenticator", "security"),
    "credentials": ("security_schemes", "auth_mode"),
    "format": ("type", "strategy", "scheme"),
    "path": ("url", "endpoint", "uri", "route"),
    "base_url": ("url", "url_base", "endpoint", "server", "servers", "root_url"),
    "body": ("json", "data", "payload", "request_body", "request_body_json", "request_body_data"),
    "body_format": ("content_type", "encoding"),
    "headers": ("request_headers",),
    "method": ("http_method", "verb"),
    "rate_limit": ("requests_per_second", "rate", "throttle", "api_budget"),
    "pagination": ("paginator", "paginate", "paging"),
    "errors": ("error_handler", "retry", "retries", "response_filters"),
    "resources": ("streams", "paths", "endpoints"),
    "incremental": ("incremental_sync",),
    "record_filter": ("filter", "where"),
    "record_mapping": ("transformations", "transform", "schema_mapping"),
    "response_mapping": ("mapping", "transform", "output", "response"),
    "request_body_mapping": ("input", "request_mapping"),
    "when": ("if", "condition", "predicate"),
    "then": ("action", "do"),
    "size": ("page_size", "limit", "per_page"),
    "size_param": ("page_size_option", "limit_param", "per_page_param"),
    "cursor_field": ("cursor_value", "next_cursor", "next_cursor_path"),
    "stop": ("stop_condition", "until"),
}
"""The key of documents for each foreign word. A word may mean several, of which the first that exists is suggested."""

_MEANT: Final[Mapping[str, tuple[str, ...]]] = {
    word: tuple(key for key, words in FOREIGN_WORDS.items() if word in words)
    for words in FOREIGN_WORDS.values()
    for word in words
}
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def suggest_key(key: str, known: Iterable[str]) -> str:
    """Return `did you mean "query"?` for an unknown key, or an empty string: the known key that other tools call so, or
    else the most similar one."""
    names = list(known)
    meant = translate_key(key, names)
    return f'did you mean "{meant}"?' if meant else did_you_mean(key, names)


def find_meant_key(key: str, known: Iterable[str]) -> tuple[str, bool]:
    """Return the known key that `suggest_key` suggests for an unknown one, or an empty string, and whether it is
    certain: no other key is as similar, or has this name in other tools."""
    names = list(known)
    existing = [name for name in _MEANT.get(_normalize(key), ()) if name in names]
    return (existing[0], len(existing) == 1) if existing else find_match(key, names)


def translate_key(key: str, known: Collection[str]) -> str:
    """Return the known key that other tools call by this name, or an empty string."""
    return next((name for name in _MEANT.get(_normalize(key), ()) if name in known), "")


def _normalize(key: str) -> str:
    return _HUMP.sub("_", key).replace("-", "_").lower()
