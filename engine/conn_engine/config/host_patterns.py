"""The hosts that requests may go to with a credential: those that the connector lists and those that conn.yaml trusts.

The transport's gateway enforces it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from conn_engine.auth import Authorization, Credentials
from conn_engine.auth.signatures import Signature
from conn_engine.config.merge import Path_, leaves
from conn_engine.config.origins import Layer
from conn_engine.config.reads import find_keys
from conn_engine.config.secret_texts import is_secret_place, iterate_leaves, secret_leaves
from conn_engine.roles import Role
from conn_engine.transport.hosts import is_covered
from conn_engine.transport.ip_ranges import parse_network
from conn_engine.transport.url_templates import hide_templates

__all__ = [
    "base_hosts",
    "consent_hosts",
    "effective_hosts",
    "host_pattern",
    "is_consent_page",
    "is_on",
    "is_url_place",
    "urls_of",
]

_TEMPLATE = "\0"


def host_pattern(url: str) -> str | None:
    """Return the host (and port) pattern of a URL. A template in the host becomes `*` for one label.

    Returns None when the URL has no host, or so little of it that the pattern would match other vendors' hosts
    (`{{context.url}}`).
    """
    plain = hide_templates(url)
    match = re.match(r"^https?://([^/?#\\]+)", plain, re.IGNORECASE)
    if match is None:
        return None
    authority = match.group(1)
    if "@" in authority:
        return None
    host, _, port = authority.partition(":") if not authority.startswith("[") else (authority, "", "")
    labels = host.lower().split(".")
    patterned = ["*" if _TEMPLATE in label else label for label in labels]
    while len(patterned) > 1 and patterned[0] == patterned[1] == "*":
        patterned.pop(0)
    if "*" in patterned and (patterned.index("*") > 0 or patterned.count("*") > 1 or len(patterned) < 3):
        return None
    if _TEMPLATE in port:
        port = "*"
    return ".".join(patterned) + (f":{port}" if port else "")


def base_hosts(base: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the hosts that the connector itself lists: its `hosts`, else those of its URLs."""
    declared = base.get("hosts")
    if isinstance(declared, list):
        return tuple(str(host).lower() for host in declared)
    patterns = (host_pattern(url) for _, url in urls_of(base))
    return tuple(dict.fromkeys(host for host in patterns if host))


def urls_of(base: Mapping[str, Any]) -> Iterator[tuple[Path_, str]]:
    """Yield the URLs of requests with a credential, with their paths. They may have templates."""
    mappings = {"unified": base.get("unified", {})}  # the largest part, where `base_url` is a field
    rest = {key: value for key, value in base.items() if key != "unified"}
    for path, leaf in (*leaves(rest), *secret_leaves(mappings)):
        for where, value in iterate_leaves(leaf, path):
            if isinstance(value, str) and is_url_place(where) and not is_consent_page(where):
                yield where, value


def is_on(url: str, allowed: Sequence[str]) -> bool | None:
    """Return whether a URL is on one of the allowed hosts; None when its host is unknown."""
    host = host_pattern(url)
    if host is None:
        return None
    pattern = f"http://{host}" if url.lower().startswith("http://") else host
    return is_covered(host, allowed) or is_covered(pattern, allowed)


def effective_hosts(layers: Sequence[Layer], trusted: Sequence[str]) -> tuple[str, ...]:
    """Return the hosts that may receive the credential: the connector's, narrowed by overrides, and the trusted
    ones."""
    hosts = base_hosts(layers[0].data)
    for layer in layers[1:]:
        declared = layer.data.get("hosts")
        if isinstance(declared, list):
            hosts = tuple(str(host).lower() for host in declared if is_covered(str(host), hosts))
    patterns = (
        host.lower() for host in trusted if parse_network(host) is None
    )  # a network never receives a credential
    return (*hosts, *(host for host in patterns if host not in hosts))


def consent_hosts(base: Mapping[str, Any]) -> list[str]:
    """Return the hosts of the consent pages. No credential is sent there."""
    urls = (value for path, value in leaves(base) if is_consent_page(path) and isinstance(value, str))
    return [host for host in map(host_pattern, urls) if host is not None]


def is_consent_page(path: Path_) -> bool:
    """Return whether the setting is the URL of a consent page. No credential is sent there."""
    return path[-1] in _keys()["consent"]


def is_url_place(path: Path_) -> bool:
    """Return whether the setting is the URL of a request or of a consent page."""
    if path[0] == "webhooks":  # has its own limits, and only the connector may set it
        return False
    if path[-1] == "base_url":
        return path[0] != "unified"
    return (path[-1] in _keys()["address"] or is_consent_page(path)) and is_secret_place(path)


@cache
def _keys() -> Mapping[Role, frozenset[str]]:
    return find_keys(Credentials | Authorization | Signature)
