"""Convert a paginator of a manifest to `pagination`, and name the page token in templates."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conn_engine.documents.pointers import to_pointer
from conn_import.airbyte.custom import find_kind
from conn_import.airbyte.jinja import (
    JSON_TEXT,
    Concat,
    Cond,
    Default,
    FunctionNode,
    ListOf,
    Lit,
    Node,
    Not,
    ObjectOf,
    Op,
    PathNode,
    Untranslatable,
    to_condition,
    to_expression,
    to_text,
    to_truth,
    translate,
)
from conn_import.airbyte.names import PageToken, TemplateScope
from conn_import.airbyte.notes import Notes
from conn_import.airbyte.templates import to_literal

__all__ = ["ManifestPagination", "build_pagination", "find_option_name", "find_option_place", "find_page_token"]

Config = dict[str, Any]
_PLACES = {"request_parameter": "param", "header": "header", "body_json": "body", "body_data": "form"}
_MAX_SIZE = 10_000_000


@dataclass(slots=True)
class ManifestPagination:
    """A converted paginator. `settings` is the `pagination` (empty without pages). `sizes` are page sizes that the
    request sends itself: place, name and value."""

    settings: Config
    sizes: list[tuple[str, str, Node]] = field(default_factory=list)


def find_page_token(paginator: Mapping[str, Any]) -> PageToken | None:
    """Return what `next_page_token` is for this paginator."""
    strategy = _get_strategy(paginator)
    match find_kind(strategy, "pagination"):
        case "PageIncrement":
            return PageToken("number", "int", strategy.get("inject_on_first_request") is True)
        case "OffsetIncrement":
            return PageToken("offset", "int", strategy.get("inject_on_first_request") is True)
        case "CursorPagination":
            return PageToken("url" if _follows_url(paginator) else "cursor", "any", False)
    return None


def _get_strategy(paginator: Mapping[str, Any]) -> Mapping[str, Any]:
    strategy = paginator.get("pagination_strategy")
    return strategy if isinstance(strategy, Mapping) else {}


def _follows_url(paginator: Mapping[str, Any]) -> bool:
    option = paginator.get("page_token_option")
    return isinstance(option, Mapping) and (option.get("type") == "RequestPath" or option.get("inject_into") == "path")


def build_pagination(
    paginator: Mapping[str, Any], scope: TemplateScope, notes: Notes, *, used: bool
) -> ManifestPagination | None:
    """Return the `pagination` of an operation, or None. `used` is set if a template contains the token."""
    strategy = _get_strategy(paginator)
    kind = strategy.get("type")
    if kind in (None, "NoPagination") or paginator.get("type") == "NoPagination":
        return None
    if kind == "PageIncrement":
        return _build_numbered(paginator, strategy, scope, notes, used=used, offset=False)
    if kind == "OffsetIncrement":
        return _build_numbered(paginator, strategy, scope, notes, used=used, offset=True)
    if kind == "CursorPagination":
        return _build_cursor(paginator, strategy, scope, notes, used=used)
    notes.add(f"the pagination {kind}")
    return None


def find_option_name(option: Mapping[str, Any], scope: TemplateScope) -> str:
    """Return where a request option puts its value: a name, or a JSON pointer into the body; "" if the name is a
    setting that no account has. Raises Untranslatable."""
    path = option.get("field_path")
    names = path if isinstance(path, list) and path else [option.get("field_name")]
    words: list[str] = []
    for one in names:
        node = translate(str(one), scope.for_config()) if one is not None else Lit("")
        if not scope.settings.is_declared(node):
            return ""
        if not isinstance(node, Lit) or node.value == "":
            raise Untranslatable("a request option with a computed name")
        words.append(str(node.value))
    if option.get("inject_into") == "body_json":
        return to_pointer(*words)
    if len(words) > 1:
        raise Untranslatable("a request option with a path outside a JSON body")
    return words[0]


def find_option_place(option: Any) -> str:
    """Return where a request option puts its value: `param`, `header`, `body` or `form`. Raises Untranslatable."""
    kind = str(option.get("inject_into")) if isinstance(option, Mapping) else "nowhere"
    if kind not in _PLACES:
        raise Untranslatable(f"a value in {kind[:40]}")
    return _PLACES[kind]


def _add_size(
    paginator: Mapping[str, Any],
    strategy: Mapping[str, Any],
    scope: TemplateScope,
    notes: Notes,
    pagination: ManifestPagination,
) -> None:
    """Add the page size and its place. A size that the account sets becomes a value of the request."""
    size, option = strategy.get("page_size"), paginator.get("page_size_option")
    if size is None:
        return
    config = pagination.settings["config"]
    try:
        node = translate(size, scope.for_config()) if isinstance(size, str) else Lit(size)
        fixed = isinstance(node, Lit) and str(node.value).strip().isdecimal() and 0 < int(str(node.value)) <= _MAX_SIZE
        is_counted = pagination.settings["format"] in ("page", "offset")
        if fixed and isinstance(node, Lit) and (is_counted or isinstance(option, Mapping)):
            config["size"] = int(str(node.value))
        if is_counted:  # the kit stops at a page with fewer records than requested, even if it is the first one
            config |= {"full_pages": "size"} if fixed else {"stop": f"$count(records) < ({to_expression(node)})"}
        if not isinstance(option, Mapping):
            return
        place, name = find_option_place(option), find_option_name(option, scope)
        if not name:
            if not is_counted:
                config.pop("size", None)
        elif pagination.settings["format"] == "dynamic" and place not in ("param", "body"):
            config.pop("size", None)
            pagination.sizes.append((place, name, node))
        else:
            config[f"size_{place}"] = name
            if "size" not in config:
                pagination.sizes.append((place, name, node))
    except Untranslatable as reason:
        notes.add(f"the page size: {reason}")


def _build_numbered(
    paginator: Mapping[str, Any],
    strategy: Mapping[str, Any],
    scope: TemplateScope,
    notes: Notes,
    *,
    used: bool,
    offset: bool,
) -> ManifestPagination | None:
    name = "offset" if offset else "page"
    config: Config = {}
    placed = _set_place(paginator, name, config, scope, notes)
    if not placed and not used:
        if _follows_url(paginator):
            notes.add("page numbers that replace the path")
        return _build_single_page(paginator, strategy, scope, notes)  # the request could not select a page
    if not placed:
        config[f"{name}_param"] = ""
    first = strategy.get("start_from_page", 0)
    if not offset:
        try:
            first = int(str(first))
        except ValueError:
            notes.add("a computed first page")
            first = 0
        if first != 1:
            config["first"] = first
    if strategy.get("inject_on_first_request") is not True:
        config["first_sent"] = False
    pagination = ManifestPagination({"format": name, "config": config})
    _add_size(paginator, strategy, scope, notes, pagination)
    if offset and not any(key.startswith("size_") for key in config):
        config["size_param"] = ""
    return pagination


def _build_single_page(
    paginator: Mapping[str, Any], strategy: Mapping[str, Any], scope: TemplateScope, notes: Notes
) -> ManifestPagination:
    """Return the settings for one page. Its size is still requested."""
    pagination = ManifestPagination({"format": "none", "config": {}})
    _add_size(paginator, strategy, scope, notes, pagination)
    config = pagination.settings["config"]
    places = ((place, config[f"size_{place}"]) for place in _PLACES.values() if f"size_{place}" in config)
    pagination.sizes += [(place, name, Lit(config["size"])) for place, name in places if "size" in config]
    pagination.settings = {}
    return pagination


def _set_place(paginator: Mapping[str, Any], name: str, config: Config, scope: TemplateScope, notes: Notes) -> bool:
    option = paginator.get("page_token_option")
    if not isinstance(option, Mapping) or option.get("type") == "RequestPath":
        return False
    try:
        config[f"{name}_{find_option_place(option)}"] = find_option_name(option, scope)
    except Untranslatable as reason:
        notes.add(f"the place of the page: {reason}")
        return False
    return True


def _build_cursor(
    paginator: Mapping[str, Any], strategy: Mapping[str, Any], scope: TemplateScope, notes: Notes, *, used: bool
) -> ManifestPagination | None:
    names = scope.for_answer()
    try:
        value = translate(str(strategy.get("cursor_value", "")), names)
        stop = strategy.get("stop_condition")
        ends = translate(stop, names) if isinstance(stop, str) else Lit(bool(stop))
    except Untranslatable as reason:
        notes.add(f"the next page: {reason}")
        return None
    if isinstance(value, Lit) and not value.value:
        return _build_single_page(paginator, strategy, scope, notes)
    config: Config = {}
    link = _find_link_relation(value)
    if _follows_url(paginator):
        form = _add_next_url(value, link, config)
    elif _set_place(paginator, "cursor", config, scope, notes):
        form = "cursor"
        config |= {"cursor_from_link": link} if link else _build_next_cursor(value, config)
    elif used:
        form = "dynamic"
        config["next"] = _build_dynamic("cursor", value)
    else:
        return _build_single_page(paginator, strategy, scope, notes)
    pagination = ManifestPagination({"format": form, "config": config})
    _add_size(paginator, strategy, scope, notes, pagination)
    _add_stop(ends, value, link, pagination)
    return pagination


def _add_stop(ends: Node, value: Node, link: str, made: ManifestPagination) -> None:
    """Add the stop condition, unless the listing ends there anyway: `full_pages` if it compares with the page size."""
    config = made.settings["config"]
    match ends:
        case Op("<", FunctionNode("count", (PathNode("records", ()),)), Lit(int(size))) if size > 0:
            if config.get("size", size) == size and not made.sizes:
                config |= {"size": size, "full_pages": "size"}
                return
    if not _is_redundant(ends, value, link):
        config["stop"] = to_condition(ends)


def _build_dynamic(name: str, value: Node) -> str:
    text = to_expression(_remove_default(value))
    test = f"({text})" if " ? " in text or " ?? " in text or " ?: " in text else text
    return f"{test} ? {{'{name}': {text}}}"


def _add_next_url(value: Node, link: str, config: Config) -> str:
    """Add the settings of pages that a URL leads to, and return their format."""
    if link:
        if link != "next":
            config["rel"] = link
        return "link_header"
    bare = _remove_default(value)
    found = _to_body_path(bare)
    config["relative_to"] = "base_url"
    if isinstance(bare, PathNode) and bare.root == "headers" and len(bare.steps) == 1:
        config["next_url_from_header"] = str(bare.steps[0])
    elif found is not None:
        config["next_url_field"] = found
    else:
        config["next_url"] = to_expression(_remove_default(to_text(value)))
    return "next_url"


def _build_next_cursor(value: Node, config: Config) -> Config:
    """Return the next value as a path in the body if possible, or else as an expression over the response."""
    bare = _remove_default(value)
    found = _to_body_path(bare)
    if found is not None:
        return {"cursor_field": found}
    if isinstance(bare, PathNode) and bare.root == "headers" and len(bare.steps) == 1:
        return {"cursor_from_header": str(bare.steps[0])}
    computed = {"next_cursor": to_expression(to_text(value) if isinstance(value, Concat) else bare)}
    if "cursor_body" in config and isinstance(bare, Concat | Cond):
        computed["next_cursor"] = to_expression(to_literal(bare))  # a string that is an object becomes one
    return computed


def _remove_default(node: Node) -> Node:
    """Remove a default that means the end of the list."""
    nothing = (Lit(None), Lit(""), ObjectOf(()), ListOf(()))
    if isinstance(node, FunctionNode) and node.name == JSON_TEXT:
        return _remove_default(node.arguments[0])  # the kit parses the rendered text
    return (
        _remove_default(node.value) if isinstance(node, Default) and not node.truth and node.other in nothing else node
    )


def _to_body_path(node: Node) -> str | None:
    """Return a path of names in the body as an expression over the body, or None."""
    if (
        isinstance(node, PathNode)
        and node.root == "body"
        and node.steps
        and all(isinstance(step, str) for step in node.steps)
    ):
        return to_expression(PathNode("", node.steps))
    return None


def _find_link_relation(node: Node) -> str:
    """Return the relation in the Link header whose URL the value is, or ""."""
    bare = _remove_default(node)
    if isinstance(bare, PathNode) and bare.root == "headers" and bare.steps[:1] == ("link",) and len(bare.steps) == 3:
        rel, key = bare.steps[1:]
        return str(rel) if key == "url" and isinstance(rel, str) else ""
    return ""


def _is_redundant(ends: Node, value: Node, link: str) -> bool:
    """Return whether a stop condition only checks for a missing next value, which ends the list anyway."""
    if isinstance(ends, Lit):
        return not ends.value
    if link:
        return "headers.link" in to_expression(ends) and not re.search(r"\b(?:body|records)\b", to_expression(ends))
    found = _remove_default(value)
    match ends:
        case Op("or", left, right) | Default(left, right, True):
            return _is_redundant(left, value, link) and _is_redundant(right, value, link)
        case Op("=", left, right):
            return _remove_default(left) == found and right in (Lit(None), Lit(""))
        case Not(inner):
            return to_truth(inner) == found or inner == FunctionNode("exists", (found,), "bool")
        case _:
            return False
