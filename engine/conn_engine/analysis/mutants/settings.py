"""Mistakes in the settings of a vendor operation: request, pagination, rate limits, error rules, response.

`LEFT_OUT` lists settings that recordings cannot test: recordings match paths below the base URL, and a replay does not
wait, log in, or refuse allowed hosts, and verifies deliveries with generated secrets.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from conn_engine.analysis.mutants.credentials import mutate_credentials
from conn_engine.analysis.mutants.edits import DROPPED, change_template, narrow_glob, widen_glob
from conn_engine.analysis.mutants.rows import Change, Row, mutate_expression
from conn_engine.config import Path_, UnifiedEvent, lookup
from conn_engine.config.implied import find_method, find_path
from conn_engine.config.models import Configuration
from conn_engine.config.reads import find_note, find_texts
from conn_engine.documents import iterate_texts
from conn_engine.errors import ErrorKind
from conn_engine.secrets import is_secret_name
from conn_engine.webhooks import Webhooks

__all__ = [
    "LEFT_OUT",
    "mutate_event",
    "mutate_inheritable",
    "mutate_operation",
    "mutate_webhooks",
]


LEFT_OUT: Final = (
    "base URLs",
    "logins: how credentials are obtained, renewed and verified",
    "what a signature computes, and values of headers named like a credential",
    "hosts that allow more",
    "the verification and subscription of webhooks",
    "pauses and budgets",
    "fields of accounts, jobs and incremental windows",
    "options of bodies, queries and responses, except patterns of `members`",
)
"""The settings without mutants."""

_ERROR_KINDS: Final[tuple[str, ...]] = get_args(ErrorKind)
_OTHER_UNITS: Final = {"seconds": "milliseconds", "epoch": "epoch_ms", "epoch_ms": "epoch"}
_OF_EVENTS: Final = frozenset({"delivered_events", "delivered_event"})
_OTHER_METHODS: Final = {"get": "post", "post": "put", "put": "patch", "patch": "put", "delete": "get", "head": "get"}


def mutate_inheritable(path: Path_, holder: Mapping[str, Any]) -> Iterator[Row]:
    """Yield mistakes in settings that a connector, a resource and an operation may have."""
    if isinstance(holder.get("pagination"), Mapping):
        yield from _pagination((*path, "pagination"), holder["pagination"])
    if isinstance(holder.get("rate_limit"), Mapping):
        yield from _rate_limit((*path, "rate_limit"), holder["rate_limit"])
    for index, rule in enumerate(holder.get("errors") or []):
        if isinstance(rule, Mapping):
            yield from _error_rule((*path, "errors", index), rule)
    for key, kind, label in (("query", "query", "query parameter"), ("headers", "header", "header")):
        for name, value in (holder.get(key) or {}).items():
            if value is not None:
                yield kind, f"{label} {name} dropped", Change((*path, key, name), DROPPED), 0
            if value is not None and not (kind == "header" and is_secret_name(name)):
                yield from _change_value(kind, (*path, key, name), value, f"{name}: ")
    yield from _response_path((*path, "response_path"), holder.get("response_path"))
    yield from mutate_credentials(path, holder)


def mutate_operation(at: Path_, operation: Mapping[str, Any], resource: Mapping[str, Any]) -> Iterator[Row]:
    """Yield mistakes in settings that only an operation has, and in its method and path, even if they are implied."""
    name = str(at[-1]) if at else ""
    method, path = find_method(name, operation), find_path(name, operation, resource)
    if isinstance(method, str) and (other := _OTHER_METHODS.get(method.lower())):
        yield "request", f"method {method} -> {other}", Change((*at, "method"), other), 0
    if isinstance(path, str):
        yield "request", f"path {path} -> {path}_x", Change((*at, "path"), f"{path}_x"), 0
    yield from _answer(at, operation)
    if isinstance(operation.get("body"), Mapping | list):
        for place, text in iterate_texts(operation["body"], (*at, "body")):
            yield "body", f"{place[-1]} of the body dropped", Change(place, DROPPED), 0
            yield from _change_value("body", place, text)


def mutate_webhooks(webhooks: Mapping[str, Any]) -> Iterator[Row]:
    """Yield mistakes in the events of deliveries, their accounts, and the condition of a challenge."""
    for text in find_texts(Webhooks, webhooks, ("webhooks",)):
        if text.over in _OF_EVENTS or (text.path[1] == "challenge" and text.path[-1] == "when"):
            yield from _read(text.path, text.text)
    account = webhooks.get("account")
    if isinstance(account, Mapping):
        yield from _change_value("webhook", ("webhooks", "account", "context"), account.get("context"), "context: ")


def mutate_event(path: Path_, event: Mapping[str, Any]) -> Iterator[Row]:
    """Yield mistakes in the condition and the record of a unified event."""
    yield "webhook", f"event {path[-1]} dropped", Change(path, DROPPED), 0
    for text in find_texts(UnifiedEvent, event, path):
        yield from _read(text.path, text.text)


def _read(path: Path_, text: str) -> Iterator[Row]:
    """Mistakes in an expression over a delivery."""
    yield from list(mutate_expression(path, text, "webhook")) or _change_value("webhook", path, text, f"{path[-1]}: ")


def _response_path(at: Path_, path: Any) -> Iterator[Row]:
    if isinstance(path, str):
        shorter = path.rpartition(".")[0]
        yield "response_path", f"{path} -> {path}_x", Change(at, f"{path}_x"), 0
        yield "response_path", f"{path} -> {shorter or 'none'}", Change(at, shorter or DROPPED), 1


def _answer(path: Path_, operation: Mapping[str, Any]) -> Iterator[Row]:
    members = lookup(operation, ("response_options", "members"))
    for changed in (narrow_glob(members), widen_glob(members)) if isinstance(members, str) else ():
        if changed != members:
            yield "glob", f"{members} -> {changed}", Change((*path, "response_options", "members"), changed), 0
    if isinstance(operation.get("record_filter"), str):
        yield "record_filter", "record_filter dropped", Change((*path, "record_filter"), DROPPED), 0
        yield from mutate_expression((*path, "record_filter"), operation["record_filter"])


def _pagination(path: Path_, settings: Mapping[str, Any]) -> Iterator[Row]:
    if settings.get("format") != "none":  # otherwise nothing would change
        yield "pagination", "no pagination", Change(path, {"format": "none"}), 0
    yield from _page_settings((*path, "config"), settings.get("config") or {})


def _page_settings(path: Path_, settings: Mapping[str, Any]) -> Iterator[Row]:
    for key, value in settings.items():
        key_path = (*path, key)
        if isinstance(value, Mapping):
            yield from _page_settings(key_path, value)
            continue
        yield from _read_or_changed("pagination", key_path, value)


def _read_or_changed(kind: str, path: Path_, value: Any) -> Iterator[Row]:
    """Yield mistakes in an expression, or a different value if it is not an expression or has nothing to change."""
    is_expression = isinstance(value, str) and find_note(Configuration, path).role == "expression"
    inside = list(mutate_expression(path, value, kind)) if is_expression else []
    yield from inside or _change_value(kind, path, value, f"{path[-1]}: ")


def _change_value(kind: str, path: Path_, value: Any, label: str = "") -> Iterator[Row]:
    """Yield different values of a setting: the next number, the opposite Boolean, a longer text, a list without an
    item."""
    if isinstance(value, bool):
        yield kind, f"{label}{str(value).lower()} -> {str(not value).lower()}", Change(path, not value), 0
    elif isinstance(value, int | float):
        yield kind, f"{label}{value} -> {value + 1}", Change(path, value + 1), 0
    elif isinstance(value, str):
        for offset, old, new, changed in change_template(value):
            yield kind, f"{label}{old} -> {new}", Change(path, changed), offset
    elif isinstance(value, list):
        for index in range(len(value)):
            yield kind, f"{label}item {index + 1} dropped", Change((*path, index), DROPPED), index


def _rate_limit(path: Path_, settings: Mapping[str, Any]) -> Iterator[Row]:
    """Yield mistakes in where a limit is read and when a response reports that it is reached; not in pauses."""
    for key, value in settings.items():
        key_path = (*path, key)
        note = find_note(Configuration, key_path)
        if note.pauses:  # recordings cannot test it
            continue
        for index, inner in enumerate(value if isinstance(value, list) else ()):
            yield from _rate_limit((*key_path, index), inner) if isinstance(inner, Mapping) else ()
        if isinstance(value, Mapping):
            yield from _rate_limit(key_path, value)
        elif note.role == "unit":
            other = _OTHER_UNITS.get(value, "seconds")
            yield "rate_limit", f"{key}: {value} -> {other}", Change(key_path, other), 0
        else:
            yield from _read_or_changed("rate_limit", key_path, value)


def _error_rule(path: Path_, rule: Mapping[str, Any]) -> Iterator[Row]:
    when, then = rule.get("when"), rule.get("then")
    yield "error_rule", f"rule dropped: {when}", Change(path, DROPPED), 0
    if isinstance(when, str):
        yield from mutate_expression((*path, "when"), when, "error_rule")
    action = then if isinstance(then, str) else next(iter(then), "") if isinstance(then, Mapping) else ""
    if action not in ("fail", ""):
        yield "error_rule", f"{action} -> fail", Change((*path, "then"), "fail"), 0
    if isinstance(then, Mapping):
        yield from _options((*path, "then"), then)


def _options(path: Path_, options: Mapping[str, Any]) -> Iterator[Row]:
    for key, value in options.items():
        key_path = (*path, key)
        note = find_note(Configuration, key_path)
        if note.pauses:
            continue
        if isinstance(value, Mapping):
            yield from _options(key_path, value)
        elif value in _ERROR_KINDS:
            other = _ERROR_KINDS[(_ERROR_KINDS.index(value) + 1) % len(_ERROR_KINDS)]
            yield "error_rule", f"kind {value} -> {other}", Change(key_path, other), 0
        elif isinstance(value, int):
            yield "error_rule", f"{value} times -> {value + 1}", Change(key_path, value + 1), 0
        elif note.role == "expression" and isinstance(value, str):
            yield from mutate_expression(key_path, value, "error_rule")
