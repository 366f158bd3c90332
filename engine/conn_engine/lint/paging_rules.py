"""Rules for pagination: a listing can end, and the next page and the page size are requested."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from conn_engine.config import Path_, VendorOperation, format_place
from conn_engine.diagnostics import Diagnostic, diagnostic
from conn_engine.documents import iterate_texts
from conn_engine.errors import ExpressionError
from conn_engine.expressions import UNDEFINED, expression, template
from conn_engine.lint.statuses import evaluate_constant
from conn_engine.listing.pagination import Cursor, Dynamic, Nested, NoPagination, Offset, PageNumber, Range
from conn_engine.listing.pagination.ending import Counted, Ending, Sized, is_affirmative, to_number
from conn_engine.listing.pagination.placement import Where
from conn_engine.roles import read_roles

if TYPE_CHECKING:
    from conn_engine.lint.target import LintTarget

__all__ = ["check_paginations"]


def check_paginations(target: "LintTarget") -> Iterator[Diagnostic]:
    """PAG101: a listing cannot end. PAG102: a pagination setting is not sent. PAG103: a page size above the maximum.
    PAG105: pages are compared with an unknown size.

    A setting that several operations inherit is reported only if it is wrong for each of them.
    """
    effective = target.effective
    faults_by_path: dict[Path_, list[set[Fault]]] = {}
    for operation in effective.vendor_operations():
        paging = operation.get_pagination()
        if isinstance(paging, NoPagination):
            continue
        faults_by_path.setdefault(operation.get_path("pagination"), []).append(set(_find_faults(operation, paging)))
        yield from _check_requested_size(target, operation, paging)
    for base, faults in faults_by_path.items():
        for code, key, message, hint in sorted(set.intersection(*faults)):
            path = _find_written_path(target, (*base, "config", *key))
            yield diagnostic(code, message, effective.span(path), path=format_place(path), hint=hint)


def _check_requested_size(target: "LintTarget", operation: VendorOperation, paging: Any) -> Iterator[Diagnostic]:
    """PAG103 for a size in the operation's own query or body."""
    if not isinstance(paging, Sized) or paging.max_size is None:
        return
    where: Where = paging.size_where
    requested = to_number(where.read_parameter(operation.query, {}, operation.body))
    if requested is None or requested <= paging.max_size:
        return
    key: Path_ = ("query", where.param) if where.param is not None and where.param in operation.query else ("body",)
    path = _find_written_path(target, (*operation.place, *key))
    message = f"the request asks for {requested} records per page; `max_size` is {paging.max_size}"
    hint = f"write at most {paging.max_size}, or correct `max_size`"
    yield diagnostic("PAG103", message, target.effective.span(path), path=format_place(path), hint=hint)


Fault = tuple[str, tuple[str, ...], str, str]
"""Code, the keys below `config`, message and fix."""


def _find_faults(operation: VendorOperation, paging: Any) -> Iterator[Fault]:
    if isinstance(paging, Nested):
        for part in ("outer", "inner"):
            for code, key, message, hint in _find_faults(operation, getattr(paging, part)):
                yield code, (part, "config", *key), message, hint
        return
    yield from _find_endless(operation, paging)
    yield from _find_unsent(operation, paging)
    yield from _check_sizes(operation, paging)


def _can_stop(paging: Any) -> bool:
    """Return whether a `stop` rule can ever be true."""
    fixed, value = evaluate_constant(paging.stop) if paging.stop is not None else (True, None)
    return not fixed or is_affirmative(value)


