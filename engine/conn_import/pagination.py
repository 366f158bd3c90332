"""Guess the pagination of a list from its parameters and the fields of its response. Only a call can confirm it."""

import re
from dataclasses import dataclass
from typing import Any

from conn_engine.analysis.drift.contract import Endpoint, Parameter, Shape
from conn_engine.documents.pointers import to_pointer
from conn_import.words import squeeze, to_step

__all__ = [
    "PaginationGuess",
    "find_change_parameter",
    "find_page_parameter",
    "find_position_parameter",
    "guess_pagination",
]

_CURSORS = (
    "cursor", "after", "pageafter", "startingafter", "startcursor", "pagetoken", "nexttoken", "nextpagetoken",
    "paginationtoken", "continuationtoken", "continuation", "pagecursor", "nextcursor", "marker", "startafter",
    "scrollid", "offset", "pageinfo", "iterator", "token", "since",
)  # fmt: skip
_NEXT_CURSORS = (
    "nextcursor", "nextpagetoken", "nexttoken", "aftercursor", "endcursor", "nextpagecursor", "continuationtoken",
    "nextstartcursor", "nextpage", "nextoffset", "nextmarker", "scrollid",
)  # fmt: skip
_NEXT_URLS = (
    "nexturl", "nexturi", "nextlink", "nextpageurl", "nextpageuri", "nextpagelink", "nextpagehref", "nextrecordsurl",
    "odatanextlink",
)  # fmt: skip
_OFFSETS = (
    "offset", "pageoffset", "skip", "startat", "start", "startindex", "startposition", "firstresult", "resultoffset",
    "recordoffset", "offsetvalue", "startrow", "startrecord", "startitem", "startingposition", "startpos", "startfrom",
    "startnum", "startnumber", "recordstart", "rowstart", "fromindex", "fromrow", "beginindex", "skipcount",
    "firstrecord", "firstitem", "sysparmoffset", "itemoffset", "from",
)  # fmt: skip
_UNSURE = frozenset({"from", "offset", "pageoffset", "start"})
"""As often a date or a token as a number: read as a number only if the document says so."""
_PAGES = ("page", "pagenumber", "pageno", "pagenum", "pageindex", "currentpage", "p")
_SIZES = (
    "limit", "pagesize", "perpage", "pagelimit", "maxresults", "count", "size", "top", "max", "maxitems", "rows",
    "resultsperpage", "itemsperpage", "num", "first", "maxpagesize", "take",
)  # fmt: skip
_MORE = ("hasmore", "moreitemsincollection", "hasnextpage", "hasnext", "morerecords", "hasmoreitems", "moreresults")
_LAST = ("islast", "lastpage", "islastpage")
_TOTALS = ("total", "totalcount", "totalresults", "totalitems", "totalrecords", "totalsize", "totalelements")
_CHANGED = re.compile(
    r"(?:filter)?(?:last)?(?:updated|modified|changed|update|modification|change)(?:at|on|date|time|datetime)?"
    r"(?:after|since|from|min|gte?|start|greaterthan)|(?:min|since|from)(?:last)?(?:updated|modified|changed)(?:at|on|date)?"
)
_BACK = ("prev", "previous", "before", "first", "last", "self")


@dataclass(frozen=True, slots=True)
class PaginationGuess:
    """A guess: `settings` as written (`{format, config}`), and `clue`, what it was inferred from.

    `ends` is set if the response itself shows the end of the list, so that an operation without pages is not affected.
    `size` is the page size parameter.
    """

    settings: dict[str, Any]
    clue: str
    ends: bool
    size: Parameter | None = None
    total: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    next: tuple[str, ...] = ()

    @property
    def config(self) -> dict[str, Any]:
        """Its options; empty for a kind without any."""
        config: dict[str, Any] = self.settings.get("config", {})
        return config

    @property
    def parameters(self) -> list[str]:
        """The query parameters that the pagination sets."""
        return [str(value) for key, value in self.config.items() if key.endswith("_param")]

    @property
    def page_parameter(self) -> str | None:
        """The query parameter that selects the page, or None."""
        names = ("cursor_param", "page_param", "offset_param")
        return next((str(self.config[key]) for key in names if key in self.config), None)


Leaves = dict[tuple[str, ...], Shape]


