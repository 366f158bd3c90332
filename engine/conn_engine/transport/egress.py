"""Decide which hosts and addresses requests may reach: the public internet, and `trusted_hosts` of conn.yaml.

A URL's host is checked before every hop (`judge_host`; without network), and the addresses it resolves to before every
new connection (`judge_addresses`). The connection then uses a checked address, so that a second DNS response changes
nothing. The gateway decides whether a credential may be sent.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Self

from conn_engine.errors import ConfigurationError
from conn_engine.transport import gateway
from conn_engine.transport.ip_ranges import Network, describe_internal, parse_address, parse_network, unwrap_address

__all__ = [
    "AddressRefusal",
    "Trust",
    "check_host",
    "judge_addresses",
    "judge_host",
    "judge_unresolved",
    "make_judge",
    "refuse_host",
    "suggest_fix",
]

_INTERNAL_ENDINGS = (".local", ".internal", ".localdomain", ".lan", ".home.arpa", ".localhost")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Trust:
    """What conn.yaml trusts in addition to the public internet. `hosts` are host patterns and networks that may be
    internal; `certificates` is a file with certificates of private authorities."""

    hosts: tuple[str, ...] = ()
    certificates: Path | None = None

    def extend_to_url(self, url: str) -> Self:
        """Return the same trust, extended by the host of a URL that the user typed at the command line."""
        return replace(self, hosts=(*self.hosts, gateway.to_pattern(gateway.parse_target(url))))


class AddressRefusal(Exception):
    """A host may not be reached. `reason` says why it is internal. The transport converts it to an error."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@lru_cache(maxsize=1024)
def judge_host(origin: tuple[str, str, int], trusted: tuple[str, ...]) -> str:
    """Return why the host of a URL is internal, as far as this is visible without DNS, or "" if it may be reached.

    Numbers in any spelling that a resolver accepts as an address are internal, and so are names outside public DNS. If
    networks are trusted, the addresses of such a name decide.
    """
    if gateway.is_permitted(origin, trusted):
        return ""
    host = origin[1].rstrip(".")
    address = parse_address(host.strip("[]"))
    if address is None:
        by_address = _parse_networks(trusted) and not _is_numeric(host)
        return "" if by_address else judge_unresolved(origin, trusted)
    description = describe_internal(address)
    return f"an internal address ({description})" if description and not _is_trusted(host.strip("[]"), trusted) else ""


def judge_unresolved(origin: tuple[str, str, int], trusted: tuple[str, ...]) -> str:
    """Return why a host name is internal if its addresses are unknown, or "" if it may be reached."""
    host = origin[1]
    if not _is_internal_name(host) or gateway.is_permitted(origin, trusted):
        return ""
    return "an internal address in an unusual spelling" if _is_numeric(host) else "an internal address (by its name)"


def judge_addresses(origin: tuple[str, str, int], addresses: Iterable[str], trusted: tuple[str, ...]) -> str:
    """Return why the addresses of a host are internal, or "" if it may be reached. One internal address is enough: an
    attacker who controls the name could otherwise mix it with public ones."""
    if gateway.is_permitted(origin, trusted):
        return ""
    for text in addresses:
        address = parse_address(text)
        description = describe_internal(address) if address is not None else "of no known kind"
        if description and not _is_trusted(text, trusted):
            return f"which resolves to an internal address ({text}, {description})"
    return ""


def make_judge(scheme: str, trusted: tuple[str, ...]) -> Callable[[str, int, Sequence[str]], None]:
    """Return a function that raises AddressRefusal for a host, port and addresses that may not be connected to."""

    def judge(host: str, port: int, addresses: Sequence[str]) -> None:
        origin = (scheme, f"[{host}]" if ":" in host else host, port)
        if reason := judge_addresses(origin, addresses, trusted):
            raise AddressRefusal(reason)

    return judge


def check_host(url: str, trusted: tuple[str, ...], label: str) -> None:
    """Raise ConfigurationError for a URL whose host is internal and not trusted."""
    goal = gateway.parse_target(url)
    if reason := judge_host(goal.origin, trusted):
        raise refuse_host(goal, reason, label)


def refuse_host(goal: gateway.RequestTarget, reason: str, label: str) -> ConfigurationError:
    """Build the error for a request to a refused host."""
    return ConfigurationError(
        f"{label} would go to {goal.scheme}://{goal.authority}, {reason}",
        hint=suggest_fix(goal),
        category="host",
    )


def suggest_fix(goal: gateway.RequestTarget) -> str:
    """Return the fix that allows an internal host."""
    return f'if it is meant to be internal, add "{gateway.to_pattern(goal)}" to trusted_hosts in conn.yaml'


@lru_cache(maxsize=256)
def _is_internal_name(host: str) -> bool:
    """Return whether a host that is not a plain address looks internal: no dot, a local suffix, or numbers."""
    name = host.rstrip(".")
    return (
        "." not in name
        or name.startswith("[")
        or name.endswith(_INTERNAL_ENDINGS)
        or _is_numeric(name)
        or gateway.is_loopback(name)
    )


def _is_numeric(host: str) -> bool:
    """Return whether a resolver accepts the name as an address: 0x7f.1, 127.1, 0177.0.0.1, 2130706433."""
    return _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) is not None


def _is_trusted(address: str, trusted: tuple[str, ...]) -> bool:
    parsed = parse_address(address)
    if parsed is None:
        return False
    return any(parsed in network or unwrap_address(parsed) in network for network in _parse_networks(trusted))


@lru_cache(maxsize=256)
def _parse_networks(trusted: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(network for network in map(parse_network, trusted) if network is not None)
