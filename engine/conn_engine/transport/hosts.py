"""Compare host patterns, and limit the connector's hosts to those that a credential was stored for. The gateway matches
patterns with requests."""

import re
from collections.abc import Iterable

from conn_engine.documents import wildcards

__all__ = ["BoundHosts", "bind_hosts", "granted_hosts", "is_covered", "is_match", "is_wildcard", "rebind_hosts"]

_HOST_PATTERN = re.compile(r"[a-z0-9._*-]+|\[[0-9a-f:.*]+\]")


class BoundHosts(tuple[str, ...]):
    """The hosts that a stored credential may be sent to: those of the connector that it was stored for.

    `account` is its account, `stored_for` has the patterns it was stored for, and `withheld` has the connector's other
    patterns, which need a new login.
    """

    account: str
    stored_for: tuple[str, ...]
    withheld: tuple[str, ...]


def bind_hosts(hosts: tuple[str, ...], stored_for: tuple[str, ...], account: str) -> BoundHosts:
    """Return the patterns that the connector and a stored credential have in common."""
    same = [host for host in hosts if is_covered(host, stored_for)]
    narrower = [host for host in stored_for if host not in same and is_covered(host, hosts)]
    bound = BoundHosts((*same, *narrower))
    bound.account, bound.stored_for = account, stored_for
    bound.withheld = tuple(host for host in hosts if host not in same)
    return bound


def granted_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the hosts of the connector, regardless of the hosts that the current credential was stored for."""
    return (*hosts, *hosts.withheld) if isinstance(hosts, BoundHosts) else hosts


def rebind_hosts(hosts: tuple[str, ...], like: tuple[str, ...]) -> tuple[str, ...]:
    """Limit other patterns in the same way as the hosts of the current credential."""
    return bind_hosts(hosts, like.stored_for, like.account) if isinstance(like, BoundHosts) else hosts


def is_match(pattern: str, host: str) -> bool:
    """Return whether a host name matches a pattern, label by label. `*` is any part of one label, or nothing."""
    wanted_labels, labels = pattern.split("."), host.split(".")
    return len(wanted_labels) == len(labels) and all(map(wildcards.is_match, wanted_labels, labels))


def is_covered(pattern: str, allowed: Iterable[str]) -> bool:
    """Return whether one of the allowed patterns matches every host that the pattern matches."""
    scheme, host, port = _split_pattern(pattern)
    if not _HOST_PATTERN.fullmatch(host):
        return False
    for other in allowed:
        allowed_scheme, allowed_host, allowed_port = _split_pattern(other)
        # A `*` is one label, as in the gateway. A scheme in an override could allow more than https.
        if allowed_scheme == scheme and allowed_port in (port, "*") and is_match(allowed_host, host):
            return True
    return False


def is_wildcard(pattern: str) -> bool:
    """Return whether the host of the pattern has a wildcard."""
    return "*" in _split_pattern(pattern)[1]


def _split_pattern(pattern: str) -> tuple[str, str, str]:
    """Return the scheme ("" for https), host and port ("" for the default) of a host pattern."""
    scheme, _, rest = pattern.lower().rstrip("/").rpartition("://")
    host, colon, port = rest.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = rest, ""
    return (scheme if scheme == "http" else ""), host, port