def guess_pagination(endpoint: Endpoint) -> PaginationGuess | None:
    """Guess how to get the next page. Returns None if nothing indicates it."""
    query_parameters = {squeeze(one.name): one for one in endpoint.parameters if one.place == "query"}
    shape = endpoint.answer.shape
    leaves: Leaves = dict(shape.leaves()) if shape is not None and shape.type != "array" else {}
    size = next((query_parameters[name] for name in _SIZES if name in query_parameters), None)
    by_cursor = _guess_by_cursor(query_parameters, leaves, size)
    if by_cursor is not None:
        return by_cursor
    by_body = _guess_by_body(endpoint, leaves)
    if by_body is not None:
        return by_body
    if "startingafter" in query_parameters and (more := _find_leaf(leaves, _MORE)):
        config = {
            "next_cursor": "records[-1].id",
            "cursor_param": query_parameters["startingafter"].name,
            "has_more": _to_body_path(more),
        }
        return PaginationGuess(
            {"format": "cursor", "config": config}, "starting_after and has_more", True, size, more=more
        )
    if "link" in endpoint.answer.headers and endpoint.method == "get":
        return PaginationGuess({"format": "link_header"}, "the Link header of the response", True, size)
    url = _find_next_url(leaves, bool({*query_parameters} & {*_OFFSETS, *_PAGES, *_CURSORS}))
    if url:
        config = {"next_url_field": _to_path(url)}
        return PaginationGuess(
            {"format": "next_url", "config": config}, f"{_to_path(url)} of the response", True, size, next=url
        )
    return _guess_by_number(query_parameters, leaves, size)


def find_page_parameter(endpoint: Endpoint) -> str:
    """Return a parameter that only a listing with pages has, or ""."""
    names = (*_CURSORS[:15], *_PAGES[:-1])
    found = (one.name for one in endpoint.parameters if one.place == "query" and squeeze(one.name) in names)
    return next(found, "")


def find_change_parameter(endpoint: Endpoint) -> Parameter | None:
    """Return the query parameter with the earliest time of a change, as a text: only records that changed since then
    are listed."""
    return next(
        (
            one
            for one in endpoint.parameters
            if one.place == "query" and one.kind in ("string", "") and _CHANGED.fullmatch(squeeze(one.name))
        ),
        None,
    )


def find_position_parameter(endpoint: Endpoint) -> Parameter | None:
    """Return the query parameter that says where a page starts: a cursor, a page or an offset."""
    names = {*_CURSORS, *_PAGES, *_OFFSETS}
    return next((one for one in endpoint.parameters if one.place == "query" and squeeze(one.name) in names), None)


def _guess_by_cursor(
    query_parameters: dict[str, Parameter], leaves: Leaves, size: Parameter | None
) -> PaginationGuess | None:
    for name in _CURSORS:
        if name not in query_parameters or (name == "offset" and query_parameters[name].kind in ("integer", "number")):
            continue
        param = query_parameters[name]
        field = _find_cursor_field(leaves, name)
        if field:
            config = {"cursor_field": _to_path(field), "cursor_param": param.name}
            clue = f"the parameter {param.name} and {_to_path(field)} of the response"
            return PaginationGuess({"format": "cursor", "config": config}, clue, True, size, next=field)
    return _guess_by_page_token(query_parameters, leaves, size)


def _guess_by_page_token(
    query_parameters: dict[str, Parameter], leaves: Leaves, size: Parameter | None
) -> PaginationGuess | None:
    """Guess by a text parameter `page`: its value is the next page in the response, unless that is a URL or a
    number."""
    page = query_parameters.get("page")
    if page is None or page.kind != "string" or str(page.sample).isdigit():
        return None
    for path, shape in leaves.items():
        if squeeze(path[-1]) == "nextpage" and shape.type == "string" and not _is_url(shape):
            config = {"cursor_field": _to_path(path), "cursor_param": page.name}
            clue = f"the text parameter {page.name} and {_to_path(path)} of the response"
            return PaginationGuess({"format": "cursor", "config": config}, clue, True, size, next=path)
    return None


def _find_cursor_field(leaves: Leaves, name: str) -> tuple[str, ...]:
    """Return the path of the field with the next value of a cursor parameter, or () if there is none."""
    best: tuple[int, int, tuple[str, ...]] | None = None
    for path, shape in leaves.items():
        words = [squeeze(part) for part in path]
        if any(word.startswith(_BACK[:3]) for word in words) or shape.type == "boolean" or _is_url(shape):
            continue
        last = words[-1]
        inside_next = any(word.startswith("next") for word in words[:-1])
        if last in (f"next{name}", f"next{name.removeprefix('page')}") or (inside_next and last == name):
            rank = 0
        elif last in _NEXT_CURSORS:
            rank = 1 + _NEXT_CURSORS.index(last)
        elif last == "next" or (inside_next and last in ("cursor", "token", "after", "offset")):
            rank = 30
        elif last == name and name not in ("since", "token", "offset"):
            rank = 31
        else:
            continue
        if best is None or (rank, len(path)) < best[:2]:
            best = (rank, len(path), path)
    return best[2] if best else ()


