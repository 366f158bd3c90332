"""Expressions and templates of webhooks, and which names each may use: the delivery's; secrets where it is proved."""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.config import Path_
from conn_engine.lint.site import Site, templates
from conn_engine.webhooks import NAMES

__all__ = ["webhook_sites"]

_PROVING = NAMES | {"env", "context", "claims"}
_TELLING = NAMES | {"context", "claims"}
_ANSWER = frozenset({"response", "status", "headers", "cookies", "request"})
_MOMENTS = frozenset({"timestamp", "timestamp_ms", "date", "nonce"})
_REQUEST = ("url", "headers", "query", "body", "assertion")
_OF_EVENTS = ("type", "id", "occurred_at", "record", "record_id")
_STEPS = frozenset({"context", "url", "subscription", "query", "body", "params"})


def webhook_sites(data: Mapping[str, Any]) -> Iterator[Site]:
    """The sites below `webhooks` of one layer's data."""
    told = data.get("webhooks")
    if not isinstance(told, Mapping):
        return
    yield from _verify(told.get("verify"), ("webhooks", "verify"), _PROVING)
    challenges = told.get("challenge")
    for index, one in enumerate(challenges if isinstance(challenges, list) else ()):
        if isinstance(one, Mapping):
            yield from _challenge(one, ("webhooks", "challenge", index))
    yield from _secret_templates(told.get("reply"), ("webhooks", "reply"), _PROVING)
    item = _TELLING | {"item"}
    yield from _expressions(told.get("account"), ("webhooks", "account"), {"value": item})
    names = {"each": _TELLING, **dict.fromkeys(_OF_EVENTS, item)}
    yield from _expressions(told.get("events"), ("webhooks", "events"), names)
    yield from _subscription(told.get("subscription"), ("webhooks", "subscription"))


def _expressions(
    data: Any, path: Path_, names: Mapping[str, frozenset[str]], *, credential: bool = False
) -> Iterator[Site]:
    for key, own in names.items():
        if isinstance(data, Mapping) and isinstance(data.get(key), str):
            yield Site((*path, key), data[key], "expression", own, secret=credential, credential=credential)


def _secret_templates(data: Any, path: Path_, names: frozenset[str]) -> Iterator[Site]:
    for site in templates(data, path, names):
        yield Site(site.path, site.text, "template", names, secret=True, credential=True)


def _verify(data: Any, path: Path_, names: frozenset[str]) -> Iterator[Site]:
    """One way to prove a delivery, and those that it is made of."""
    if not isinstance(data, Mapping):
        return
    config, here = data.get("config"), (*path, "config")
    if not isinstance(config, Mapping):
        return
    yield from _expressions(config, here, {"when": names, "each": names}, credential=True)
    own = names | ({"item"} if isinstance(config.get("each"), str) else frozenset())
    signed = own | {"parts"}
    content = signed | ({"timestamp"} if isinstance(config.get("timestamp"), str) else frozenset())
    jwt = own | ({"header"} if data.get("format") == "jwt" else frozenset())
    places = {"signature": own, "token": own, "timestamp": signed, "content": content, "require": content | jwt}
    yield from _expressions(config, here, places, credential=True)
    for key in ("key", "username", "password", "issuer", "audience"):
        yield from _secret_templates(config.get(key), (*here, key), own)
    request, at = config.get("key_request"), (*here, "key_request")
    yield from _request(request, at, jwt)
    yield from _expressions(request, at, {"keys": jwt | _ANSWER}, credential=True)
    for index, one in enumerate(config["of"] if isinstance(config.get("of"), list) else ()):
        yield from _verify(one, (*here, "of", index), own)


def _challenge(data: Mapping[str, Any], path: Path_) -> Iterator[Site]:
    yield from _expressions(data, path, {"when": _PROVING, "require": _PROVING}, credential=True)
    captured = data.get("capture")
    for name in captured if isinstance(captured, Mapping) else ():
        yield from _expressions(captured, (*path, "capture"), {name: _PROVING}, credential=True)
    yield from _request(data.get("request"), (*path, "request"), _PROVING)
    yield from _secret_templates(data.get("reply"), (*path, "reply"), _PROVING)


def _request(data: Any, path: Path_, names: frozenset[str]) -> Iterator[Site]:
    for key in _REQUEST:
        if isinstance(data, Mapping):
            yield from _secret_templates(data.get(key), (*path, key), names | _MOMENTS)


def _subscription(data: Any, path: Path_) -> Iterator[Site]:
    """The steps by which a vendor is told where deliveries are to come, and what is kept of its answers."""
    if not isinstance(data, Mapping):
        return
    for key in ("create", "renew", "delete"):
        names = _STEPS | ({"new_secret"} if key == "create" else frozenset())
        steps = data.get(key)
        for index, step in enumerate(steps if isinstance(steps, list) else ()):
            if isinstance(step, Mapping):
                here = (*path, key, index)
                yield from _expressions(step, here, {"run_if": names, "transform": names | {"response"}})
                yield from templates(step.get("request"), (*here, "request"), names)
    after = _STEPS | {"response"}
    yield from _expressions(data, path, {"expires": after})
    captured = data.get("capture")
    for name in captured if isinstance(captured, Mapping) else ():
        yield from _expressions(captured, (*path, "capture"), {name: after | {"new_secret"}})
