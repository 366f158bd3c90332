"""To which hosts requests may go with what they carry: those that the connector names, and conn.yaml trusts.

Enforcing it on the wire is the transport's door.
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
    """The host (and port) pattern of a URL: `{{…}}` inside the host becomes `*` for one label.

    None when the URL names no host, or so little of it that a pattern would fit strangers
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
    """The hosts that the connector itself names: its `hosts`, else those of its URLs."""
    said = base.get("hosts")
    if isinstance(said, list):
        return tuple(str(host).lower() for host in said)
    found = (host_pattern(url) for _, url in urls_of(base))
    return tuple(dict.fromkeys(host for host in found if host))


def urls_of(base: Mapping[str, Any]) -> Iterator[tuple[Path_, str]]:
    """The URLs by which requests with a credential go, with their paths: templates."""
    mappings = {"unified": base.get("unified", {})}  # the larger part, and a `base_url` there is a field
    rest = {key: value for key, value in base.items() if key != "unified"}
    for path, leaf in (*leaves(rest), *secret_leaves(mappings)):
        for where, value in iterate_leaves(leaf, path):
            if isinstance(value, str) and is_url_place(where) and not is_consent_page(where):
                yield where, value


def is_on(url: str, allowed: Sequence[str]) -> bool | None:
    """Whether a URL is on one of the allowed hosts; None where it does not say its host."""
    host = host_pattern(url)
    if host is None:
        return None
    plain = f"http://{host}" if url.lower().startswith("http://") else host
    return is_covered(host, allowed) or is_covered(plain, allowed)


def effective_hosts(layers: Sequence[Layer], trusted: Sequence[str]) -> tuple[str, ...]:
    """The hosts that may receive the credential: the connector's own, narrowed by overrides, and the trusted
    ones.
    """
    hosts = base_hosts(layers[0].data)
    for layer in layers[1:]:
        said = layer.data.get("hosts")
        if isinstance(said, list):
            hosts = tuple(str(host).lower() for host in said if is_covered(str(host), hosts))
    patterns = (host.lower() for host in trusted if parse_network(host) is None)  # a network receives no credential
    return (*hosts, *(host for host in patterns if host not in hosts))


def consent_hosts(base: Mapping[str, Any]) -> list[str]:
    """The hosts of the pages where a person consents: no credential goes there."""
    urls = (value for path, value in leaves(base) if is_consent_page(path) and isinstance(value, str))
    return [host for host in map(host_pattern, urls) if host is not None]


def is_consent_page(path: Path_) -> bool:
    """Whether the URL of a page where a person consents stands there: no credential of ours goes to it."""
    return path[-1] in _keys()["consent"]


def is_url_place(path: Path_) -> bool:
    """Whether the URL of a request stands there, or that of a page where a person consents."""
    if path[0] == "webhooks":  # bounds itself, and is the connector's alone to say
        return False
    if path[-1] == "base_url":
        return path[0] != "unified"
    return (path[-1] in _keys()["address"] or is_consent_page(path)) and is_secret_place(path)


@cache
def _keys() -> Mapping[Role, frozenset[str]]:
    return find_keys(Credentials | Authorization | Signature)
