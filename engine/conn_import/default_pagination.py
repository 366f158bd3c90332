"""The connector's default pagination: that of most list operations. It applies to operations that have its parameter.
Others set their own, or `none`."""

from collections import Counter
from collections.abc import Sequence

from conn_engine.analysis.drift.contract import Endpoint
from conn_engine.documents.pointers import get_at
from conn_import.operation import BuiltOperation
from conn_import.pagination import PaginationGuess
from conn_import.records import find_shape

__all__ = ["find_default_pagination", "follows_default", "needs_no_pagination"]

_MOST_OTHERS = 2
"""A default is useful if, for each operation that uses it, at most this many others have to opt out."""


def find_default_pagination(operations: Sequence[BuiltOperation]) -> PaginationGuess | None:
    """Return the most frequent pagination that detects its end in the response, or None if few operations have it."""
    rows = [
        one.paging for one in operations if one.paging is not None and one.paging.ends and not _is_in_body(one.paging)
    ]
    counts = Counter(repr(paging.settings) for paging in rows)
    most = max(counts.values(), default=0)
    found = next((paging for paging in rows if counts[repr(paging.settings)] == most), None)
    if found is None or found.page_parameter is None:
        return found
    others = sum(needs_no_pagination(one, found) for one in operations)
    followers = sum(one.paging is None and follows_default(one, found) for one in operations)
    return found if others <= (most + followers) * _MOST_OTHERS else None


def follows_default(operation: BuiltOperation, default: PaginationGuess | None) -> bool:
    """Return whether an operation without a pagination of its own can use the default: it has the parameter, and its
    response does not contradict. If the response names the next page, a response without one is the last."""
    if default is None or not operation.inherits_paging or _contradicts(operation.endpoint, default):
        return False
    parameter = default.page_parameter
    return parameter is None or operation.endpoint.parameter("query", parameter) is not None


def needs_no_pagination(operation: BuiltOperation, default: PaginationGuess | None) -> bool:
    """Return whether an operation has to opt out of the connector's pagination."""
    inherits = operation.paging is None and default is not None and operation.inherits_paging
    return inherits and not follows_default(operation, default)


def _is_in_body(paging: PaginationGuess) -> bool:
    return "cursor_body" in paging.config or "cursor_form" in paging.config


def _contradicts(endpoint: Endpoint, common: PaginationGuess) -> bool:
    """Return whether a response has an object or a list where others have their next cursor or URL."""
    if not common.next:
        return False
    found = find_shape(endpoint.answer.shape, common.next)
    value = get_at(endpoint.answer.example, common.next)
    return (found is not None and found.type in ("object", "array")) or isinstance(value, dict | list)
