"""The hosts that a credential is stored for: the connector's, each as exact as the account's own context makes it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conn_engine.conditions import Conditions, Scope
from conn_engine.config.host_patterns import host_pattern, urls_of
from conn_engine.config.secret_texts import iterate_leaves
from conn_engine.errors import ExpressionError
from conn_engine.transport.hosts import is_covered, is_wildcard
from conn_engine.transport.url_templates import fill_parts

__all__ = ["issued_hosts"]

_BEFORE_PATH = re.compile(r"(?i)https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?=[/?#])")


def issued_hosts(
    data: Mapping[str, Any], hosts: Sequence[str], context: Mapping[str, Any], conditions: Conditions
) -> tuple[str, ...]:
    """Return the host patterns that a credential stored now is bound to.

    `hosts` are the connector's, and `context` is that of the account's own document. A pattern such as `*.example.com`
    becomes the host that the account's `{{context.subdomain}}` makes of it, unless another URL has a host there that is
    only known at run time.
    """
    filled: dict[str, None] = {}
    unknown: list[str] = []
    for _, url in urls_of(data):
        if "{{" in url:
            host = _fill_host(url, Scope({"context": context}, conditions))
            if host is None:
                unknown.append(host_pattern(url) or "")
            else:
                filled[host] = None
    patterns: dict[str, None] = {}
    for pattern in hosts:
        exact = [host for host in filled if is_covered(host, [pattern])] if is_wildcard(pattern) else []
        anywhere = any(not other or is_covered(other, [pattern]) or is_covered(pattern, [other]) for other in unknown)
        patterns |= dict.fromkeys([pattern] if anywhere or not exact else exact)
    return (*patterns, *(host for host in dict.fromkeys(_hosts_of_deliveries(data)) if host not in patterns))


def _fill_host(url: str, scope: Scope) -> str | None:
    """Return the host and port of a URL if the context alone determines them; None otherwise."""
    text = ""
    try:
        for value, _ in fill_parts(url, scope):
            text += value
            if _BEFORE_PATH.match(text):
                break
    except ExpressionError:
        return None
    match = _BEFORE_PATH.match(f"{text}/")
    return host_pattern(match[0]) if match else None


def _hosts_of_deliveries(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the hosts of requests that a webhook delivery causes: the reply to a challenge, a request for a key."""
    webhooks = data.get("webhooks")
    for path, value in iterate_leaves(webhooks) if isinstance(webhooks, Mapping) else ():
        if isinstance(value, str):
            host = value.lower() if "hosts" in path else host_pattern(value) if path[-1] == "url" else None
            if host:
                yield host