def _find_endless(operation: VendorOperation, paging: Any) -> Iterator[Fault]:
    stops = isinstance(paging, Ending) and _can_stop(paging)
    is_sized = isinstance(paging, Sized) and paging.ends_by_size
    lead = paging.lead() if isinstance(paging, Ending) else None
    if lead is not None and lead.source == "answer" and not stops and not is_sized:
        fixed, value = evaluate_constant(lead.path)
        if fixed and value is not UNDEFINED and not paging.is_missing(value):
            hint = "read it from the response (body.next, records[-1].id), or compute it from the response"
            yield "PAG101", (lead.setting,), f"`{lead.setting}` is the same after every page", hint
    if not isinstance(paging, Counted) or isinstance(paging, Range) or stops:
        return
    fixed, value = evaluate_constant(paging.has_more) if paging.has_more is not None else (False, None)
    if fixed and is_affirmative(value) and getattr(paging, "next_page", None) is None:
        hint = "read it from the response, or remove it: an empty page is then the last one"
        yield "PAG101", ("has_more",), "`has_more` is true after every page", hint
    if operation.response_format in ("text", "binary") and not is_sized and not _reads_response(paging):
        message = f"a {operation.response_format} response is always one record, so no page is ever empty"
        yield "PAG101", (), message, "add a `stop` or `has_more` rule"


def _reads_response(paging: Ending) -> bool:
    roles = read_roles(type(paging))
    return any(note.role == "expression" and getattr(paging, name) is not None for name, _, note in roles)


def _find_unsent(operation: VendorOperation, paging: Any) -> Iterator[Fault]:
    key, where, name = _find_page_parameter(paging)
    if where is None or operation.job is not None:
        return
    bodiless = operation.method == "HEAD" or (operation.method == "GET" and operation.body is None)
    if (where.pointer or where.form) and not (where.param or where.header) and bodiless:
        message = f"a {operation.method} request has no body, so the next page is not requested"
        yield "PAG102", (f"{key}_body" if where.pointer else f"{key}_form",), message, f"use `{key}_param`"
    elif not where.is_set and not _reads_page(operation, name):
        hint = f"set `{key}_param`, or use {{{{page.{name}}}}} in a template" if name else "set `send`"
        yield "PAG102", (), "the request does not ask for the next page", hint


def _find_page_parameter(paging: Any) -> tuple[str, Where | None, str]:
    """Return the prefix of the settings for the page's parameter, its place, and its name in templates."""
    if isinstance(paging, PageNumber):
        return "page", paging.where, "number"
    if isinstance(paging, Offset):
        return "offset", paging.where, "offset"
    if isinstance(paging, Cursor):
        return "cursor", paging.where, "cursor"
    if isinstance(paging, Dynamic) and paging.send is None:
        return "", Where(), ""
    return "", None, ""


def _check_sizes(operation: VendorOperation, paging: Any) -> Iterator[Fault]:
    if not isinstance(paging, Sized) or isinstance(paging, Range):
        return
    where = paging.size_where
    is_sent = where.is_set or paging.ends_by_size or _reads_page(operation, "size")
    if paging.size is not None and not is_sent:
        hint = "set `size_param` to the vendor's parameter, or remove `size`"
        yield "PAG102", ("size",), "a page size is set, but the request does not send it", hint
    if paging.size is not None and paging.max_size is not None and paging.size > paging.max_size:
        hint = f"write at most {paging.max_size}, or correct `max_size`"
        yield "PAG103", ("size",), f"the page size {paging.size} is above `max_size` ({paging.max_size})", hint
    if paging.ends_by_size and paging.size is None and not _requests_size(operation, where):
        hint = "set `size` to the number of records of a full page, or remove `full_pages`"
        yield "PAG105", ("full_pages",), "`full_pages: size` needs a page size, and none is set", hint


def _requests_size(operation: VendorOperation, where: Where) -> bool:
    """Return whether the operation's own request has a page size."""
    return where.read_parameter(operation.query, operation.headers, operation.body) is not None


def _reads_page(operation: VendorOperation, name: str) -> bool:
    """Return whether a template of the operation reads `page`, or may read anything."""
    templates = [operation.path, operation.query, operation.headers, operation.body]
    return any(_is_page_read(text) for _, text in iterate_texts(templates) if "{{" in text)


def _is_page_read(text: str) -> bool:
    try:
        parts = [expression(part).roots() for part, _ in template(text).expressions]
    except ExpressionError:
        return True  # reported as EXP101
    return any(roots is None or "page" in roots for roots in parts)


def _find_written_path(target: "LintTarget", path: Path_) -> Path_:
    """Return the path, or its nearest parent that a document contains."""
    while len(path) > 1 and not any(origin.path == path for origin in target.effective.origins(path)):
        path = path[:-1]
    return path
