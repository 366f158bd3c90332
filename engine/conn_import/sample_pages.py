"""The pages of a sample listing: what each response says about the next page, as the guessed pagination reads it."""

from collections.abc import Sequence
from typing import Any

from conn_engine.documents.pointers import get_at
from conn_engine.recordings.files import RecordedResponse
from conn_import.operation import BuiltOperation
from conn_import.pagination import PaginationGuess, find_position_parameter
from conn_import.records import find_shape

__all__ = ["build_page_query", "build_pages", "make_last_page", "set_at"]

_JSON = {"content-type": "application/json"}


def build_pages(
    operation: BuiltOperation, paging: PaginationGuess, bodies: Sequence[Any], url: str
) -> list[RecordedResponse]:
    """Return responses in which each page leads to the next one; empty if the document does not say how one does."""
    pages = []
    for number, body in enumerate(bodies[:-1], 2):
        page = _lead_to(operation, paging, body, url, number)
        if page is None:
            return []
        pages.append(page)
    last = make_last_page(operation, paging, bodies[-1])
    pages.append(RecordedResponse(status=200, headers=_JSON, body=last))
    if paging.total:
        total = sum(len(get_at(body, operation.records) or ()) for body in bodies)
        pages = [
            RecordedResponse(status=200, headers=page.headers, body=set_at(page.body, paging.total, total))
            for page in pages
        ]
    if not (paging.ends or paging.total or paging.more):
        pages.append(RecordedResponse(status=200, headers=_JSON, body=set_at(last, operation.records, [])))
    return pages


def _lead_to(
    operation: BuiltOperation, paging: PaginationGuess, body: Any, url: str, number: int
) -> RecordedResponse | None:
    """Return a response that leads to the page with this number."""
    kind = paging.settings["format"]
    headers = dict(_JSON)
    if kind in ("next_url", "link_header"):
        parameter = find_position_parameter(operation.endpoint)
        if parameter is None:
            return None
        value = number if parameter.kind in ("integer", "number") else f"page-{number}"
        following = f"{url}?{parameter.name}={value}"
        if kind == "link_header":
            headers["link"] = f'<{following}>; rel="next"'
        else:
            body = set_at(body, paging.next, following)
    elif paging.next:
        shape = find_shape(operation.endpoint.answer.shape, paging.next)
        is_number = shape is not None and shape.type in ("integer", "number")
        body = set_at(body, paging.next, number if is_number else f"page-{number}")
    if paging.more:
        body = set_at(body, paging.more, paging.config.get("has_more") is not None)
    return RecordedResponse(status=200, headers=headers, body=body)


def make_last_page(operation: BuiltOperation, paging: PaginationGuess | None, body: Any) -> Any:
    """Return the body without its link to a next page."""
    if paging is None or not isinstance(body, dict):
        return body
    following = get_at(body, paging.next) if paging.next else None
    if following is not None and not isinstance(following, dict | list):
        body = set_at(body, paging.next, None)
    if paging.more:
        body = set_at(body, paging.more, paging.config.get("has_more") is None)
    records = get_at(body, operation.records)
    if paging.total and isinstance(records, list):
        body = set_at(body, paging.total, len(records))
    return body


def build_page_query(operation: BuiltOperation, seen: int) -> dict[str, Any]:
    """Return what pagination adds to the query of the first request (`seen` is 0) or of the next one."""
    if operation.paging is None or operation.paging.ends:
        return {}
    config = operation.paging.config
    sent = {}
    if operation.paging.settings["format"] == "page":
        sent[config["page_param"]] = str(config.get("first", 1) + (1 if seen else 0))
    else:
        sent[config["offset_param"]] = str(seen)
    size = config.get("size_param")
    if size and "size" in config:
        sent[size] = str(config["size"])
    return sent


def set_at(body: Any, path: tuple[str, ...], value: Any) -> Any:
    """Return a copy with another value at a path; missing objects are created."""
    if not path:
        return value
    inner = body if isinstance(body, dict) else {}
    return {**inner, path[0]: set_at(inner.get(path[0]), path[1:], value)}
