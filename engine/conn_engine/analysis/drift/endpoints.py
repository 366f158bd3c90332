"""Find the vendor operation of a request, or of an endpoint of a document, by method and path."""

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote

from conn_engine.config import Effective, VendorOperation
from conn_engine.urls import split_plain_url

__all__ = ["OperationIndex", "index_operations", "normalize_path"]

_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{[^{}]*\}")
_SLOT = "{}"


class OperationIndex:
    """Finds the vendor operations of a configuration by their requests."""

    def __init__(self, operations: Iterable[VendorOperation]) -> None:
        self.operations = list(operations)
        self._patterns = [(operation, _pattern(operation)) for operation in self.operations]

    def find_operation(self, method: str, url: str) -> VendorOperation | None:
        """Return the operation of a request: of those whose path matches, the one with the fewest placeholders. The
        base URL is ignored."""
        path = unquote(split_plain_url(url).path)
        fitting = [
            (operation, pattern.groups if isinstance(pattern, re.Pattern) else 0)
            for operation, pattern in self._patterns
            if operation.method == method.upper() and pattern.search(path)
        ]
        if not fitting:
            return None
        return min(fitting, key=lambda row: (_slots(row[0].path), -len(row[0].path)))[0]

    def find_endpoint(
        self, operation: VendorOperation, endpoints: Mapping[tuple[str, str], object]
    ) -> tuple[str, str] | None:
        """Return the key (method, normalized path) of the endpoint that describes an operation: the longest match."""
        path = normalize_path(operation.path)
        candidates = [key for key in endpoints if key[0] == operation.method and _ends_alike(key[1], path)]
        return max(candidates, key=lambda key: (key[1] == path, len(key[1])), default=None)


def index_operations(effective: Effective) -> OperationIndex:
    """Return an index of every vendor operation that can be used."""
    return OperationIndex(list(effective.vendor_operations()))


def normalize_path(path: str) -> str:
    """Replace every placeholder of a path by `{}`: `/contacts/{id}` and `/contacts/{{id}}` become `/contacts/{}`."""
    return (
        _TEMPLATE.sub(_SLOT, split_plain_url(path).path if "{{" not in path else path.partition("?")[0]).rstrip("/")
        or "/"
    )


def _slots(path: str) -> int:
    return len(_TEMPLATE.findall(path))


def _pattern(operation: VendorOperation) -> re.Pattern[str]:
    """Return a pattern for the end of a request's path. A placeholder matches one segment, or the rest of one."""
    pieces: Sequence[str] = _TEMPLATE.split(operation.path.partition("?")[0].rstrip("/"))
    return re.compile("[^/]+".join(re.escape(piece) for piece in pieces) + "/?$")


def _ends_alike(path: str, other_path: str) -> bool:
    return (
        path == other_path or path.endswith(f"/{other_path.lstrip('/')}") or other_path.endswith(f"/{path.lstrip('/')}")
    )