def _guess_by_body(endpoint: Endpoint, leaves: Leaves) -> PaginationGuess | None:
    """Guess by a cursor in the request body of a search by POST."""
    if endpoint.method == "get" or endpoint.body is None or not leaves or endpoint.body_format is None:
        return None
    for name in endpoint.body.properties():
        if squeeze(name) in _CURSORS[:-1] and (field := _find_cursor_field(leaves, squeeze(name))):
            key = {"json": {"cursor_body": to_pointer(name)}, "form": {"cursor_form": name}}.get(endpoint.body_format)
            if key:
                config = {"cursor_field": _to_path(field), **key}
                clue = f"{name} of the body and {_to_path(field)} of the response"
                return PaginationGuess({"format": "cursor", "config": config}, clue, True, next=field)
    return None


def _find_next_url(leaves: Leaves, paged: bool) -> tuple[str, ...]:
    for path, shape in leaves.items():
        words = [squeeze(part) for part in path]
        if shape.type not in ("string", "") or any(word.startswith(_BACK) for word in words):
            continue
        if words[-1] in _NEXT_URLS:
            return path
        inside_next = any(word == "next" for word in words[:-1])
        linked = any(word in ("links", "paging", "pagination", "meta", "pages") for word in words[:-1])
        if inside_next and words[-1] in ("href", "url", "link", "uri"):
            return path
        if words[-1] in ("next", "nextpage") and (_is_url(shape) or (shape.type == "string" and (linked or paged))):
            return path
    return ()


def _guess_by_number(
    query_parameters: dict[str, Parameter], leaves: Leaves, size: Parameter | None
) -> PaginationGuess | None:
    offset = next(
        (
            query_parameters[name]
            for name in _OFFSETS
            if name in query_parameters and _is_offset_number(name, query_parameters[name])
        ),
        None,
    )
    page = next(
        (query_parameters[name] for name in _PAGES if name in query_parameters and _is_numeric(query_parameters[name])),
        None,
    )
    if offset is None and page is None:
        return None
    if page is None and size is None and squeeze(offset.name if offset else "") in ("start", "from"):
        return None  # as often a date as a number
    config: dict[str, Any] = {}
    more, last, total = _find_leaf(leaves, _MORE), _find_leaf(leaves, _LAST), _find_leaf(leaves, _TOTALS)
    if page is not None:
        config["page_param"] = page.name
        if page.default == 0 and isinstance(page.default, int) and not isinstance(page.default, bool):
            config["first"] = 0
    elif offset is not None:
        config["offset_param"] = offset.name
        if offset.default == 1 and not isinstance(offset.default, bool):
            config["first"] = 1
    if size is not None:
        config["size_param"] = size.name
        if size.maximum:
            config["size"] = size.maximum
    ends: dict[str, Any] = {}
    if more:
        ends = {"has_more": _to_body_path(more)}
    elif last:
        ends = {"stop": f"{_to_body_path(last)} = true"}
    elif total:
        ends = {"total_field": _to_path(total)}
    param = page or offset
    clue = f"the parameter {param.name if param else ''}"
    settings = {"format": "page" if page is not None else "offset", "config": {**config, **ends}}
    return PaginationGuess(settings, clue, False, size, total=total if "total_field" in ends else (), more=more or last)


def _find_leaf(leaves: Leaves, names: tuple[str, ...]) -> tuple[str, ...]:
    found = [path for path in leaves if squeeze(path[-1]) in names]
    return min(found, key=len) if found else ()


def _is_numeric(param: Parameter) -> bool:
    return param.kind in ("integer", "number", "") or isinstance(param.default, int) or str(param.sample).isdigit()


def _is_offset_number(name: str, param: Parameter) -> bool:
    """Return whether a parameter with an offset's name is a number: `start_position` is one, of whatever type."""
    return _is_numeric(param) or (name not in _UNSURE and param.kind == "string")


def _is_url(shape: Shape) -> bool:
    description = str(shape.get("description")).lower()
    return (
        shape.get("format") in ("uri", "url")
        or " url" in description
        or "uri" in description
        or "http" in str(shape.get("example"))
    )


def _to_path(path: tuple[str, ...]) -> str:
    return ".".join(to_step(part) for part in path)


def _to_body_path(path: tuple[str, ...]) -> str:
    return f"body.{_to_path(path)}"
