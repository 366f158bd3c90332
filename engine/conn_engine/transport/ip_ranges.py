"""Classify IP addresses as public or internal: this machine, this network, or its cloud.

The tables follow IANA's special-purpose registries. They are written out because the results of `ipaddress` differ
between versions of Python, and because it classifies multicast and Azure's metadata service as global.
"""

import ipaddress
from functools import lru_cache
from typing import TypeAlias

__all__ = ["Network", "describe_internal", "parse_address", "parse_network", "unwrap_address"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_METADATA = "metadata service of a cloud"
_INTERNAL_V4 = tuple(
    (ipaddress.IPv4Network(network), name)
    for network, name in (
        ("169.254.169.254/32", _METADATA),
        ("169.254.170.2/32", _METADATA),
        ("168.63.129.16/32", _METADATA),
        ("192.0.0.192/32", _METADATA),
        ("100.100.100.200/32", _METADATA),
        ("0.0.0.0/8", "this machine"),
        ("127.0.0.0/8", "loopback"),
        ("10.0.0.0/8", "private"),
        ("172.16.0.0/12", "private"),
        ("192.168.0.0/16", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("169.254.0.0/16", "link-local"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("198.18.0.0/15", "benchmarks"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_INTERNAL_V6 = tuple(
    (ipaddress.IPv6Network(network), name)
    for network, name in (
        ("fd00:ec2::254/128", _METADATA),
        ("fd00:ec2::23/128", _METADATA),
        ("fd20:ce::254/128", _METADATA),
        ("::1/128", "loopback"),
        ("::/96", "IPv4-compatible"),
        ("64:ff9b:1::/48", "local NAT64"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
        ("2001::/32", "Teredo"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
        ("2001::/23", "reserved"),
        ("2002::/16", "6to4"),
    )
)
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def parse_address(text: str) -> Address | None:
    """Parse an address in its usual spelling, without brackets; None for anything else. A zone (`%eth0`) is dropped."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


@lru_cache(maxsize=256)
def parse_network(text: str) -> Network | None:
    """Parse a network such as `10.0.0.0/8`, also with brackets; None for anything else, such as a host pattern."""
    if "/" not in text:
        return None
    try:
        return ipaddress.ip_network(text.replace("[", "").replace("]", ""))
    except ValueError:
        return None


def describe_internal(address: Address) -> str:
    """Return what makes an address internal, such as "private", or "" for a public one.

    An IPv6 address for an IPv4 address (mapped, or with the well-known prefix of NAT64, which networks without IPv4 use
    to reach public hosts) is classified as the IPv4 address.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = unwrap_address(address)
        if isinstance(inner, ipaddress.IPv6Address):
            return _describe_v6(inner)
        address = inner
    return next((name for network, name in _INTERNAL_V4 if address in network), "")


def unwrap_address(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address represents, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def _describe_v6(address: ipaddress.IPv6Address) -> str:
    for network, name in _INTERNAL_V6:
        if address in network:
            return name
    return "" if address in _PUBLIC_V6 else "reserved"
