"""The pagination of the connector: the one that most listings have. It holds for those that declare its parameter;
another one says its own, or that it has none."""

from collections import Counter
from collections.abc import Sequence

from conn_engine.analysis.drift.contract import Endpoint
from conn_engine.documents.pointers import get_at
from conn_import.operation import BuiltOperation
from conn_import.paging import Paging
from conn_import.records import record_shape

__all__ = ["default_paging", "follows_default", "takes_none"]

_MOST_OTHERS = 2
"""A default is worth it where for each operation that has it at most this many others have to say that they do not."""


def default_paging(operations: Sequence[BuiltOperation]) -> Paging | None:
    """The paging that most listings have and whose end the answer tells; None where hardly any operation has it."""
    rows = [one.paging for one in operations if one.paging is not None and one.paging.ends and not _in_body(one.paging)]
    counts = Counter(repr(paging.settings) for paging in rows)
    most = max(counts.values(), default=0)
    found = next((paging for paging in rows if counts[repr(paging.settings)] == most), None)
    if found is None or found.page_parameter is None:
        return found
    others = sum(takes_none(one, found) for one in operations)
    followers = sum(one.paging is None and follows_default(one, found) for one in operations)
    return found if others <= (most + followers) * _MOST_OTHERS else None


def follows_default(operation: BuiltOperation, default: Paging | None) -> bool:
    """Whether an operation of which nothing else is known goes on as the connector does: it declares the parameter, and
    its answer does not contradict. Where an answer names the next page by itself, one that names none is the last."""
    if default is None or not operation.inherits_paging or _contradicts(operation.endpoint, default):
        return False
    parameter = default.page_parameter
    return parameter is None or operation.endpoint.parameter("query", parameter) is not None


def takes_none(operation: BuiltOperation, default: Paging | None) -> bool:
    """Whether an operation has to say that it has no pages, because it would inherit the connector's."""
    inherits = operation.paging is None and default is not None and operation.inherits_paging
    return inherits and not follows_default(operation, default)


def _in_body(paging: Paging) -> bool:
    return "cursor_body" in paging.config or "cursor_form" in paging.config


def _contradicts(endpoint: Endpoint, common: Paging) -> bool:
    """Whether an answer has an object or a list where the others have their next cursor or URL."""
    if not common.next:
        return False
    found = record_shape(endpoint.answer.shape, common.next)
    value = get_at(endpoint.answer.example, common.next)
    return (found is not None and found.type in ("object", "array")) or isinstance(value, dict | list)
