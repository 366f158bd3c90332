"""Finds where a connector's requests contain credentials: set by authorizations, signatures and logins."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.config import Effective
from conn_engine.config.operations import VendorOperation
from conn_engine.config.secret_texts import secret_texts
from conn_engine.secrets.credential_places import CredentialPlace, Kind
from conn_engine.transport.url_templates import hide_templates, split_url

__all__ = ["find_credential_places", "find_declared_headers"]

_KINDS: dict[str, Kind] = {"headers": "header", "query": "parameter", "body": "field"}
_TEMPLATE = re.compile("\0+")
_ANY_HOST = "^https?://[^/?#]+"


def find_declared_headers(effective: Effective) -> frozenset[str]:
    """Return the request headers that the connector's operations set, in lower case."""
    return frozenset(name.lower() for operation in effective.vendor_operations() for name in operation.headers)


def find_credential_places(effective: Effective) -> list[CredentialPlace]:
    """Return every place in which a request of the connector carries a credential."""
    places: dict[CredentialPlace, None] = {}
    for operation in effective.vendor_operations():
        for place in operation.authorization.places():
            if not place.template or "{{" in place.template:  # any other value is the same for all accounts
                places |= dict.fromkeys(_find_in_urls(operation, place) if place.kind == "path" else [place])
    places |= dict.fromkeys(_find_templates(effective.data))
    return list(places)


def _find_in_urls(operation: VendorOperation, place: CredentialPlace) -> Iterator[CredentialPlace]:
    """Yield URL patterns for a place in a path: with the path of the base URL and without it, as hosts may differ."""
    base = split_url(operation.base_url)[1].rstrip("/")
    path = operation.path if operation.path.startswith(("/", "?")) or not operation.path else f"/{operation.path}"
    mark = f"{{{place.name}}}"
    for begin, text in ((_ANY_HOST, base + path), (rf"{_ANY_HOST}(?:/[^?#]*)?", path)):
        plain = hide_templates(text)
        if mark in plain:
            parts = plain.split(mark)
            url_pattern = "([^/?#]+)".join(map(re.escape, _TEMPLATE.split(hide_templates(place.template))))
            pattern = url_pattern.join("[^?#]*?".join(map(re.escape, _TEMPLATE.split(part))) for part in parts)
            yield CredentialPlace("url", f"{begin}{pattern}(?:[/?#]|$)")


def _find_templates(data: Mapping[str, Any]) -> Iterator[CredentialPlace]:
    """Yield the places in headers, queries and bodies that signatures and login requests set."""
    for path, text in secret_texts(data):
        where = next((index for index, key in enumerate(path) if key in ("credentials", "signature")), len(path))
        index = next((index for index in range(where, len(path) - 1) if path[index] in _KINDS), None)
        if index is not None and path[0] != "webhooks" and "{{" in text:
            names = [str(key) for key in path[index + 1 :]]
            kind = _KINDS[str(path[index])]
            yield CredentialPlace(kind, ".".join(names) if kind == "field" else names[0], text, certain=False)
