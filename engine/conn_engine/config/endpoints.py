"""Findings about URLs that an override changes: paths outside the base URL's path, and token URLs left on the host that
the override moves away from."""

from collections.abc import Iterator
from typing import Any

from conn_engine.config.dotted_places import format_place
from conn_engine.config.grants import Levels
from conn_engine.config.host_patterns import host_pattern, is_consent_page, is_url_place
from conn_engine.config.merge import MISSING, Path_, lookup
from conn_engine.config.models import Configuration
from conn_engine.config.reads import find_note
from conn_engine.config.secret_texts import iterate_leaves
from conn_engine.diagnostics import Diagnostic
from conn_engine.transport.hosts import is_covered
from conn_engine.transport.url_templates import hide_templates, split_url
from conn_engine.url_paths import has_dot_segment, is_below

__all__ = [
    "find_other_paths",
    "find_stale_token_urls",
    "iterate_request_urls",
    "repeats_token_url",
    "sets_further_urls",
]


def find_other_paths(levels: Levels) -> Iterator[Diagnostic]:
    """Find overrides with a path above the base URL, or with a base URL that has another path than the connector's
    (SEC115)."""
    connector_urls: set[str] | None = None
    for layer in levels.overrides:
        for path, text in iterate_request_urls(layer.data):
            if text == lookup(levels.base, path):
                continue
            if connector_urls is None:
                connector_urls = {
                    url for url_path, url in iterate_request_urls(levels.base) if url_path[-1] == "base_url"
                }
            where = format_place(path)
            if path[-1] == "path" and _has_dots(text):
                message = f"has a path above the base URL: {where}"
                hint = "use a path below `base_url`"
                yield levels.refusal("SEC115", layer, path, message, hint)
            elif path[-1] == "base_url" and not _has_known_start(text, connector_urls, levels):
                rest = split_url(text)[1].rstrip("/")
                message = f'has a base URL with another path than the connector\'s: {where} starts with "{rest or "/"}"'
                if _is_granted(rest, levels):
                    yield levels.exception(layer, path, message)
                else:
                    hint = "move it to connector.yaml"
                    yield levels.refusal("SEC115", layer, path, message, hint, f"paths: [{rest or '/'}]")


def iterate_request_urls(data: Any) -> Iterator[tuple[Path_, str]]:
    """Yield the paths and base URLs of requests: of operations, and of steps, jobs and the like."""
    for path, value in iterate_leaves(data):
        if isinstance(value, str) and find_note(Configuration, path).role in ("path", "base_url"):
            yield path, value


def _has_known_start(text: str, connector_urls: set[str], levels: Levels) -> bool:
    """Return whether a base URL starts with the path of one of the connector's, or is on a host that conn.yaml
    trusts."""
    if levels.is_trusted(text):
        return True
    front, rest = split_url(text)
    known_urls = [split_url(url) for url in connector_urls]
    if front.startswith("{{") and front not in {other for other, _ in known_urls}:
        return False  # the value of the template could contain a path
    starts = [start for other, start in known_urls if _is_same_host(front, other)]
    starts = starts or [split_url(str(levels.base.get("base_url") or ""))[1]]
    return any(is_below(rest, start) for start in starts) and not _has_dots(rest)


def _has_dots(text: str) -> bool:
    """Return whether the fixed part of a path has a segment of dots. Values are checked when they are known."""
    return has_dot_segment(hide_templates(text).replace("\0", "x"))


def _is_same_host(front: str, other: str) -> bool:
    """Return whether a host is the other one, or a possible value of the other one's template."""
    if front.lower() == other.lower():
        return True
    host, pattern = host_pattern(front), host_pattern(other)
    return host is not None and pattern is not None and is_covered(host, [pattern])


def _is_granted(rest: str, levels: Levels) -> bool:
    allowed = levels.grants.allowance.paths
    return any(is_below(rest, start) for start in allowed) and not _has_dots(rest)


def find_stale_token_urls(levels: Levels) -> Iterator[Diagnostic]:
    """Find overrides that move requests to another host but leave token requests where they were: next to the old base
    URL, or at the vendor while a server in conn.yaml stands in for it (SEC116)."""
    move = _find_last_move(levels)
    if move is None:
        return
    number, before, url = move
    is_stand_in = levels.is_trusted(url)
    for path, value in iterate_leaves(levels.data.get("credentials"), ("credentials",)):
        if not isinstance(value, str) or not is_url_place(path) or is_consent_page(path):
            continue
        repeated = any(lookup(layer.data, path) is not MISSING for layer in levels.layers[number:])
        if repeated or _host(value) == _host(url) or not (is_stand_in or _host(value) == _host(before)):
            continue
        message = f'moves requests to "{_host(url)}" but leaves {format_place(path)} on "{_host(value)}"'
        hint = f"set {format_place(path)} here too, for example to {_move_url(value, before, url)}"
        hint += "; to keep it, repeat its current value here"
        yield levels.refusal("SEC116", levels.layers[number], ("base_url",), message, hint)


def repeats_token_url(levels: Levels, path: Path_) -> bool:
    """Return whether an override repeats a token URL to keep it although requests move to another host."""
    return path[0] == "credentials" and is_url_place(path) and _find_last_move(levels) is not None


def sets_further_urls(levels: Levels, resource: str, method: str) -> bool:
    """Return whether an override sets where an operation's further requests go: those for its pages or its job."""
    operation_path = ("resources", resource, method)
    places = (
        ("pagination",),
        (*operation_path[:2], "pagination"),
        (*operation_path, "pagination"),
        (*operation_path, "job"),
    )
    values_at_places = ((place, lookup(layer.data, place)) for layer in levels.overrides for place in places)
    leaves = (
        leaf for place, value in values_at_places if value is not MISSING for leaf in iterate_leaves(value, place)
    )
    return any(isinstance(value, str) and value != lookup(levels.base, path) for path, value in leaves)


def _find_last_move(levels: Levels) -> tuple[int, str, str] | None:
    """Return which level moves requests to another host, and from which base URL to which; None when none does."""
    move: tuple[int, str, str] | None = None
    url = str(levels.base.get("base_url") or "")
    for number, layer in enumerate(levels.overrides, start=1):
        level_url = layer.data.get("base_url")
        if isinstance(level_url, str):
            move = move if _host(level_url) == _host(url) else (number, url, level_url)
            url = level_url
    return move


def _host(url: str) -> str:
    return split_url(url)[0].lower()


def _move_url(url: str, before: str, now: str) -> str:
    """Return a URL as it would be after the change of the base URL."""
    (front, start), (_, old), (_, path) = split_url(now), split_url(before), split_url(url)
    if not is_below(path, old):
        return f"{front}{path}"
    return f"{front}{start.rstrip('/')}{path.removeprefix(old.rstrip('/'))}"
