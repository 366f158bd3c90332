"""The paths of a vendor at which a connector obtains, renews, revokes or inspects credentials."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from conn_engine.config import Effective, lookup
from conn_engine.documents import iterate_texts

__all__ = ["find_credential_paths", "is_credential_path"]

_URL = re.compile(r"^(?:https?://[^/?#]*|\{\{.*?\}\})?(/[^?#]*)")


def find_credential_paths(effective: Effective) -> frozenset[tuple[str, ...]]:
    """Return the paths below the base URL at which the connector obtains, renews, revokes or inspects credentials, as
    segments in lower case. `*` is one of any text."""
    base = next(iter(_read_paths([effective.connector.base_url])), ())
    found = set()
    for texts in _find_credential_texts(effective.data):
        for is_full, segments in (
            (text.startswith(("http", "{{")), path) for text in texts for path in _read_paths([text])
        ):
            found.add(segments[len(base) :] if is_full and _is_start(base, segments) else segments)
    return frozenset(path for path in found if path)


def _find_credential_texts(data: Mapping[str, Any]) -> Iterator[list[str]]:
    for key in ("credentials", "authorization"):
        yield [text for _, text in iterate_texts(lookup(data, (key,)))]
    resources = data.get("resources")
    for resource in resources.values() if isinstance(resources, Mapping) else ():
        for operation in resource.values() if isinstance(resource, Mapping) else ():
            if isinstance(operation, Mapping) and "credentials" in operation:
                yield [text for _, text in iterate_texts(operation["credentials"])]


def _read_paths(texts: Iterable[str]) -> Iterator[tuple[str, ...]]:
    for text in texts:
        match = _URL.match(text)
        if match is not None:
            parts = re.sub(r"\{\{.*?\}\}", "*", match[1]).lower().strip("/").split("/")
            yield tuple("*" if "*" in part else unquote(part) for part in parts if part)


def _is_start(base: Sequence[str], segments: Sequence[str]) -> bool:
    return len(segments) > len(base) and all(
        "*" in (left, right) or left == right for left, right in zip(base, segments, strict=False)
    )


def is_credential_path(names: Sequence[str], paths: Iterable[tuple[str, ...]]) -> bool:
    """Return whether a path is one of these, or below one, in any letter case."""
    lower = [name.lower() for name in names]
    return any(
        len(lower) >= len(path) and all(part in ("*", name) for part, name in zip(path, lower, strict=False))
        for path in paths
    )
